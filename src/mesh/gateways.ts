import { sameItems } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { GatewayResource, Path } from '../manifests/index.ts';
import { canonicalAddress, covers } from './hosts.ts';
import { mistake, originOf, placeOf } from './mistake.ts';
import { isVisible, ownerOfNamespace } from './ownership.ts';
import type { DefinedRouting } from './routing.ts';
import type { Gateway, GatewayServer, Mesh, Offer, Owner, Routing } from './types.ts';

/** All sidecars, as an entrance of requests. */
export const MESH = 'mesh';

/** Where requests come in, by what a manifest of `namespace` calls the gateways; none named: the mesh. */
export function entrancesOf(names: readonly string[] = [], namespace: string): readonly string[] {
  return names.length === 0 ? [MESH] : names.map((name) => entranceOf(name, namespace));
}

export function entranceOf(name: string, namespace: string): string {
  return name === MESH || name.includes('/') ? name : `${namespace}/${name}`;
}

/** Those that are honoured, and the ids of the others. */
export type Gateways = { readonly gateways: readonly Gateway[]; readonly refused: ReadonlySet<string> };

export type DefinedGateway = { readonly gateway: Gateway; readonly resource: GatewayResource };

export function readGateway(resource: GatewayResource): DefinedGateway {
  const { namespace, name, spec } = resource;
  const servers = spec.servers.map(({ port, bind, hosts, tls }): GatewayServer => {
    return {
      port: port.number,
      bind: bind === undefined ? null : bindOf(canonicalAddress(bind)),
      offers: hosts.map((host) => readOffer(host, namespace)),
      insistsOnHttps: tls?.httpsRedirect ?? false,
    };
  });
  const gateway = { id: `${namespace}/${name}`, namespace, selector: spec.selector ?? {}, servers };
  return { gateway: { ...gateway, origin: originOf(resource) }, resource };
}

/** An unspecified address is every address. */
function bindOf(address: string): string | null {
  return address === '0.0.0.0' || address === '::' ? null : address;
}

function readOffer(text: string, namespace: string): Offer {
  const [host = '', to = '*'] = text.toLowerCase().split('/').toReversed();
  if (to === '*') return { host, to: null };
  return { host, to: to === '.' ? namespace : to };
}

/**
 * Gateways that offer one host on one port of one proxy: a request could not be told whose it is, so neither is honoured,
 * whatever they are bound to. Whether one proxy has both depends on its labels; only labels that differ rule it out.
 */
export function withoutRivals(all: readonly DefinedGateway[], problems: Problem[]): Gateways {
  if (all.length === 0) return NO_GATEWAYS;
  const offered = all.flatMap((defined) =>
    defined.gateway.servers.flatMap((server, at) =>
      server.offers.map((offer, index) => ({
        defined,
        server,
        offer,
        path: ['spec', 'servers', at, 'hosts', index],
      })),
    ),
  );
  const refused = new Set<DefinedGateway>();
  for (const same of Map.groupBy(offered, keyOf).values()) {
    for (const one of same) {
      const rivals = same.filter((other) => other !== one && mayMeet(one, other));
      if (rivals.length === 0) continue;
      refused.add(one.defined);
      const places = rivals.map(({ defined, path }) => {
        const { file } = defined.resource.source;
        return placeOf({ file, ...defined.resource.at(path) });
      });
      const message = `${one.offer.host} is also offered on port ${one.server.port} at ${places.join(', ')}`;
      problems.push(mistake(one.defined.resource, one.path, 'FL3331', message));
    }
  }
  return {
    gateways: all.filter((defined) => !refused.has(defined)).map(({ gateway }) => gateway),
    refused: new Set([...refused].map(({ gateway }) => gateway.id)),
  };
}

/** One object, so that an edit of a scope without gateways is seen to be none of them. */
const NO_GATEWAYS: Gateways = { gateways: [], refused: new Set() };

type Offered = {
  readonly defined: DefinedGateway;
  readonly server: GatewayServer;
  readonly offer: Offer;
  readonly path: Path;
};

function keyOf({ defined, server, offer }: Offered): string {
  return [defined.gateway.origin.uid, server.port, offer.host].join(' ');
}

function mayMeet(one: Offered, other: Offered): boolean {
  const binds = [one.server.bind, other.server.bind];
  const sameAddress = binds[0] === binds[1];
  const sameNamespace = one.offer.to === null || other.offer.to === null || one.offer.to === other.offer.to;
  const labels = other.defined.gateway.selector;
  const differ = Object.entries(one.defined.gateway.selector).some(
    ([name, value]) => labels[name] !== undefined && labels[name] !== value,
  );
  return sameAddress && sameNamespace && !differ;
}

/** The hosts at which a server serves a routing: where what the one offers and the other is for are the same. */
export function meet({ offers }: GatewayServer, routing: Routing): readonly Meeting[] {
  return offers.flatMap(({ host: offered, to }): readonly Meeting[] => {
    if (to !== null && to !== routing.namespace) return [];
    if (covers(offered, routing.host)) return [{ host: routing.host, offered }];
    return covers(routing.host, offered) ? [{ host: offered, offered }] : [];
  });
}

type Meeting = { readonly host: string; readonly offered: string };

/** Those of all scopes: what was joined before where it is of the same parts. */
export function joinGateways(parts: readonly Gateways[], before: JoinedGateways | null): JoinedGateways {
  if (before !== null && sameItems(before.parts, parts)) return before;
  const gateways = parts.flatMap((part) => part.gateways);
  return {
    parts,
    gateways: gateways.sort((left, right) => byCodeUnit(left.id, right.id)),
    refused: new Set(parts.flatMap(({ refused }) => [...refused])),
  };
}

export type JoinedGateways = Gateways & { readonly parts: readonly Gateways[] };

/** Gateways that a routing is bound to and that do not serve it: not there, not for its host, or not to be seen. */
export function strayBindings(
  { resource, routing, index }: DefinedRouting,
  { gateways, refused }: Gateways,
  owners: readonly Owner[],
): readonly Problem[] {
  return routing.entrances.flatMap((id, at): readonly Problem[] => {
    if (id === MESH || refused.has(id)) return [];
    const gateway = gateways.find((candidate) => candidate.id === id);
    if (gateway === undefined) {
      if (index > 0) return [];
      const message = `there is no Gateway ${id}: nobody outside is served by it`;
      return [mistake(resource, ['spec', 'gateways', at], 'FL3330', message)];
    }
    const isOpen = gateway.servers.some((server) => meet(server, routing).length > 0);
    const isSeen = isSeenBy(gateway, routing, owners);
    if (isOpen && isSeen) return [];
    const why = isOpen
      ? `${routing.host} is not visible to ${gateway.origin.scope}`
      : `${id} does not offer ${routing.host}`;
    return [mistake(resource, ['spec', 'hosts', index], 'FL3332', `${why}: nobody is served by it there`)];
  });
}

function isSeenBy(gateway: Gateway, { visibility }: Routing, owners: Mesh['owners']): boolean {
  if (isVisible({ owners }, visibility, gateway.namespace)) return true;
  // The proxies may stand in other namespaces of the gateway's scope.
  return (
    visibility.to === 'namespaces' &&
    visibility.names.some((name) => ownerOfNamespace(owners, name)?.uid === gateway.origin.uid)
  );
}
