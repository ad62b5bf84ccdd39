import type { GatewayServer } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import { rds } from './config-source.ts';
import { endOfTls } from './downstream-tls.ts';
import type { Draft } from './encode.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { httpConnectionManager } from './http.ts';
import { tlsInspector } from './sniffing.ts';
import { LISTENER, type Proxy, type Reference, type Skipped } from './types.ts';
import type { Opening, View } from './view.ts';
import { listening } from './wildcard.ts';

/**
 * A gateway: a bound listener for each port and address that the gateways of its scope open, `0.0.0.0_80` with the routes
 * `http.80`. Several gateways may share one; of those that are encrypted, the host that the client names (SNI) tells which.
 */
export function gatewayListeners(view: View): Bound {
  const byAddress = Map.groupBy(view.openings, ({ server: { port, bind } }) => `${port} ${bind ?? ''}`);
  const all = [...byAddress.values()].map((openings) => listenerOf(view, openings));
  return { drafts: all.flatMap(({ drafts }) => drafts), skipped: all.flatMap(({ skipped }) => skipped) };
}

/** Some connections of a listener. */
type Chain = { readonly json: object; readonly others: readonly Draft[] };

function listenerOf(view: View, openings: readonly Opening[]): Bound {
  const [first] = openings;
  if (first === undefined) return { drafts: [], skipped: [] };
  const { name, addresses } = listening(view.proxy, first.server.port, first.server.bind);
  const isPlain = ({ server }: Opening) => server.security === null;
  const plain = openings.filter(isPlain);
  const made = openings
    .filter((opening) => !isPlain(opening))
    .map((opening) => encryptedChain(view, name, opening));
  const chains = [
    ...(plain.length === 0 ? [] : [plainChain(view, name, plain)]),
    ...made.flatMap((one) => ('chain' in one ? [one.chain] : [])),
  ];
  const skipped = made.flatMap((one) => ('skipped' in one ? [one.skipped] : []));
  if (chains.length === 0) return { drafts: [], skipped };
  const json = {
    name,
    ...addresses,
    traffic_direction: 'OUTBOUND',
    ...(plain.length === openings.length ? {} : { listener_filters: [tlsInspector] }),
    filter_chains: chains.map((chain) => chain.json),
  };
  const others = chains.flatMap((chain) => chain.others);
  const references = others.map(({ typeUrl, name: table }): Reference => ({ typeUrl, name: table }));
  const origins = openings.map(({ gateway }) => gateway.origin);
  return { drafts: [{ typeUrl: LISTENER, name, json, origins, references }, ...others], skipped };
}

function plainChain(view: View, listener: string, openings: readonly Opening[]): Chain {
  const [{ port, bind } = { port: 0, bind: null }] = openings.map(({ server }) => server);
  const routes = gatewayRoutes(view, bind === null ? `http.${port}` : `http.${port}.${bind}`, openings);
  return { json: { filters: [managerOf(view.proxy, listener, routes.name)] }, others: [routes] };
}

function encryptedChain(
  view: View,
  listener: string,
  opening: Opening,
): { readonly chain: Chain } | { readonly skipped: Skipped } {
  const { gateway, server } = opening;
  const ending = server.security && endOfTls(view.proxy, server.security, ['h2', 'http/1.1']);
  if (ending === null || 'reason' in ending) {
    const { scope, uid, file, line, column } = gateway.origin;
    const sources = [{ scope, uid, file, line, column }];
    return { skipped: { address: listener, reason: ending?.reason ?? 'nothing ends TLS', sources } };
  }
  const [namespace = '', name = ''] = gateway.id.split('/');
  const routes = gatewayRoutes(view, `https.${server.port}.${server.name}.${name}.${namespace}`, [opening]);
  const json = {
    ...namesOf(server),
    filters: [managerOf(view.proxy, listener, routes.name)],
    transport_socket: ending.socket,
  };
  return { chain: { json, others: [routes] } };
}

/** The hosts that clients may name; all, and those who name none, where one is `*`. */
function namesOf({ offers }: GatewayServer): object {
  const hosts = [...new Set(offers.map(({ host }) => host))];
  return hosts.includes('*') ? {} : { filter_chain_match: { server_names: hosts } };
}

/** Who is outside is not believed when he says where he is from, or that he came by https. */
function managerOf(proxy: Proxy, name: string, routes: string): object {
  return httpConnectionManager(`outbound_${name}`, rds(routes, proxy), proxy, { use_remote_address: true });
}
