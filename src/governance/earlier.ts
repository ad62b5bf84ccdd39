import { must } from '../base/must.ts';
import type { Objects } from '../git/index.ts';
import type { ScopeTrees } from '../policy/index.ts';
import type { ScopeState, VerifiedScope } from './types.ts';
import { verifyScope, withAuthorityOf } from './verified.ts';

/** What a scope had accepted once; `read` gives its bytes, or null where its lineage does not lead to them any more. */
export type Earlier = { readonly digest: string; read(): Promise<VerifiedScope | null> };

/**
 * What a scope had accepted before `now`, newest first, each once, with the authority that it has now. It is read from the
 * commits of its lineage: the same on every machine, whatever that has seen of the history. A lineage only ever grows, and
 * most who ask take the first: no more of it is walked than is asked for.
 */
export function* earlierOf(
  objects: Objects,
  owns: ScopeTrees,
  scope: ScopeState,
  now: VerifiedScope,
): IteratorObject<Earlier, undefined> {
  const seen = new Set([now.digest]);
  for (let at = scope.lineage.length - 1; at >= 0; at -= 1) {
    const { event, commit, seq, next } = must(scope.lineage[at]);
    if ((event !== 'genesis' && event !== 'accepted') || next === null || seen.has(next)) continue;
    seen.add(next);
    const read = async () => {
      const lineage = scope.lineage.slice(0, at + 1);
      const then = { ...scope, seq, epoch: { ...scope.epoch, commit }, lineage };
      const { tree: root } = await objects.commit(commit);
      for (const { directory } of scope.places.toReversed()) {
        const own = await owns.own(root, directory);
        if (!own.ok || own.digest !== next) continue;
        const accepted = { digest: next, commit, directory, tree: own.tree };
        return withAuthorityOf(await verifyScope(objects, owns, { ...then, accepted }, now.owns), now);
      }
      return null;
    };
    yield { digest: next, read };
  }
}
