import { type VerifiedScope, withAuthorityOf } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';

export type Loaded = {
  readonly resources: readonly ScopeResources[];
  /** By uid: why a scope's accepted manifests could not be loaded at all. Its last good resources stand in. */
  readonly failed: ReadonlyMap<string, string>;
};

/**
 * Loads scopes one by one, so that one that cannot be loaded leaves the others alone. A scope whose own digest
 * and place are the same is not read again: cost follows the size of the change.
 */
export function createLoader(
  read: (scope: VerifiedScope) => ScopeResources,
): (scopes: readonly VerifiedScope[]) => Loaded {
  let good = new Map<string, ScopeResources>();
  return (scopes) => {
    const failed = new Map<string, string>();
    const next = new Map<string, ScopeResources>();
    for (const scope of scopes) {
      const before = good.get(scope.uid);
      const loaded = loadOne(read, scope, before);
      if ('resources' in loaded) next.set(scope.uid, loaded);
      else {
        failed.set(scope.uid, loaded.reason);
        if (before !== undefined) next.set(scope.uid, withOwns(before, scope));
      }
    }
    good = next;
    return { resources: [...next.values()], failed };
  };
}

function loadOne(
  read: (scope: VerifiedScope) => ScopeResources,
  scope: VerifiedScope,
  before: ScopeResources | undefined,
): ScopeResources | { readonly reason: string } {
  if (before?.scope === scope) return before;
  if (before !== undefined && isSame(before.scope, scope)) return { ...before, scope };
  try {
    return read(scope);
  } catch (error) {
    return { reason: String(error) };
  }
}

function isSame(left: VerifiedScope, right: VerifiedScope): boolean {
  return left.digest === right.digest && left.path === right.path && left.directory === right.directory;
}

/** Old bytes never keep authority that the scope no longer has: another scope may own it by now. */
export function withOwns(good: ScopeResources, now: VerifiedScope): ScopeResources {
  return { ...good, scope: withAuthorityOf(good.scope, now) };
}
