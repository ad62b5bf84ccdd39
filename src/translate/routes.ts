import { type Match, policyOf, type Routing, type Rule, type Service } from '../mesh/index.ts';
import { actionOf } from './actions.ts';
import { concerns, routeMatch } from './matches.ts';
import { outboundCluster } from './names.ts';
import { provenance } from './pieces.ts';
import { hashPolicy } from './policies.ts';
import { retryPolicy } from './retries.ts';
import { routeFilters } from './route-filters.ts';
import { sticking } from './targets.ts';
import type { View } from './view.ts';

/** Routes of one virtual host, and the clusters that they name. */
export type Routes = { readonly routes: readonly object[]; readonly clusters: readonly string[] };

/** Every request to the service itself. */
export function defaultRoute(service: Service, port: number): Routes {
  const cluster = outboundCluster(port, null, service.host);
  const sticky = sticking([hashPolicy(policyOf(service, null, port))]);
  const action = { cluster, timeout: '0s', retry_policy: retryPolicy(null), ...sticky };
  const route = {
    name: 'default',
    match: routeMatch(null),
    route: action,
    metadata: provenance(service.origin),
  };
  return { routes: [route], clusters: [cluster] };
}

/** The routes of a routing as this proxy asks for `port`: one per match, in order; nothing after a rule without one. */
export function routesOf(routing: Routing, port: number, view: View): Routes {
  const routes: object[] = [];
  const clusters = new Set<string>();
  for (const rule of routing.rules) {
    const matches = matchesOf(rule, port, view);
    if (matches.length === 0) continue;
    const shared = { ...routeFilters(rule, view.proxy), metadata: provenance(rule.origin) };
    for (const match of matches) {
      const { fields, clusters: named } = actionOf(rule, { match, port }, view);
      for (const cluster of named) clusters.add(cluster);
      routes.push({ ...routeName(rule, match), match: routeMatch(match), ...fields, ...shared });
    }
    if (matches.includes(null)) break;
  }
  return { routes, clusters: [...clusters] };
}

function matchesOf({ matches }: Rule, port: number, { proxy }: View): readonly (Match | null)[] {
  return matches.length === 0 ? [null] : matches.filter((match) => concerns(match, proxy, port));
}

function routeName(rule: Rule, match: Match | null): object {
  const parts = [rule.name, match?.name ?? null].filter((part) => part !== null);
  return parts.length === 0 ? {} : { name: parts.join('.') };
}
