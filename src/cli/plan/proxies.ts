import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { byCodeUnit } from '../../base/order.ts';
import type { Meshed } from '../../pipeline.ts';
import { type Proxy, parseProxy, type SnapshotResource, translate } from '../../translate/index.ts';

/** Proxies that hear the same, and what they hear before and after; by type and name. */
export type Side = {
  /** In words: `sidecars of demo`, `gateways app=edge of edge`. */
  readonly proxies: string;
  readonly namespace: string;
  readonly before: ReadonlyMap<string, SnapshotResource>;
  readonly after: ReadonlyMap<string, SnapshotResource>;
};

type Labels = Readonly<Record<string, string>>;

/** More kinds of workloads than anybody reads about. */
const MAX_KINDS = 100;

/**
 * A sidecar of every namespace that has a manifest in either mesh, a gateway for every selector of a Gateway, and a
 * sidecar for every kind of workload that a manifest tells apart, or whose own service changes. Of these last only
 * what the others of their namespace do not hear.
 */
export function sidesOf(served: Meshed, drafted: Meshed): readonly Side[] {
  const resources = [served, drafted].flatMap((one) => one.resources.flatMap((scope) => scope.resources));
  const namespaces = [...new Set(resources.map(({ namespace }) => namespace))].sort(byCodeUnit);
  const sideOf = (proxies: string, proxy: Proxy): Side => {
    const { namespace } = proxy;
    return { proxies, namespace, before: resourcesOf(served, proxy), after: resourcesOf(drafted, proxy) };
  };
  const sidecars = new Map(
    namespaces.map((name) => [name, sideOf(`sidecars of ${name}`, proxyOf('sidecar', name, {}))]),
  );
  const gateways = [served, drafted].flatMap(({ mesh }) =>
    mesh.gateways.map((gateway) => {
      const { namespace, selector } = gateway;
      return [wordsOf('gateways', namespace, selector), proxyOf('router', namespace, selector)] as const;
    }),
  );
  const kinds = workloadKinds(served, drafted).slice(0, MAX_KINDS);
  const told = kinds.map(({ namespace, labels, address }) => {
    const proxy = proxyOf('sidecar', namespace, labels, address);
    return apartFrom(sideOf(wordsOf('sidecars', namespace, labels), proxy), sidecars.get(namespace));
  });
  const others = [...new Map(gateways)].map(([proxies, proxy]) => sideOf(proxies, proxy));
  return [...sidecars.values(), ...others, ...told];
}

function wordsOf(what: string, namespace: string, labels: Labels): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [what, ...(all.length === 0 ? [] : [all.join(',')]), 'of', namespace].join(' ');
}

/** Without what the other side has just so, before and after. */
function apartFrom(side: Side, other: Side | undefined): Side {
  const isAlike = (key: string) =>
    (['before', 'after'] as const).every((when) => {
      return side[when].get(key)?.version === other?.[when].get(key)?.version;
    });
  const [before, after] = [side.before, side.after].map((resources) => {
    return new Map([...resources].filter(([key]) => !isAlike(key)));
  });
  return { ...side, before: before ?? side.before, after: after ?? side.after };
}

type WorkloadKind = { readonly namespace: string; readonly labels: Labels; readonly address: string };

const ANYWHERE = '127.0.0.1';

/** By namespace and labels; with the address of one of them where its own service changes. */
function workloadKinds(served: Meshed, drafted: Meshed): readonly WorkloadKind[] {
  const told = [served, drafted].flatMap(({ mesh }) => [
    ...mesh.routings.flatMap((routing) =>
      routing.rules
        .flatMap(({ matches }) => matches)
        .map(({ fromNamespace, fromLabels }) => {
          return { namespace: fromNamespace ?? routing.namespace, labels: fromLabels };
        }),
    ),
    ...[...mesh.sidecars, ...mesh.clientRules, ...mesh.amendments].map(({ namespace, selector }) => {
      return { namespace, labels: selector ?? {} };
    }),
  ]);
  const former = new Map(served.mesh.services.map((service) => [service.id, service]));
  const changed = drafted.mesh.services.filter(({ id, ...service }) => {
    const before = former.get(id);
    return (
      !isDeepStrictEqual(filtersOf(served, service.host), filtersOf(drafted, service.host)) ||
      !isDeepStrictEqual({ ...service, id }, before) ||
      !isDeepStrictEqual(drafted.endpoints.get(id), served.endpoints.get(id))
    );
  });
  const own = changed
    .flatMap(({ id }) => drafted.endpoints.get(id) ?? [])
    .filter(({ address }) => isIP(address) !== 0);
  const all = [...told.map((one) => ({ ...one, address: ANYWHERE })), ...own];
  const kinds = all.map(({ namespace, labels, address }) => {
    return [
      `${namespace} ${JSON.stringify(Object.entries(labels).sort())}`,
      { namespace, labels, address },
    ] as const;
  });
  return [...new Map(kinds).values()].filter(
    ({ labels, address }) => Object.keys(labels).length > 0 || address !== ANYWHERE,
  );
}

/** What stands before the application of a service. */
function filtersOf({ mesh }: Meshed, host: string): readonly object[] {
  return mesh.interceptions
    .filter((one) => one.host === host)
    .map(({ ports, filters, clusters }) => ({ ports, filters, clusters }));
}

/** `more`: further metadata of its node. */
export function proxyOf(
  type: Proxy['type'],
  namespace: string,
  labels: Labels,
  address = ANYWHERE,
  more: object = {},
): Proxy {
  const id = `${type}~${address}~plan.${namespace}~${namespace}.svc.cluster.local`;
  const parsed = parseProxy(id, { LABELS: labels, ...more });
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
