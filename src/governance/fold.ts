import type { ObjectId } from '../git/index.ts';
import { changes, classify } from './classify.ts';
import type { Own } from './own.ts';
import { countQuorum, type Quorum } from './quorum.ts';
import type { Candidate, Hold, LineageEntry, LineState, Refused, ScopeState, Vote } from './types.ts';
import { type Ballot, type Bench, collectVotes, newWithdrawals } from './votes.ts';

/** What one main-line commit does to one scope. */
type Outcome =
  | { readonly kind: 'clean' }
  | { readonly kind: 'accepted'; readonly candidate: Candidate; readonly votes: readonly Vote[] }
  | { readonly kind: 'held'; readonly hold: Hold };

type Judged = {
  readonly scope: ScopeState;
  readonly own: Own;
  readonly at: ObjectId;
  readonly index: number;
};

/**
 * s(i) from s(i-1): Evaluation at mi, where `bench.history` ends at mi. Each scope is judged alone (G16) by the
 * policies, places and epochs of s(i-1); no effect of mi is visible to another verdict at mi. A failure holds one
 * scope with a reason (G18); only a missing object throws, and then there is no verdict at all.
 */
export async function fold(bench: Bench, state: LineState): Promise<LineState> {
  const index = state.index + 1;
  const commit = bench.history.byIntro[index]?.at(-1)?.commit;
  if (commit === undefined) throw new Error('the history ends before the commit to be judged');
  const scopes = new Map<string, ScopeState>();
  for (const [uid, scope] of state.scopes) {
    const own = await bench.owns.own(commit.tree, scope.accepted.directory);
    const judged = { scope, own, at: commit.id, index };
    scopes.set(uid, await apply(bench, judged, await judge(bench, judged)));
  }
  return { pin: state.pin, tip: commit.id, index, scopes };
}

async function judge(bench: Bench, judged: Judged): Promise<Outcome> {
  const { scope, own, index } = judged;
  if (own.ok && own.digest === scope.accepted.digest) return judgeRenewal(bench, judged);
  if (!own.ok) return held(judged, null, own.rule, own.reason);
  const files = await acceptedFiles(bench, scope);
  const candidate: Candidate = {
    class: classify(changes(files, own.files)),
    seq: scope.seq + 1,
    base: scope.accepted.digest,
    next: own.digest,
  };
  const bar = bench.history.barred.get(index) ?? overLimit(scope, own);
  if (bar !== null) return held(judged, candidate, 'G17', bar);
  const refusal = refusedClass(candidate);
  if (refusal !== null) return held(judged, candidate, 'Class', refusal);
  return judgeVotes(judged, candidate, await collectVotes(bench, scope, candidate));
}

/** Renew is the one candidate of a clean scope: it moves seq and epoch only, and so voids every open vote. */
async function judgeRenewal(bench: Bench, judged: Judged): Promise<Outcome> {
  const { scope, index } = judged;
  const { digest } = scope.accepted;
  const candidate: Candidate = { class: 'renew', seq: scope.seq + 1, base: digest, next: digest };
  // At the commit before, a cap may have stopped what its votes complete.
  const recent = bench.history.byIntro.slice(Math.max(0, index - 1), index + 1).flat();
  const asked = recent.some(({ statements }) => statements.some(({ uid }) => uid === scope.uid));
  const worthwhile = asked === true || scope.hold !== null || bench.history.barred.has(index - 1);
  if (!worthwhile || bench.history.barred.has(index)) return { kind: 'clean' };
  const ballot = await collectVotes(bench, scope, candidate);
  const quorum = quorumOf(scope, candidate, ballot);
  if (ballot.overCap || !quorum.met) return { kind: 'clean' };
  return { kind: 'accepted', candidate, votes: ballot.votes };
}

async function acceptedFiles(bench: Bench, scope: ScopeState) {
  const { commit, directory } = scope.accepted;
  const tree = bench.history.visits.get(commit)?.commit.tree;
  const own = tree === undefined ? null : await bench.owns.own(tree, directory);
  if (own?.ok !== true) throw new Error('the accepted tree cannot be read again');
  return own.files;
}

function overLimit(scope: ScopeState, own: Own & { ok: true }): string | null {
  const { limits } = scope.policy;
  const bytes = own.files.reduce((sum, { size }) => sum + size, 0);
  if (own.files.length > limits.files)
    return `${own.files.length} files; the scope's own limit is ${limits.files}`;
  if (bytes > limits.bytes) return `${bytes} bytes; the scope's own limit is ${limits.bytes}`;
  return null;
}

function refusedClass(candidate: Candidate): string | null {
  if (candidate.class === 'mixed') {
    return 'governance files and manifests change at once: split it in two';
  }
  return candidate.class === 'update'
    ? null
    : `a change of the class ${candidate.class} is not accepted by this version: revert it`;
}

function quorumOf(scope: ScopeState, candidate: Candidate, ballot: Ballot): Quorum {
  const mutation = candidate.class === 'mixed' ? 'update' : candidate.class;
  return countQuorum(scope.policy, mutation, new Set(ballot.votes.map(({ anchor }) => anchor)));
}

function judgeVotes(judged: Judged, candidate: Candidate, ballot: Ballot): Outcome {
  const quorum = quorumOf(judged.scope, candidate, ballot);
  if (ballot.overCap)
    return held(judged, candidate, 'G17', 'too many signatures to check in one merge', ballot, quorum);
  if (quorum.met) return { kind: 'accepted', candidate, votes: ballot.votes };
  const decisive = ballot.refused.find(({ anchor, rule }) =>
    anchor === null ? rule === 'G1' : quorum.missing.includes(anchor),
  );
  const suffix = decisive === undefined ? '' : `; ${explainRefused(decisive)}`;
  return held(judged, candidate, decisive?.rule ?? 'Quorum', quorum.reason + suffix, ballot, quorum);
}

function explainRefused({ anchor, commit, rule, reason }: Refused): string {
  const whose = anchor === null ? '' : ` of ${anchor}`;
  return `the commit ${commit}${whose} does not count (${rule}): ${reason}`;
}

function held(
  judged: Judged,
  candidate: Candidate | null,
  rule: string,
  reason: string,
  ballot?: Ballot,
  quorum?: Quorum,
): Outcome {
  const { scope, at } = judged;
  const hold: Hold = {
    commit: at,
    since: scope.hold?.since ?? at,
    rule,
    reason,
    candidate,
    signed: quorum?.signed ?? [],
    missing: quorum?.missing ?? [],
    needed: quorum?.needed ?? 0,
    votes: ballot?.votes ?? [],
    refused: ballot?.refused ?? [],
  };
  const same = scope.hold !== null && sameVerdict(scope.hold, hold);
  return { kind: 'held', hold: same ? { ...hold, commit: scope.hold?.commit ?? at } : hold };
}

function sameVerdict(left: Hold, right: Hold): boolean {
  const view = ({ rule, reason, candidate, votes }: Hold) => JSON.stringify([rule, reason, candidate, votes]);
  return view(left) === view(right);
}

async function apply(bench: Bench, judged: Judged, outcome: Outcome): Promise<ScopeState> {
  const { scope, own, at, index } = judged;
  const landed = own.ok ? own.digest : null;
  const withdrawals = outcome.kind === 'accepted' ? [] : await newWithdrawals(bench, scope);
  const entry = entryOf(judged, outcome, withdrawals);
  if (entry === null) return outcome.kind === 'held' ? { ...scope, landed, hold: outcome.hold } : scope;
  const lineage = [...scope.lineage, entry];
  if (outcome.kind === 'held') return { ...scope, landed, hold: outcome.hold, lineage };
  if (outcome.kind === 'clean') return { ...scope, landed, hold: null, lineage };
  const { candidate, votes } = outcome;
  const proven = new Set(votes.map(({ anchor }) => anchor));
  return {
    ...scope,
    seq: candidate.seq,
    accepted: { digest: candidate.next, commit: at, directory: scope.accepted.directory },
    landed,
    epoch: { commit: at, index },
    hold: null,
    lineage,
    unproven: scope.unproven.filter((name) => !proven.has(name)),
  };
}

/** One entry where the own digest, accepted state, hold or withdrawals change; else null. */
function entryOf(judged: Judged, outcome: Outcome, withdrawals: readonly Vote[]): LineageEntry | null {
  const { scope, own, at } = judged;
  const common = { commit: at, withdrawals, policy: scope.policy.digest };
  if (outcome.kind === 'accepted') {
    const { class: mutation, seq, base, next } = outcome.candidate;
    return {
      ...common,
      event: 'accepted',
      class: mutation,
      seq,
      base,
      next,
      votes: outcome.votes,
      rule: null,
      reason: null,
    };
  }
  const { seq, accepted } = scope;
  if (outcome.kind === 'clean') {
    const event = scope.hold === null ? 'withdrawn' : 'lifted';
    if (event === 'withdrawn' && withdrawals.length === 0) return null;
    return {
      ...common,
      event,
      class: null,
      seq,
      base: accepted.digest,
      next: accepted.digest,
      votes: [],
      rule: null,
      reason: null,
    };
  }
  const { hold } = outcome;
  const landed = own.ok ? own.digest : null;
  const changed = landed !== scope.landed || hold.commit === at;
  if (!changed && withdrawals.length === 0) return null;
  return {
    ...common,
    event: 'held',
    class: hold.candidate?.class ?? null,
    seq: seq + 1,
    base: accepted.digest,
    next: landed,
    votes: hold.votes,
    rule: hold.rule,
    reason: hold.reason,
  };
}
