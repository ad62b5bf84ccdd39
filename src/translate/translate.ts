import { byCodeUnit } from '../base/order.ts';
import { type Endpoints, type Mesh, ownerOfNamespace } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import { check } from './check.ts';
import { outboundClusters } from './clusters.ts';
import { type Draft, encode } from './encode.ts';
import { gatewayListeners } from './gateway.ts';
import { portsListeners } from './ports.ts';
import { redirectListeners } from './redirect.ts';
import {
  CLUSTER,
  ENDPOINTS,
  LISTENER,
  type Proxy,
  ROUTES,
  type Snapshot,
  type SnapshotResource,
} from './types.ts';
import { type View, viewOf } from './view.ts';

/** Everything that one proxy must hear. Pure: the arguments are all that it knows, and equal ones give equal bytes. */
export function translate(mesh: Mesh, endpoints: Endpoints, proxy: Proxy): Snapshot {
  if (ownerOfNamespace(mesh.owners, proxy.namespace) === null) {
    return { resources: collect([]), status: 'Unowned', skipped: [] };
  }
  const view = viewOf(mesh, endpoints, proxy);
  const { drafts, skipped } = listeners[proxy.capture](view);
  return check({ resources: collect([...outboundClusters(view), ...drafts]), status: 'Ready', skipped });
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
      const own = (byType.get(typeUrl) ?? []).map(encode);
      own.sort((left, right) => byCodeUnit(left.name, right.name));
      const byName = new Map<string, SnapshotResource>();
      for (const resource of own) byName.set(resource.name, resource);
      if (byName.size < own.length) throw new Error(`two resources of ${typeUrl} have one name`);
      return [typeUrl, byName];
    }),
  );
}
