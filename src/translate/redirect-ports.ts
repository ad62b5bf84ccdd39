import { carriesHttp, type Port, type Service } from '../mesh/index.ts';
import { type Bound, skip } from './bindings.ts';
import { clientManager } from './client-manager.ts';
import { rds } from './config-source.ts';
import type { Draft } from './encode.ts';
import { tcpProxy } from './http.ts';
import { INBOUND_PORT, listenerName, OUTBOUND_PORT } from './names.ts';
import { portRoutes } from './redirect-routes.ts';
import { httpInspector, isHttp, patience, tlsInspector } from './sniffing.ts';
import { type Chain, chainsInOrder, chainsTo, clustersOf, hasNames, isWhole, prefixesOf } from './streams.ts';
import { LISTENER, ROUTES, type Skipped } from './types.ts';
import { nearest, type View } from './view.ts';
import { listening } from './wildcard.ts';

/** What shares one port at whatever address a client connects to. */
type Wanted = {
  /** Services and hosts that are told apart by the host of a request. */
  readonly byHost: readonly Service[];
  /** TLS services without an address, which are told apart by their SNI. */
  readonly byName: readonly Service[];
  /** Services with a range of addresses. */
  readonly byRange: readonly Ranged[];
  /** Services that nothing but the port could tell. */
  readonly byPort: readonly Service[];
};

type Ranged = { readonly service: Service; readonly port: Port; readonly range: string };

/** `isInspected`: it waits for the first bytes of a connection. */
type PortListener = Bound & { readonly port: number; readonly isInspected: boolean };

const nothing: Wanted = { byHost: [], byName: [], byRange: [], byPort: [] };

/** HTTP's own port: hosts that only a routing defines are asked for there even where no service has it. */
const httpPort = 80;

/** What every port carries, by number. */
export function wildcardPorts(view: View): ReadonlyMap<number, Wanted> {
  const ports = new Map<number, Wanted>();
  for (const service of view.services.values()) {
    for (const port of service.ports) {
      const wanted = wantedBy(service, port);
      if (wanted === nothing) continue;
      ports.set(port.number, merged(ports.get(port.number) ?? nothing, wanted));
    }
  }
  const hasVirtual = [...view.routings.keys()].some((host) => !view.services.has(host));
  if (hasVirtual && !ports.has(httpPort)) ports.set(httpPort, nothing);
  return new Map([...ports].sort(([left], [right]) => left - right));
}

/**
 * A Kubernetes service without an address is not looked for by its port: it has endpoints, and connections to them
 * pass on to the very endpoint that the client chose.
 */
function wantedBy(service: Service, port: Port): Wanted {
  const { addresses, ranges, shortName } = service;
  const byHost = carriesHttp(port) ? [service] : [];
  if (carriesHttp(port) && port.protocol !== 'undeclared') return { ...nothing, byHost };
  const byRange = ranges.map((range) => ({ service, port, range }));
  const isPlaced = addresses.length > 0 || ranges.length > 0;
  if (!isPlaced && port.protocol === 'tls') return { ...nothing, byName: [service] };
  const byPort = isPlaced || shortName !== null ? [] : [service];
  const isNothing = [byHost, byRange, byPort].every(({ length }) => length === 0);
  return isNothing ? nothing : { byHost, byName: [], byRange, byPort };
}

function merged(left: Wanted, right: Wanted): Wanted {
  return {
    byHost: [...left.byHost, ...right.byHost],
    byName: [...left.byName, ...right.byName],
    byRange: [...left.byRange, ...right.byRange],
    byPort: [...left.byPort, ...right.byPort],
  };
}

/**
 * The listener of one port, `0.0.0.0_80`: a chain for each way in which its services are told apart; what is left
 * belongs to the only service that has nothing but the port, or passes on.
 */
export function portListener(view: View, number: number, wanted: Wanted): PortListener {
  const { name, addresses } = listening(view.proxy, number);
  const all = servicesOf(wanted);
  if (number === OUTBOUND_PORT || number === INBOUND_PORT) {
    const skipped = all.map((service) => skip(name, 'captured traffic arrives there', service));
    return { port: number, isInspected: false, drafts: [], skipped };
  }
  const routes = wanted.byHost.length > 0 || all.length === 0 ? [portRoutes(view, number)] : [];
  const http = routes.map((table) => clientManager(view, `outbound_${name}`, rds(table.name, view.proxy)));
  const ranges = rangesOf(view, number, wanted);
  const rest = onlyOwn(view, name, wanted.byPort);
  const named = wanted.byName.toSorted(exactFirst).flatMap((service) => namedChains(view, service, number));
  const ranged = ranges.won.map((one) => ({ ...one, chains: rangedChains(view, one) }));
  const restChains = rest.winner === null ? [] : chainsTo(view, rest.winner, portOf(rest.winner, number));
  const last = restChains.find(isWhole) ?? passing(view.elsewhere);
  const mayBeHttp = [
    ...ranged.flatMap(({ port, chains }) => (port.protocol === 'undeclared' ? chains : [])),
    ...(rest.winner !== null && carriesHttp(portOf(rest.winner, number)) ? restChains : []),
  ];
  const prefix_ranges = prefixesOf(mayBeHttp);
  const direct = [
    ...named,
    ...ranged.flatMap((one) => one.chains),
    ...restChains.filter((one) => one !== last),
  ];
  const chains = [
    ...http.map((manager) => ({ filter_chain_match: isHttp, filters: [manager] })),
    ...(prefix_ranges.length === 0 ? [] : http).map((manager) => ({
      filter_chain_match: { prefix_ranges, ...isHttp },
      filters: [manager],
    })),
    ...chainsInOrder(direct),
  ];
  const skipped = [...rest.skipped, ...ranges.skipped];
  if (chains.length === 0 && rest.winner === null) {
    return { port: number, isInspected: false, drafts: [], skipped };
  }
  // Where nothing has to be told apart, a server may be the first to speak.
  const isInspected = http.length > 0 || direct.some(hasNames);
  const json = {
    name,
    ...addresses,
    bind_to_port: false,
    traffic_direction: 'OUTBOUND',
    ...(isInspected ? { listener_filters: [tlsInspector, httpInspector], ...patience(view) } : {}),
    ...(chains.length > 0 ? { filter_chains: chains } : {}),
    default_filter_chain: { filters: last.filters },
  };
  const references = [
    ...clustersOf([...direct, last]),
    ...routes.map((table) => ({ typeUrl: ROUTES, name: table.name }) as const),
  ];
  const origins = [
    ...all.map(({ origin }) => origin),
    ...[...direct, last].flatMap((chain) => chain.origins),
  ];
  const listener: Draft = { typeUrl: LISTENER, name, json, origins, references };
  return { port: number, isInspected, drafts: [listener, ...routes], skipped };
}

/** A range that two services want is the nearest one's, or passes on. */
function rangesOf(
  view: View,
  number: number,
  { byRange }: Wanted,
): { readonly won: readonly Ranged[]; readonly skipped: readonly Skipped[] } {
  const won: Ranged[] = [];
  const skipped: Skipped[] = [];
  for (const [range, rivals] of Map.groupBy(byRange, (ranged) => ranged.range)) {
    const services = rivals.map(({ service }) => service);
    const { winner, skipped: losers } = onlyOwn(view, listenerName(range, number), services);
    won.push(...rivals.filter(({ service }) => service === winner));
    skipped.push(...losers);
  }
  return { won, skipped };
}

/**
 * A whole port, or a range of addresses, is taken only from clients of the service's own scope, and only by one: no
 * scope can take connections from another one's clients by naming what nobody owns.
 */
function onlyOwn(
  view: View,
  name: string,
  rivals: readonly Service[],
): { readonly winner: Service | null; readonly skipped: readonly Skipped[] } {
  const own = rivals.filter((service) => view.nearness(service) > 0);
  const winner = nearest(view, own);
  const skipped = rivals.flatMap((service) => {
    if (service === winner) return [];
    const reason = own.includes(service)
      ? 'another service wants it too'
      : 'only clients of its own scope lose a port or a range of addresses to a service';
    return [skip(name, reason, service)];
  });
  return { winner, skipped };
}

function servicesOf({ byHost, byName, byRange, byPort }: Wanted): readonly Service[] {
  return [...new Set([...byHost, ...byName, ...byRange.map(({ service }) => service), ...byPort])];
}

/** What nobody wants. */
function passing(cluster: string): Chain {
  return {
    names: [],
    ranges: [],
    filters: [tcpProxy(cluster)],
    clusters: [cluster],
    origins: [],
  };
}

/** A TLS service that has nothing but its name. */
function namedChains(view: View, service: Service, number: number): readonly Chain[] {
  return chainsTo(view, service, portOf(service, number)).map((chain) =>
    isWhole(chain) ? { ...chain, names: [service.host] } : chain,
  );
}

/** Where a rule says no addresses, they are those of the service. */
function rangedChains(view: View, { service, port, range }: Ranged): readonly Chain[] {
  return chainsTo(view, service, port).map((chain) =>
    chain.ranges.length === 0 ? { ...chain, ranges: [range] } : chain,
  );
}

function portOf({ ports }: Service, number: number): Port {
  const port = ports.find((candidate) => candidate.number === number);
  if (port === undefined) throw new Error(`no port ${number}`);
  return port;
}

function exactFirst(left: Service, right: Service): number {
  return Number(left.host.startsWith('*')) - Number(right.host.startsWith('*'));
}
