import type { ObjectId } from '../git/index.ts';
import { type History, isAfter, statementFor, type Visit } from './history.ts';
import type { ScopeTrees } from './own.ts';
import type { Ruleset } from './ruleset.ts';
import { addCosts, type Checked, type Claim, type Costs, check, claimsOf, electorate } from './signer.ts';
import { type Signed, type Speaker, type Speakers, speakersFor, viewRefusal } from './speakers.ts';
import type { Approval } from './statement.ts';
import type { Candidate, Policy, Refused, ScopeState, Vote } from './types.ts';
import { isOver, type Word, type Words, wordsOf } from './words.ts';

/** Everything that a verdict about one scope at one main-line commit is made from. */
export type Bench = {
  readonly history: History;
  readonly owns: ScopeTrees;
  readonly ruleset: Ruleset;
  readonly signed: Signed;
  /** By uid: a memo. */
  readonly speakers: Map<string, Speakers>;
  /** By uid: a memo. */
  readonly words: Map<string, Words>;
  readonly checked: Checked;
};

export type Ballot = {
  readonly votes: readonly Vote[];
  readonly refused: readonly Refused[];
  /** G17: more signature checks than one main-line commit may cause. */
  readonly overCap: boolean;
};

type Against = { readonly rule: string; readonly text: string };

/** The counting of one candidate: its votes so far, and the commits that look like approvals and are none. */
type Count = {
  readonly bench: Bench;
  readonly scope: ScopeState;
  readonly candidate: Candidate;
  readonly votes: Map<string, Vote>;
  readonly refused: Refused[];
};

/**
 * The votes for a candidate at the history's last main-line commit: V1–V3, explicit (G3) and implicit (G2, I1–I4).
 * One for each anchor of the policy in force, and one for each key of a `proposed` one: the first in line order, but
 * neither order nor dates ever decide whether there is one. `tree` is the candidate's.
 */
export async function collectVotes(
  bench: Bench,
  scope: ScopeState,
  candidate: Candidate,
  tree: ObjectId,
  proposed: Policy | null = null,
): Promise<Ballot> {
  const words = await wordsOf(bench, scope, candidate.seq, proposed);
  const count: Count = { bench, scope, candidate, votes: new Map(), refused: [...words.refused] };
  const isChange = candidate.base !== candidate.next;
  const plain = isChange ? await speakersFor(bench, scope, candidate.next, tree) : [];
  const implicit = plain.filter((speaker) => plainRefusal(count, speaker) === null);
  const costs: Costs = new Map(words.costs);
  addCosts(
    costs,
    implicit.flatMap(({ claim }) => claim ?? []),
  );
  const fences = fence(words.signed);
  for (const word of words.signed) if (!isOver(bench, costs, word.visit)) countWord(count, word, fences);
  const replaced = new Set(words.signed.map(({ anchor }) => anchor.name));
  for (const speaker of plain)
    if (!isOver(bench, costs, speaker.visit)) await countPlain(count, speaker, replaced);
  const { votes, refused } = count;
  const last = bench.history.main.length - 1;
  return {
    votes: [...votes.values()],
    refused,
    overCap: (costs.get(last)?.size ?? 0) > bench.ruleset.signatureChecks,
  };
}

/** V1, the expensive half. */
async function isSigned(count: Count, claim: Claim): Promise<boolean> {
  const verdict = await check(count.bench.checked, claim);
  if (!verdict.ok) refuse(count, claim, { rule: verdict.rule, text: verdict.reason });
  return verdict.ok;
}

function vote({ votes }: Count, claim: Claim, form: Vote['form']): void {
  const name = claim.policy === 'old' ? `old ${claim.anchor.name}` : `new ${claim.key.fingerprint}`;
  if (!votes.has(name)) votes.set(name, toVote(claim, form));
}

function toVote({ policy, anchor, key, visit }: Claim, form: Vote['form']): Vote {
  return { anchor: anchor.name, policy, fingerprint: key.fingerprint, commit: visit.commit.id, form };
}

function refuse({ refused }: Count, { visit, anchor }: Named, { rule, text }: Against): void {
  refused.push({ commit: visit.commit.id, anchor: anchor?.name ?? null, rule, reason: text });
}

type Named = { readonly visit: Visit; readonly anchor: Claim['anchor'] | null };

/** V3: the highest round up to which each anchor has withdrawn, with whatever key. A fence: nothing about order. */
function fence(words: readonly Word[]): ReadonlyMap<string, number> {
  const rounds = new Map<string, number>();
  for (const { anchor, statement } of words) {
    if (statement.kind !== 'withdraw') continue;
    rounds.set(anchor.name, Math.max(statement.round, rounds.get(anchor.name) ?? 0));
  }
  return rounds;
}

function countWord(count: Count, word: Word, fences: ReadonlyMap<string, number>): void {
  const { statement, anchor } = word;
  if (statement.kind === 'withdraw') return;
  const against = wordRefusal(count, word, statement, fences.get(anchor.name) ?? -1);
  if (against === null) vote(count, word, 'explicit');
  else refuse(count, word, against);
}

function wordRefusal(
  { scope, candidate }: Count,
  { visit, anchor }: Word,
  { base, next, group, round }: Approval,
  fenced: number,
): Against | null {
  if (base !== candidate.base || next !== candidate.next)
    return { rule: 'G3', text: 'its statement names another base or next: run `fairlead approve` again' };
  if (group !== null) return { rule: 'G16', text: 'it names a group, which this version does not count' };
  if (!isAfter(visit, scope.epoch.index))
    return { rule: 'V2', text: "it does not descend from the scope's epoch" };
  return round > fenced ? null : { rule: 'V3', text: `${anchor.name} withdrew up to round ${fenced}` };
}

/** G2: one plain signed commit. Own digest, words and views are read before its signature is checked. */
async function countPlain(count: Count, speaker: Speaker, replaced: ReadonlySet<string>): Promise<void> {
  const { visit, claim } = speaker;
  if (claim === null) {
    const rule = visit.commit.refusal === null ? 'V1' : 'G1';
    const text = visit.commit.refusal ?? 'it is signed by a key of no anchor';
    return refuse(count, { visit, anchor: null }, { rule, text });
  }
  const { name } = claim.anchor;
  if (count.votes.has(`old ${name}`)) return;
  const words = replaced.has(name)
    ? { rule: 'I1', text: `the words of ${name} replace their commits` }
    : null;
  const plain = words ?? plainRefusal(count, speaker);
  const against = plain ?? (await viewRefusal(count.bench, count.scope, speaker));
  if (against !== null) refuse(count, claim, against);
  else if (await isSigned(count, claim)) vote(count, claim, 'implicit');
}

/** Why a plain commit is no vote whatever it was made from: what V2, I1 and G3 have against it, or null. */
function plainRefusal({ scope, candidate }: Count, { visit }: Speaker): Against | null {
  if (!isAfter(visit, scope.epoch.index))
    return { rule: 'V2', text: "it does not descend from the scope's epoch" };
  if (statementFor(visit, scope.uid) !== null)
    return { rule: 'I1', text: 'it carries a Fairlead line for this scope' };
  if (candidate.class !== 'update')
    return { rule: 'G3', text: `a ${candidate.class} needs statements: run \`fairlead approve\`` };
  if (scope.policy.statements === 'Required')
    return { rule: 'G3', text: 'this scope requires statements: run `fairlead approve`' };
  return null;
}

/** Withdrawals for the next mutation that came in with the last main-line commit: entries of the lineage. */
export async function newWithdrawals(bench: Bench, scope: ScopeState): Promise<readonly Vote[]> {
  const last = bench.history.main.length - 1;
  const seq = scope.seq + 1;
  const fresh = (bench.history.spoken.get(scope.uid)?.get(seq) ?? []).filter(({ intro }) => intro === last);
  const found: Vote[] = [];
  for (const visit of fresh) {
    if (statementFor(visit, scope.uid)?.kind !== 'withdraw') continue;
    for (const claim of claimsOf(visit, electorate(scope, null)))
      if ((await check(bench.checked, claim)).ok) found.push(toVote(claim, 'explicit'));
  }
  return found;
}
