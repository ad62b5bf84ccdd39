import { must } from '../base/must.ts';
import type { ObjectId } from '../git/index.ts';
import type { Policy } from '../policy/index.ts';
import {
  type Ballot,
  type Bench,
  type Candidate,
  collectFirstVotes,
  collectVotes,
  competing,
  type Group,
  type Member,
  type Refused,
  type Vote,
} from '../votes/index.ts';
import { countVotes, type Quorum } from './quorum.ts';
import type { Case, Cases } from './survey.ts';
import type { Hold, LineState } from './types.ts';
import { whyShort } from './why.ts';

/** The main-line commit that is judged. */
export type Now = { readonly id: ObjectId; readonly index: number; readonly tree: ObjectId };

/** What one main-line commit does to one scope. */
type Outcome =
  | { readonly kind: 'clean' }
  | {
      readonly kind: 'accepted';
      readonly candidate: Candidate;
      readonly group: Group | null;
      readonly policy: Policy;
      readonly votes: readonly Vote[];
      readonly recovered: boolean;
    }
  | { readonly kind: 'held'; readonly hold: Hold };

export type Verdict = { readonly of: Case; readonly outcome: Outcome };
export type Verdicts = ReadonlyMap<string, Verdict>;

/** One case with the votes for it; without any where no quorum could accept it at mi. */
type Counted = { readonly of: Case; readonly ballot: Ballot };

/** The groups that hold, by digest, and what they hold for. */
type Groups = ReadonlyMap<string, readonly Member[]>;

type Room = {
  readonly bench: Bench;
  readonly state: LineState;
  readonly now: Now;
  readonly counted: ReadonlyMap<string, Counted>;
};

/**
 * Evaluation 4 and 5: votes for every candidate, then the greatest set of groups of which each member is fulfilled or has a
 * quorum by votes that name no group or one of the set. `apart`: verdicts that stand already, of moves that were not
 * accepted; whoever was to move with them learns why.
 */
export async function judgeAll(
  bench: Bench,
  state: LineState,
  now: Now,
  cases: Cases,
  apart: Verdicts,
): Promise<Verdicts> {
  const counted = new Map<string, Counted>();
  for (const [uid, of] of cases) counted.set(uid, { of, ballot: await ballotOf(bench, now, of) });
  const room = { bench, state, now, counted };
  const groups = groupsThatHold(room);
  const bar = bench.history.barred.get(now.index) ?? null;
  const verdicts = new Map<string, Verdict>(apart);
  for (const [uid, each] of counted)
    verdicts.set(uid, {
      of: each.of,
      outcome: await outcomeOf(room, groups, each, bar, hintFor(apart, uid)),
    });
  return verdicts;
}

const NO_BALLOT: Ballot = { votes: [], groups: new Map(), refused: [], overCap: false };

/** Words alone renew, and alone consent: of whom nobody spoke, nothing is read. */
async function ballotOf(bench: Bench, { index }: Now, of: Case): Promise<Ballot> {
  const { scope, own, alone, within, policy, refusal } = of;
  const candidate = alone ?? within;
  if (candidate === null || refusal !== null || bench.history.barred.has(index)) return NO_BALLOT;
  const { uid, epoch, accepted } = scope;
  const isSpoken = bench.history.spoken.get(uid)?.has(candidate.seq) === true;
  if (candidate.class !== 'update' && candidate.base === candidate.next && !isSpoken) return NO_BALLOT;
  const first = { uid, candidate, inForce: null, proposed: policy, epochIndex: epoch.index };
  if (isFirst(of)) return collectFirstVotes(bench, first);
  return collectVotes(bench, scope, candidate, own.ok ? own.tree : accepted.tree, policy);
}

/** Whether mi would create the scope. */
export function isFirst({ scope }: Case): boolean {
  return scope.seq === 0;
}

/** Evaluation 5: the greatest fixpoint, which is unique and knows no order. Enforces G16. */
function groupsThatHold(room: Room): Groups {
  let groups = new Map<string, readonly Member[]>();
  for (const { of, ballot } of room.counted.values()) {
    for (const [digest, members] of ballot.groups) groups.set(digest, members);
    if (of.group !== null) groups.set(of.group.digest, of.group.members);
  }
  for (;;) {
    const before = groups;
    groups = new Map(
      [...before].filter(([digest, members]) => lacking(room, before, digest, members).length === 0),
    );
    if (groups.size === before.size) return before;
  }
}

/** The members for which a group does not hold, even if it held for all others. */
function lacking(room: Room, groups: Groups, digest: string, members: readonly Member[]): readonly Member[] {
  const held = groups.has(digest) ? groups : new Map(groups).set(digest, members);
  return members.filter((member) => !isFulfilled(room.state, member) && !isReady(room, held, digest, member));
}

/** Its accepted seq and digest are the named ones already. */
function isFulfilled({ scopes }: LineState, { uid, seq, next }: Member): boolean {
  const scope = scopes.get(uid);
  const stands = scope?.status === 'Tombstone' ? 'gone' : scope?.accepted.digest;
  return scope?.seq === seq && stands === next;
}

/** It is a candidate with the named seq, base and next, and has its quorum. */
function isReady({ counted }: Room, groups: Groups, digest: string, member: Member): boolean {
  const each = counted.get(member.uid);
  if (each === undefined || each.of.refusal !== null || each.ballot.overCap) return false;
  const { alone, within, group } = each.of;
  const isNamed = (named: Candidate | null) =>
    named !== null && named.seq === member.seq && named.base === member.base && named.next === member.next;
  if (isNamed(within) && group !== null && groups.has(group.digest) && together(each).met) return true;
  return group?.digest !== digest && isNamed(alone) && byItself(each, groups).met;
}

type Tally = Quorum & { readonly votes: readonly Vote[] };

const tallies = new WeakMap<Counted, Tally>();

/** A structural group of more than one scope is accepted only by votes that name exactly that group. */
function together(each: Counted): Tally {
  const known = tallies.get(each) ?? countTogether(each);
  tallies.set(each, known);
  return known;
}

function countTogether({ of, ballot }: Counted): Tally {
  const votes = ballot.votes.filter(({ group }) => group === of.group?.digest);
  return {
    votes,
    ...countVotes(isFirst(of) ? null : of.scope.policy, of.policy, must(of.within).class, votes),
  };
}

/** Ungrouped votes and those of groups that hold; `base = next` that names a group is no renew. */
function byItself(each: Counted, groups: Groups): Tally {
  const known = asOf.get(groups) ?? new Map<Counted, Tally>();
  asOf.set(groups, known);
  const tally = known.get(each) ?? countByItself(each, groups);
  known.set(each, tally);
  return tally;
}

const asOf = new WeakMap<Groups, Map<Counted, Tally>>();

function countByItself({ of, ballot }: Counted, groups: Groups): Tally {
  const { scope, policy } = of;
  const mutation = must(of.alone).class;
  const isRenew = mutation === 'renew';
  const votes = ballot.votes.filter(({ group }) => group === null || (!isRenew && groups.has(group)));
  return { votes, ...countVotes(scope.policy, policy, mutation, votes) };
}

async function outcomeOf(
  room: Room,
  groups: Groups,
  each: Counted,
  bar: string | null,
  hint: Hold | null,
): Promise<Outcome> {
  const { of, ballot } = each;
  const { alone, within, group, refusal } = of;
  const policy = of.policy ?? of.scope.policy;
  if (within !== null && group !== null && groups.has(group.digest)) {
    const { votes, recovered } = together(each);
    return { kind: 'accepted', candidate: within, group, policy, votes, recovered };
  }
  const quorum = alone === null || refusal !== null ? null : byItself(each, groups);
  if (quorum?.met === true && !ballot.overCap && bar === null && alone !== null) {
    const { votes, recovered } = quorum;
    return { kind: 'accepted', candidate: alone, group: null, policy, votes, recovered };
  }
  if (alone?.class === 'renew') return { kind: 'clean' };
  return { kind: 'held', hold: await holdOf(room, groups, each, bar, hint) };
}

/** Why a case is held: what it is that nobody could accept, or who has not signed, in numbers and names. */
async function holdOf(
  room: Room,
  groups: Groups,
  each: Counted,
  bar: string | null,
  hint: Hold | null,
): Promise<Hold> {
  const { of, ballot } = each;
  const { own, alone, within, refusal, group } = of;
  const candidate = alone ?? within;
  const isBarred = candidate !== null && own.ok && bar !== null;
  const against = isBarred ? { rule: 'G17', reason: bar } : refusal;
  if (against !== null && (candidate === null || isBarred || refusal !== null)) {
    const suffix = hint === null ? '' : `; it moves only together with others: ${hint.reason}`;
    return held(room.now, of, against.rule, against.reason + suffix, { group: group ?? hint?.group ?? null });
  }
  const quorum = alone === null ? together(each) : byItself(each, groups);
  const refused = [...ballot.refused, ...unheard(room, groups, each)];
  const { signed, missing, needed } = quorum;
  const counted = { signed, missing, needed, votes: ballot.votes, refused, group };
  if (ballot.overCap) return held(room.now, of, 'G17', 'too many signatures to check in one merge', counted);
  const others = alone === null ? waitsFor(room, each) : [];
  const double = isFirst(of) ? [] : await competing(room.bench, of.scope);
  const why = quorum.met
    ? { rule: 'G16', reason: quorum.reason }
    : whyShort(of.scope, { ...ballot, refused }, quorum, double);
  return held(room.now, of, why.rule, [why.reason, ...others].join('; '), { ...counted, competing: double });
}

/** Who else of its group is not ready, and why. */
function waitsFor(room: Room, { of }: Counted): readonly string[] {
  const { members } = must(of.group);
  const others = members.map(({ uid }) => must(room.counted.get(uid)));
  const short = others.filter((each) => each.of !== of && !together(each).met);
  const named = short
    .slice(0, NAMED)
    .map((each) => `together with ${each.of.scope.path}: ${together(each).reason}`);
  return short.length > NAMED ? [...named, `and with ${short.length - NAMED} more`] : named;
}

/** Of a large group the first ones that are missing. */
const NAMED = 5;

/** Votes that would count but for the group that they name, or do not name (G16). */
function unheard(room: Room, groups: Groups, { of, ballot }: Counted): readonly Refused[] {
  const own = of.alone === null ? must(of.group).digest : null;
  const isHeard = ({ group }: Vote) => (own === null ? group === null || groups.has(group) : group === own);
  return ballot.votes
    .filter((vote) => !isHeard(vote))
    .map(({ anchor, commit, group }) => {
      const [lost] = group === null ? [] : lacking(room, groups, group, must(ballot.groups.get(group)));
      const path = room.state.scopes.get(lost?.uid ?? '')?.path ?? lost?.uid;
      const reason =
        own === null
          ? `it counts only together with ${path}, which lacks its own quorum`
          : `it does not name the group ${own}: run \`fairlead approve\``;
      return { commit, anchor, rule: 'G16', reason };
    });
}

function hintFor(apart: Verdicts, uid: string): Hold | null {
  for (const { outcome } of apart.values()) {
    if (outcome.kind === 'held' && outcome.hold.group?.members.some((member) => member.uid === uid))
      return outcome.hold;
  }
  return null;
}

type Numbers = Pick<Hold, 'signed' | 'missing' | 'needed' | 'votes' | 'refused' | 'competing' | 'group'>;

function held(
  { id }: Now,
  { scope, alone, within }: Case,
  rule: string,
  reason: string,
  numbers: Partial<Numbers>,
): Hold {
  const none = { signed: [], missing: [], needed: 0, votes: [], refused: [], competing: [], group: null };
  const verdict = { rule, reason, candidate: alone ?? within, ...none, ...numbers };
  const hold = { commit: id, since: scope.hold?.since ?? id, ...verdict };
  const isKnown = scope.hold !== null && sameVerdict(scope.hold, hold);
  return isKnown ? { ...hold, commit: scope.hold.commit } : hold;
}

function sameVerdict(left: Hold, right: Hold): boolean {
  const view = ({ rule, reason, candidate, votes, competing, group }: Hold) =>
    JSON.stringify([rule, reason, candidate, votes, competing, group?.digest]);
  return view(left) === view(right);
}
