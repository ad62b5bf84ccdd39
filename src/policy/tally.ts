import { threshold } from './policy.ts';
import type { Anchor, MutationClass, Policy } from './types.ts';

/** Whether the anchors who signed are enough for a policy, in numbers and names. A value: its refusal explains itself. */
export type Tally = {
  readonly met: boolean;
  readonly needed: number;
  readonly signed: readonly string[];
  /** Anchors who could still complete it. */
  readonly missing: readonly string[];
  readonly reason: string;
};

export const NOBODY: Tally = { met: false, needed: 0, signed: [], missing: [], reason: 'nobody can vote' };

/** Recover: the recovery set's own number, and nothing of the old quorum with it. */
export function countRecovery(policy: Policy | null, voters: ReadonlySet<string>): Tally | null {
  const recovery = policy?.recovery ?? null;
  return recovery && count(recovery.anchors, recovery.threshold, [], voters);
}

/** Whether a class has its quorum, by the anchors of a policy. */
export function countQuorum(policy: Policy, mutation: MutationClass, voters: ReadonlySet<string>): Tally {
  return count(policy.anchors, threshold(policy, mutation), policy.require, voters);
}

/** Enforces G4: counts anchors, never commits or keys. Order of `signed` is the policy's. */
function count(
  anchors: readonly Anchor[],
  needed: number,
  require: Policy['require'],
  voters: ReadonlySet<string>,
): Tally {
  const signed = anchors.filter(({ name }) => voters.has(name));
  const others = anchors.filter(({ name }) => !voters.has(name));
  const unmet = require.filter(
    ({ type, atLeast }) => signed.filter((anchor) => anchor.type === type).length < atLeast,
  );
  const short = Math.max(0, needed - signed.length);
  const met = short === 0 && unmet.length === 0;
  const useful = short > 0 ? others : others.filter(({ type }) => unmet.some((rule) => rule.type === type));
  const names = signed.map(({ name }) => name);
  const missing = met ? [] : useful.map(({ name }) => name);
  const numbers = `${names.length} of ${needed}: ${names.length === 0 ? 'nobody' : names.join(', ')} signed`;
  const want = short === 0 ? '' : `; ${wanted(short, missing)} missing`;
  const said = unmet.filter(({ type }) => short === 0 || others.some((anchor) => anchor.type !== type));
  const rules = said.map(({ type, atLeast }) => `; at least ${atLeast} of type ${type} must sign`).join('');
  return { met, needed, signed: names, missing, reason: numbers + want + rules };
}

/** `bo or cy`, `alice`, `2 of alice, bo, cy`, `alice and bo`. */
function wanted(short: number, names: readonly string[]): string {
  if (short === names.length) return names.join(' and ');
  return short === 1 ? names.join(' or ') : `${short} of ${names.join(', ')}`;
}
