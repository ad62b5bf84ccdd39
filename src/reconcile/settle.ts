import { Failure } from '../base/failure.ts';
import { indexesApart } from '../base/lists.ts';
import { must } from '../base/must.ts';
import { errorsText, type Problem } from '../base/problem.ts';
import type { Earlier, VerifiedScope } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { type Bad, lastGood } from '../mesh/index.ts';
import type { Loaded, Read } from './load.ts';

/** What the lineage of a scope had accepted before, newest first. */
type EarlierOf = (scope: VerifiedScope) => Iterable<Earlier>;

/** What was found out about a scope, at one place and under one authority. */
type Known = { readonly authority: string; readonly bad: Bad; lastRead: ScopeResources | null };

/**
 * Puts what a scope said last without an error in the place of what it says with one. What was looked at once is not looked
 * at again: the same resources give the same object, and another mistake costs no more than itself.
 */
export function createSettler(read: Read): (loaded: Loaded, earlier: EarlierOf) => Promise<Loaded> {
  const settled = new WeakMap<ScopeResources, ScopeResources>();
  const troubled = new Map<string, Known>();
  const settle = async (newest: ScopeResources, earlier: EarlierOf): Promise<ScopeResources> => {
    const { uid, parent, path, directory, trustDomain, owns, granted } = newest.scope;
    const authority = JSON.stringify([parent, path, directory, trustDomain, owns, granted]);
    const found = troubled.get(uid);
    const known = found?.authority === authority ? found : { authority, bad: new Map(), lastRead: null };
    // The last that was read is the good one.
    const readOnce = (scope: VerifiedScope) => {
      const { lastRead } = known;
      known.lastRead = lastRead?.scope.digest === scope.digest ? lastRead : read(scope, null);
      return known.lastRead;
    };
    try {
      const good = await lastGood(newest, () => earlier(newest.scope), readOnce, known.bad);
      if (known.bad.has(newest.scope.digest)) troubled.set(uid, known);
      else troubled.delete(uid);
      return good;
    } catch (error) {
      if (error instanceof Failure) throw error; // Objects may be back after the next fetch.
      return newest; // A bug: whoever builds the mesh finds it again, and leaves this scope behind.
    }
  };
  let last: Settled = { newest: [], good: [] };
  return async (loaded, earlier) => {
    const good = last.good.slice(0, loaded.resources.length);
    for (const at of indexesApart(loaded.resources, last.newest)) {
      const newest = must(loaded.resources[at]);
      good[at] = settled.get(newest) ?? (await settle(newest, earlier));
      settled.set(newest, good[at]);
    }
    last = { newest: loaded.resources, good };
    const failed = new Map(loaded.failed);
    for (const at of indexesApart(good, loaded.resources)) {
      const [now, then] = [must(loaded.resources[at]), must(good[at])];
      if (!failed.has(now.scope.uid)) failed.set(now.scope.uid, kept(now, then));
    }
    const isKept = failed.size > loaded.failed.size;
    return { resources: good, problems: isKept ? good.flatMap(problemsOf) : loaded.problems, failed };
  };
}

/** What was settled for the scopes that were loaded last; most of them are those of the next time. */
type Settled = { readonly newest: readonly ScopeResources[]; readonly good: readonly ScopeResources[] };

function problemsOf({ problems }: ScopeResources): readonly Problem[] {
  return problems;
}

function kept({ scope: now }: ScopeResources, { scope: then, problems }: ScopeResources): string {
  return `seq ${then.seq} is served, because seq ${now.seq} has ${errorsText(problems) ?? 'errors'}`;
}
