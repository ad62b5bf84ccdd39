import { hash } from './own.ts';

export type Statement = {
  readonly kind: 'approve' | 'withdraw';
  readonly uid: string;
  readonly seq: number;
  readonly base: string;
  readonly next: string;
  /** Digest of the group, and who is in it. */
  readonly group: { readonly digest: string; readonly members: readonly Member[] } | null;
  readonly round: number;
};

export type Member = Pick<Statement, 'uid' | 'seq' | 'base' | 'next'>;

const NUMBER = '(0|[1-9][0-9]*)';
const ROUND = `(?: round=${NUMBER})?`;
const APPROVE = new RegExp(
  `^Fairlead-Approve: ([0-9a-f]{64}) seq=${NUMBER} base=([0-9a-f]{64}|none) next=([0-9a-f]{64}|gone)(?: group=([0-9a-f]{64}))?${ROUND}$`,
);
const WITHDRAW = new RegExp(`^Fairlead-Withdraw: ([0-9a-f]{64}) seq=${NUMBER}${ROUND}$`);

/** The last paragraph. */
export function blockOf(message: string): readonly string[] {
  const text = message.replace(/\n+$/, '');
  const at = text.lastIndexOf('\n\n');
  return (at < 0 ? text : text.slice(at + 2)).split('\n');
}

/** Whether a block has a line of ours about a scope, well-formed or not. */
export function hasLineFor(block: readonly string[], uid: string): boolean {
  return block.some((line) => /^Fairlead-[A-Za-z]+: /.test(line) && line.includes(`: ${uid}`));
}

/** What a block says. Twice or malformed for one uid: nothing for it; a group that is not the one it names: nothing. */
export function statementsOf(block: readonly string[]): readonly Statement[] {
  const read = block.map(readLine);
  const members = (digest: string) => read.flatMap((each) => (each?.group === digest ? [each] : []));
  const groups = new Set(read.flatMap((each) => each?.group ?? []));
  if ([...groups].some((digest) => groupDigest(members(digest)) !== digest)) return [];
  return read.flatMap((each, at) => {
    const others = block.filter((_line, index) => index !== at);
    if (each === null || hasLineFor(others, each.uid)) return [];
    const group = each.group === null ? null : { digest: each.group, members: members(each.group) };
    return [{ ...each, group }];
  });
}

type Line = Omit<Statement, 'group'> & { readonly group: string | null };

function readLine(text: string): Line | null {
  const approve = APPROVE.exec(text);
  const withdraw = WITHDRAW.exec(text);
  const nothing = { base: '', next: '', group: null };
  if (approve !== null) {
    const [, uid = '', seq, base = '', next = '', group = null, round = '0'] = approve;
    return { kind: 'approve', uid, seq: Number(seq), base, next, group, round: Number(round) };
  }
  if (withdraw === null) return null;
  const [, uid = '', seq, round = '0'] = withdraw;
  return { ...nothing, kind: 'withdraw', uid, seq: Number(seq), round: Number(round) };
}

export function groupDigest(members: readonly Member[]): string {
  const lines = members.map(({ uid, seq, base, next }) => `${uid} ${seq} ${base} ${next}`).sort();
  return hash(lines.map((line) => `${line}\n`).join(''));
}

/** The detached tokens of a message, each with the block that it carries. */
export function tokensOf(
  message: string,
): readonly { readonly token: string; readonly block: readonly string[] }[] {
  const runs = message
    .split(/[ \t\r\n]/)
    .filter((run) => /^fairlead1:[A-Za-z0-9_-]+:[A-Za-z0-9_-]+$/.test(run));
  return runs.map((token) => {
    const [, lines = ''] = token.split(':');
    return { token, block: Buffer.from(lines, 'base64url').toString().replace(/\n$/, '').split('\n') };
  });
}
