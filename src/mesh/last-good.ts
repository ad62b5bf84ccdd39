import type { Earlier, VerifiedScope } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { ownErrors } from './own-errors.ts';

/** Earlier versions that are looked at, and bytes in them: whoever wrote so many with errors is served what is left of the newest. */
const MAX_VERSIONS = 100;
const MAX_BYTES = 256 * 1024 * 1024;

/** Versions of one scope that have an error of their own under the authority of now, and their bytes. A memo. */
export type Bad = Map<string, number>;

/**
 * A scope is translated as one: where what it accepted last has an error of its own, what it accepted last without one; the
 * problems are those of the newest. `earlier`: newest first. Where no version is without, the newest, less what its errors
 * point at: a repository that is adopted with its mistakes can be governed at once.
 */
export async function lastGood(
  newest: ScopeResources,
  earlier: () => Iterable<Earlier>,
  read: (scope: VerifiedScope) => ScopeResources,
  bad: Bad = new Map(),
): Promise<ScopeResources> {
  const errors = ownErrors(newest);
  if (errors.length === 0) return newest;
  bad.set(newest.scope.digest, bytesOf(newest.scope));
  let bytes = 0;
  for (const { digest, read: load } of Iterator.from(earlier()).take(MAX_VERSIONS)) {
    if (bytes > MAX_BYTES) break;
    const known = bad.get(digest);
    const scope = known === undefined ? await load() : null;
    bytes += known ?? (scope && bytesOf(scope)) ?? 0;
    if (scope === null) continue;
    const resources = read(scope);
    if (ownErrors(resources).length > 0) bad.set(digest, bytesOf(scope));
    else return { ...resources, problems: [...errors, ...without(newest.problems, errors)] };
  }
  return newest;
}

function bytesOf({ files }: VerifiedScope): number {
  return files.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function without<T>(all: readonly T[], some: readonly T[]): readonly T[] {
  const left = new Set(some);
  return all.filter((each) => !left.has(each));
}
