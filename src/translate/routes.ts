import type { Destination, Match, Routing, Rule, Service } from '../mesh/index.ts';
import { concerns, routeMatch } from './matches.ts';
import { BLACK_HOLE, outboundCluster } from './names.ts';
import { duration, provenance } from './pieces.ts';
import { retryPolicy } from './retries.ts';
import type { View } from './view.ts';

/** Routes of one virtual host, and the clusters that they name. */
export type Routes = { readonly routes: readonly object[]; readonly clusters: readonly string[] };

/** Every request to the service itself. */
export function defaultRoute(service: Service, port: number): Routes {
  const cluster = outboundCluster(port, null, service.host);
  const action = { cluster, timeout: '0s', retry_policy: retryPolicy(null) };
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
    const split = rule.destinations.map(({ weight, ...to }) => ({
      name: clusterFor(to, port, view),
      weight,
    }));
    for (const { name } of split) clusters.add(name);
    const action = { ...target(split), ...limits(rule) };
    const metadata = provenance(routing.origin);
    for (const match of matches) {
      routes.push({ ...routeName(rule, match), match: routeMatch(match), route: action, metadata });
    }
    if (matches.includes(null)) break;
  }
  return { routes, clusters: [...clusters] };
}

function matchesOf({ matches }: Rule, port: number, { proxy }: View): readonly (Match | null)[] {
  return matches.length === 0 ? [null] : matches.filter((match) => concerns(match, proxy, port));
}

type Target = Pick<Destination, 'host' | 'subset' | 'port'>;

/** What the client cannot see, or what does not exist, is answered 503 instead of going anywhere else. */
function clusterFor({ host, subset, port }: Target, asked: number, { services }: View): string {
  const service = services.get(host);
  if (service === undefined) return BLACK_HOLE;
  const [only, ...others] = service.ports;
  const number = port ?? (others.length === 0 ? only?.number : undefined) ?? asked;
  const hasPort = service.ports.some((candidate) => candidate.number === number);
  const hasSubset = subset === null || service.subsets.some(({ name }) => name === subset);
  return hasPort && hasSubset ? outboundCluster(number, subset, host) : BLACK_HOLE;
}

type Split = readonly { readonly name: string; readonly weight: number }[];

function target(split: Split): object {
  const [first] = split;
  if (first !== undefined && split.length === 1) return { cluster: first.name };
  return { weighted_clusters: { clusters: split } };
}

function limits({ timeoutMs, retries }: Rule): object {
  const policy = retries?.attempts === 0 ? {} : { retry_policy: retryPolicy(retries) };
  return { timeout: duration(timeoutMs ?? 0), ...policy };
}

function routeName(rule: Rule, match: Match | null): object {
  const parts = [rule.name, match?.name ?? null].filter((part) => part !== null);
  return parts.length === 0 ? {} : { name: parts.join('.') };
}
