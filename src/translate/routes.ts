import {
  type Destination,
  type Match,
  policyOf,
  type Routing,
  type Rule,
  type Service,
} from '../mesh/index.ts';
import { concerns, routeMatch } from './matches.ts';
import { BLACK_HOLE, outboundCluster } from './names.ts';
import { duration, provenance } from './pieces.ts';
import { hashPolicy } from './policies.ts';
import { retryPolicy } from './retries.ts';
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
    const found = rule.destinations.map((destination) => clusterFor(destination, port, view));
    const split = found.map(({ name }, index) => ({ name, weight: rule.destinations[index]?.weight ?? 0 }));
    for (const { name } of split) clusters.add(name);
    const action = { ...target(split), ...limits(rule), ...sticking(found.map(({ hash }) => hash)) };
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

/** A cluster, and what has a request stick to one of its hosts. */
type Found = { readonly name: string; readonly hash: readonly object[] };

const nowhere: Found = { name: BLACK_HOLE, hash: [] };

/** What the client cannot see, or what does not exist, is answered 503 instead of going anywhere else. */
function clusterFor({ host, subset, port }: Target, asked: number, { services }: View): Found {
  const service = services.get(host);
  if (service === undefined) return nowhere;
  const [only, ...others] = service.ports;
  const number = port ?? (others.length === 0 ? only?.number : undefined) ?? asked;
  const hasPort = service.ports.some((candidate) => candidate.number === number);
  const part = service.subsets.find(({ name }) => name === subset) ?? null;
  if (!hasPort || (subset !== null && part === null)) return nowhere;
  const hash = hashPolicy(policyOf(service, part, number));
  return { name: outboundCluster(number, subset, host), hash };
}

/** A request does not know yet which destination it gets: it is hashed by what any of them wants, each once. */
function sticking(hashes: readonly (readonly object[])[]): object {
  const distinct = new Map(hashes.flat().map((hash) => [JSON.stringify(hash), hash]));
  return distinct.size === 0 ? {} : { hash_policy: [...distinct.values()] };
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
