import { covers, type GatewayServer, meet } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import { clientManager } from './client-manager.ts';
import { rds } from './config-source.ts';
import { endOfTls } from './downstream-tls.ts';
import type { Draft } from './encode.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { servedByServices } from './served.ts';
import { tlsInspector } from './sniffing.ts';
import { type Chain, chainsAt, chainsInOrder, clustersOf } from './streams.ts';
import { LISTENER, type Reference, type Skipped } from './types.ts';
import type { Opening, View } from './view.ts';
import { listening } from './wildcard.ts';

/**
 * A gateway: a bound listener for each port and address that the gateways of its scope open, `0.0.0.0_80` with the routes
 * `http.80`. Several gateways may share one; of those of TLS, the host that the client names (SNI) tells which.
 */
export function gatewayListeners(view: View): Bound {
  const byAddress = Map.groupBy(view.openings, ({ server: { port, bind } }) => `${port} ${bind ?? ''}`);
  const bound = boundPorts(view);
  const all = [...byAddress.values()].map((openings) => listenerOf(view, openings, bound));
  return { drafts: all.flatMap(({ drafts }) => drafts), skipped: all.flatMap(({ skipped }) => skipped) };
}

/**
 * Where clients get to who ask a Service of the proxy at the port of a server (Istio): its target, by that port. Only
 * where each has its own: a port that leads to several places, or to that of another server, is bound as it is, so that
 * no two listeners, and no two tables of one port, come from servers that nobody compared.
 */
function boundPorts(view: View): ReadonlyMap<number, number> {
  const targets = [...servedByServices(view, view.proxy.ips)];
  const asked = [...new Set(view.openings.map(({ server: { port } }) => port))];
  const led = asked.flatMap((port) =>
    targets
      .filter(([, served]) => served.some(({ port: { number } }) => number === port))
      .map(([target]): readonly [number, number] => [port, target]),
  );
  const isAlone = ([port, target]: readonly [number, number]) =>
    (target === port || !asked.includes(target)) &&
    led.every(([other, place]) => (other === port) === (place === target));
  return new Map(led.filter(isAlone));
}

/** Some connections of a listener. */
type Part = {
  readonly chains: readonly object[];
  readonly routes: readonly Draft[];
  readonly streams: readonly Chain[];
  readonly skipped: readonly Skipped[];
};

const nothing: Part = { chains: [], routes: [], streams: [], skipped: [] };

function listenerOf(view: View, openings: readonly Opening[], bound: ReadonlyMap<number, number>): Bound {
  const [first] = openings;
  if (first === undefined) return { drafts: [], skipped: [] };
  const port = bound.get(first.server.port) ?? first.server.port;
  const { name, addresses } = listening(view.proxy, port, first.server.bind);
  const plain = openings.filter(({ server }) => server.carries === 'requests' && server.security === null);
  const ended = openings.filter(({ server }) => server.security !== null);
  const passed = openings.filter(({ server }) => server.carries !== 'requests' && server.security === null);
  const parts = [
    plainPart(view, name, plain),
    ...ended.map((opening) => endedPart(view, name, opening)),
    passedPart(view, passed, openings),
  ];
  const chains = parts.flatMap((part) => part.chains);
  const skipped = parts.flatMap((part) => part.skipped);
  if (chains.length === 0) return { drafts: [], skipped };
  const isInspected = openings.some(({ server }) => server.security !== null || server.carries === 'tls');
  const json = {
    name,
    ...addresses,
    traffic_direction: 'OUTBOUND',
    ...askedAt(openings, port),
    ...(isInspected ? { listener_filters: [tlsInspector] } : {}),
    filter_chains: chains,
  };
  const routes = parts.flatMap((part) => part.routes);
  const streams = parts.flatMap((part) => part.streams);
  const tables = routes.map(({ typeUrl, name: table }): Reference => ({ typeUrl, name: table }));
  const references = [...tables, ...clustersOf(streams)];
  const origins = [
    ...openings.map(({ gateway }) => gateway.origin),
    ...streams.flatMap((chain) => chain.origins),
  ];
  return { drafts: [{ typeUrl: LISTENER, name, json, origins, references }, ...routes], skipped };
}

/** The ports at which clients ask, where a Service leads them to another one: nothing else of the listener says it to `why`. */
function askedAt(openings: readonly Opening[], port: number): object {
  const ports = [...new Set(openings.map(({ server }) => server.port))];
  if (ports.every((asked) => asked === port)) return {};
  return { metadata: { filter_metadata: { 'fairlead.asked': { ports } } } };
}

/** Requests in plain text: their hosts are told by what they ask for. */
function plainPart(view: View, listener: string, openings: readonly Opening[]): Part {
  const [{ port, bind } = { port: 0, bind: null }] = openings.map(({ server }) => server);
  if (openings.length === 0) return nothing;
  const routes = gatewayRoutes(view, bind === null ? `http.${port}` : `http.${port}.${bind}`, openings);
  const chain = { filters: [managerOf(view, listener, routes.name)] };
  return { ...nothing, chains: [chain], routes: [routes] };
}

/** TLS that ends here, and what comes out of it. */
function endedPart(view: View, listener: string, opening: Opening): Part {
  const { gateway, server } = opening;
  const isHttp = server.carries === 'requests';
  const ending = server.security && endOfTls(view, server.security, isHttp ? ['h2', 'http/1.1'] : []);
  if (ending === null) return nothing;
  if ('reason' in ending) {
    const { scope, uid, file, line, column } = gateway.origin;
    const sources = [{ scope, uid, file, line, column }];
    return { ...nothing, skipped: [{ address: listener, reason: ending.reason, sources }] };
  }
  const secured = (chain: object) => ({ ...chain, transport_socket: ending.socket });
  if (!isHttp) {
    const names = hostsOf(server);
    const streams = streamsAt(view, [opening]).map((chain) => ({ ...chain, names }));
    return { ...nothing, chains: chainsInOrder(streams).map(secured), streams };
  }
  const [namespace = '', name = ''] = gateway.id.split('/');
  const routes = gatewayRoutes(view, `https.${server.port}.${server.name}.${name}.${namespace}`, [opening]);
  const filters = [managerOf(view, listener, routes.name)];
  const hosts = hostsOf(server);
  const match = hosts.length === 0 ? {} : { filter_chain_match: { server_names: hosts } };
  return { ...nothing, chains: [secured({ ...match, filters })], routes: [routes] };
}

/** What goes on as it comes: TLS by the names that no other server of the port is closer to, or all bytes. */
function passedPart(view: View, passed: readonly Opening[], all: readonly Opening[]): Part {
  const streams = streamsAt(view, passed, all);
  return { ...nothing, chains: chainsInOrder(streams), streams };
}

/** Of routings for one connection, the one whose host is the closest comes first. */
function streamsAt(view: View, openings: readonly Opening[], all: readonly Opening[] = []): readonly Chain[] {
  const bound = openings.flatMap((opening) => opening.routings.map((routing) => ({ opening, routing })));
  const sorted = bound.toSorted((left, right) => right.routing.host.length - left.routing.host.length);
  return sorted.flatMap(({ opening: { server }, routing }) => {
    const meetings = meet(server, routing);
    if (meetings.length === 0) return [];
    if (server.carries === 'bytes') return chainsAt(view, routing, server.port, null);
    const others = all.filter((other) => other.server !== server).map((other) => other.server);
    return meetings.flatMap(({ host, offered }) =>
      chainsAt(view, routing, server.port, [host]).flatMap((chain) => {
        const names = chain.names.filter((name) => !isCloser(others, name, offered));
        return chain.names.length > 0 && names.length === 0 ? [] : [{ ...chain, names }];
      }),
    );
  });
}

/** Whether another server is for a name more closely. */
function isCloser(others: readonly GatewayServer[], name: string, offered: string): boolean {
  return others.some(({ offers }) =>
    offers.some(({ host }) => host.length > offered.length && covers(host, name)),
  );
}

/** The hosts that clients may name; none: all, and those who name none, where one is `*`. */
function hostsOf({ offers }: GatewayServer): readonly string[] {
  const hosts = [...new Set(offers.map(({ host }) => host))];
  return hosts.includes('*') ? [] : hosts;
}

/** Who is outside is not believed when he says where he is from, or that he came by https. */
function managerOf(view: View, name: string, routes: string): object {
  const { proxy } = view;
  const outside = { use_remote_address: true };
  return clientManager(view, `outbound_${name}`, rds(routes, proxy), outside);
}
