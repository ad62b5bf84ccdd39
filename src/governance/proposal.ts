import type { ObjectId, Objects } from '../git/index.ts';
import { type Proposed, toCandidate } from './candidate.ts';
import type { Line } from './line.ts';
import type { LineState, ScopeState } from './types.ts';

/** What `commit` would propose for a scope if it became the main line: always against the *accepted* state (G8). */
export type Proposal = {
  readonly scope: ScopeState;
  readonly outcome:
    | { readonly kind: 'clean' }
    | { readonly kind: 'unreadable'; readonly rule: string; readonly reason: string }
    | ({ readonly kind: 'candidate' } & Proposed);
};

/** The candidates of every scope at `commit`, for `plan`, `approve` and `explain`. */
export async function propose(
  line: Line,
  objects: Objects,
  state: LineState,
  commit: ObjectId,
): Promise<readonly Proposal[]> {
  const { tree } = await objects.commit(commit);
  const proposals: Proposal[] = [];
  for (const scope of state.scopes.values()) {
    proposals.push({ scope, outcome: await outcomeOf(line, state.scopes, scope, tree) });
  }
  return proposals;
}

async function outcomeOf(
  line: Line,
  scopes: LineState['scopes'],
  scope: ScopeState,
  tree: ObjectId,
): Promise<Proposal['outcome']> {
  const own = await line.owns.own(tree, scope.accepted.directory);
  if (!own.ok) return { kind: 'unreadable', rule: own.rule, reason: own.reason };
  if (own.digest === scope.accepted.digest) return { kind: 'clean' };
  return { kind: 'candidate', ...(await toCandidate(line.owns, scopes, scope, own)) };
}
