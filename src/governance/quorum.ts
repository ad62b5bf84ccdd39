import { countQuorum, countRecovery, NOBODY, type Policy, type Tally } from '../policy/index.ts';
import type { Candidate, Side, Vote } from '../votes/index.ts';
import { addedKeys } from './reconfigure.ts';

/** Whether the anchors who signed are a quorum, in numbers and names. A value: its refusal explains itself. */
export type Quorum = Tally & {
  /** Whether it was the recovery set that put its statements in the place of the old quorum's. */
  readonly recovered: boolean;
};

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
