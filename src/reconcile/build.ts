import type { Problem } from '../base/problem.ts';
import type { ScopeResources } from '../manifests/index.ts';
import type { Endpoints, Mesh } from '../mesh/index.ts';
import { withOwns } from './load.ts';

export type Built = {
  readonly mesh: Mesh;
  readonly endpoints: Endpoints;
  readonly problems: readonly Problem[];
};
export type Build = (resources: readonly ScopeResources[]) => Built;

export type BuildResult = {
  /** Null where not even the last good resources can be built. */
  readonly built: Built | null;
  readonly used: readonly ScopeResources[];
  /** By uid: scopes whose new resources make the build throw; their last good ones were used. */
  readonly failed: ReadonlyMap<string, string>;
};

/**
 * Builds the mesh of all scopes. If that throws (a bug, never a user's mistake), every changed scope is tried
 * on its own on top of what was built last, so that only the one that breaks it is left behind.
 */
export function buildIsolated(
  build: Build,
  wanted: readonly ScopeResources[],
  good: readonly ScopeResources[],
): BuildResult {
  const whole = attempt(build, wanted);
  if ('built' in whole) return { built: whole.built, used: wanted, failed: new Map() };
  const before = new Map(good.map((resources) => [resources.scope.uid, resources]));
  const used = new Map<string, ScopeResources>();
  const failed = new Map<string, string>();
  for (const { scope } of wanted) {
    const kept = before.get(scope.uid);
    if (kept !== undefined) used.set(scope.uid, withOwns(kept, scope));
  }
  let built = attempt(build, [...used.values()]);
  for (const resources of wanted) {
    const { uid } = resources.scope;
    const next = attempt(build, [...new Map(used).set(uid, resources).values()]);
    if ('built' in next) {
      used.set(uid, resources);
      built = next;
    } else failed.set(uid, next.reason);
  }
  return { built: 'built' in built ? built.built : null, used: [...used.values()], failed };
}

function attempt(
  build: Build,
  resources: readonly ScopeResources[],
): { readonly built: Built } | { readonly reason: string } {
  try {
    return { built: build(resources) };
  } catch (error) {
    return { reason: String(error) };
  }
}
