import type { Candidate } from './candidate.ts';
import { type Policy, threshold } from './policy.ts';
import type { Vote } from './state.ts';

/** Whether these votes are enough. What `recover` makes of a reconfigure is a quorum too. */
export function isQuorum(candidate: Candidate, votes: readonly Vote[]): boolean {
  const { scope, policy } = candidate;
  const side = (which: Vote['side']) => votes.filter((vote) => vote.side === which);
  const oldMet = scope === null || isMet(scope.policy, candidate.classes, side('old'));
  const recovered = scope !== null && policy !== null && isRecovered(scope.policy, side('recovery'));
  if (policy === null) return oldMet;
  const freshClasses = scope === null ? candidate.classes : ['reconfigure'];
  return (
    (oldMet || recovered) &&
    isMet(policy, freshClasses, side('new')) &&
    addedKeys(scope?.policy ?? null, policy).every((key) => side('new').some((vote) => vote.key === key))
  );
}

function isMet(policy: Policy, classes: readonly string[], votes: readonly Vote[]): boolean {
  const names = new Set(votes.map(({ anchor }) => anchor));
  const signed = policy.anchors.filter(({ name }) => names.has(name));
  const meets = ({ type, atLeast }: Policy['require'][number]) =>
    signed.filter((anchor) => anchor.type === type).length >= atLeast;
  const needed = Math.max(...classes.map((each) => threshold(policy, each)));
  return signed.length >= needed && policy.require.every(meets);
}

function isRecovered({ recovery }: Policy, votes: readonly Vote[]): boolean {
  return recovery !== null && new Set(votes.map(({ anchor }) => anchor)).size >= recovery.threshold;
}

/** Possession: every key that the old policy does not have signs. */
function addedKeys(old: Policy | null, policy: Policy): readonly string[] {
  const keys = ({ anchors, recovery }: Policy) =>
    [...anchors, ...(recovery?.anchors ?? [])].flatMap((anchor) => anchor.keys);
  const known = old === null ? [] : keys(old);
  return keys(policy).filter((key) => !known.includes(key));
}
