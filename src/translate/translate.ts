import { byCodeUnit } from '../base/order.ts';
import { type Endpoints, type Mesh, ownerOfNamespace } from '../mesh/index.ts';
import { bind } from './bindings.ts';
import { check } from './check.ts';
import { outboundClusters } from './clusters.ts';
import { type Draft, encode } from './encode.ts';
import { inboundBindings } from './inbound.ts';
import { listenerName } from './names.ts';
import { httpProxyListener, tcpBindings } from './outbound.ts';
import {
  CLUSTER,
  ENDPOINTS,
  LISTENER,
  type Proxy,
  ROUTES,
  type Snapshot,
  type SnapshotResource,
} from './types.ts';
import { viewOf } from './view.ts';
import { httpProxyRoutes } from './virtual-hosts.ts';

/** Everything that one proxy must hear. Pure: the arguments are all that it knows, and equal ones give equal bytes. */
export function translate(mesh: Mesh, endpoints: Endpoints, proxy: Proxy): Snapshot {
  if (ownerOfNamespace(mesh.owners, proxy.namespace) === null) {
    return { resources: collect([]), status: 'Unowned', skipped: [] };
  }
  const view = viewOf(mesh, endpoints, proxy);
  const inbound = inboundBindings(view);
  const bound = bind(view, [...inbound, ...tcpBindings(view)], reservedBy(proxy, inbound));
  const drafts = [
    ...outboundClusters(view),
    httpProxyListener(proxy),
    httpProxyRoutes(view),
    ...bound.drafts,
  ];
  return check({ resources: collect(drafts), status: 'Ready', skipped: bound.skipped });
}

/** Loopback addresses that are taken: the HTTP proxy's, and those of the application behind the inbound listeners. */
function reservedBy(
  { httpProxyPort }: Proxy,
  inbound: readonly { readonly port: number }[],
): ReadonlyMap<string, string> {
  const application = inbound.map(
    ({ port }) => [listenerName('127.0.0.1', port), 'the application listens there'] as const,
  );
  return new Map([
    ...application,
    [listenerName('127.0.0.1', httpProxyPort), 'the HTTP proxy listens there'],
  ]);
}

/** In the order of sending (make before break), then by name. */
function collect(drafts: readonly Draft[]): Snapshot['resources'] {
  const types = [CLUSTER, ENDPOINTS, LISTENER, ROUTES] as const;
  return new Map(
    types.map((typeUrl) => {
      const own = drafts.filter((draft) => draft.typeUrl === typeUrl).map(encode);
      own.sort((left, right) => byCodeUnit(left.name, right.name));
      const byName = new Map(own.map((resource): [string, SnapshotResource] => [resource.name, resource]));
      if (byName.size < own.length) throw new Error(`two resources of ${typeUrl} have one name`);
      return [typeUrl, byName];
    }),
  );
}
