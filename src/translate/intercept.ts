import { APPLICATION } from '../manifests/index.ts';
import type { Change, Interception, Mesh } from '../mesh/index.ts';
import type { Fields } from './merge-message.ts';
import { inboundCluster, VIRTUAL_INBOUND } from './names.ts';
import { servedTargets } from './served.ts';
import type { View } from './view.ts';

/**
 * What is changed for a workload that serves intercepted services, one list for each manifest: the filters of the
 * service take the place of those that pass requests on to the application. Whoever the client is, they are passed.
 */
export function interceptions({ interceptions: all }: Mesh, view: View): readonly (readonly Change[])[] {
  const own = all.filter(
    ({ namespace, filters }) => namespace === view.proxy.namespace && filters.length > 0,
  );
  if (own.length === 0 || view.proxy.type !== 'sidecar') return [];
  const { ip, ips, capture } = view.proxy;
  const targets = [...servedTargets(view, capture === 'redirect' ? ips : [ip])];
  const found = targets.flatMap(([target, served]) => {
    const one = own.find(({ host, ports }) =>
      served.some(({ service, port }) => service.host === host && (ports?.includes(port.number) ?? true)),
    );
    return one === undefined ? [] : [{ one, target }];
  });
  const byManifest = Map.groupBy(found, ({ one }) => one.origin.document);
  return [...byManifest.values()].map((all) => [
    ...all.slice(0, 1).flatMap(({ one }) => clustersOf(one)),
    ...all.flatMap(({ one, target }) => filtersOf(one, target)),
  ]);
}

/** The same for all services of a manifest. */
function clustersOf({ clusters, origin }: Interception): readonly Change[] {
  return clusters.map((value) => ({
    says: { applyTo: 'CLUSTER', patch: { operation: 'ADD', value } },
    origin,
  }));
}

function filtersOf({ filters, origin }: Interception, target: number): readonly Change[] {
  const listener = { name: VIRTUAL_INBOUND, portNumber: target };
  const at = { applyTo: 'NETWORK_FILTER', match: { context: 'SIDECAR_INBOUND', listener } } as const;
  const placed = filters.map((filter) => withApplication(filter, inboundCluster(target)) as Fields);
  const inserted = placed.toReversed().map((value): Change => {
    return { says: { ...at, patch: { operation: 'INSERT_FIRST', value } }, origin };
  });
  return [{ says: { ...at, patch: { operation: 'REMOVE' } }, origin }, ...inserted];
}

function withApplication(value: unknown, cluster: string): unknown {
  if (value === APPLICATION) return cluster;
  if (Array.isArray(value)) return value.map((item) => withApplication(item, cluster));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withApplication(inner, cluster)]),
  );
}
