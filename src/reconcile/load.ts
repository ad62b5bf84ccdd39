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
export function createLoader(read: Read): (scopes: readonly VerifiedScope[]) => Loaded {
  /** Of each scope, in the order in which they came; null: it never could be loaded. */
  let good: readonly Good[] = [];
  return (scopes) => {
    const failed = new Map<string, string>();
    const find = finderOf(good);
    good = scopes.map((scope, index) => {
      const last = good[index];
      if (last?.scope === scope && last.loaded?.scope === scope) return last;
      const before = (last?.scope.uid === scope.uid ? last : find(scope.uid))?.loaded ?? null;
      const loaded = loadOne(read, scope, before);
      if ('resources' in loaded) return { scope, loaded };
      failed.set(scope.uid, loaded.reason);
      return { scope, loaded: before && withOwns(before, scope) };
    });
    return { resources: good.flatMap(({ loaded }) => loaded ?? []), failed };
  };
}

export type Read = (scope: VerifiedScope, before: ScopeResources | null) => ScopeResources;

type Good = { readonly scope: VerifiedScope; readonly loaded: ScopeResources | null };

/** By uid; for scopes that do not stand where they stood. */
function finderOf(good: readonly Good[]): (uid: string) => Good | undefined {
  let byUid: ReadonlyMap<string, Good> | null = null;
  return (uid) => {
    byUid ??= new Map(good.map((each) => [each.scope.uid, each]));
    return byUid.get(uid);
  };
}

function loadOne(
  read: Read,
  scope: VerifiedScope,
  before: ScopeResources | null,
): ScopeResources | { readonly reason: string } {
  if (before?.scope === scope) return before;
  if (before !== null && isSame(before.scope, scope)) return { ...before, scope };
  try {
    return read(scope, before);
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
