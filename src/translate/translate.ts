import { byCodeUnit } from '../base/order.ts';
import { type Endpoints, type Mesh, ownerOfNamespace } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import { check, checkAgain } from './check.ts';
import { outboundClusters, withoutNode, withoutSecrets } from './clusters.ts';
import { type Draft, encode } from './encode.ts';
import { gatewayListeners } from './gateway.ts';
import { withoutCertificates } from './inbound-tls.ts';
import { portsListeners } from './ports.ts';
import { redirectListeners } from './redirect.ts';
import { tableAgain } from './route-table.ts';
import {
  CLUSTER,
  ENDPOINTS,
  LISTENER,
  type Proxy,
  ROUTES,
  type Snapshot,
  type SnapshotResource,
} from './types.ts';
import { type Replaced, type View, viewAgain, viewOf } from './view.ts';

/** Everything that one proxy must hear. Pure: the arguments are all that it knows, and equal ones give equal bytes. */
export function translate(mesh: Mesh, endpoints: Endpoints, proxy: Proxy): Snapshot {
  if (ownerOfNamespace(mesh.owners, proxy.namespace) === null) {
    return { resources: collect([]), status: 'Unowned', skipped: [] };
  }
  const view = viewOf(mesh, endpoints, proxy);
  const { drafts, skipped } = listeners[proxy.capture](view);
  const resources = collect([...outboundClusters(view), ...drafts]);
  const snapshot = check({
    resources,
    status: 'Ready',
    skipped: [...skipped, ...withoutSecrets(view), ...withoutCertificates(view), ...withoutNode(view)],
  });
  const tables = drafts.filter(({ typeUrl }) => typeUrl === ROUTES);
  made.set(snapshot, { view, tables: new Map(tables.map((draft) => [draft.name, draft])) });
  return snapshot;
}

/** What a snapshot was made of, as far as routings take part. */
type Made = { readonly view: View; readonly tables: ReadonlyMap<string, Draft> };

const made = new WeakMap<Snapshot, Made>();

/**
 * What `translate` says of a mesh that differs from the one of `before` in `replaced` alone: all but the tables that have
 * their hosts is the same. Null where that cannot be told from the replaced routings.
 */
export function translateAgain(mesh: Mesh, before: Snapshot, replaced: Replaced): Snapshot | null {
  const last = made.get(before);
  if (last === undefined) return before.status === 'Unowned' ? before : null;
  // What a gateway opens, and what a Sidecar lets in, depends on the routings.
  if (last.view.proxy.type === 'router' || last.view.limits.imports !== null) return null;
  const { view, routings } = viewAgain(mesh, last.view, replaced);
  const tables = new Map(last.tables);
  const routes = new Map(before.resources.get(ROUTES));
  for (const [name, draft] of last.tables) {
    const again = tableAgain(draft, routings, view);
    if (again === null) return null;
    if (again === draft) continue;
    tables.set(name, again);
    routes.set(name, encode(again, routes.get(name)));
  }
  const resources = new Map(before.resources).set(ROUTES, routes);
  const snapshot = checkAgain({ ...before, resources }, before);
  made.set(snapshot, { view, tables });
  return snapshot;
}

/** What a proxy listens to, by how its traffic gets in, with the routes and clusters that only its listeners need. */
const listeners: Readonly<Record<Proxy['capture'], (view: View) => Bound>> = {
  ports: portsListeners,
  redirect: redirectListeners,
  none: gatewayListeners,
};

/** In the order of sending (make before break), then by name. */
function collect(drafts: readonly Draft[]): Snapshot['resources'] {
  const types = [CLUSTER, ENDPOINTS, LISTENER, ROUTES] as const;
  const byType = Map.groupBy(drafts, ({ typeUrl }) => typeUrl);
  return new Map(
    types.map((typeUrl) => {
      const own = (byType.get(typeUrl) ?? []).map((draft) => encode(draft));
      own.sort((left, right) => byCodeUnit(left.name, right.name));
      const byName = new Map<string, SnapshotResource>();
      for (const resource of own) byName.set(resource.name, resource);
      if (byName.size < own.length) throw new Error(`two resources of ${typeUrl} have one name`);
      return [typeUrl, byName];
    }),
  );
}
