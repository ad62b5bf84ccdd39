import { ordinary, type Proposal } from './candidate.ts';
import type { Commit } from './history.ts';
import { own } from './own.ts';
import { isInside } from './policy.ts';
import { isQuorum } from './quorum.ts';
import { lastOf, type Past, type Scope, type State, type Vote } from './state.ts';
import type { Member } from './statement.ts';
import { claimedMoves, living, structural } from './structure.ts';
import { heard, votesFor } from './votes.ts';

type Move = { readonly uid: string; readonly parent: string; readonly place: string };

/** s(i) from s(0) … s(i-1): Evaluation at mi. */
export function judge(past: Past, mi: Commit): State {
  const before = lastOf(past);
  let moves: readonly Move[] = [...claimedMoves(before, mi).values()];
  for (;;) {
    const found = evaluate(past, mi, moves);
    const groupOf = (uid: string) =>
      found.accepted.find((each) => each.candidate.uid === uid)?.candidate.group ?? null;
    // A scope that is renamed and changes its own records may be accepted by itself: whose record it is must be, with it.
    const isDone = ({ uid, parent }: Move) =>
      groupOf(uid) !== null &&
      groupOf(uid) === groupOf(parent) &&
      found.accepted.some((each) => each.candidate.uid === uid && each.parent === parent);
    if (moves.every(isDone)) return applied(past, mi, found);
    moves = moves.filter(isDone);
  }
}

type Found = {
  readonly placeOf: (scope: Scope) => string;
  readonly proposals: readonly Proposal[];
  readonly accepted: readonly Proposal[];
  readonly counted: (proposal: Proposal) => readonly Vote[];
};

/** Evaluation with these moves tried: the moved scopes and everything below them are measured at their new places. */
function evaluate(past: Past, mi: Commit, moves: readonly Move[]): Found {
  const before = lastOf(past);
  const placeOf = (scope: Scope) => placeAfter(before, moves, scope);
  const alone = living(before).flatMap((scope) => ordinary(before, mi, scope, placeOf(scope)) ?? []);
  const together = structural({ before, mi, placeOf });
  const words = heard(past.line, past.states.length);
  const proposals = [...together, ...alone].map((each) => ({
    ...each,
    votes: votesFor(past, words, each.candidate),
  }));
  const groups = greatestFixpoint(before, proposals);
  const counted = (proposal: Proposal) => countedVotes(proposal, groups);
  const isOctopus = mi.parents.length > 2;
  const met = proposals.filter((each) => !isOctopus && isAccepted(each, groups));
  const accepted = met.filter(
    (each, at) => met.findIndex(({ candidate }) => candidate.uid === each.candidate.uid) === at,
  );
  return { placeOf, proposals, accepted, counted };
}

function placeAfter(before: State, moves: readonly Move[], scope: Scope): string {
  for (const { uid, place } of moves) {
    const from = before.get(uid)?.place;
    if (from !== undefined && isInside(scope.place, from)) return `${place}${scope.place.slice(from.length)}`;
  }
  return scope.place;
}

type Groups = ReadonlyMap<string, readonly Member[]>;

/** Evaluation 5: drop what cannot be complete, until nothing drops. */
function greatestFixpoint(before: State, proposals: readonly Proposal[]): Groups {
  const named = proposals.flatMap(({ votes }) => votes.flatMap(({ group }) => group ?? []));
  const groups = new Map(named.map(({ digest, members }) => [digest, members]));
  for (const { candidate } of proposals) {
    const { group } = candidate;
    if (group === null) continue;
    groups.set(
      group,
      proposals.filter((each) => each.candidate.group === group).map((each) => each.candidate),
    );
  }
  for (;;) {
    const broken = [...groups].filter(
      ([, members]) => !members.every((each) => stands(before, proposals, groups, each)),
    );
    if (broken.length === 0) return groups;
    for (const [digest] of broken) groups.delete(digest);
  }
}

/** A member is fulfilled, or a candidate with a quorum. */
function stands(before: State, proposals: readonly Proposal[], groups: Groups, member: Member): boolean {
  const { uid, seq, base, next } = member;
  const scope = before.get(uid);
  if (scope !== undefined && scope.seq === seq && scope.digest === next) return true;
  const mine = proposals.filter(({ candidate }) => candidate.uid === uid && candidate.seq === seq);
  const same = mine.filter(({ candidate }) => candidate.base === base && candidate.next === next);
  return same.some((each) => isAccepted(each, groups));
}

function isAccepted(proposal: Proposal, groups: Groups): boolean {
  return isQuorum(proposal.candidate, countedVotes(proposal, groups));
}

/**
 * Ungrouped votes and votes of groups that stand. A structural group of more than one scope counts only votes that name
 * exactly it; without that, `base = next` is renew, which names no group.
 */
function countedVotes({ candidate, votes }: Proposal, groups: Groups): readonly Vote[] {
  if (candidate.group !== null)
    return votes.filter(({ group }) => group?.digest === candidate.group && groups.has(group.digest));
  if (candidate.base === candidate.next) return votes.filter(({ group }) => group === null);
  return votes.filter(({ group }) => group === null || groups.has(group.digest));
}

/** All at once. */
function applied(past: Past, mi: Commit, found: Found): State {
  const before = lastOf(past);
  const after = new Map<string, Scope>();
  for (const scope of before.values()) {
    const proposal = found.accepted.find(({ candidate }) => candidate.uid === scope.uid);
    after.set(
      scope.uid,
      proposal === undefined ? stays(mi, scope, found) : mutated(past, scope, proposal, found),
    );
  }
  for (const proposal of found.accepted)
    if (proposal.candidate.scope === null) after.set(proposal.candidate.uid, born(past, proposal, found));
  return after;
}

function stays(mi: Commit, scope: Scope, { placeOf, proposals, counted }: Found): Scope {
  if (!scope.isLive) return scope;
  const place = placeOf(scope);
  const isHeld = own(mi.files, place)?.digest !== scope.digest;
  const mine = proposals.find(({ candidate }) => candidate.uid === scope.uid);
  return { ...scope, place, isHeld, counted: mine === undefined || !isHeld ? [] : counted(mine) };
}

function mutated(past: Past, scope: Scope, proposal: Proposal, { counted }: Found): Scope {
  const { candidate, place, parent, bytes } = proposal;
  const common = { seq: candidate.seq, digest: candidate.next, epoch: past.states.length, place, parent };
  const last = { classes: candidate.classes, votes: counted(proposal) };
  const policy = candidate.policy ?? scope.policy;
  if (bytes === null) return { ...scope, ...common, isLive: false, isHeld: false, last, counted: [] };
  return { ...scope, ...common, bytes, policy, isHeld: false, last, counted: [] };
}

function born(past: Past, proposal: Proposal, { counted }: Found): Scope {
  const { candidate, place, parent, bytes } = proposal;
  if (bytes === null || candidate.policy === null) throw new Error('a first mutation has bytes and a policy');
  const { uid, seq, next: digest, policy, classes } = candidate;
  const last = { classes, votes: counted(proposal) };
  const state = { isLive: true, isHeld: false, last, counted: [] };
  return { uid, parent, place, seq, digest, bytes, epoch: past.states.length, policy, ...state };
}
