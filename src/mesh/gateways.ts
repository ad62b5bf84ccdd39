import { sameItems } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { ApiGatewayResource, GatewayResource, Path } from '../manifests/index.ts';
import { isServed, type Listener } from './api-gateways.ts';
import type { Code } from './codes.ts';
import { carriedBy, readSecurity } from './gateway-tls.ts';
import type { Grant } from './grants.ts';
import { canonicalAddress, covers } from './hosts.ts';
import { type Lacking, lacks, mistake, originOf, placesOf, spotsOf } from './mistake.ts';
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
export type Gateways = {
  readonly gateways: readonly Gateway[];
  readonly refused: ReadonlySet<string>;
  /** Of the Gateway API, those of `refused` among them. */
  readonly listeners: readonly Listener[];
  /** Gateways of the Gateway API that others serve, `namespace/name`. */
  readonly foreign: readonly string[];
  readonly grants: readonly Grant[];
  /** Labels of namespaces, as far as somebody says them. */
  readonly namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
};

/** A gateway, and where its servers and their hosts are written. */
export type DefinedGateway = {
  readonly gateway: Gateway;
  readonly resource: GatewayResource | ApiGatewayResource;
  serverPath(server: number): Path;
  offerPath(server: number, host: number): Path;
};

export function readGateway(resource: GatewayResource): DefinedGateway {
  const { namespace, name, spec } = resource;
  const servers = spec.servers.map(({ port, bind, hosts, tls }): GatewayServer => {
    return {
      port: port.number,
      name: port.name,
      carries: carriedBy(port.protocol, tls),
      security: readSecurity(tls),
      bind: bind === undefined ? null : bindOf(canonicalAddress(bind)),
      offers: hosts.map((host) => readOffer(host, namespace)),
      insistsOnHttps: tls?.httpsRedirect ?? false,
    };
  });
  const about = { id: `${namespace}/${name}`, namespace, isOwnNamespaceOnly: false };
  const gateway = { ...about, selector: spec.selector ?? {}, servers, origin: originOf(resource) };
  const serverPath = (server: number): Path => ['spec', 'servers', server];
  return {
    gateway,
    resource,
    serverPath,
    offerPath: (server, host) => [...serverPath(server), 'hosts', host],
  };
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
 * Gateways that contradict each other on one port of one proxy: a request could not be told whose it is, so neither is honoured,
 * whatever they are bound to. Whether one proxy has both depends on its labels; only labels that differ rule it out.
 */
export function withoutRivals(
  all: readonly DefinedGateway[],
  around: Omit<Gateways, 'gateways' | 'refused'>,
  problems: Problem[],
): Gateways {
  const { foreign, grants, namespaceLabels, listeners } = around;
  const lists = [all, listeners, foreign, grants, [...namespaceLabels]];
  if (lists.every(({ length }) => length === 0)) return NO_GATEWAYS;
  const refused = new Set<DefinedGateway>();
  const spotOf = spotsOf<Opened>(({ defined, path }) => [defined.resource, path]);
  const refuse = (one: Opened, rivals: readonly Opened[], code: Code, message: string) => {
    refused.add(one.defined);
    const places = placesOf(rivals.map(spotOf));
    const { resource } = one.defined;
    problems.push(mistake(resource, one.path, code, `${message} at ${places}`));
  };
  const servers = all.flatMap(serversOf);
  const offers = servers.flatMap(offersOf);
  for (const [one, rivals] of rivalsAmong(offers, offerKey, isSameOffer)) {
    const message = `${one.offer.host} is also offered on port ${one.server.port}`;
    refuse(one, rivals, 'FL3331', message);
  }
  for (const [one, rivals] of rivalsAmong(servers, portKey, isOtherManner)) {
    const [other = one] = rivals;
    const message = `port ${one.server.port} carries ${mannerOf(one)} here, and ${mannerOf(other)}`;
    refuse(one, rivals, 'FL3333', message);
  }
  return {
    gateways: all.filter((defined) => !refused.has(defined)).map(({ gateway }) => gateway),
    refused: new Set([
      ...[...refused].map(({ gateway }) => gateway.id),
      ...around.listeners.filter((listener) => !isServed(listener)).map(({ id }) => id),
    ]),
    ...around,
  };
}

/** One object, so that an edit of a scope without gateways is seen to be none of them. */
const NO_GATEWAYS: Gateways = {
  gateways: [],
  refused: new Set(),
  listeners: [],
  foreign: [],
  grants: [],
  namespaceLabels: new Map(),
};

/** A server, or a part of it, where it is written. */
type Opened = {
  readonly defined: DefinedGateway;
  readonly server: GatewayServer;
  readonly index: number;
  readonly path: Path;
};
type Offered = Opened & { readonly offer: Offer };

function serversOf(defined: DefinedGateway): readonly Opened[] {
  return defined.gateway.servers.map((server, index) => {
    return { defined, server, index, path: defined.serverPath(index) };
  });
}

function offersOf(opened: Opened): readonly Offered[] {
  const { defined, server, index } = opened;
  return server.offers.map((offer, host) => ({ ...opened, offer, path: defined.offerPath(index, host) }));
}

/** Each of those that contradict others of its key, with them. */
function* rivalsAmong<T extends Opened>(
  all: readonly T[],
  keyOf: (one: T) => string,
  contradict: (one: T, other: T) => boolean,
): Generator<readonly [T, readonly T[]]> {
  for (const same of Map.groupBy(all, keyOf).values()) {
    for (const one of same) {
      const gateway = one.defined.gateway;
      const rivals = same.filter(
        (other) => other !== one && mayMeet(gateway, other.defined.gateway) && contradict(one, other),
      );
      if (rivals.length > 0) yield [one, rivals];
    }
  }
}

/** An address of one of its proxies. */
function portKey({ defined, server: { port, bind } }: Opened): string {
  return [defined.gateway.origin.uid, port, bind ?? ''].join(' ');
}

function offerKey(offered: Offered): string {
  return `${portKey(offered)} ${offered.offer.host}`;
}

/** Of one scope: whether some proxy may have both. */
function mayMeet(left: Gateway, right: Gateway): boolean {
  const isApart = left.isOwnNamespaceOnly && right.isOwnNamespaceOnly && left.namespace !== right.namespace;
  const labels = right.selector;
  return (
    !isApart &&
    !Object.entries(left.selector).some(
      ([name, value]) => labels[name] !== undefined && labels[name] !== value,
    )
  );
}

/** A connection that is encrypted says its host, and not whose routings it is for. */
function isSameOffer({ server, offer }: Offered, { server: beside, offer: other }: Offered): boolean {
  const isEncrypted = isOfTls(server) && server !== beside;
  // Those whose hosts nobody sees are told apart by nothing (FL3333).
  if (mannerOf({ server }) === 'bytes') return false;
  return isEncrypted || offer.to === null || other.to === null || offer.to === other.to;
}

function isOtherManner(one: Opened, other: Opened): boolean {
  return mannerOf(one) !== mannerOf(other) || mannerOf(one) === 'bytes';
}

function isOfTls({ carries, security }: GatewayServer): boolean {
  return security !== null || carries === 'tls';
}

function mannerOf({ server }: Pick<Opened, 'server'>): string {
  if (isOfTls(server)) return 'TLS';
  return server.carries === 'bytes' ? 'bytes' : 'plain HTTP';
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

/** Where a gateway takes requests for a routing: ports, by address and by the host there and how closely it is offered. */
export function openings({ servers }: Gateway, routing: Routing): ReadonlyMap<string, number> {
  const all = servers.filter(isPlain).flatMap((server) => {
    const { port, bind } = server;
    return meet(server, routing).map(({ host, offered }): readonly [string, number] => {
      return [[port, bind ?? '', host, offered].join(' '), port];
    });
  });
  return new Map(all);
}

/** Whether some proxy may have both. */
export function mayShare(left: Gateway, right: Gateway): boolean {
  return left.origin.uid === right.origin.uid && mayMeet(left, right);
}

function isPlain({ carries, security }: GatewayServer): boolean {
  return carries === 'requests' && security === null;
}

/** Those of all scopes: what was joined before where it is of the same parts. */
export function joinGateways(parts: readonly Gateways[], before: JoinedGateways | null): JoinedGateways {
  if (before !== null && sameItems(before.parts, parts)) return before;
  const gateways = parts.flatMap((part) => part.gateways);
  return {
    parts,
    gateways: gateways.sort((left, right) => byCodeUnit(left.id, right.id)),
    refused: new Set(parts.flatMap(({ refused }) => [...refused])),
    listeners: parts.flatMap(({ listeners }) => listeners),
    foreign: parts.flatMap(({ foreign }) => foreign),
    grants: parts.flatMap(({ grants }) => grants),
    namespaceLabels: new Map(parts.flatMap(({ namespaceLabels }) => [...namespaceLabels])),
  };
}

export type JoinedGateways = Gateways & { readonly parts: readonly Gateways[] };

/**
 * Gateways that a routing is bound to and that do not serve it: not there, not for its host, or not to be seen.
 * `beside`: the other routings of its scope. Hosts and gateways of one manifest are bound where they meet, as in Istio: a
 * pair that does not is no mistake where both meet others.
 */
export function strayBindings(
  { resource, routing, index }: DefinedRouting,
  beside: readonly DefinedRouting[],
  { gateways, refused }: Gateways,
  owners: readonly Owner[],
): readonly Problem[] {
  const isServed = () => {
    return routing.entrances.some((id) => {
      return id === MESH || gateways.some((gateway) => gateway.id === id && isOpenTo(gateway, routing));
    });
  };
  const isOfUse = (gateway: Gateway) => {
    return beside.some((other) => other.resource === resource && isOpenTo(gateway, other.routing));
  };
  return routing.entrances.flatMap((id, at): readonly Problem[] => {
    if (id === MESH || refused.has(id)) return [];
    const gateway = gateways.find((candidate) => candidate.id === id);
    if (gateway === undefined) {
      if (index > 0) return [];
      const message = `there is no Gateway ${id}: nobody outside is served by it`;
      return [lacks(ofGateway(id), mistake(resource, ['spec', 'gateways', at], 'FL3330', message))];
    }
    const isOpen = isOpenTo(gateway, routing);
    if (!isOpen && isServed() && isOfUse(gateway)) return [];
    const isSeen = isSeenBy(gateway, routing, owners);
    if (isOpen && isSeen) return [];
    const why = isOpen
      ? `${routing.host} is not visible to ${gateway.origin.scope}`
      : `${id} does not offer ${routing.host} for what is said of it`;
    const message = `${why}: nobody is served by it there`;
    return [lacks(ofGateway(id), mistake(resource, ['spec', 'hosts', index], 'FL3332', message))];
  });
}

/** What the owner of a Gateway alone can give; `id`: its namespace and name. */
export function ofGateway(id: string): Lacking {
  return { namespace: id.split('/')[0] ?? '' };
}

/** Whether a gateway offers a host of the routing, and carries what it says of it. */
function isOpenTo({ servers }: Gateway, routing: Routing): boolean {
  return servers.some((server) => meet(server, routing).length > 0 && saysOf(routing, server.carries));
}

/** Whether a routing says anything of what a server carries. */
function saysOf({ rules, streams }: Routing, carries: GatewayServer['carries']): boolean {
  if (carries === 'requests') return rules.length > 0;
  return streams.some(({ of }) => of === (carries === 'tls' ? 'tls' : 'tcp'));
}

/** Whether proxies of a gateway may see a routing. */
export function isSeenBy(
  gateway: Gateway,
  { visibility }: Pick<Routing, 'visibility'>,
  owners: Mesh['owners'],
): boolean {
  if (isVisible({ owners }, visibility, gateway.namespace)) return true;
  // The proxies may stand in other namespaces of the gateway's scope.
  return (
    visibility.to === 'namespaces' &&
    visibility.names.some((name) => ownerOfNamespace(owners, name)?.uid === gateway.origin.uid)
  );
}
