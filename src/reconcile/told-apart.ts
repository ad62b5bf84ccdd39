import type { ScopeResources } from '../manifests/index.ts';

export type ToldApart = {
  readonly resources: readonly ScopeResources[];
  /** Of each repository, by uid: scopes that are left out, and why. */
  readonly taken: readonly ReadonlyMap<string, string>[];
};

/**
 * The scopes of several repositories, in the order in which these go before each other. A uid is one scope's: the genesis of a
 * repository may name any, so of a scope that a former repository has, and of what stands below one, nothing is
 * served of a later one. Otherwise whoever reused a uid would speak for its owner.
 */
export function toldApart(repositories: readonly (readonly ScopeResources[])[]): ToldApart {
  const [only, ...others] = repositories;
  if (only !== undefined && others.length === 0) return { resources: only, taken: [] };
  const former = new Set<string>();
  const taken: ReadonlyMap<string, string>[] = [];
  const resources: ScopeResources[] = [];
  for (const scopes of repositories) {
    const out = new Set<string>();
    let before = -1;
    // What stands below what is left out, whatever the order of the list.
    while (out.size > before) {
      before = out.size;
      for (const { scope } of scopes) {
        const { uid, parent } = scope;
        const isBelow = parent !== null && (former.has(parent) || out.has(parent));
        if (former.has(uid) || isBelow) out.add(uid);
      }
    }
    const why = (uid: string) => `a repository that is listed before has ${uid}, or the scope above it`;
    taken.push(new Map([...out].map((uid) => [uid, why(uid)])));
    const kept = out.size === 0 ? scopes : scopes.filter(({ scope: { uid } }) => !out.has(uid));
    for (const one of kept) resources.push(one);
    for (const { scope } of kept) former.add(scope.uid);
  }
  return { resources, taken };
}
