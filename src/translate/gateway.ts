import type { Bound } from './bindings.ts';
import { rds } from './config-source.ts';
import type { Draft } from './encode.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { httpConnectionManager } from './http.ts';
import { LISTENER, type Proxy, ROUTES } from './types.ts';
import type { Opening, View } from './view.ts';
import { listening } from './wildcard.ts';

/**
 * A gateway: a bound listener for each port and address that the gateways of its scope open, `0.0.0.0_80` with the routes
 * `http.80`. Several gateways may share one.
 */
export function gatewayListeners(view: View): Bound {
  const byAddress = Map.groupBy(view.openings, ({ server: { port, bind } }) => `${port} ${bind ?? ''}`);
  const drafts = [...byAddress.values()].flatMap((openings) => listenerOf(view, openings));
  return { drafts, skipped: [] };
}

function listenerOf(view: View, openings: readonly Opening[]): readonly Draft[] {
  const [first] = openings;
  if (first === undefined) return [];
  const { port, bind } = first.server;
  const { name, addresses } = listening(view.proxy, port, bind);
  const routes = gatewayRoutes(view, bind === null ? `http.${port}` : `http.${port}.${bind}`, openings);
  const json = {
    name,
    ...addresses,
    traffic_direction: 'OUTBOUND',
    filter_chains: [{ filters: [managerOf(view.proxy, name, routes.name)] }],
  };
  const origins = openings.map(({ gateway }) => gateway.origin);
  const references = [{ typeUrl: ROUTES, name: routes.name }] as const;
  return [{ typeUrl: LISTENER, name, json, origins, references }, routes];
}

/** Who is outside is not believed when he says where he is from, or that he came by https. */
function managerOf(proxy: Proxy, name: string, routes: string): object {
  return httpConnectionManager(`outbound_${name}`, rds(routes, proxy), proxy, { use_remote_address: true });
}
