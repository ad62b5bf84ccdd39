import { type Anchor, type MutationClass, type Policy, threshold } from '../policy/index.ts';
import type { Candidate, Side, Vote } from '../votes/index.ts';
import { addedKeys } from './reconfigure.ts';

/** Whether the anchors who signed are a quorum, in numbers and names. A value: its refusal explains itself. */
export type Quorum = {
  readonly met: boolean;
  /** Whether it was the recovery set that put its statements in the place of the old quorum's. */
  readonly recovered: boolean;
  readonly needed: number;
  readonly signed: readonly string[];
  /** Anchors who could still complete it. */
  readonly missing: readonly string[];
  readonly reason: string;
};

type Tally = Omit<Quorum, 'recovered'>;

/**
 * The quorum of a candidate. Enforces G5: the old policy decides, or for a reconfigure its recovery set in its place (Recover); a
 * reconfigure to the policy `next` needs a quorum of that as well, and every added key signs (possession). A first
 * mutation has no old policy.
 */
export function countVotes(
  policy: Policy | null,
  next: Policy | null,
  mutation: Candidate['class'],
  votes: readonly Vote[],
): Quorum {
  const voters = (side: Side) =>
    new Set(votes.filter((vote) => vote.policy === side).map(({ anchor }) => anchor));
  const old = policy && countQuorum(policy, mutation === 'mixed' ? 'update' : mutation, voters('old'));
  if (next === null) return { ...(old ?? NOBODY), recovered: false };
  const fresh = countQuorum(next, 'reconfigure', voters('new'));
  const recovery = old?.met === false ? countRecovery(policy, voters('recovery')) : null;
  const proven = new Set(
    votes.filter(({ policy }) => policy === 'new').map(({ fingerprint }) => fingerprint),
  );
  const unproven = addedKeys(policy, next).filter(({ key }) => !proven.has(key.fingerprint));
  const parts = old === null ? [fresh] : [old, fresh];
  const first = old ?? fresh;
  const said =
    old === null || old.reason === fresh.reason
      ? [fresh.reason]
      : [`old policy ${old.reason}`, `new policy ${fresh.reason}`];
  const instead = recovery === null ? [] : [`in place of the old policy its recovery set ${recovery.reason}`];
  const possession = unproven.map(
    ({ anchor, key }) => `possession: the new key ${key.fingerprint} of ${anchor} has not signed`,
  );
  const recovered = recovery?.met === true;
  const missing = [...(recovered ? [fresh] : parts).flatMap((each) => each.missing)];
  return {
    met: (old === null || old.met || recovered) && fresh.met && unproven.length === 0,
    recovered,
    needed: first.needed,
    signed: first.signed,
    missing: [...new Set([...missing, ...unproven.map(({ anchor }) => anchor)])],
    reason: [...said, ...instead, ...possession].join('; '),
  };
}

const NOBODY: Tally = { met: false, needed: 0, signed: [], missing: [], reason: 'nobody can vote' };

/** Recover: the recovery set's own number, and nothing of the old quorum with it. */
function countRecovery(policy: Policy | null, voters: ReadonlySet<string>): Tally | null {
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
