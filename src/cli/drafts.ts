import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { ObjectId } from '../git/index.ts';
import { asIfAccepted, type LineState, withAuthorityOf } from '../governance/index.ts';
import { goodMesh, meshOf, servedMesh } from '../pipeline.ts';
import type { SnapshotResource } from '../translate/index.ts';
import type { Clone } from './clone.ts';
import type { Side } from './plan/proxies.ts';

/** What a resource of some proxies becomes if the head is accepted. */
export type Difference = {
  /** In words: `sidecars of demo`. */
  readonly proxies: string;
  readonly namespace: string;
  readonly type: string;
  readonly name: string;
  readonly change: 'added' | 'changed' | 'removed';
};

/** A scope that would go on serving what it serves, because what the head says of it has errors. */
export type Kept = { readonly scope: string; readonly seq: number; readonly errors: number };

/**
 * The mesh as it is served, as the head says it, and as it would be served with all of that which could be accepted. The draft
 * never leaves the plan: nothing else gets manifests that no quorum signed.
 */
export async function draftMeshes({ line, backend }: Clone, state: LineState, head: ObjectId) {
  const now = new Map((await line.scopes(state)).map((scope) => [scope.uid, scope]));
  const drafts = await asIfAccepted(line, backend, state, head);
  const drafted = await goodMesh(drafts, (draft) => {
    const accepted = now.get(draft.uid);
    if (accepted === undefined) return [];
    const all = [{ digest: accepted.digest, read: async () => accepted }, ...line.earlier(state, accepted)];
    // What the head gives up is given up for them, too.
    return all.map(({ digest, read }) => ({
      digest,
      read: async () => {
        const scope = await read();
        return scope && withAuthorityOf(scope, draft);
      },
    }));
  });
  const isKept = new Set(drafts);
  const kept = drafted.resources.flatMap(({ scope, problems }) => {
    return isKept.has(scope)
      ? []
      : [{ scope: scope.path, seq: scope.seq, errors: problems.filter(isError).length }];
  });
  return { served: await servedMesh(line, state), said: meshOf(drafts), drafted, kept };
}

function isError({ severity }: Problem): boolean {
  return severity === 'error';
}

/** How what proxies hear differs, by proxies, type and name. */
export function differences(sides: readonly Side[]): readonly Difference[] {
  return sides.flatMap(({ proxies, namespace, before, after }) => {
    const keys = [...new Set([...before.keys(), ...after.keys()])].sort(byCodeUnit);
    return keys.flatMap((key) => difference({ proxies, namespace }, before.get(key), after.get(key)));
  });
}

function difference(
  whose: Pick<Difference, 'proxies' | 'namespace'>,
  before: SnapshotResource | undefined,
  after: SnapshotResource | undefined,
): readonly Difference[] {
  const either = after ?? before;
  if (either === undefined || before?.version === after?.version) return [];
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ ...whose, type: either.typeUrl.split('.').at(-1) ?? '', name: either.name, change }];
}
