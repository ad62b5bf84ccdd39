import type { Binding } from './bindings.ts';
import type { Draft } from './encode.ts';
import { tcpProxy } from './http.ts';
import { behindTls } from './inbound-tls.ts';
import { inboundCluster, listenerName } from './names.ts';
import { provenance, socketAddress } from './pieces.ts';
import {
  applicationAt,
  applicationConnections,
  carriedBy,
  inboundHttp,
  ofSidecar,
  originsOf,
  type Served,
  servedByServices,
  servedTargets,
} from './served.ts';
import { CLUSTER, LISTENER } from './types.ts';
import type { View } from './view.ts';

const loopback = '127.0.0.1';

/**
 * A listener on the workload's addresses for every port that it serves, in front of the application on the loopback.
 * Where the workload's address is the loopback itself, the application has it, and there is nothing to bind.
 */
export function inboundBindings(view: View): readonly Binding[] {
  const { ip, ips } = view.proxy;
  const others = ips.filter((address) => address !== ip && address !== loopback);
  const binds = new Map(view.limits.ingress?.map(({ port, bind }) => [port.number, bind]));
  return [...servedTargets(view, ips)].flatMap(([target, served]) => {
    const address = binds.get(target) ?? ip;
    if (address === loopback && address === ip) return [];
    return inboundBinding(view, address === ip ? [ip, ...others] : [address], target, served);
  });
}

/** Ports of a Sidecar that are bound though the rest is captured: `captureMode: NONE`. */
export function boundIngress(view: View): readonly Binding[] {
  const bound = view.limits.ingress?.filter(({ isBound }) => isBound) ?? [];
  const all = ofSidecar(bound, servedByServices(view, view.proxy.ips));
  return [...all].flatMap(([target, served], index) =>
    inboundBinding(view, [bound[index]?.bind ?? view.proxy.ip], target, served),
  );
}

/** HTTP is understood only where all services of the target say so; else bytes pass as they are. */
function inboundBinding(
  view: View,
  [ip = view.proxy.ip, ...others]: readonly string[],
  target: number,
  served: readonly Served[],
): readonly Binding[] {
  const { proxy } = view;
  const [first] = served;
  if (first === undefined) return [];
  const name = listenerName(ip, target);
  const cluster = inboundCluster(target);
  const isHttp = carriedBy(served) === 'http';
  const filter = isHttp ? inboundHttp(proxy, `inbound_${name}`, target, first) : tcpProxy(cluster);
  const carried = isHttp ? 'requests' : 'bytes';
  const secured = behindTls({ filters: [filter] }, first, view, carried);
  const json = {
    name,
    address: socketAddress(ip, target),
    ...(others.length === 0
      ? {}
      : { additional_addresses: others.map((other) => ({ address: socketAddress(other, target) })) }),
    traffic_direction: 'INBOUND',
    filter_chains: [secured],
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
      others: [inboundClusterOf(view, target, first, served)],
    },
  ];
}

function inboundClusterOf(
  { proxy, settings }: View,
  target: number,
  first: Served,
  served: readonly Served[],
): Draft {
  const name = inboundCluster(target);
  const { connections, origins } = applicationConnections(first, served, settings);
  const place = first.application ?? ({ at: 'port', address: loopback, port: target } as const);
  const json = {
    name,
    ...applicationAt(name, place, proxy.ip),
    ...connections,
    metadata: provenance(first.service.origin),
  };
  return { typeUrl: CLUSTER, name, json, origins, references: [] };
}
