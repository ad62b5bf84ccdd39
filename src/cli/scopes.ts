import { Failure } from '../base/failure.ts';
import type { LineState, ScopeState } from '../governance/index.ts';

/** A scope by dotted path, by the last segment of one where that is unambiguous, or by uid. */
export function findScope(state: LineState, wanted: string): ScopeState {
  const scope = findScopeIfAny(state, wanted);
  if (scope !== null) return scope;
  const known = [...state.scopes.values()].map(({ path }) => path).join(', ');
  throw new Failure('scope-unknown', `there is no scope ${wanted}`, `name one of: ${known}`);
}

export function findScopeIfAny(state: LineState, wanted: string): ScopeState | null {
  const scopes = [...state.scopes.values()];
  const exact = scopes.find(({ path, uid }) => path === wanted || uid === wanted);
  if (exact !== undefined) return exact;
  const named = scopes.filter(({ path }) => path.split('.').at(-1) === wanted);
  return named.length === 1 ? (named[0] ?? null) : null;
}
