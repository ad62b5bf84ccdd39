import type { Objects } from '../git/index.ts';
import type { ScopeTrees } from '../policy/index.ts';
import type { ScopeState, VerifiedScope } from './types.ts';
import { verifyScope, withAuthorityOf } from './verified.ts';

/**
 * The accepted bytes that a scope had before those of `now`, newest first, each once, with the authority that it has now. They
 * are read from the commits of its lineage: the same on every machine, whatever it has seen of the history.
 */
export async function* earlierOf(
  objects: Objects,
  owns: ScopeTrees,
  scope: ScopeState,
  now: VerifiedScope,
): AsyncGenerator<VerifiedScope> {
  const seen = new Set([now.digest]);
  for (const [at, { event, commit, seq, next }] of [...scope.lineage.entries()].reverse()) {
    if ((event !== 'genesis' && event !== 'accepted') || next === null || seen.has(next)) continue;
    seen.add(next);
    const { tree: root } = await objects.commit(commit);
    for (const { directory } of scope.places.toReversed()) {
      const own = await owns.own(root, directory);
      if (!own.ok || own.digest !== next) continue;
      const accepted = { digest: next, commit, directory, tree: own.tree };
      const lineage = scope.lineage.slice(0, at + 1);
      const then = { ...scope, seq, epoch: { ...scope.epoch, commit }, accepted, lineage };
      yield withAuthorityOf(await verifyScope(objects, owns, then, now.owns), now);
      break;
    }
  }
}
