import { must } from '../base/must.ts';
import type { ObjectId, Objects } from '../git/index.ts';
import type { Policy, ScopeTrees } from '../policy/index.ts';
import type { Rivals } from './competing.ts';
import { type History, isAfter, openHistory, type Saying, statementFor, type Visit } from './history.ts';
import { addCosts, type Checked, type Claim, type Costs, check, claimsOf, electorate } from './signer.ts';
import { type Signed, type Speaker, type Speakers, speakersFor, viewRefusal } from './speakers.ts';
import { type Approval, groupsOf, type Member } from './statement.ts';
import type { Candidate, Refused, Vote, VotingScope } from './types.ts';
import { isOver, type Question, type Word, type Words, wordsOf } from './words.ts';

/** Everything that a verdict about one scope at one main-line commit is made from. */
export type Bench = {
  readonly history: History;
  readonly owns: ScopeTrees;
  readonly signed: Signed;
  /** By uid: a memo. */
  readonly speakers: Map<string, Speakers>;
  /** By uid: a memo. */
  readonly words: Map<string, Words>;
  /** By uid: a memo. */
  readonly rivals: Map<string, Rivals>;
  readonly checked: Checked;
};

/** Of the line that begins at the pinned genesis; its history is extended one main-line commit at a time. */
export async function openBench(
  objects: Objects,
  owns: ScopeTrees,
  genesis: ObjectId,
  checked: Checked = new Map(),
): Promise<Bench> {
  const history = await openHistory(objects, genesis, owns.ruleset);
  const signed = { byPlace: new Map(), approvals: [], moved: [] };
  return { history, owns, signed, speakers: new Map(), words: new Map(), rivals: new Map(), checked };
}

export type Ballot = {
  readonly votes: readonly Vote[];
  /** The groups that these votes name, with all their members. Whether one holds is not asked here. */
  readonly groups: ReadonlyMap<string, readonly Member[]>;
  readonly refused: readonly Refused[];
  /** G17: more signature checks than one main-line commit may cause. */
  readonly overCap: boolean;
};

type Against = { readonly rule: string; readonly text: string };

/** The counting of one candidate: its votes so far, and the commits that look like approvals and are none. */
type Count = Question & {
  readonly bench: Bench;
  readonly votes: Map<string, Vote>;
  readonly groups: Map<string, readonly Member[]>;
  readonly refused: Refused[];
};

/**
 * The votes for a candidate at the history's last main-line commit: V1–V3, explicit (G3) and implicit (G2, I1–I4).
 * One for each anchor and group (of a `proposed` policy: each key and group): the first in line order, but neither order
 * nor dates ever decide whether there is one. `tree` is the candidate's.
 */
export async function collectVotes(
  bench: Bench,
  scope: VotingScope,
  candidate: Candidate,
  tree: ObjectId,
  proposed: Policy | null = null,
): Promise<Ballot> {
  const { uid, policy: inForce, epoch } = scope;
  const isChange = candidate.base !== candidate.next;
  const plain = isChange ? await speakersFor(bench, scope, candidate.next, tree) : [];
  const question = { uid, candidate, inForce, proposed, epochIndex: epoch.index };
  return countAll(bench, question, scope, plain);
}

/** The votes for a child's first mutation, by statements alone: its own keys decide, its parent's epoch counts (V2). */
export function collectFirstVotes(bench: Bench, question: Question): Promise<Ballot> {
  return countAll(bench, question, null, []);
}

async function countAll(
  bench: Bench,
  question: Question,
  scope: VotingScope | null,
  plain: readonly Speaker[],
): Promise<Ballot> {
  const words = await wordsOf(bench, question);
  const [votes, groups] = [new Map<string, Vote>(), new Map<string, readonly Member[]>()];
  const count: Count = { ...question, bench, votes, groups, refused: [...words.refused] };
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
    if (scope !== null && !isOver(bench, costs, speaker.visit))
      await countPlain(count, scope, speaker, replaced);
  const last = bench.history.main.length - 1;
  const overCap = (costs.get(last)?.size ?? 0) > bench.owns.ruleset.signatureChecks;
  return { votes: [...votes.values()], groups, refused: count.refused, overCap };
}

function vote({ votes }: Count, claim: Claim, form: Vote['form'], group: string | null): void {
  const { policy, anchor, key } = claim;
  const name = `${policy} ${policy === 'new' ? key.fingerprint : anchor.name} ${group}`;
  if (!votes.has(name)) votes.set(name, toVote(claim, form, group));
}

export function toVote(claim: Claim, form: Vote['form'], group: string | null): Vote {
  const { policy, anchor, key, visit } = claim;
  return { anchor: anchor.name, policy, fingerprint: key.fingerprint, commit: visit.commit.id, form, group };
}

export function formOf({ token }: Saying): Vote['form'] {
  return token === null ? 'explicit' : 'detached';
}

function refuse({ refused }: Count, { visit, anchor }: Named, { rule, text }: Against): void {
  refused.push({ commit: visit.commit.id, anchor: anchor?.name ?? null, rule, reason: text });
}

type Named = { readonly visit: Visit; readonly anchor: Claim['anchor'] | null };

/** Enforces V3: the highest round up to which each person has withdrawn, with whatever key. A fence: nothing about order. */
function fence(words: readonly Word[]): ReadonlyMap<string, number> {
  const rounds = new Map<string, number>();
  for (const { person, saying } of words) {
    const { statement } = saying;
    if (statement.kind !== 'withdraw') continue;
    rounds.set(person, Math.max(statement.round, rounds.get(person) ?? 0));
  }
  return rounds;
}

function countWord(count: Count, word: Word, fences: ReadonlyMap<string, number>): void {
  const { person, saying } = word;
  const { statement } = saying;
  if (statement.kind === 'withdraw') return;
  const against = wordRefusal(count, word, statement, fences.get(person) ?? -1);
  const { group } = statement;
  if (against === null) vote(count, word, formOf(saying), group);
  else refuse(count, word, against);
  if (against === null && group !== null)
    count.groups.set(group, must(groupsOf(saying.statements).get(group)));
}

const beforeEpoch: Against = { rule: 'V2', text: 'another mutation was accepted first: sign again' };

/** Enforces G3: words count for exactly what they say. */
function wordRefusal(
  { epochIndex, candidate }: Count,
  { visit, token, anchor }: Word,
  { base, next, round }: Approval,
  fenced: number,
): Against | null {
  if (base !== candidate.base || next !== candidate.next)
    return { rule: 'G3', text: 'its statement names another base or next: run `fairlead approve` again' };
  // A token may stand anywhere: its seq and base bind it.
  if (token === null && !isAfter(visit, epochIndex)) return beforeEpoch;
  return round > fenced ? null : { rule: 'V3', text: `${anchor.name} withdrew up to round ${fenced}` };
}

/** Enforces G2: one plain signed commit. Own digest and words are read before its signature is checked, views after it. */
async function countPlain(
  count: Count,
  scope: VotingScope,
  speaker: Speaker,
  replaced: ReadonlySet<string>,
): Promise<void> {
  const { visit, claim } = speaker;
  if (claim === null) {
    const rule = visit.commit.refusal === null ? 'V1' : 'G1';
    const text = visit.commit.refusal ?? 'it is signed by a key of no anchor';
    return refuse(count, { visit, anchor: null }, { rule, text });
  }
  const { name } = claim.anchor;
  if (count.votes.has(`old ${name} null`)) return;
  // Enforces I1, of commits with words of their own `plainRefusal` does: whoever speaks is not guessed at.
  const words = replaced.has(name)
    ? { rule: 'I1', text: `the words of ${name} replace their commits` }
    : null;
  const against =
    words ??
    plainRefusal(count, speaker) ??
    (await signatureRefusal(count, claim)) ??
    (await viewRefusal(count.bench, scope, speaker));
  if (against === null) vote(count, claim, 'implicit', null);
  else refuse(count, claim, against);
}

/** V1, the expensive half; still cheaper than a view of ten thousand commits, which nobody shall have for a forgery. */
async function signatureRefusal({ bench }: Count, claim: Claim): Promise<Against | null> {
  const verdict = await check(bench, claim);
  return verdict.ok ? null : { rule: verdict.rule, text: verdict.reason };
}

/** Why a plain commit is no vote whatever it was made from: what V2, I1 and G3 have against it, or null. */
function plainRefusal({ uid, inForce, epochIndex, candidate }: Count, { visit }: Speaker): Against | null {
  if (!isAfter(visit, epochIndex)) return beforeEpoch;
  if (statementFor(visit.statements, uid) !== null)
    return { rule: 'I1', text: 'it carries a Fairlead line for this scope' };
  if (candidate.class !== 'update')
    return { rule: 'G3', text: `a ${candidate.class} needs statements: run \`fairlead approve\`` };
  if (inForce?.statements === 'Required')
    return { rule: 'G3', text: 'this scope requires statements: run `fairlead approve`' };
  return null;
}

/**
 * Withdrawals for the next mutation that came in with the last main-line commit: entries of the lineage. A token that
 * stood in an older message says nothing new.
 */
export async function newWithdrawals(
  bench: Bench,
  { uid, seq, policy }: VotingScope,
): Promise<readonly Vote[]> {
  const last = bench.history.main.length - 1;
  const spoken = bench.history.spoken.get(uid)?.get(seq + 1) ?? [];
  const known = new Set(spoken.flatMap(({ visit, token }) => (visit.intro < last ? (token?.id ?? []) : [])));
  const found: Vote[] = [];
  for (const saying of spoken.filter(
    ({ visit, token }) => visit.intro === last && !known.has(token?.id ?? ''),
  )) {
    if (saying.statement.kind !== 'withdraw') continue;
    // A recovery set has nothing to say but to a reconfigure; its withdrawals are entries all the same.
    const electors = electorate(policy, policy).filter((each) => each.policy !== 'new');
    for (const claim of claimsOf(saying.visit, electors, saying.token))
      if ((await check(bench, claim)).ok) found.push(toVote(claim, formOf(saying), null));
  }
  return found;
}
