import type { Binding } from './bindings.ts';
import type { Draft } from './encode.ts';
import { tcpProxy } from './http.ts';
import { inboundCluster, listenerName } from './names.ts';
import { provenance, socketAddress } from './pieces.ts';
import {
  applicationConnections,
  carriedBy,
  inboundHttp,
  originsOf,
  type Served,
  servedTargets,
} from './served.ts';
import { CLUSTER, LISTENER, type Proxy } from './types.ts';
import type { View } from './view.ts';

const loopback = '127.0.0.1';

/**
 * A listener on the workload's address for every port that it serves, in front of the application on the loopback.
 * Where the workload's address is the loopback itself, the application has it, and there is nothing to bind.
 */
export function inboundBindings(view: View): readonly Binding[] {
  const { ip } = view.proxy;
  if (ip === loopback) return [];
  const targets = servedTargets(view, [ip]);
  return [...targets].flatMap(([target, served]) => inboundBinding(view.proxy, target, served));
}

/** HTTP is understood only where all services of the target say so; else bytes pass as they are. */
function inboundBinding(proxy: Proxy, target: number, served: readonly Served[]): readonly Binding[] {
  const [first] = served;
  const { ip } = proxy;
  if (first === undefined) return [];
  const name = listenerName(ip, target);
  const cluster = inboundCluster(target);
  const isHttp = carriedBy(served) === 'http';
  const filter = isHttp ? inboundHttp(proxy, `inbound_${name}`, target, first) : tcpProxy(cluster);
  const json = {
    name,
    address: socketAddress(ip, target),
    traffic_direction: 'INBOUND',
    filter_chains: [{ filters: [filter] }],
    metadata: provenance(first.service.origin),
  };
  const references = [{ typeUrl: CLUSTER, name: cluster }] as const;
  const listener: Draft = { typeUrl: LISTENER, name, json, origins: originsOf(served), references };
  return [
    {
      address: ip,
      port: target,
      service: first.service,
      listener,
      others: [inboundClusterOf(target, first, served)],
    },
  ];
}

function inboundClusterOf(target: number, first: Served, served: readonly Served[]): Draft {
  const name = inboundCluster(target);
  const { connections, origins } = applicationConnections(first, served);
  const lb_endpoints = [{ endpoint: { address: socketAddress(loopback, target) } }];
  const json = {
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    ...connections,
    metadata: provenance(first.service.origin),
  };
  return { typeUrl: CLUSTER, name, json, origins, references: [] };
}
