import type { ObjectId, Objects } from '../git/index.ts';
import type { Proposed } from './candidate.ts';
import type { Line } from './line.ts';
import { siteOf } from './locate.ts';
import { type Case, proposedMoves, survey } from './survey.ts';
import type { Group, LineState, ScopeState } from './types.ts';

/** What `commit` would propose for a scope if it became the main line: always against the *accepted* state (G8). */
export type Proposal = {
  /** At the place that it would have; of seq 0 where it would be created. */
  readonly scope: ScopeState;
  readonly outcome:
    | { readonly kind: 'clean' }
    | { readonly kind: 'unreadable'; readonly rule: string; readonly reason: string }
    | ({
        readonly kind: 'candidate';
        /** The structural group of more than one scope that every vote for it has to name; else null. */
        readonly group: Group | null;
      } & Proposed);
};

/** The candidates of every scope at `commit`, for `plan`, `approve` and `explain`; moves as if they were accepted. */
export async function propose(
  line: Line,
  objects: Objects,
  state: LineState,
  commit: ObjectId,
): Promise<readonly Proposal[]> {
  const { tree } = await objects.commit(commit);
  const uids = [...state.scopes.keys()].reverse();
  const moves = await proposedMoves(siteOf(line.owns, state, tree, new Map()), uids);
  const cases = await survey(siteOf(line.owns, state, tree, moves), uids);
  return [...cases.values()].map((each) => ({ scope: each.scope, outcome: outcomeOf(each) }));
}

function outcomeOf({ alone, within, group, changes, policy, refusal }: Case): Proposal['outcome'] {
  const candidate = within ?? alone;
  if (candidate === null) {
    const { rule, reason } = refusal ?? { rule: 'G18', reason: 'it has no candidate' };
    return { kind: 'unreadable', rule, reason };
  }
  if (candidate.class === 'renew') return { kind: 'clean' };
  return { kind: 'candidate', candidate, changes, policy, refusal, group };
}
