import { indexesApart } from '../base/lists.ts';
import type { Problem } from '../base/problem.ts';
import { type VerifiedScope, withAuthorityOf } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';

export type Loaded = {
  readonly resources: readonly ScopeResources[];
  /** Of all of them. */
  readonly problems: readonly Problem[];
  /** By uid: why a scope's accepted manifests could not be loaded at all. Its last good resources stand in. */
  readonly failed: ReadonlyMap<string, string>;
};

/**
 * Loads scopes one by one, so that one that cannot be loaded leaves the others alone. A scope whose own digest
 * and place are the same is not read again: cost follows the size of the change.
 */
export function createLoader(read: Read): (scopes: readonly VerifiedScope[]) => Loaded {
  let last: Last = { scopes: [], loaded: [], troubled: [] };
  return (scopes) => {
    const failed = new Map<string, string>();
    const done: (VerifiedScope | null)[] = scopes.slice();
    const good = last.loaded.slice(0, scopes.length);
    const find = finderOf(last.loaded);
    const apart = indexesApart(scopes, last.scopes);
    for (const at of apart) {
      const scope = scopes[at];
      if (scope === undefined) continue;
      const before = find(scope.uid, at);
      const loaded = loadOne(read, scope, before);
      if ('resources' in loaded) good[at] = loaded;
      else {
        failed.set(scope.uid, loaded.reason);
        good[at] = before && standIn(read, before, scope);
        done[at] = null;
      }
    }
    const has = (at: number) => (good[at]?.problems.length ?? 0) > 0;
    const others = last.troubled.filter((at) => !apart.includes(at));
    const troubled = [...others, ...apart].filter(has).sort((left, right) => left - right);
    last = { scopes: done, loaded: good, troubled };
    const problems = troubled.flatMap((at) => good[at]?.problems ?? []);
    return { resources: good.every(isGood) ? good : good.filter(isGood), problems, failed };
  };
}

export type Read = (scope: VerifiedScope, before: ScopeResources | null) => ScopeResources;

/** What was loaded of each scope; `scopes` has the scope itself where it was loaded in full. */
type Last = {
  readonly scopes: readonly (VerifiedScope | null)[];
  readonly loaded: readonly Good[];
  /** Indexes of those with problems, in order. */
  readonly troubled: readonly number[];
};

/** Null: it never could be loaded. */
type Good = ScopeResources | null;

function isGood(good: Good): good is ScopeResources {
  return good !== null;
}

/** By uid, and where it stood last, which is mostly where it stands. */
function finderOf(good: readonly Good[]): (uid: string, at: number) => Good {
  let byUid: ReadonlyMap<string, Good> | null = null;
  return (uid, at) => {
    const there = good[at];
    if (there?.scope.uid === uid) return there;
    byUid ??= new Map(good.filter(isGood).map((each) => [each.scope.uid, each]));
    return byUid.get(uid) ?? null;
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

/** What was read last; where the scope stands elsewhere by now, read again there, if it can be. */
function standIn(read: Read, before: ScopeResources, now: VerifiedScope): ScopeResources {
  const old = withOwns(before, now);
  if (isSame(before.scope, old.scope)) return old;
  const again = loadOne(read, old.scope, null);
  return 'resources' in again ? again : old;
}

/** Old bytes never keep authority that the scope no longer has: another scope may own it by now. */
export function withOwns(good: ScopeResources, now: VerifiedScope): ScopeResources {
  return { ...good, scope: withAuthorityOf(good.scope, now) };
}
