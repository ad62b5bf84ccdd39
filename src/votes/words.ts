import type { Policy } from '../policy/index.ts';
import type { Said, Visit } from './history.ts';
import { addCosts, type Claim, type Costs, check, claimsOf, electorate } from './signer.ts';
import type { Candidate, Refused } from './types.ts';
import type { Bench } from './votes.ts';

/** What votes are asked for: one mutation, whose keys count (V1), and since when (V2). */
export type Question = {
  readonly uid: string;
  readonly candidate: Candidate;
  /** Null for a first mutation. */
  readonly inForce: Policy | null;
  /** What a reconfigure, or a first mutation, puts in force; else null. */
  readonly proposed: Policy | null;
  /** Of the epoch; for a first mutation the parent's. */
  readonly epochIndex: number;
};

/** A statement that an anchor signed (V1). */
export type Word = Claim & { readonly saying: Said };

/** What anchors have said in words about one mutation of a scope. Grows with the history: each saying is heard once. */
export type Words = {
  /** The mutation, and whose keys count. */
  readonly about: string;
  readonly signed: Word[];
  readonly refused: Refused[];
  readonly costs: Costs;
  heard: number;
};

/** Refusals are shown to people: of a flood, the first ones. */
export const NOTED = 100;

/** All words about a mutation, anywhere ≤ mi. What is over a cap never votes; a withdrawal is no vote: it counts. */
export async function wordsOf(bench: Bench, question: Question): Promise<Words> {
  const { uid, candidate, inForce, proposed } = question;
  const sayings = bench.history.spoken.get(uid)?.get(candidate.seq) ?? [];
  const about = `${candidate.seq} ${inForce?.digest ?? ''} ${proposed?.digest ?? ''}`;
  const known = bench.words.get(uid);
  const begun = { about, signed: [], refused: [], costs: new Map(), heard: 0 };
  const words: Words = known?.about === about ? known : begun;
  bench.words.set(uid, words);
  const electors = electorate(inForce, proposed);
  const fresh = sayings.slice(words.heard).flatMap((saying) => {
    const { id, refusal } = saying.visit.commit;
    if (refusal !== null && saying.token === null)
      note(words, { commit: id, anchor: null, rule: 'G1', reason: refusal });
    return claimsOf(saying.visit, electors, saying.token).map((claim) => ({ ...claim, saying }));
  });
  words.heard = sayings.length;
  addCosts(
    words.costs,
    fresh.filter(({ saying }) => saying.statement.kind === 'approve'),
  );
  for (const word of fresh) {
    if (word.saying.statement.kind === 'approve' && isOver(bench, words.costs, word.visit)) continue;
    const verdict = await check(bench, word);
    if (verdict.ok) words.signed.push(word);
    else {
      const { rule, reason } = verdict;
      note(words, { commit: word.visit.commit.id, anchor: word.anchor.name, rule, reason });
    }
  }
  return words;
}

function note({ refused }: Words, refusal: Refused): void {
  if (refused.length < NOTED) refused.push(refusal);
}

/** G17: whether the main-line commit that brought a commit in brought too much with it. */
export function isOver({ history, owns }: Bench, costs: Costs, { intro }: Visit): boolean {
  return history.mute.has(intro) || (costs.get(intro)?.size ?? 0) > owns.ruleset.signatureChecks;
}
