import type { ObjectId } from '../git/index.ts';
import type { ScopeState } from '../governance/index.ts';
import type { Vote } from '../votes/index.ts';
import { liveApprovals, overtaken, type Said, saidAbout, withdrawnUpTo } from './approval/said.ts';
import type { Clone } from './clone.ts';

/** A vote for what is not accepted, which counts as soon as that stands on the main line again. */
export type OpenVote = {
  readonly anchor: string;
  readonly commit: ObjectId;
  readonly form: Vote['form'];
  readonly next: string;
};

/** Words that count for nothing any more: another mutation has their seq. */
export type Overtaken = {
  readonly anchor: string;
  readonly commit: ObjectId;
  readonly seq: number;
  /** Where that other one was accepted. */
  readonly by: ObjectId;
};

/** The votes of a scope that are live, and those of its anchors that came too late; both as far as `tip` knows. */
export async function openVotes(
  clone: Clone,
  scope: ScopeState,
  tip: ObjectId,
): Promise<{ readonly live: readonly OpenVote[]; readonly late: readonly Overtaken[] }> {
  const said = await saidAbout(clone, scope, scope.policy.anchors, [tip]);
  const words = liveApprovals(said, scope.seq + 1)
    .filter(({ statement: { base } }) => base === scope.accepted.digest)
    .map(({ anchor, commit, form, statement: { next } }): OpenVote => ({ anchor, commit, form, next }));
  const live = new Map(
    [...countedVotes(scope, said), ...words].map((vote) => [`${vote.anchor} ${vote.next}`, vote]),
  );
  return { live: [...live.values()], late: overtaken(said, scope).flatMap((each) => lateOf(scope, each)) };
}

/** Votes that were counted for what has landed since the epoch, whether it still stands there or not. */
function countedVotes({ lineage, seq }: ScopeState, said: readonly Said[]): readonly OpenVote[] {
  const since = lineage.findLastIndex(({ event }) => event === 'accepted' || event === 'genesis') + 1;
  return lineage.slice(since).flatMap(({ votes, next }) =>
    votes.flatMap(({ anchor, commit, form, policy }) => {
      if (next === null || policy !== 'old' || withdrawnUpTo(said, anchor, seq + 1) >= 0) return [];
      return [{ anchor, commit, form, next }];
    }),
  );
}

function lateOf({ lineage }: ScopeState, { anchor, commit, statement: { seq } }: Said): readonly Overtaken[] {
  const taken = lineage.find((entry) => entry.event === 'accepted' && entry.seq === seq);
  return taken === undefined ? [] : [{ anchor, commit, seq, by: taken.commit }];
}
