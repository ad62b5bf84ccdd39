import {
  type Connections,
  carriesHttp,
  type Ingress,
  type Origin,
  type Place,
  type Port,
  policyOf,
  type Service,
  type Settings,
  type Termination,
} from '../mesh/index.ts';
import { httpConnectionManager, routeConfiguration } from './http.ts';
import { inboundCluster } from './names.ts';
import { provenance, socketAddress } from './pieces.ts';
import { connecting } from './policies.ts';
import type { Proxy } from './types.ts';
import type { View } from './view.ts';

/** One port of a service that the proxy's own workload serves. */
export type Served = {
  readonly service: Service;
  readonly port: Port;
  readonly origin: Origin;
  /** Where a Sidecar says that the application is; null: at the same port. */
  readonly application: Place | null;
  /** How a Sidecar says that clients connect; null: in plain text. */
  readonly security: Termination | null;
  /** How a Sidecar says that the proxy connects to the application; null: as policies say. */
  readonly connections: Connections | null;
};

type Targets = ReadonlyMap<number, readonly Served[]>;

/** What the workload at these addresses serves: what its services say, or in their place its Sidecar. */
export function servedTargets(view: View, addresses: readonly string[]): Targets {
  const byServices = servedByServices(view, addresses);
  const { ingress } = view.limits;
  if (ingress === null) return byServices;
  const captured = ingress.filter(({ isBound }) => !isBound || view.proxy.capture !== 'redirect');
  return ofSidecar(captured, byServices);
}

/**
 * What its services say that the workload serves, by port of the workload. Only services of the proxy's own namespace
 * count: nobody else can give its workload a port. Several services may share a port.
 */
export function servedByServices(view: View, addresses: readonly string[]): Targets {
  const byTarget = new Map<number, Served[]>();
  for (const service of view.local) {
    if (service.discovery !== 'listed') continue;
    for (const [target, served] of servedBy(service, view, addresses)) {
      byTarget.set(target, [...(byTarget.get(target) ?? []), served]);
    }
  }
  return byTarget;
}

/** What a Sidecar says that a workload serves, in place of what its services say, if it is one of any (Istio). */
export function ofSidecar(ingress: readonly Ingress[], byServices: Targets): Targets {
  const [first] = [...byServices].sort(([left], [right]) => left - right).flatMap(([, served]) => served);
  if (first === undefined) return new Map();
  return new Map(
    ingress.map(({ port, to, security, connections }): [number, readonly Served[]] => [
      port.number,
      [{ ...first, port, application: to, security, connections: connections ?? first.connections }],
    ]),
  );
}

/** A cluster of the one place where a Sidecar says that the application is. */
export function applicationAt(cluster: string, place: Place, ip: string): object {
  const address =
    place.at === 'socket' ? { pipe: { path: place.path } } : socketAddress(place.address ?? ip, place.port);
  const lb_endpoints = [{ endpoint: { address } }];
  return { type: 'STATIC', load_assignment: { cluster_name: cluster, endpoints: [{ lb_endpoints }] } };
}

function servedBy(
  service: Service,
  view: View,
  addresses: readonly string[],
): readonly (readonly [number, Served])[] {
  const own = view.endpointsOf(service).filter(({ address, namespace }) => {
    return addresses.includes(address) && namespace === view.proxy.namespace;
  });
  return own.flatMap(({ ports, origin }) =>
    service.ports.flatMap((port): readonly (readonly [number, Served])[] => {
      const target = ports.get(port.number);
      const said = { application: null, security: null, connections: view.limits.connections };
      return target === undefined ? [] : [[target, { service, port, origin, ...said }]];
    }),
  );
}

/** Those of a target are understood as HTTP only where all say so; `sniffed` where no one says it is anything else. */
export function carriedBy(served: readonly Served[]): 'http' | 'sniffed' | 'bytes' {
  if (!served.every(({ port }) => carriesHttp(port))) return 'bytes';
  return served.some(({ port }) => port.protocol === 'undeclared') ? 'sniffed' : 'http';
}

export function originsOf(served: readonly Served[]): readonly Origin[] {
  return served.flatMap(({ service, origin }) => [service.origin, origin]);
}

/** The HTTP side of a target: every request to the application. */
export function inboundHttp(
  proxy: Proxy,
  statPrefix: string,
  target: number,
  { service, port }: Served,
): object {
  const cluster = inboundCluster(target);
  // Only what never reached the application may be sent again: a callee cannot know what is safe to repeat.
  const retry_policy = { retry_on: 'reset-before-request', num_retries: 2 };
  const action = { cluster, timeout: '0s', retry_policy };
  const route = {
    name: 'default',
    match: { prefix: '/' },
    route: action,
    metadata: provenance(service.origin),
  };
  const virtualHost = { name: `inbound|http|${port.number}`, domains: ['*'], routes: [route] };
  const route_config = routeConfiguration(cluster, [virtualHost]);
  return httpConnectionManager(statPrefix, { route_config }, proxy);
}

/** The application is on the same machine, whatever the mesh allows for others. */
const nearbyMs = 10_000;

/**
 * How the proxy connects to the application: as its Sidecar says, else the limits that clients keep to hold for each
 * workload, too (Istio); an upgrade ends at its proxy.
 */
export function applicationConnections(
  first: Served,
  served: readonly Served[],
  { manners }: Settings,
): { readonly connections: object; readonly origins: readonly Origin[] } {
  const policy = policyOf(first.service, null, first.port.number);
  const given = first.connections ?? policy?.connections ?? null;
  const limits = given?.speak === 'http2' ? { ...given, speak: 'declared' as const } : given;
  const protocols = new Set(served.map(({ port }) => port.protocol));
  return {
    connections: connecting(
      { connections: limits },
      protocols.size === 1 ? first.port.protocol : 'undeclared',
      { connectTimeoutMs: nearbyMs, manners },
    ),
    origins: [...originsOf(served), ...(policy?.origins ?? [])],
  };
}
