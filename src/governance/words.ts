import { statementFor, type Visit } from './history.ts';
import { addCosts, type Claim, type Costs, check, claimsOf, electorate } from './signer.ts';
import type { Approval, Withdrawal } from './statement.ts';
import type { Policy, Refused, ScopeState } from './types.ts';
import type { Bench } from './votes.ts';

/** A statement that an anchor signed (V1). */
export type Word = Claim & { readonly statement: Approval | Withdrawal };

/** What anchors have said in words about one mutation of a scope. Grows with the history: each commit is heard once. */
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

/** All words about mutation `seq`, anywhere ≤ mi. What is over a cap never votes; a withdrawal is no vote: it counts. */
export async function wordsOf(
  bench: Bench,
  scope: ScopeState,
  seq: number,
  proposed: Policy | null,
): Promise<Words> {
  const visits = bench.history.spoken.get(scope.uid)?.get(seq) ?? [];
  const about = `${seq} ${scope.policy.digest} ${proposed?.digest ?? ''}`;
  const known = bench.words.get(scope.uid);
  const begun = { about, signed: [], refused: [], costs: new Map(), heard: 0 };
  const words: Words = known?.about === about ? known : begun;
  bench.words.set(scope.uid, words);
  const electors = electorate(scope, proposed);
  const fresh = visits.slice(words.heard).flatMap((visit) => {
    const statement = statementFor(visit, scope.uid);
    if (statement === null || statement.kind === 'void') return [];
    return claimsOf(visit, electors).map((claim) => ({ ...claim, statement }));
  });
  words.heard = visits.length;
  addCosts(
    words.costs,
    fresh.filter(({ statement }) => statement.kind === 'approve'),
  );
  for (const word of fresh) {
    if (word.statement.kind === 'approve' && isOver(bench, words.costs, word.visit)) continue;
    const verdict = await check(bench.checked, word);
    if (verdict.ok) words.signed.push(word);
    else if (words.refused.length < NOTED)
      words.refused.push({
        commit: word.visit.commit.id,
        anchor: word.anchor.name,
        rule: verdict.rule,
        reason: verdict.reason,
      });
  }
  return words;
}

/** G17: whether the main-line commit that brought a commit in brought too much with it. */
export function isOver({ history, ruleset }: Bench, costs: Costs, { intro }: Visit): boolean {
  return history.mute.has(intro) || (costs.get(intro)?.size ?? 0) > ruleset.signatureChecks;
}
