import {
  covers,
  hasLabels,
  type Origin,
  type Port,
  type Routing,
  type Service,
  type StreamMatch,
  type StreamRule,
} from '../mesh/index.ts';
import { madeOf } from './behind.ts';
import { bytesTo } from './bytes.ts';
import { weightedTcpProxy } from './http.ts';
import { byServerName, isAsAsked } from './look-up.ts';
import { outboundCluster } from './names.ts';
import { tcpPolicy } from './policies.ts';
import { clusterFor, policyFor } from './targets.ts';
import { CLUSTER, type Proxy, type Reference } from './types.ts';
import type { View } from './view.ts';

/** Connections of a port that are for one place; empty lists: all. */
export type Chain = {
  readonly names: readonly string[];
  readonly ranges: readonly string[];
  readonly filters: readonly object[];
  readonly clusters: readonly string[];
  readonly origins: readonly Origin[];
};

/**
 * What the rules for a service have a client do with bytes to a port of it: the first chain that fits. Empty where no
 * rule is for this client and port, and the bytes go to the service.
 */
function streamChains(view: View, service: Service, port: Port): readonly Chain[] {
  const routing = streamRoutingOf(view, service.host);
  if (routing === null) return [];
  const of = port.protocol === 'tls' ? 'tls' : 'tcp';
  const chains: Chain[] = [];
  for (const rule of routing.streams.filter((each) => each.of === of)) {
    const about = { name: outboundCluster(port.number, null, service.host), origins: [service.origin] };
    const bytes = () => bytesOf(rule, about, port.number, view);
    const matches = rule.matches.length === 0 ? [everything] : rule.matches;
    for (const match of matches.filter((each) => concerns(each, view.proxy, port.number))) {
      const names = match.names.includes('*') ? [] : match.names;
      const chain = { names, ranges: match.ranges, ...bytes() };
      chains.push(chain);
      if (isWhole(chain)) return chains;
    }
  }
  return chains;
}

/**
 * Connections that come in at a port of a gateway, as a routing that is bound to it says; one that is for this very port
 * is before one for any. `names`: where TLS is passed on, the names of the server that the routing is for.
 */
export function chainsAt(
  view: View,
  { host, streams }: Routing,
  port: number,
  names: readonly string[] | null,
): readonly Chain[] {
  const of = names === null ? 'tcp' : 'tls';
  const about = { name: `inbound_${port}_${host}`, origins: [] };
  const all = streams
    .filter((rule) => rule.of === of)
    .flatMap((rule) => {
      const matches = rule.matches.length === 0 ? [everything] : rule.matches;
      return matches.filter((match) => concerns(match, view.proxy, port)).map((match) => ({ rule, match }));
    });
  const sorted = all.toSorted((a, b) => Number(a.match.port === null) - Number(b.match.port === null));
  return sorted.flatMap(({ rule, match }): readonly Chain[] => {
    const own =
      names === null ? [] : match.names.flatMap((name) => names.flatMap((n) => narrower(name, n) ?? []));
    if (names !== null && own.length === 0) return [];
    const asked = own.includes('*') ? [] : [...new Set(own)];
    return [{ names: asked, ranges: match.ranges, ...bytesOf(rule, about, port, view) }];
  });
}

function narrower(left: string, right: string): string | null {
  if (covers(left, right)) return right;
  return covers(right, left) ? left : null;
}

/**
 * Who gets what reaches a port of a service as bytes: as rules for it say, and what they leave over the service itself.
 * Only TLS by a name that no rule says is nobody's (Istio).
 */
export function chainsTo(view: View, service: Service, port: Port): readonly Chain[] {
  const chains = streamChains(view, service, port);
  if (chains.some(isWhole) || (chains.length > 0 && port.protocol === 'tls')) return chains;
  const { cluster, filters, origins } = bytesTo(service, port.number);
  // Who is looked up as asked has to be asked for by name.
  const names = isAsAsked(service) ? [service.host] : [];
  return [...chains, { names, ranges: [], filters, clusters: [cluster], origins }];
}

export function isWhole({ names, ranges }: Chain): boolean {
  return names.length + ranges.length === 0;
}

/** Whether the name that TLS asks for decides: it has to be waited for. */
export function hasNames({ names }: Chain): boolean {
  return names.length > 0;
}

export function clustersOf(chains: readonly Chain[]): readonly Reference[] {
  const names = new Set(chains.flatMap(({ clusters }) => clusters));
  return [...names].map((name) => ({ typeUrl: CLUSTER, name }));
}

const everything: StreamMatch = {
  names: [],
  ranges: [],
  port: null,
  fromNamespace: null,
  fromLabels: {},
  entrances: [],
};

/** The routing of connections to a host, as for requests: its own, else that of the longest wildcard that covers it. */
function streamRoutingOf({ streams }: View, host: string): Routing | null {
  const { exact, wildcards } = indexOf(streams);
  return exact.get(host) ?? wildcards.find((routing) => covers(routing.host, host)) ?? null;
}

/** `wildcards`: the longest first. */
type Index = { readonly exact: ReadonlyMap<string, Routing>; readonly wildcards: readonly Routing[] };

const indexes = new WeakMap<View['streams'], Index>();

/** Made once for a view: each port of each service asks. */
function indexOf(streams: View['streams']): Index {
  const known = indexes.get(streams);
  if (known !== undefined) return known;
  const wildcards = streams.filter(({ host }) => host.startsWith('*'));
  const index = {
    exact: new Map(streams.map((routing) => [routing.host, routing])),
    wildcards: wildcards.sort((left, right) => right.host.length - left.host.length),
  };
  indexes.set(streams, index);
  return index;
}

function concerns(match: StreamMatch, proxy: Proxy, port: number): boolean {
  if (match.port !== null && match.port !== port) return false;
  if (match.fromNamespace !== null && match.fromNamespace !== proxy.namespace) return false;
  return hasLabels(proxy.labels, match.fromLabels);
}

type Named = { readonly name: string; readonly origins: readonly Origin[] };

function bytesOf(
  rule: StreamRule,
  { name: statPrefix, origins }: Named,
  port: number,
  { targets: services }: View,
) {
  const { destinations, origin } = rule;
  const shares = destinations.map((to) => ({
    name: clusterFor(to, port, services).name,
    weight: to.weight,
  }));
  // Connections have one set of limits: that of the first destination (Istio).
  const [first] = destinations;
  const policy = first === undefined ? null : policyFor(first, port, services);
  const filter = madeOf(weightedTcpProxy(statPrefix, shares, tcpPolicy(policy)), rule);
  const asked = destinations.find(({ host }) => isAsAsked(services.get(host) ?? { discovery: 'listed' }));
  return {
    filters: asked === undefined ? [filter] : [byServerName(asked.port ?? port), filter],
    clusters: shares.map(({ name }) => name),
    origins: [...origins, origin, ...(policy?.origins ?? [])],
  };
}

/**
 * Filter chain matches, in order, of which no two are for one connection: Envoy refuses those. What two chains want is
 * the first one's.
 */
export function chainsInOrder(chains: readonly Chain[]) {
  const taken = new Set<string>();
  return chains.flatMap(({ names, ranges, filters }) => {
    const left = (names.length === 0 ? [null] : names).flatMap((name) => {
      const free = (ranges.length === 0 ? [null] : ranges).filter((range) => {
        const key = JSON.stringify([name, range]);
        return !taken.has(key) && taken.add(key);
      });
      return free.length === 0 ? [] : [{ name, free }];
    });
    const alike = Map.groupBy(left, ({ free }) => JSON.stringify(free));
    return [...alike.values()].map((same) => {
      const server_names = same.flatMap(({ name }) => name ?? []);
      const prefix_ranges = (same[0]?.free ?? []).flatMap((range) => (range === null ? [] : [prefix(range)]));
      const match = {
        ...(prefix_ranges.length > 0 ? { prefix_ranges } : {}),
        ...(server_names.length > 0 ? { transport_protocol: 'tls', server_names } : {}),
      };
      return { ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }), filters };
    });
  });
}

/** Ranges that chains have of their own: what else is told of connections has to be told within them, too. */
export function prefixesOf(chains: readonly Chain[]): readonly object[] {
  return [...new Set(chains.flatMap(({ ranges }) => ranges))].map(prefix);
}

function prefix(range: string): object {
  const [address_prefix = '', bits] = range.split('/');
  return { address_prefix, prefix_len: Number(bits ?? (address_prefix.includes(':') ? 128 : 32)) };
}
