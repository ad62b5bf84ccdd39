import { byCodeUnit } from '../base/order.ts';
import { meet, mergedRouting, type Origin, type Routing } from '../mesh/index.ts';
import type { Draft } from './encode.ts';
import { routeConfiguration } from './http.ts';
import { provenance } from './pieces.ts';
import { type Routes, routesOf } from './routes.ts';
import { CLUSTER, ROUTES } from './types.ts';
import type { Opening, View } from './view.ts';

/** A host as one server serves it; `routing` null: nothing is bound, and the server only insists on https. */
type Served = {
  readonly host: string;
  readonly offered: string;
  readonly routing: Routing | null;
  readonly opening: Opening;
};

/** Routes of one port of a gateway by host; what no host is for is answered 404. */
export function gatewayRoutes(view: View, name: string, openings: readonly Opening[]): Draft {
  const byHost = Map.groupBy(openings.flatMap(servedBy), ({ host }) => host);
  const served = [...byHost.values()].flatMap((all) => closest(all.sort(byCloseness)));
  const hosts = served
    .sort((left, right) => byCodeUnit(left.host, right.host))
    .map((one) => entryOf(view, one));
  const port = openings[0]?.server.port ?? 0;
  const nobody = { name: `blackhole:${port}`, domains: ['*'], routes: [] };
  const virtualHosts = hosts.length === 0 ? [nobody] : hosts.map(({ json }) => json);
  const clusters = hosts.flatMap(({ routes }) => routes.clusters);
  return {
    typeUrl: ROUTES,
    name,
    json: { ...routeConfiguration(name, virtualHosts), ignore_port_in_host_matching: true },
    origins: hosts.flatMap(({ origins }) => origins),
    references: clusters.map((cluster) => ({ typeUrl: CLUSTER, name: cluster })),
  };
}

/** What serves a host: several routings of it are one. */
function closest(sorted: readonly Served[]): readonly Served[] {
  const [first] = sorted;
  if (first === undefined) return [];
  const alike = sorted.filter((other) => byCloseness(first, other) === 0);
  const routings = new Set(alike.flatMap(({ routing }) => routing ?? []));
  return [{ ...first, routing: mergedRouting([...routings]) }];
}

function servedBy(opening: Opening): readonly Served[] {
  const { server, routings } = opening;
  const asked = routings.filter(({ rules, streams }) => rules.length > 0 || streams.length === 0);
  const routed = asked.flatMap((routing) =>
    meet(server, routing).map((meeting): Served => ({ ...meeting, routing, opening })),
  );
  const bare = server.insistsOnHttps
    ? server.offers.map(({ host }): Served => ({ host, offered: host, routing: null, opening }))
    : [];
  return [...routed, ...bare];
}

/** The server that offers the host most closely, then the routing that is for it most closely. */
function byCloseness(left: Served, right: Served): number {
  const routed = ({ routing }: Served) => routing?.host.length ?? 0;
  return right.offered.length - left.offered.length || routed(right) - routed(left);
}

type HostEntry = { readonly json: object; readonly routes: Routes; readonly origins: readonly Origin[] };

function entryOf(view: View, { host, routing, opening }: Served): HostEntry {
  const { port, insistsOnHttps } = opening.server;
  const routes = routing === null ? { routes: [], clusters: [] } : routesOf(routing, port, view);
  const json = {
    name: `${host}:${port}`,
    domains: [host],
    routes: routes.routes,
    ...(insistsOnHttps ? { require_tls: 'ALL', metadata: provenance(opening.gateway.origin) } : {}),
  };
  const origins = [opening.gateway.origin, ...(routing?.rules.map(({ origin }) => origin) ?? [])];
  return { json, routes, origins };
}
