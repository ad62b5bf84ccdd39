import { type Match, policyOf, type Routing, type Rule, type Service, type Settings } from '../mesh/index.ts';
import { actionOf } from './actions.ts';
import { madeOf } from './behind.ts';
import { concerns, routeMatch } from './matches.ts';
import { outboundCluster } from './names.ts';
import { provenance } from './pieces.ts';
import { hashPolicy } from './policies.ts';
import { retryPolicy } from './retries.ts';
import { filtersOf, routeFilters } from './route-filters.ts';
import { type Seen, sticking } from './targets.ts';
import type { Proxy } from './types.ts';
import type { View } from './view.ts';

/** Routes of one virtual host, and the clusters that they name. */
export type Routes = { readonly routes: readonly object[]; readonly clusters: readonly string[] };

/** Of services that did not change, by port. */
const defaults = new WeakMap<Service, Map<string, Routes>>();

/** Every request to the service itself. */
export function defaultRoute(service: Service, port: number, { retries }: Settings): Routes {
  const byPort = defaults.get(service) ?? new Map<string, Routes>();
  defaults.set(service, byPort);
  const key = `${port} ${retriesKey(retries)}`;
  const routes = byPort.get(key) ?? makeDefault(service, port, retries);
  byPort.set(key, routes);
  return routes;
}

function retriesKey(retries: Settings['retries']): string {
  return retries === null ? '' : JSON.stringify(retries);
}

function makeDefault(service: Service, port: number, retries: Settings['retries']): Routes {
  const cluster = outboundCluster(port, null, service.host);
  const hash = hashPolicy(policyOf(service, null, port));
  const action = { cluster, timeout: '0s', ...retryPolicy(retries, hash), ...sticking([hash]) };
  const route = {
    name: 'default',
    match: routeMatch(null),
    route: action,
    metadata: provenance(service.origin),
  };
  return { routes: [route], clusters: [cluster] };
}

/** Routes, and the services that were asked for on the way. */
type Made = { readonly routes: Routes; readonly asked: ReadonlyMap<string, Service | undefined> };

/**
 * What was made of a routing last, by all of the client that takes part; null where matches tell clients apart, of whom
 * there may be very many.
 */
const made = new WeakMap<Routing, Map<string, Made> | null>();

/** The routes of a routing as this proxy asks for `port`: one per match, in order; nothing after a rule without one. */
export function routesOf(
  routing: Routing,
  port: number,
  { proxy, targets: services, settings }: View,
): Routes {
  const known = made.get(routing);
  const byClient = known === undefined ? (isPicky(routing) ? null : new Map<string, Made>()) : known;
  if (known === undefined) made.set(routing, byClient);
  if (byClient === null) return makeRoutes(routing, port, { proxy, settings }, services);
  const key = `${port} ${proxy.type} ${filtersOf(proxy)} ${retriesKey(settings.retries)}`;
  const before = byClient.get(key);
  if (before !== undefined && isOf(before, services)) return before.routes;
  const asked = new Map<string, Service | undefined>();
  const get = (host: string) => {
    const service = services.get(host);
    asked.set(host, service);
    return service;
  };
  const routes = makeRoutes(routing, port, { proxy, settings }, { get });
  byClient.set(key, { routes, asked });
  return routes;
}

function isOf({ asked }: Made, services: Seen): boolean {
  for (const [host, service] of asked) if (services.get(host) !== service) return false;
  return true;
}

/** Whether `concerns` can tell two clients apart. */
function isPicky({ rules }: Routing): boolean {
  return rules.some(({ matches }) =>
    matches.some((match) => match.fromNamespace !== null || Object.keys(match.fromLabels).length > 0),
  );
}

function makeRoutes(
  routing: Routing,
  port: number,
  { proxy, settings: { retries } }: Pick<View, 'proxy' | 'settings'>,
  services: Seen,
): Routes {
  const routes: object[] = [];
  const clusters = new Set<string>();
  // In the mesh, a service has short names, too.
  const host = proxy.type === 'router' && !routing.host.startsWith('*') ? routing.host : null;
  for (const rule of routing.rules) {
    const matches = matchesOf(rule, port, proxy);
    if (matches.length === 0) continue;
    const shared = { ...routeFilters(rule, proxy), metadata: provenance(rule.origin) };
    for (const match of matches) {
      const { fields, clusters: named } = actionOf(rule, { match, port, host, retries }, services);
      for (const cluster of named) clusters.add(cluster);
      const route = {
        ...routeName(rule, match),
        ...statistics(match),
        match: routeMatch(match),
        ...fields,
        ...shared,
      };
      routes.push(madeOf(route, rule.action));
    }
    if (matches.includes(null)) break;
  }
  return { routes, clusters: [...clusters] };
}

function matchesOf({ matches }: Rule, port: number, proxy: Proxy): readonly (Match | null)[] {
  return matches.length === 0 ? [null] : matches.filter((match) => concerns(match, proxy, port));
}

function routeName(rule: Rule, match: Match | null): object {
  const parts = [rule.name, match?.name ?? null].filter((part) => part !== null);
  return parts.length === 0 ? {} : { name: parts.join('.') };
}

function statistics(match: Match | null): object {
  return match === null || match.statPrefix === null ? {} : { stat_prefix: match.statPrefix };
}
