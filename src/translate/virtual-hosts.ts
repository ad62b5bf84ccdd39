import { byCodeUnit } from '../base/order.ts';
import { carriesHttp, type Origin, type Port, type Routing, type Service } from '../mesh/index.ts';
import { namesOf } from './domains.ts';
import type { Draft } from './encode.ts';
import { routeConfiguration } from './http.ts';
import { HTTP_PROXY_ROUTES, PASSTHROUGH } from './names.ts';
import { defaultRoute, type Routes, routesOf } from './routes.ts';
import { CLUSTER, ROUTES } from './types.ts';
import { routingOf, type View } from './view.ts';

/** A host and port that clients may ask for. `bare`: also without the port. */
export type Entry = {
  readonly host: string;
  readonly port: number;
  readonly bare: boolean;
  readonly names: readonly string[];
  readonly routes: Routes;
  readonly origins: readonly Origin[];
};

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
  const clusters = [...entries.flatMap(({ routes }) => routes.clusters), PASSTHROUGH];
  return {
    typeUrl: ROUTES,
    name: HTTP_PROXY_ROUTES,
    json: routeConfiguration(HTTP_PROXY_ROUTES, [...hosts, allowAny]),
    origins: entries.flatMap(({ origins }) => origins),
    references: clusters.map((name) => ({ typeUrl: CLUSTER, name })),
  };
}

/** By the routes that it has, its name and its domains. */
const virtualHosts = new WeakMap<Routes, Map<string, object>>();

/** One that did not change is the same object: it is encoded once. */
export function virtualHost(name: string, domains: readonly string[], routes: Routes): object {
  const byText = virtualHosts.get(routes) ?? new Map<string, object>();
  virtualHosts.set(routes, byText);
  const text = [name, ...domains].join(' ');
  const host = byText.get(text) ?? { name, domains, routes: routes.routes };
  byText.set(text, host);
  return host;
}

/** Unknown hosts pass (outbound ALLOW_ANY); without captured traffic there is nowhere to pass to, hence 503. */
export const allowAny = {
  name: 'allow_any',
  domains: ['*'],
  routes: [{ name: 'allow_any', match: { prefix: '/' }, route: { cluster: PASSTHROUGH, timeout: '0s' } }],
};

function serviceEntries(view: View): readonly Entry[] {
  return [...view.services.values()].flatMap((service) => {
    const ports = service.ports.filter(carriesHttp);
    const bare = ports.find(({ number }) => number === 80) ?? ports[0];
    return ports.map((port) => serviceEntry(service, port, port === bare, view));
  });
}

export function serviceEntry(service: Service, { number }: Port, bare: boolean, view: View): Entry {
  const routing = routingOf(view, service.host, number);
  const routed = routing === null ? null : routesOf(routing, number, view);
  return {
    host: service.host,
    port: number,
    bare,
    names: namesOf(service, view),
    // Rules of which none is for this client and port say nothing about its requests (Istio).
    routes: routed === null || routed.routes.length === 0 ? defaultRoute(service, number) : routed,
    origins: [service.origin, ...originsOf(routing)],
  };
}

/** Hosts without a service of their own, as they are asked for on `port`, where a rule is for that. */
export function virtualEntries(view: View, port: number): readonly Entry[] {
  const virtual = [...view.routings.values()].filter(({ host }) => !view.services.has(host));
  return virtual.flatMap((routing: Routing): readonly Entry[] => {
    const routes = routesOf(routing, port, view);
    if (routes.routes.length === 0) return [];
    return [{ host: routing.host, port, bare: true, names: [], routes, origins: originsOf(routing) }];
  });
}

function originsOf(routing: Routing | null): readonly Origin[] {
  return routing?.rules.map(({ origin }) => origin) ?? [];
}

/** `name:port`, and before it `name` where the port may be left out. */
function domains(names: readonly string[], port: number, bare: boolean): readonly string[] {
  return names.flatMap((name) => {
    const text = name.includes(':') ? `[${name}]` : name;
    return bare ? [text, `${text}:${port}`] : [`${text}:${port}`];
  });
}
