import {
  covers,
  type Endpoint,
  type Endpoints,
  type Gateway,
  type GatewayServer,
  hasLabels,
  heard,
  importedPorts,
  isImported,
  isVisible,
  type Limits,
  limitsOf,
  type Match,
  MESH,
  type Mesh,
  mergeByHost,
  type Owner,
  ownerOfNamespace,
  type Quota,
  quotasOf,
  type Routing,
  reportsOf,
  type Service,
  type Settings,
  settingsFor,
  type Told,
  treatment,
  withDefaults,
} from '../mesh/index.ts';
import { ByKey } from './by-key.ts';
import { BLACK_HOLE, LOOKED_UP, PASSTHROUGH } from './names.ts';
import { destinationsOf, type Replaced, type World } from './replaced.ts';
import { clusterFor, type Seen } from './targets.ts';
import type { Proxy } from './types.ts';

/** The mesh as one proxy may see it. No two services or routings of a view have one host. */
export type View = {
  readonly proxy: Proxy;
  /** By host: what the proxy's applications may call. */
  readonly services: ReadonlyMap<string, Service>;
  /** The same with where the routings lead to. */
  readonly targets: ReadonlyMap<string, Service>;
  /** Those of the proxy's namespace, which its workload may serve, whether its applications see them or not. */
  readonly local: readonly Service[];
  /** What the Sidecars of the mesh say of the proxy. */
  readonly limits: Limits;
  /** What holds for the proxies of its scope. */
  readonly settings: Settings;
  /** What it reports of the traffic. */
  readonly reports: Told;
  /** What it lets in. */
  readonly quotas: readonly Quota[];
  /** Clusters of connections and of requests to where nobody defines anything. */
  readonly elsewhere: string;
  readonly elsewhereForRequests: string;
  readonly routings: ByKey<Routing>;
  /** The proxy's own routings of others' hosts, by host: for it they beat `routings`. */
  readonly ownRoutings: ByKey<Routing>;
  /** Those of `routings` whose host is a wildcard, the longest first. */
  readonly wildcardRoutings: readonly Routing[];
  /** Those that have rules for connections. */
  readonly streams: readonly Routing[];
  /** What a gateway proxy opens; nothing for a sidecar. */
  readonly openings: readonly Opening[];
  /** By virtual address, which several may claim, but nobody the address of another scope's workload for its clients. */
  readonly claimants: ReadonlyMap<string, readonly Service[]>;
  endpointsOf(service: Service): readonly Endpoint[];
  /** 2: of the proxy's namespace; 1: of the scope that owns it; 0: of another scope. */
  nearness(service: Service): number;
};

/** A server of a gateway that is for the proxy, and the routings that are bound to the gateway. */
export type Opening = {
  readonly gateway: Gateway;
  readonly server: GatewayServer;
  readonly routings: readonly Routing[];
};

export function viewOf(mesh: Mesh, endpoints: Endpoints, proxy: Proxy): View {
  const isSeen = ({ visibility }: Service | Routing) => isVisible(mesh, visibility, proxy.namespace);
  const limits = proxy.type === 'sidecar' ? limitsOf(mesh, proxy.namespace, proxy.labels) : noLimits;
  const { imports } = limits;
  const owner = ownerOfNamespace(mesh.owners, proxy.namespace);
  const treated = treatment(mesh, proxy.namespace, proxy.labels);
  const visible = mesh.services.filter(isSeen).map(treated);
  const settings = settingsFor(mesh, proxy.namespace);
  const called = visible.map((service) => withDefaults(service, settings));
  const services =
    imports === null ? called : called.flatMap((service) => imported(service, imports, proxy.namespace));
  const routings = mesh.routings.filter((routing) => {
    return isSeen(routing) && (imports === null || isImported(routing, imports, proxy.namespace));
  });
  const comingIn = routings
    .filter(({ entrances }) => entrances.includes(MESH))
    .map((routing) => enteredBy(routing, MESH));
  const entering = [
    ...mergeByHost(heard(comingIn.filter(({ role }) => role === 'producer'))),
    ...comingIn.filter(({ role }) => role === 'consumer'),
  ];
  const produced = entering.filter((routing) => routing.role === 'producer' && isForRequests(routing));
  const nearness = ({ namespace, origin }: Service) => {
    if (namespace === proxy.namespace) return 2;
    return origin.uid === owner?.uid ? 1 : 0;
  };
  const claims = services
    .flatMap((service) => service.addresses.map((address) => ({ service, address })))
    .filter(({ service, address }) => {
      const scopes = [...(workloadScopes(endpoints).get(address) ?? [])];
      return nearness(service) > 0 || scopes.every((uid) => uid === service.origin.uid);
    });
  const claimants = [...Map.groupBy(claims, ({ address }) => address)].map(
    ([address, all]): [string, readonly Service[]] => [address, all.map(({ service }) => service)],
  );
  const { through } = limits;
  const ledTo = called.filter(({ host }) => host === through?.host);
  const targets = byName(
    imports === null ? services : [...ledTo, ...called.filter(isLedTo(routings)), ...services],
  );
  const elsewhere = elsewhereOf(limits, targets);
  return {
    proxy,
    services: byName(services),
    targets,
    local: visible.filter(({ namespace }) => namespace === proxy.namespace),
    limits,
    settings,
    reports: reportsOf(mesh, proxy.namespace, proxy.labels),
    quotas: quotasOf(mesh, proxy.namespace, proxy.labels),
    elsewhere,
    elsewhereForRequests: limits.unknown === 'look-up' && through === null ? LOOKED_UP : elsewhere,
    claimants: new Map(claimants),
    routings: new ByKey(byHost(produced)),
    wildcardRoutings: produced
      .filter(({ host }) => host.startsWith('*'))
      .sort((left, right) => right.host.length - left.host.length),
    ownRoutings: new ByKey(byHost(entering.filter(({ role }) => role === 'consumer'))),
    streams: entering.filter(({ streams }) => streams.length > 0),
    openings: openingsOf(mesh, proxy, owner, routings),
    endpointsOf: ({ id }) => reachable(endpoints.get(id) ?? NO_ENDPOINTS, proxy.ip),
    nearness,
  };
}

/** A routing of connections alone says nothing about requests for its host. */
function isForRequests({ rules, streams }: Routing): boolean {
  return rules.length > 0 || streams.length === 0;
}

/** What is to go through a place that the proxy does not see goes nowhere. */
function elsewhereOf({ unknown, through }: Limits, targets: Seen): string {
  if (unknown === 'refuse') return BLACK_HOLE;
  return through === null ? PASSTHROUGH : clusterFor(through, 0, targets).name;
}

/** Of a gateway. */
const noLimits: Limits = {
  ...{ imports: null, unknown: 'pass', through: null, connections: null, ingress: null, origins: [] },
};

function byName(services: readonly Service[]): ReadonlyMap<string, Service> {
  return new Map(services.map((service) => [service.host, service]));
}

/** By the ports that are left of it: the same object for all who see the same. */
const narrow = new WeakMap<Service, Map<string, Service>>();

function imported(
  service: Service,
  imports: NonNullable<Limits['imports']>,
  namespace: string,
): readonly Service[] {
  const numbers = importedPorts(service, imports, namespace);
  if (numbers.length === service.ports.length) return [service];
  if (numbers.length === 0) return [];
  const byPorts = narrow.get(service) ?? new Map<string, Service>();
  narrow.set(service, byPorts);
  const key = numbers.join();
  const found = byPorts.get(key) ?? {
    ...service,
    ports: service.ports.filter(({ number }) => numbers.includes(number)),
  };
  byPorts.set(key, found);
  return [found];
}

/** Where imported routings send requests is there for them, without being imported itself (Istio). */
function isLedTo(routings: readonly Routing[]): (service: Service) => boolean {
  const hosts = new Set(routings.flatMap(destinationsOf));
  return ({ host }) => hosts.has(host);
}

const NO_ENDPOINTS: readonly Endpoint[] = [];

/** The view that `viewOf` gives of a world in which no more than that was replaced. */
export function viewAgain({ mesh, endpoints }: World, view: View, replaced: Replaced): View {
  const { ip, namespace, labels } = view.proxy;
  const seen = [...replaced.routings.values()]
    .filter(({ visibility }) => isVisible(mesh, visibility, namespace))
    .filter(({ entrances }) => entrances.includes(MESH))
    .map((routing) => enteredBy(routing, MESH));
  const of = (role: Routing['role']) => byHost(seen.filter((routing) => routing.role === role));
  return {
    ...withServices(view, replaced.services, treatment(mesh, namespace, labels)),
    routings: view.routings.with(of('producer')),
    ownRoutings: view.ownRoutings.with(of('consumer')),
    endpointsOf: ({ id }) => reachable(endpoints.get(id) ?? NO_ENDPOINTS, ip),
  };
}

/** A view without imports, in which services and targets are the same. */
function withServices(
  view: View,
  replaced: Replaced['services'],
  treated: (service: Service) => Service,
): View {
  const now = new Map<Service, Service>();
  const local = new Map<string, Service>();
  for (const [former, service] of replaced) {
    const old = view.services.get(former.host);
    if (old?.id !== service.id) continue;
    const ruled = treated(service);
    local.set(service.id, ruled);
    now.set(old, withDefaults(ruled, view.settings));
  }
  if (now.size === 0) return view;
  const services = new Map(view.services);
  for (const service of now.values()) services.set(service.host, service);
  const again = (service: Service) => now.get(service) ?? service;
  const claimants = new Map(view.claimants);
  for (const address of [...now.keys()].flatMap(({ addresses }) => addresses)) {
    const all = claimants.get(address);
    if (all !== undefined) claimants.set(address, all.map(again));
  }
  return {
    ...view,
    services,
    targets: services,
    local: view.local.map((service) => local.get(service.id) ?? service),
    claimants,
  };
}

/** By family: a list that is the same object is reachable in the same way. */
const reached = {
  IPv4: new WeakMap<object, readonly Endpoint[]>(),
  IPv6: new WeakMap<object, readonly Endpoint[]>(),
};

function reachable(endpoints: readonly Endpoint[], ip: string): readonly Endpoint[] {
  const known = reached[ip.includes(':') ? 'IPv6' : 'IPv4'];
  const found = known.get(endpoints) ?? findReachable(endpoints, ip);
  known.set(endpoints, found);
  return found;
}

/**
 * Of a workload with addresses of both families, those of the proxy's own: a client needs one, and is sure of that. At
 * a port that it serves on the other family alone, the other one.
 */
function findReachable(endpoints: readonly Endpoint[], ip: string): readonly Endpoint[] {
  const isOwn = ({ address }: Endpoint) => address.includes(':') === ip.includes(':');
  const keyOf = ({ workload }: Endpoint, port: number) => `${workload} ${port}`;
  const own = new Set(
    endpoints
      .filter(isOwn)
      .flatMap((endpoint) => [...endpoint.ports.keys()].map((port) => keyOf(endpoint, port))),
  );
  return endpoints.flatMap((endpoint) => {
    if (isOwn(endpoint) || endpoint.workload === null) return [endpoint];
    const ports = [...endpoint.ports].filter(([port]) => !own.has(keyOf(endpoint, port)));
    return ports.length === 0 ? [] : [{ ...endpoint, ports: new Map(ports) }];
  });
}

/** Only gateways of the scope that owns the proxy's namespace: no other can open a port of it. */
function openingsOf(
  { gateways }: Mesh,
  { type, labels, namespace }: Proxy,
  owner: Owner | null,
  routings: readonly Routing[],
): readonly Opening[] {
  if (type !== 'router') return [];
  const own = gateways.filter(({ origin, selector, isOwnNamespaceOnly, namespace: placed }) => {
    if (isOwnNamespaceOnly && placed !== namespace) return false;
    return origin.uid === owner?.uid && hasLabels(labels, selector);
  });
  return own.flatMap((gateway) => {
    const bound = routings
      .filter(({ entrances }) => entrances.includes(gateway.id))
      .map((routing) => enteredBy(routing, gateway.id));
    return gateway.servers.map((server) => ({ gateway, server, routings: bound }));
  });
}

/** By entrance: the same for all proxies. */
const entered = new WeakMap<Routing, Map<string, Routing>>();

/** A routing with only what it says about requests that come in there. */
function enteredBy(routing: Routing, entrance: string): Routing {
  const byEntrance = entered.get(routing) ?? new Map<string, Routing>();
  entered.set(routing, byEntrance);
  const found = byEntrance.get(entrance) ?? narrowed(routing, entrance);
  byEntrance.set(entrance, found);
  return found;
}

function narrowed(routing: Routing, entrance: string): Routing {
  const rules = forEntrance(routing.rules, entrance);
  return { ...routing, rules, streams: forEntrance(routing.streams, entrance) };
}

function forEntrance<M extends Pick<Match, 'entrances'>, R extends { readonly matches: readonly M[] }>(
  rules: readonly R[],
  entrance: string,
): readonly R[] {
  return rules.flatMap((rule) => {
    if (rule.matches.length === 0) return [rule];
    const matches = rule.matches.filter(({ entrances }) => {
      return entrances.length === 0 || entrances.includes(entrance);
    });
    // Without any match left, the rule would be for all.
    return matches.length === 0 ? [] : [{ ...rule, matches }];
  });
}

const scopesAtAddresses = new WeakMap<Endpoints, ReadonlyMap<string, ReadonlySet<string>>>();

/** The scopes that have a workload at an address. */
function workloadScopes(endpoints: Endpoints): ReadonlyMap<string, ReadonlySet<string>> {
  const found = scopesAtAddresses.get(endpoints) ?? findScopes(endpoints);
  scopesAtAddresses.set(endpoints, found);
  return found;
}

function findScopes(endpoints: Endpoints): ReadonlyMap<string, ReadonlySet<string>> {
  const scopes = new Map<string, Set<string>>();
  for (const { address, origin } of [...endpoints.values()].flat()) {
    scopes.set(address, (scopes.get(address) ?? new Set()).add(origin.uid));
  }
  return scopes;
}

function byHost(routings: readonly Routing[]): ReadonlyMap<string, Routing> {
  return new Map(routings.map((routing) => [routing.host, routing]));
}

/**
 * Of services that want the same port or address, which nobody owns, the only one nearest to the proxy, or null. So no
 * scope can take one away from another scope's own clients, and none gets it by coming first.
 */
export function nearest({ nearness }: View, rivals: readonly Service[]): Service | null {
  const best = Math.max(...rivals.map(nearness));
  const [first, ...others] = rivals.filter((service) => nearness(service) === best);
  return first === undefined || others.length > 0 ? null : first;
}

/**
 * The routing of a host at a port, or null: the client's own, else the host's, else that of the longest wildcard that
 * covers it.
 */
export function routingOf(
  { ownRoutings, routings, wildcardRoutings }: View,
  host: string,
  port: number,
): Routing | null {
  const named = [ownRoutings.get(host), routings.get(host)].find((routing) => {
    return routing !== undefined && (routing.ports?.includes(port) ?? true);
  });
  if (named !== undefined) return named;
  return wildcardRoutings.find((routing) => routing.host !== host && covers(routing.host, host)) ?? null;
}
