import { threshold } from './policy.ts';
import { addedKeys } from './reconfigure.ts';
import type { Candidate, MutationClass, Policy, Side, Vote } from './types.ts';

/** Whether the anchors who signed are a quorum, in numbers and names. A value: its refusal explains itself. */
export type Quorum = {
  readonly met: boolean;
  readonly needed: number;
  readonly signed: readonly string[];
  /** Anchors who could still complete it. */
  readonly missing: readonly string[];
  readonly reason: string;
};

/**
 * The quorum of a candidate. The old policy decides (G5); a reconfigure to the policy `next` needs a quorum of that as
 * well, and every added key signs (possession).
 */
export function countVotes(
  policy: Policy,
  next: Policy | null,
  mutation: Candidate['class'],
  votes: readonly Vote[],
): Quorum {
  const voters = (side: Side) =>
    new Set(votes.filter((vote) => vote.policy === side).map(({ anchor }) => anchor));
  const old = countQuorum(policy, mutation === 'mixed' ? 'update' : mutation, voters('old'));
  if (next === null) return old;
  const fresh = countQuorum(next, 'reconfigure', voters('new'));
  const proven = new Set(
    votes.filter(({ policy }) => policy === 'new').map(({ fingerprint }) => fingerprint),
  );
  const unproven = addedKeys(policy, next).filter(({ key }) => !proven.has(key.fingerprint));
  const both =
    old.reason === fresh.reason ? [old.reason] : [`old policy ${old.reason}`, `new policy ${fresh.reason}`];
  const possession = unproven.map(
    ({ anchor, key }) => `possession: the new key ${key.fingerprint} of ${anchor} has not signed`,
  );
  return {
    met: old.met && fresh.met && unproven.length === 0,
    needed: old.needed,
    signed: old.signed,
    missing: [...new Set([...old.missing, ...fresh.missing, ...unproven.map(({ anchor }) => anchor)])],
    reason: [...both, ...possession].join('; '),
  };
}

/** Counts anchors, never commits or keys (G4). Order of `signed` is the policy's. */
export function countQuorum(policy: Policy, mutation: MutationClass, voters: ReadonlySet<string>): Quorum {
  const needed = threshold(policy, mutation);
  const signed = policy.anchors.filter(({ name }) => voters.has(name));
  const others = policy.anchors.filter(({ name }) => !voters.has(name));
  const unmet = policy.require.filter(
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
