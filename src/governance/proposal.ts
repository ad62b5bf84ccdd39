import { must } from '../base/must.ts';
import type { ObjectId, Objects } from '../git/index.ts';
import type { Group } from '../votes/index.ts';
import type { Proposed } from './candidate.ts';
import type { Line } from './line.ts';
import { siteOf } from './locate.ts';
import { type Case, proposedMoves, survey } from './survey.ts';
import type { LineState, ScopeState, VerifiedScope } from './types.ts';

/** What `commit` would propose for a scope if it became the main line: always against the *accepted* state. Enforces G8. */
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
    const { rule, reason } = must(refusal);
    return { kind: 'unreadable', rule, reason };
  }
  if (candidate.class === 'renew') return { kind: 'clean' };
  return { kind: 'candidate', candidate, changes, policy, refusal, group };
}

/**
 * The scopes as they would be if everything at `commit` that any quorum could accept were accepted: what `plan` shows before
 * a merge, and nothing else. `test/style` holds that no other command or edge asks for them.
 */
export async function asIfAccepted(
  line: Line,
  objects: Objects,
  state: LineState,
  commit: ObjectId,
): Promise<readonly VerifiedScope[]> {
  const { tree } = await objects.commit(commit);
  const drafts = new Map(state.scopes);
  for (const { scope, outcome } of await propose(line, objects, state, commit)) {
    if (outcome.kind !== 'candidate' || outcome.refusal !== null) continue;
    const { seq, next } = outcome.candidate;
    const own = await line.owns.own(tree, scope.directory);
    const { directory } = scope;
    const accepted = own.ok ? { digest: own.digest, commit, directory, tree: own.tree } : scope.accepted;
    const policy = outcome.policy ?? scope.policy;
    const status = next === 'gone' ? 'Tombstone' : scope.status;
    drafts.set(scope.uid, { ...scope, seq, accepted, policy, status, epoch: { ...scope.epoch, commit } });
  }
  const depth = ({ path }: ScopeState) => path.split('.').length;
  const sorted = [...drafts].sort(([, left], [, right]) => depth(left) - depth(right));
  return line.scopes({ ...state, scopes: new Map(sorted) });
}
