import { byCodeUnit } from '../../base/order.ts';
import type { meshOf } from '../../pipeline.ts';
import { type Proxy, parseProxy, type SnapshotResource, translate } from '../../translate/index.ts';

type Meshed = ReturnType<typeof meshOf>;

/** Proxies that hear the same, and what they hear before and after; by type and name. */
export type Side = {
  /** In words: `sidecars of demo`, `gateways app=edge of edge`. */
  readonly proxies: string;
  readonly namespace: string;
  readonly before: ReadonlyMap<string, SnapshotResource>;
  readonly after: ReadonlyMap<string, SnapshotResource>;
};

type Labels = Readonly<Record<string, string>>;

/** A sidecar of every namespace that has a manifest in either mesh, and a gateway for every selector of a Gateway. */
export function sidesOf(served: Meshed, drafted: Meshed): readonly Side[] {
  const resources = [served, drafted].flatMap((one) => one.resources.flatMap((scope) => scope.resources));
  const namespaces = [...new Set(resources.map(({ namespace }) => namespace))].sort(byCodeUnit);
  const sidecars = namespaces.map((namespace) => {
    return { proxies: `sidecars of ${namespace}`, proxy: proxyOf('sidecar', namespace, {}) };
  });
  const gateways = [served, drafted].flatMap(({ mesh }) =>
    mesh.gateways.map(({ namespace, selector }) => {
      const labels = Object.entries(selector).map(([name, value]) => `${name}=${value}`);
      const proxies = `gateways ${[...labels, ''].join(' ')}of ${namespace}`;
      return { proxies, proxy: proxyOf('router', namespace, selector) };
    }),
  );
  const all = new Map([...sidecars, ...gateways].map((one) => [one.proxies, one]));
  return [...all.values()].map(({ proxies, proxy }) => {
    const { namespace } = proxy;
    return { proxies, namespace, before: resourcesOf(served, proxy), after: resourcesOf(drafted, proxy) };
  });
}

function proxyOf(type: Proxy['type'], namespace: string, labels: Labels): Proxy {
  const id = `${type}~127.0.0.1~plan.${namespace}~${namespace}.svc.cluster.local`;
  const parsed = parseProxy(id, { LABELS: labels });
  if (parsed.ok) return parsed.proxy;
  throw new Error(`no proxy can be in ${namespace}: ${parsed.reason}`);
}

function resourcesOf({ mesh, endpoints }: Meshed, proxy: Proxy): Side['before'] {
  const { resources } = translate(mesh, endpoints, proxy);
  const all = [...resources].flatMap(([typeUrl, byName]) =>
    [...byName].map(([name, resource]) => [`${typeUrl} ${name}`, resource] as const),
  );
  return new Map(all);
}
