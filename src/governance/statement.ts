/**
 * Statements: the explicit form of a vote (G3), in the last paragraph of a commit's message.
 * `next` is `gone` where the scope shall cease; `base` is `none` for a first mutation.
 */
export type Approval = {
  readonly kind: 'approve';
  readonly uid: string;
  readonly seq: number;
  readonly base: string;
  readonly next: string;
  readonly group: string | null;
  readonly round: number;
};

export type Withdrawal = {
  readonly kind: 'withdraw';
  readonly uid: string;
  readonly seq: number;
  readonly round: number;
};

/** A line that is twice or malformed: for that uid (or, where none can be read, for every one) the commit says nothing. */
type Void = { readonly kind: 'void'; readonly uid: string | null; readonly reason: string };

export type Statement = Approval | Withdrawal | Void;

const NUMBER = '(0|[1-9][0-9]{0,15})';
const APPROVE = new RegExp(
  `^Fairlead-Approve: ([0-9a-f]{64}) seq=${NUMBER} base=([0-9a-f]{64}|none) next=([0-9a-f]{64}|gone)(?: group=([0-9a-f]{64}))?(?: round=${NUMBER})?$`,
);
const WITHDRAW = new RegExp(`^Fairlead-Withdraw: ([0-9a-f]{64}) seq=${NUMBER}(?: round=${NUMBER})?$`);

/** The statements of a raw message, by `formats.md`, "Statements". At most one for each uid. */
export function readStatements(message: Uint8Array): readonly Statement[] {
  const found = lastParagraph(message).split('\n').filter(isLine).map(readLine);
  const uids = new Map<string | null, Statement>();
  for (const statement of found) {
    const { uid } = statement;
    uids.set(uid, uids.has(uid) ? { kind: 'void', uid, reason: 'two lines for one scope' } : statement);
  }
  return [...uids.values()];
}

/** A loop, since a pattern would try every run of line feeds from each of its places. */
function lastParagraph(message: Uint8Array): string {
  let end = message.length;
  while (message[end - 1] === LF) end -= 1;
  const text = Buffer.from(message.buffer, message.byteOffset, end);
  return text.toString('latin1', text.lastIndexOf('\n\n') + 1);
}

const LF = 0x0a;

function isLine(line: string): boolean {
  return line.startsWith('Fairlead-Approve:') || line.startsWith('Fairlead-Withdraw:');
}

function readLine(line: string): Statement {
  return readApproval(line) ?? readWithdrawal(line) ?? malformed(line);
}

function readApproval(line: string): Approval | null {
  const [, uid, seq, base, next, group, round] = APPROVE.exec(line) ?? [];
  if (uid === undefined || base === undefined || next === undefined) return null;
  if (!isCount(seq) || !isCount(round ?? '0')) return null;
  return {
    kind: 'approve',
    uid,
    seq: Number(seq),
    base,
    next,
    group: group ?? null,
    round: Number(round ?? '0'),
  };
}

function readWithdrawal(line: string): Withdrawal | null {
  const [, uid, seq, round] = WITHDRAW.exec(line) ?? [];
  if (uid === undefined || !isCount(seq) || !isCount(round ?? '0')) return null;
  return { kind: 'withdraw', uid, seq: Number(seq), round: Number(round ?? '0') };
}

function isCount(digits: string | undefined): boolean {
  return Number.isSafeInteger(Number(digits));
}

function malformed(line: string): Void {
  const uid = /^Fairlead-[A-Za-z]+: ([0-9a-f]{64})(?![0-9a-f])/.exec(line)?.[1] ?? null;
  return { kind: 'void', uid, reason: 'a malformed line' };
}

/** The line that an anchor signs to approve exactly `base → next` as mutation `seq`. */
export function formatApproval(
  approval: Omit<Approval, 'kind' | 'group' | 'round'> & { readonly round?: number },
): string {
  const { uid, seq, base, next, round } = approval;
  const suffix = round === undefined || round === 0 ? '' : ` round=${round}`;
  return `Fairlead-Approve: ${uid} seq=${seq} base=${base} next=${next}${suffix}`;
}

/** The line that fences an anchor's own votes for `seq` up to `round`. */
export function formatWithdrawal(withdrawal: Omit<Withdrawal, 'kind'>): string {
  const { uid, seq, round } = withdrawal;
  return `Fairlead-Withdraw: ${uid} seq=${seq}${round === 0 ? '' : ` round=${round}`}`;
}
