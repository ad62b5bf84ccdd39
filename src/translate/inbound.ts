import { type Origin, type Port, policyOf, type Service } from '../mesh/index.ts';
import type { Binding } from './bindings.ts';
import type { Draft } from './encode.ts';
import { httpConnectionManager, tcpProxy } from './http.ts';
import { inboundCluster, listenerName } from './names.ts';
import { provenance, socketAddress } from './pieces.ts';
import { connecting } from './policies.ts';
import { CLUSTER, LISTENER } from './types.ts';
import type { View } from './view.ts';

const loopback = '127.0.0.1';

/** One port of a service that the proxy's own workload serves. */
type Served = { readonly service: Service; readonly port: Port; readonly origin: Origin };

/**
 * A listener on the workload's address for every port that it serves, in front of the application on the loopback.
 * Only services of the proxy's own namespace count: nobody else can give its workload a port. Where the workload's
 * address is the loopback itself, the application has it, and there is nothing to bind.
 */
export function inboundBindings(view: View): readonly Binding[] {
  if (view.proxy.ip === loopback) return [];
  const byTarget = new Map<number, Served[]>();
  for (const service of view.services.values()) {
    if (service.namespace !== view.proxy.namespace || service.discovery !== 'listed') continue;
    for (const [target, served] of servedBy(service, view)) {
      byTarget.set(target, [...(byTarget.get(target) ?? []), served]);
    }
  }
  return [...byTarget].flatMap(([target, served]) => inboundBinding(view.proxy.ip, target, served));
}

function servedBy(service: Service, view: View): readonly (readonly [number, Served])[] {
  const own = view.endpointsOf(service).filter(({ address, namespace }) => {
    return address === view.proxy.ip && namespace === view.proxy.namespace;
  });
  return own.flatMap(({ ports, origin }) =>
    service.ports.flatMap((port): readonly (readonly [number, Served])[] => {
      const target = ports.get(port.number);
      return target === undefined ? [] : [[target, { service, port, origin }]];
    }),
  );
}

/** Several services may share a target. HTTP is understood only where all of them say so; else bytes pass as they are. */
function inboundBinding(ip: string, target: number, served: readonly Served[]): readonly Binding[] {
  const [first] = served;
  if (first === undefined) return [];
  const protocols = new Set(served.map(({ port }) => port.protocol));
  const isHttp = !protocols.has('tcp') && !protocols.has('undeclared');
  const name = listenerName(ip, target);
  const cluster = inboundCluster(target);
  const origins = served.flatMap(({ service, origin }) => [service.origin, origin]);
  const filter = isHttp ? inboundHttp(ip, target, first) : tcpProxy(cluster);
  const json = {
    name,
    address: socketAddress(ip, target),
    traffic_direction: 'INBOUND',
    filter_chains: [{ filters: [filter] }],
    metadata: provenance(first.service.origin),
  };
  const references = [{ typeUrl: CLUSTER, name: cluster }] as const;
  const listener: Draft = { typeUrl: LISTENER, name, json, origins, references };
  return [
    {
      address: ip,
      port: target,
      service: first.service,
      listener,
      clusters: [inboundClusterOf(target, first, origins, protocols.size)],
    },
  ];
}

function inboundHttp(ip: string, target: number, { service, port }: Served): object {
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
  const route_config = { name: cluster, virtual_hosts: [virtualHost], validate_clusters: false };
  return httpConnectionManager(`inbound_${listenerName(ip, target)}`, { route_config });
}

function inboundClusterOf(
  target: number,
  first: Served,
  origins: readonly Origin[],
  protocols: number,
): Draft {
  const name = inboundCluster(target);
  // The limits that clients keep to hold for each workload, too (Istio); an upgrade ends at its proxy.
  const policy = policyOf(first.service, null, first.port.number);
  const given = policy?.connections ?? null;
  const connections = given?.speak === 'http2' ? { ...given, speak: 'declared' as const } : given;
  const lb_endpoints = [{ endpoint: { address: socketAddress(loopback, target) } }];
  const json = {
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    ...connecting(connections, protocols === 1 ? first.port.protocol : 'undeclared'),
    metadata: provenance(first.service.origin),
  };
  const all = [...origins, ...(policy?.origins ?? [])];
  return { typeUrl: CLUSTER, name, json, origins: all, references: [] };
}
