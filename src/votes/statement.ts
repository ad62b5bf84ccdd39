import { sha256 } from '../base/digest.ts';
import { byCodeUnit } from '../base/order.ts';

/** One scope's mutation as words bind it: `next` is `gone` where the scope shall cease, `base` `none` for a first mutation. */
export type Member = {
  readonly uid: string;
  readonly seq: number;
  readonly base: string;
  readonly next: string;
};

/** The explicit form of a vote (G3). `group` is the digest of all members' lines, each of which the same words carry. */
export type Approval = Member & {
  readonly kind: 'approve';
  readonly group: string | null;
  readonly round: number;
};

export type Withdrawal = {
  readonly kind: 'withdraw';
  readonly uid: string;
  readonly seq: number;
  readonly round: number;
};

/** A line that is twice or malformed: for that uid (or, where none can be read, for every one) the words say nothing. */
type Void = { readonly kind: 'void'; readonly uid: string | null; readonly reason: string };

export type Statement = Approval | Withdrawal | Void;

const NUMBER = '(0|[1-9][0-9]{0,15})';
const APPROVE = new RegExp(
  `^Fairlead-Approve: ([0-9a-f]{64}) seq=${NUMBER} base=([0-9a-f]{64}|none) next=([0-9a-f]{64}|gone)(?: group=([0-9a-f]{64}))?(?: round=${NUMBER})?$`,
);
const WITHDRAW = new RegExp(`^Fairlead-Withdraw: ([0-9a-f]{64}) seq=${NUMBER}(?: round=${NUMBER})?$`);

/** The statements of a raw message, by `formats.md`, "Statements". At most one for each uid. */
export function readStatements(message: Uint8Array): readonly Statement[] {
  return readBlock(lastParagraph(message).split('\n').filter(isStatementLine));
}

/** The statements of lines that all are some. */
export function readBlock(lines: readonly string[]): readonly Statement[] {
  const uids = new Map<string | null, Statement>();
  for (const statement of lines.map(readLine)) {
    const { uid } = statement;
    uids.set(uid, uids.has(uid) ? { kind: 'void', uid, reason: 'two lines for one scope' } : statement);
  }
  const found = [...uids.values()];
  const reason = 'the lines of its group are not those that the group is the digest of';
  return namesWholeGroups(found) ? found : found.map(({ uid }) => ({ kind: 'void', uid, reason }));
}

/** G16: words that name a group carry the line of every member, so that the list is in the signed bytes. */
function namesWholeGroups(statements: readonly Statement[]): boolean {
  return [...groupsOf(statements)].every(([digest, members]) => groupDigest(members) === digest);
}

/** The groups that words name, with the members' lines that they carry. */
export function groupsOf(statements: readonly Statement[]): ReadonlyMap<string, readonly Member[]> {
  const groups = new Map<string, Member[]>();
  for (const statement of statements) {
    if (statement.kind !== 'approve' || statement.group === null) continue;
    const { group, uid, seq, base, next } = statement;
    groups.set(group, [...(groups.get(group) ?? []), { uid, seq, base, next }]);
  }
  return groups;
}

/** The name of a group: all or none of these mutations, by the votes that name it. */
export function groupDigest(members: readonly Member[]): string {
  const lines = members.map(({ uid, seq, base, next }) => `${uid} ${seq} ${base} ${next}\n`);
  return sha256(lines.sort(byCodeUnit).join(''));
}

/** A loop, since a pattern would try every run of line feeds from each of its places. */
function lastParagraph(message: Uint8Array): string {
  let end = message.length;
  while (message[end - 1] === LF) end -= 1;
  const text = Buffer.from(message.buffer, message.byteOffset, end);
  return text.toString('latin1', text.lastIndexOf('\n\n') + 1);
}

const LF = 0x0a;

export function isStatementLine(line: string): boolean {
  return line.startsWith('Fairlead-Approve:') || line.startsWith('Fairlead-Withdraw:');
}

function readLine(line: string): Statement {
  return readApproval(line) ?? readWithdrawal(line) ?? malformed(line);
}

function readApproval(line: string): Approval | null {
  const [, uid, seq, base, next, group = null, round = '0'] = APPROVE.exec(line) ?? [];
  if (uid === undefined || base === undefined || next === undefined) return null;
  if (!isCount(seq) || !isCount(round)) return null;
  return { kind: 'approve', uid, seq: Number(seq), base, next, group, round: Number(round) };
}

function readWithdrawal(line: string): Withdrawal | null {
  const [, uid, seq, round = '0'] = WITHDRAW.exec(line) ?? [];
  if (uid === undefined || !isCount(seq) || !isCount(round)) return null;
  return { kind: 'withdraw', uid, seq: Number(seq), round: Number(round) };
}

function isCount(digits: string | undefined): boolean {
  return Number.isSafeInteger(Number(digits));
}

function malformed(line: string): Void {
  const uid = /^Fairlead-[A-Za-z]+: ([0-9a-f]{64})(?![0-9a-f])/.exec(line)?.[1] ?? null;
  return { kind: 'void', uid, reason: 'a malformed line' };
}

type Written = Member & { readonly group?: string | null; readonly round?: number };

/** The line that an anchor signs to approve exactly `base → next` as mutation `seq`, alone or with its group. */
export function formatApproval({ uid, seq, base, next, group = null, round = 0 }: Written): string {
  const suffix = (group === null ? '' : ` group=${group}`) + (round === 0 ? '' : ` round=${round}`);
  return `Fairlead-Approve: ${uid} seq=${seq} base=${base} next=${next}${suffix}`;
}

/** The line that fences an anchor's own votes for `seq` up to `round`. */
export function formatWithdrawal({ uid, seq, round }: Omit<Withdrawal, 'kind'>): string {
  return `Fairlead-Withdraw: ${uid} seq=${seq}${round === 0 ? '' : ` round=${round}`}`;
}
