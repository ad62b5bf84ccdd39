import { byCodeUnit } from '../base/order.ts';
import { carriesHttp, type Port, type Service } from '../mesh/index.ts';
import { namesOf } from './domains.ts';
import type { Draft } from './encode.ts';
import { HTTP_PROXY_ROUTES } from './names.ts';
import { type Entry, routed, routeTable, type VirtualHost, virtualHost } from './route-table.ts';
import type { View } from './view.ts';

/** Hosts that only a routing defines are asked for on HTTP's port (Istio). */
const httpPort = 80;

/**
 * Routes of the HTTP proxy: all HTTP ports of all services, and the hosts that only a routing defines. A host in full
 * beats a short name or address that reads the same, whatever their order; Envoy would refuse a domain given twice.
 */
export function httpProxyRoutes(view: View): Draft {
  const entries = [...serviceEntries(view), ...virtualEntries(view, httpPort)].sort((left, right) => {
    return byCodeUnit(left.host, right.host) || left.port - right.port;
  });
  const own = entries.map(({ host, port, bare }) => domains([host], port, bare));
  const taken = new Set(own.flat());
  const hosts = entries.map(({ host, port, bare, names, routes }, index) => {
    const others = domains(names, port, bare).filter((domain) => !taken.has(domain));
    for (const domain of others) taken.add(domain);
    return virtualHost(`${host}:${port}`, [...(own[index] ?? []), ...others], routes);
  });
  return routeTable({
    name: HTTP_PROXY_ROUTES,
    ...{ entries, hosts, ...unknownHosts(view), virtualPort: httpPort, fields: {} },
  });
}

/** Hosts that nobody defines, in Istio's names: they pass, or are answered 502. */
export function unknownHosts(view: View): {
  readonly rest: readonly VirtualHost[];
  readonly otherClusters: readonly string[];
} {
  const cluster = view.elsewhereForRequests;
  return view.limits.unknown === 'refuse'
    ? { rest: [blockAll], otherClusters: [] }
    : { rest: [allowAny(cluster)], otherClusters: [cluster] };
}

/** Without captured traffic there is nowhere to pass to, hence 503. */
function allowAny(cluster: string): VirtualHost {
  const route = { name: 'allow_any', match: { prefix: '/' }, route: { cluster, timeout: '0s' } };
  return { name: 'allow_any', domains: ['*'], routes: [route] };
}

const blockAll = {
  name: 'block_all',
  domains: ['*'],
  routes: [{ name: 'block_all', match: { prefix: '/' }, direct_response: { status: 502 } }],
};

function serviceEntries(view: View): readonly Entry[] {
  return [...view.services.values()].flatMap((service) => {
    const ports = service.ports.filter(carriesHttp);
    const bare = ports.find(({ number }) => number === 80) ?? ports[0];
    return ports.map((port) => serviceEntry(service, port, port === bare, view));
  });
}

export function serviceEntry(service: Service, { number }: Port, bare: boolean, view: View): Entry {
  const asked = { host: service.host, port: number, service };
  return { ...asked, bare, names: namesOf(service, view), ...routed(asked, view) };
}

/** Hosts without a service of their own, as they are asked for on `port`, where a rule is for that. */
export function virtualEntries(view: View, port: number): readonly Entry[] {
  const virtual = [...view.routings.values()].filter(({ host }) => !view.services.has(host));
  return virtual.flatMap(({ host }): readonly Entry[] => {
    const asked = { host, port, service: null };
    const entry = { ...asked, bare: true, names: [], ...routed(asked, view) };
    return entry.routes.routes.length === 0 ? [] : [entry];
  });
}

/** `name:port`, and before it `name` where the port may be left out. */
function domains(names: readonly string[], port: number, bare: boolean): readonly string[] {
  return names.flatMap((name) => {
    const text = name.includes(':') ? `[${name}]` : name;
    return bare ? [text, `${text}:${port}`] : [`${text}:${port}`];
  });
}
