import type { Candidate } from './candidate.ts';
import { type Commit, commitOf, introOf, isBefore, isWithin, type Line, mainAt, upTo } from './history.ts';
import type { Anchor } from './policy.ts';
import { ownAt, type Past, type Scope, type Vote } from './state.ts';
import { blockOf, hasLineFor, type Statement, statementsOf, tokensOf } from './statement.ts';

/** A statement and the key that signed it; `commit` is where it was found, detached or not. */
type Said = {
  readonly statement: Statement;
  readonly key: string;
  readonly commit: Commit;
  readonly isDetached: boolean;
};

/** Every word of anybody that came in up to mi. */
export function heard(line: Line, index: number): readonly Said[] {
  return upTo(line, index).flatMap((commit) => {
    const inCommit = commit.signer === null ? [] : statementsOf(blockOf(commit.message));
    const plain = inCommit.map((statement) => ({
      statement,
      key: commit.signer ?? '',
      commit,
      isDetached: false,
    }));
    const detached = tokensOf(commit.message).flatMap(({ token, block }) => {
      const key = line.signerOfToken(token);
      const said = key === null ? [] : statementsOf(block);
      return said.map((statement) => ({ statement, key: key ?? '', commit, isDetached: true }));
    });
    return [...plain, ...detached];
  });
}

type Elector = { readonly side: Vote['side']; readonly anchor: Anchor };

function electorsOf({ scope, policy }: Candidate): readonly Elector[] {
  const old = scope === null ? [] : scope.policy.anchors;
  const recovery = scope === null ? [] : (scope.policy.recovery?.anchors ?? []);
  const fresh = policy === null ? [] : [...policy.anchors, ...(policy.recovery?.anchors ?? [])];
  return [
    ...old.map((anchor) => ({ side: 'old' as const, anchor })),
    ...(policy === null || scope === null ? [] : recovery).map((anchor) => ({
      side: 'recovery' as const,
      anchor,
    })),
    ...fresh.map((anchor) => ({ side: 'new' as const, anchor })),
  ];
}

/** All votes for a candidate at the main-line commit after the past, whatever group they name. */
export function votesFor(past: Past, words: readonly Said[], candidate: Candidate): readonly Vote[] {
  const electors = electorsOf(candidate);
  return [...explicitVotes(past, words, candidate, electors), ...implicitVotes(past, words, candidate)];
}

function explicitVotes(
  past: Past,
  words: readonly Said[],
  candidate: Candidate,
  electors: readonly Elector[],
): readonly Vote[] {
  const { uid, seq, base, next } = candidate;
  return words.flatMap(({ statement, key, commit, isDetached }) => {
    if (statement.kind !== 'approve' || statement.uid !== uid || statement.seq !== seq) return [];
    if (statement.base !== base || statement.next !== next) return [];
    if (!isDetached && !isAfterEpoch(past.line, candidate.epoch, commit)) return [];
    const whose = electors.filter(({ anchor }) => anchor.keys.includes(key));
    const standing = whose.filter(
      ({ anchor }) => statement.round > fenceOf(words, candidate, electors, anchor.name),
    );
    return standing.map(({ side, anchor }) => ({
      anchor: anchor.name,
      side,
      key,
      commit: commit.id,
      form: 'explicit' as const,
      group: statement.group,
    }));
  });
}

/** V2: the epoch is a proper ancestor of c. */
function isAfterEpoch(line: Line, epoch: number, c: Commit): boolean {
  return isBefore(line, mainAt(line, epoch).id, c.id);
}

/** V3: the highest round that an anchor withdrew for this seq; -1 where it withdrew nothing. */
function fenceOf(
  words: readonly Said[],
  { uid, seq }: Candidate,
  electors: readonly Elector[],
  anchor: string,
): number {
  const keys = electors.filter((each) => each.anchor.name === anchor).flatMap((each) => each.anchor.keys);
  const own = words.filter(({ key, statement }) => keys.includes(key) && statement.kind === 'withdraw');
  const about = own.filter(({ statement }) => statement.uid === uid && statement.seq === seq);
  return Math.max(-1, ...about.map(({ statement }) => statement.round));
}

function implicitVotes(past: Past, words: readonly Said[], candidate: Candidate): readonly Vote[] {
  const { scope } = candidate;
  if (!candidate.classes.includes('update') || scope === null || scope.policy.statements === 'Required')
    return [];
  return upTo(past.line, past.states.length).flatMap((c) => {
    const anchor = scope.policy.anchors.find(({ keys }) => c.signer !== null && keys.includes(c.signer));
    if (anchor === undefined || !isAfterEpoch(past.line, candidate.epoch, c)) return [];
    const isVote =
      keepsI1(words, candidate, c, anchor) &&
      ownAt(past, scope.uid, c)?.digest === candidate.next && // I2
      keepsI3(past, scope.uid, c) &&
      keepsI4(past, scope, c);
    const form = 'implicit' as const;
    const vote = {
      anchor: anchor.name,
      side: 'old' as const,
      key: c.signer ?? '',
      commit: c.id,
      form,
      group: null,
    };
    return isVote ? [vote] : [];
  });
}

/** I1: a's words replace a's commits; a withdrawal is one of them, and so fences every implicit vote. */
function keepsI1(words: readonly Said[], { uid, seq }: Candidate, c: Commit, anchor: Anchor): boolean {
  const mine = words.filter(({ key }) => anchor.keys.includes(key));
  const about = mine.some(({ statement }) => statement.uid === uid && statement.seq === seq);
  return !about && !hasLineFor(blockOf(c.message), uid);
}

/** I3: c speaks about S. */
function keepsI3(past: Past, uid: string, c: Commit): boolean {
  const [first] = c.parents;
  if (first === undefined) return false;
  const parent = commitOf(past.line.commits, first);
  const [mine, before] = [ownAt(past, uid, c), ownAt(past, uid, parent)];
  const differs = mine === null || before === null || mine.digest !== before.digest;
  return differs || (c.parents.length === 1 && isSameTree(c, parent) && !speaksInWords(c));
}

/** Decisions 0014 and 0015: whoever says in words what they mean, or carries another's, means no other scope. */
function speaksInWords(c: Commit): boolean {
  const isLine = (line: string) => /^Fairlead-(?:Approve|Withdraw):/.test(line);
  return blockOf(c.message).some(isLine) || tokensOf(c.message).length > 0;
}

function isSameTree(left: Commit, right: Commit): boolean {
  return JSON.stringify([...left.files].sort()) === JSON.stringify([...right.files].sort());
}

/** I4: clean views, to the letter. */
function keepsI4(past: Past, scope: Scope, c: Commit): boolean {
  const { line } = past;
  const epoch = mainAt(line, scope.epoch).id;
  const below = [...(line.below.get(c.id) ?? [])].filter((x) => x !== c.id);
  const cameBefore = below.filter((x) => introOf(line, x) < introOf(line, c.id));
  const sinceEpoch = cameBefore.filter((x) => !isWithin(line, x, epoch));
  const wereBases = sinceEpoch.filter(
    (x) => !below.some((y) => isBefore(line, x, y) && introOf(line, y) <= introOf(line, x)),
  );
  return wereBases.every((x) => ownAt(past, scope.uid, commitOf(line.commits, x))?.digest === scope.digest);
}
