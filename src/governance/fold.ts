import type { ObjectId } from '../git/index.ts';
import { toCandidate } from './candidate.ts';
import type { Own } from './own.ts';
import { countVotes, type Quorum } from './quorum.ts';
import { sortSigned } from './speakers.ts';
import type { Anchor, Candidate, Hold, LineageEntry, LineState, Policy, ScopeState, Vote } from './types.ts';
import { type Ballot, type Bench, collectVotes, newWithdrawals } from './votes.ts';
import { whyShort } from './why.ts';

/** What one main-line commit does to one scope. */
type Outcome =
  | { readonly kind: 'clean' }
  | {
      readonly kind: 'accepted';
      readonly candidate: Candidate;
      readonly tree: ObjectId;
      readonly policy: Policy;
      readonly votes: readonly Vote[];
      readonly recovered: boolean;
    }
  | { readonly kind: 'held'; readonly hold: Hold };

type Judged = {
  /** s(i-1). */
  readonly scopes: LineState['scopes'];
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
  const { history, owns } = bench;
  const index = state.index + 1;
  const commit = history.byIntro[index]?.at(-1)?.commit;
  const before = history.visits.get(state.tip)?.commit;
  if (commit === undefined || before === undefined)
    throw new Error('the history ends before the commit to be judged');
  const directories = placesOf(state);
  await sortSigned(bench, directories);
  const apart = new Set(await owns.apart(before.tree, commit.tree, directories));
  const scopes = new Map<string, ScopeState>();
  for (const [uid, scope] of state.scopes) {
    const { directory } = scope.accepted;
    // A clean scope of which nobody spoke stays what it is.
    const spoken = history.spoken.get(uid)?.has(scope.seq + 1) === true;
    const isQuiet = scope.hold === null && !spoken && !apart.has(directory);
    scopes.set(
      uid,
      isQuiet ? scope : await step(bench, state, scope, { at: commit.id, tree: commit.tree, index }),
    );
  }
  if (sameDirectories(state.scopes, scopes)) places.set(scopes, directories);
  return { pin: state.pin, tip: commit.id, index, scopes };
}

/** Of the scopes of one state: mostly those of the state before. */
const places = new WeakMap<LineState['scopes'], ReadonlySet<string>>();

export function placesOf({ scopes }: LineState): ReadonlySet<string> {
  const known = places.get(scopes) ?? readPlaces(scopes);
  places.set(scopes, known);
  return known;
}

function sameDirectories(before: LineState['scopes'], now: LineState['scopes']): boolean {
  if (before.size !== now.size) return false;
  for (const [uid, scope] of now) {
    const old = before.get(uid);
    if (old !== scope && old?.accepted.directory !== scope.accepted.directory) return false;
  }
  return true;
}

/** The directories of all scopes, and those above them. */
function readPlaces(scopes: LineState['scopes']): ReadonlySet<string> {
  const directories = new Set<string>();
  for (const { accepted } of scopes.values()) {
    const names = accepted.directory.split('/');
    for (const [depth] of names.entries()) directories.add(names.slice(0, depth + 1).join('/'));
  }
  return directories;
}

async function step(
  bench: Bench,
  { scopes }: LineState,
  scope: ScopeState,
  { tree, ...at }: Pick<Judged, 'at' | 'index'> & { readonly tree: ObjectId },
): Promise<ScopeState> {
  const own = await bench.owns.own(tree, scope.accepted.directory);
  const judged = { scopes, scope, own, ...at };
  return apply(bench, judged, await judge(bench, judged));
}

async function judge(bench: Bench, judged: Judged): Promise<Outcome> {
  const { scopes, scope, own, index } = judged;
  if (!own.ok) return held(judged, null, own.rule, own.reason);
  if (own.digest === scope.accepted.digest) return judgeRenewal(bench, judged, own.tree);
  const { candidate, policy, refusal } = await toCandidate(bench.owns, scopes, scope, own);
  const bar = bench.history.barred.get(index);
  if (bar !== undefined) return held(judged, candidate, 'G17', bar);
  if (refusal !== null) return held(judged, candidate, refusal.rule, refusal.reason);
  const ballot = await collectVotes(bench, scope, candidate, own.tree, policy);
  const counted = ballot.votes.filter(({ group }) => group === null);
  const quorum = countVotes(scope.policy, policy, candidate.class, counted);
  if (ballot.overCap)
    return held(judged, candidate, 'G17', 'too many signatures to check in one merge', ballot, quorum);
  if (!quorum.met) {
    const { rule, reason } = whyShort(bench, scope, ballot, quorum);
    return held(judged, candidate, rule, reason, ballot, quorum);
  }
  return {
    kind: 'accepted',
    candidate,
    tree: own.tree,
    policy: policy ?? scope.policy,
    votes: counted,
    recovered: quorum.recovered,
  };
}

/** Renew is the one candidate of a clean scope: it moves seq and epoch only, and so voids every open vote. */
async function judgeRenewal(bench: Bench, { scope, index }: Judged, tree: ObjectId): Promise<Outcome> {
  const { policy, seq } = scope;
  const { digest } = scope.accepted;
  const candidate: Candidate = { class: 'renew', seq: seq + 1, base: digest, next: digest };
  if (bench.history.barred.has(index) || bench.history.spoken.get(scope.uid)?.has(candidate.seq) !== true)
    return { kind: 'clean' };
  const ballot = await collectVotes(bench, scope, candidate, tree);
  // Words that name a group consent to a move; they never renew.
  const votes = ballot.votes.filter(({ group }) => group === null);
  const quorum = countVotes(policy, null, 'renew', votes);
  if (ballot.overCap || !quorum.met) return { kind: 'clean' };
  return { kind: 'accepted', candidate, tree, policy, votes, recovered: false };
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
  const lineage = entry === null ? scope.lineage : [...scope.lineage, entry];
  if (outcome.kind === 'held') {
    const unclean = scope.unclean ?? { commit: at, index };
    return { ...scope, landed, unclean, hold: outcome.hold, lineage };
  }
  if (outcome.kind === 'clean') return entry === null ? scope : { ...scope, landed, hold: null, lineage };
  const { candidate, tree, policy, votes } = outcome;
  const { directory } = scope.accepted;
  const proven = new Set(votes.map(({ anchor }) => anchor));
  return {
    ...scope,
    seq: candidate.seq,
    accepted: { digest: candidate.next, commit: at, directory, tree },
    landed,
    epoch: { commit: at, index },
    policy,
    unclean: null,
    hold: null,
    lineage,
    unproven: stillUnproven(scope, policy, proven),
  };
}

/** Of the anchors that the policy still has: those whose keys only the pin vouches for. */
function stillUnproven(scope: ScopeState, policy: Policy, proven: ReadonlySet<string>): readonly string[] {
  const unproven = scope.policy.anchors.filter(({ name }) => scope.unproven.includes(name));
  const keys = new Set(unproven.flatMap((anchor) => anchor.keys.map(({ fingerprint }) => fingerprint)));
  const left = policy.anchors.filter((anchor) =>
    anchor.keys.some(({ fingerprint }) => keys.has(fingerprint)),
  );
  return left.map(({ name }) => name).filter((name) => !proven.has(name));
}

/** One entry where the own digest, accepted state, hold or withdrawals change; else null. */
function entryOf(judged: Judged, outcome: Outcome, withdrawals: readonly Vote[]): LineageEntry | null {
  const { scope, own, at } = judged;
  const common = { commit: at, withdrawals, policy: scope.policy.digest, previousAnchors: null };
  if (outcome.kind === 'accepted') {
    const { class: mutation, seq, base, next } = outcome.candidate;
    return {
      ...common,
      policy: outcome.policy.digest,
      previousAnchors: mutation === 'reconfigure' ? scope.policy.anchors.map(anchorFacts) : null,
      event: 'accepted',
      class: outcome.recovered ? 'recover' : mutation,
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

function anchorFacts({ name, keys }: Anchor) {
  return { name, keys: keys.map(({ fingerprint }) => fingerprint) };
}
