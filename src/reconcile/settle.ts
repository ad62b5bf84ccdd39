import { Failure } from '../base/failure.ts';
import type { Problem } from '../base/problem.ts';
import type { VerifiedScope } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { lastGood } from '../mesh/index.ts';
import type { Loaded, Read } from './load.ts';

/** What the lineage of a scope had accepted before, newest first. */
export type Earlier = (scope: VerifiedScope) => AsyncIterable<VerifiedScope>;

/**
 * Puts what a scope said last without an error in the place of what it says with one. What was looked at once is not looked
 * at again: the same resources give the same object.
 */
export function createSettler(read: Read): (loaded: Loaded, earlier: Earlier) => Promise<Loaded> {
  const known = new WeakMap<ScopeResources, ScopeResources>();
  const settle = async (newest: ScopeResources, earlier: Earlier): Promise<ScopeResources> => {
    try {
      return await lastGood(newest, earlier(newest.scope), (scope) => read(scope, null));
    } catch (error) {
      if (error instanceof Failure) throw error; // Objects may be back after the next fetch.
      return newest; // A bug: whoever builds the mesh finds it again, and leaves this scope behind.
    }
  };
  return async (loaded, earlier) => {
    const failed = new Map(loaded.failed);
    const resources: ScopeResources[] = [];
    const problems: Problem[] = [];
    for (const newest of loaded.resources) {
      const good = known.get(newest) ?? (await settle(newest, earlier));
      known.set(newest, good);
      resources.push(good);
      problems.push(...good.problems);
      if (good !== newest && !failed.has(newest.scope.uid)) failed.set(newest.scope.uid, kept(newest, good));
    }
    return { resources, problems, failed };
  };
}

function kept({ scope: now }: ScopeResources, { scope: then, problems }: ScopeResources): string {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  const where =
    first === undefined ? '' : `, the first ${first.code} at ${first.file}:${first.line}:${first.column}`;
  return `seq ${then.seq} is served, because seq ${now.seq} has ${errors.length} error${errors.length === 1 ? '' : 's'}${where}`;
}
