import { Failure } from '../base/failure.ts';
import type { LineState, ScopeState } from '../governance/index.ts';
import { Refusal } from './refusal.ts';

/** A scope by dotted path, by the last segment of one where that is unambiguous, or by uid. */
export function findScope(state: LineState, wanted: string): ScopeState {
  const scope = findScopeIfAny(state, wanted);
  if (scope !== null) return scope;
  const known = [...state.scopes.values()].map(({ path }) => path).join(', ');
  throw new Failure('scope-unknown', `there is no scope ${wanted}`, `name one of: ${known}`);
}

/** A scope that can still be changed: one that is gone is refused, since its uid never is again (G19). */
export function findLiving(state: LineState, wanted: string): ScopeState {
  const scope = findScope(state, wanted);
  if (scope.status !== 'Tombstone') return scope;
  throw new Refusal('G19', `${scope.path} is gone: fairlead resolve ${scope.path} says what became of it`);
}

export function findScopeIfAny(state: LineState, wanted: string): ScopeState | null {
  // A name may be used again (G19): who lives goes before who did.
  const scopes = [...state.scopes.values()].sort((left, right) => deadness(left) - deadness(right));
  const exact = scopes.find(({ path, uid }) => path === wanted || uid === wanted);
  if (exact !== undefined) return exact;
  const named = scopes.filter(({ path }) => path.split('.').at(-1) === wanted);
  const living = named.filter(({ status }) => status !== 'Tombstone');
  const [only, ...others] = living.length > 0 ? living : named;
  return others.length === 0 ? (only ?? null) : null;
}

function deadness({ status }: ScopeState): number {
  return status === 'Tombstone' ? 1 : 0;
}
