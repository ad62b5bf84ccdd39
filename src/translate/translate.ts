import { byCodeUnit } from '../base/order.ts';
import { carriesHttp, type Endpoint, type Endpoints, type Mesh, ownerOfNamespace } from '../mesh/index.ts';
import { amend, changesFor } from './amend.ts';
import type { Bound } from './bindings.ts';
import { check, checkAgain } from './check.ts';
import { outboundClusters, withoutNode, withoutSecrets } from './clusters.ts';
import { clustersAgain } from './clusters-again.ts';
import { withoutWay } from './elsewhere.ts';
import { type Draft, encode } from './encode.ts';
import { gatewayListeners } from './gateway.ts';
import { withoutCertificates } from './inbound-tls.ts';
import { interceptions } from './intercept.ts';
import { mannered } from './manners.ts';
import { portsListeners } from './ports.ts';
import { limited } from './quotas.ts';
import { redirectListeners } from './redirect.ts';
import { hostOf, type Replaced, type World } from './replaced.ts';
import { reported } from './reports.ts';
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
import { type View, viewAgain, viewOf } from './view.ts';

/** Everything that one proxy must hear. Pure: the arguments are all that it knows, and equal ones give equal bytes. */
export function translate(mesh: Mesh, endpoints: Endpoints, proxy: Proxy): Snapshot {
  const unchanged = draftsFor(mesh, endpoints, proxy);
  if (unchanged === null) return { resources: collect([]), status: 'Unowned', skipped: [] };
  const { view, drafts, skipped, changes, intercepted } = unchanged;
  const all = amend(drafts, view, changes, intercepted);
  const resources = collect(all.drafts);
  const without = [
    ...withoutSecrets(view),
    ...withoutCertificates(view),
    ...withoutNode(view),
    ...withoutWay(view),
  ];
  const snapshot = check({ resources, status: 'Ready', skipped: [...skipped, ...without, ...all.skipped] });
  // What is changed in the end is made of the whole.
  if (changes.length + intercepted.length > 0) return snapshot;
  const tables = drafts.filter(({ typeUrl }) => typeUrl === ROUTES);
  made.set(snapshot, { view, tables: new Map(tables.map((draft) => [draft.name, draft])) });
  return snapshot;
}

/** What a proxy would hear, and what is changed of it in the end; null: nobody owns its namespace. */
export function draftsFor(mesh: Mesh, endpoints: Endpoints, proxy: Proxy) {
  if (ownerOfNamespace(mesh.owners, proxy.namespace) === null) return null;
  const view = viewOf(mesh, endpoints, proxy);
  const bound = reported(view, mannered(view, limited(view, listeners[proxy.capture](view))));
  const drafts = [...outboundClusters(view), ...bound.drafts];
  const [changes, intercepted] = [changesFor(mesh, proxy), interceptions(mesh, view)];
  return { view, drafts, skipped: bound.skipped, changes, intercepted };
}

/** What a snapshot was made of, as far as it takes part in the next one. */
type Made = { readonly view: View; readonly tables: ReadonlyMap<string, Draft> };

const made = new WeakMap<Snapshot, Made>();

/**
 * What `translate` says of a world that differs from the one of `before` in `replaced` alone: all but the tables that have
 * those hosts, and the clusters of those services, is the same. Null where that cannot be told.
 */
export function translateAgain(world: World, before: Snapshot, replaced: Replaced): Snapshot | null {
  const last = made.get(before);
  if (last === undefined) return before.status === 'Unowned' ? before : null;
  // What a gateway opens, and what a Sidecar lets in, depends on the routings.
  if (last.view.proxy.type === 'router' || last.view.limits.imports !== null) return null;
  const view = viewAgain(world, last.view, replaced);
  if (isHeardByListeners(view, replaced)) return null;
  const tables = new Map(last.tables);
  const former = before.resources.get(ROUTES);
  const routes = new Map(former);
  for (const [name, draft] of last.tables) {
    const again = tableAgain(draft, replaced.hosts, view);
    if (again === null) return null;
    if (again === draft) continue;
    tables.set(name, again);
    const isSame = again.json === draft.json && again.references === draft.references;
    if (!isSame) routes.set(name, encode(again, routes.get(name)));
  }
  const { resources: changed, lost } = clustersAgain(before, last.view, view, replaced);
  const resources = new Map(before.resources);
  for (const [typeUrl, all] of changed) resources.set(typeUrl, all);
  const hasOthers = [...routes].some(([name, table]) => former?.get(name) !== table);
  if (hasOthers) resources.set(ROUTES, routes);
  const snapshot = { ...before, resources };
  made.set(snapshot, { view, tables });
  return lost ? check(snapshot) : checkAgain(snapshot, before);
}

/** Whether listeners say anything of these services: of the proxy's own workload, where endpoints have listeners, or where all else goes. */
function isHeardByListeners(view: View, { services, endpoints }: Replaced): boolean {
  const { ips, capture } = view.proxy;
  const isOwn = (list: readonly Endpoint[]) => list.some(({ address }) => ips.includes(address));
  if ([...endpoints.values()].some(isOwn)) return true;
  if (services.size > 0 && view.limits.through !== null) return true;
  if ([...services.values()].some((service) => isOwn(view.endpointsOf(service)))) return true;
  if (capture !== 'redirect') return false;
  const moved = [...endpoints.keys()].flatMap((id) => view.services.get(hostOf(id)) ?? []);
  return moved.some(({ ports, addresses }) => addresses.length === 0 && !ports.every(carriesHttp));
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
