import type { Change, Endpoints, Mesh } from '../mesh/index.ts';
import { changesDone, changesFor } from './amend.ts';
import { draftsFor } from './translate.ts';
import type { Proxy } from './types.ts';

/** Of the changes that are for a proxy, those that did something to what it hears, and those that found nothing to change. */
export type Tried = { readonly done: ReadonlySet<Change>; readonly idle: readonly Change[] };

/**
 * Tries the changes that are for a proxy: for people who look at a folder, and never for what is served. `about` says what is
 * known of the proxy: of a `workload` all, of a `namespace`'s no more than what its applications call, and of a gateway's
 * all but its ports. Where all changes are among those that are `settled`, nothing is tried.
 */
export function tryChanges(
  { mesh, endpoints }: { readonly mesh: Mesh; readonly endpoints: Endpoints },
  proxy: Proxy,
  about: 'workload' | 'namespace',
  settled: ReadonlySet<Change>,
): Tried {
  const isSettled = changesFor(mesh, proxy).every((change) => settled.has(change));
  const made = isSettled ? null : draftsFor(mesh, endpoints, proxy);
  if (made === null) return { done: new Set(), idle: [] };
  const { view, drafts, changes, intercepted } = made;
  const done = changesDone(drafts, view, [...intercepted.flat(), ...changes]);
  const idle = changes.filter((change) => {
    return !done.has(change) && (about === 'workload' || canTell(change, proxy));
  });
  return { done, idle };
}

/** Whether it is all the same what the workload serves, and at which ports. */
function canTell({ says: { applyTo, match = {} } }: Change, { type }: Proxy): boolean {
  const { context = 'ANY', listener, cluster } = match;
  if (type === 'router') return listener?.portNumber === undefined && listener?.name === undefined;
  return context === 'SIDECAR_OUTBOUND' || (applyTo === 'CLUSTER' && cluster?.service !== undefined);
}
