import { carriesHttp, type Port, type Service } from '../mesh/index.ts';
import type { Binding } from './bindings.ts';
import { clientManager } from './client-manager.ts';
import { rds } from './config-source.ts';
import type { Draft } from './encode.ts';
import { tcpProxy } from './http.ts';
import { listenerName, PASSTHROUGH } from './names.ts';
import { provenance, socketAddress } from './pieces.ts';
import { addressRoutes } from './redirect-routes.ts';
import { httpInspector, isHttp, patience, tlsInspector } from './sniffing.ts';
import { chainsInOrder, chainsTo, clustersOf, hasNames, prefixesOf } from './streams.ts';
import { CLUSTER, LISTENER, ROUTES } from './types.ts';
import type { View } from './view.ts';

/**
 * A listener for each virtual address of a service and each of its ports that is not declared to be HTTP: `10.96.0.1_5432`.
 * Where nobody said what the port carries, its first bytes do.
 */
export function addressBindings(view: View): readonly Binding[] {
  return [...view.services.values()].flatMap((service) =>
    service.ports.flatMap((port) => {
      if (carriesHttp(port) && port.protocol !== 'undeclared') return [];
      return service.addresses.map((address) => binding(view, service, port, address));
    }),
  );
}

/**
 * Listeners at the endpoints of services without an address, on ports where first bytes are waited for or nothing else
 * would pass: their servers may speak first, and their clients have chosen one, to which the connection passes on.
 */
export function endpointListeners(view: View, inspected: ReadonlySet<number>): readonly Draft[] {
  const { ips } = view.proxy;
  return [...view.services.values()].flatMap((service) => {
    if (service.shortName === null || service.addresses.length > 0) return [];
    const bytes = service.ports.filter((port) => !carriesHttp(port));
    return view.endpointsOf(service).flatMap(({ address, ports, origin }) =>
      bytes.flatMap((port) => {
        const target = ports.get(port.number);
        if (target === undefined || ips.includes(address)) return [];
        if (!inspected.has(target) && view.elsewhere === PASSTHROUGH) return [];
        return [endpointListener(address, target, [service.origin, origin])];
      }),
    );
  });
}

function endpointListener(address: string, port: number, origins: Draft['origins']): Draft {
  const name = listenerName(address, port);
  const json = {
    name,
    address: socketAddress(address, port),
    bind_to_port: false,
    traffic_direction: 'OUTBOUND',
    filter_chains: [{ filters: [tcpProxy(PASSTHROUGH)] }],
  };
  return { typeUrl: LISTENER, name, json, origins, references: [{ typeUrl: CLUSTER, name: PASSTHROUGH }] };
}

function binding(view: View, service: Service, port: Port, address: string): Binding {
  const isSniffed = port.protocol === 'undeclared';
  const routes = isSniffed ? [addressRoutes(view, service, port)] : [];
  const listener = addressListener(view, service, port, address, routes);
  return { address, port: port.number, service, listener, others: routes };
}

function addressListener(
  view: View,
  service: Service,
  port: Port,
  address: string,
  routes: readonly Draft[],
): Draft {
  const name = listenerName(address, port.number);
  const chains = chainsTo(view, service, port);
  const isInspected = routes.length > 0 || chains.some(hasNames);
  const prefix_ranges = prefixesOf(chains);
  const matches = [isHttp, ...(prefix_ranges.length > 0 ? [{ prefix_ranges, ...isHttp }] : [])];
  const http = routes.flatMap(({ name: table }) => {
    const routing = rds(table, view.proxy);
    const filters = [clientManager(view, `outbound_${name}`, routing)];
    return matches.map((match) => ({ filter_chain_match: match, filters }));
  });
  const inspectors = http.length > 0 ? [tlsInspector, httpInspector] : [tlsInspector];
  const json = {
    name,
    address: socketAddress(address, port.number),
    bind_to_port: false,
    traffic_direction: 'OUTBOUND',
    ...(isInspected ? { listener_filters: inspectors, ...patience(view) } : {}),
    filter_chains: [...http, ...chainsInOrder(chains)],
    metadata: provenance(service.origin),
  };
  const references = [
    ...clustersOf(chains),
    ...routes.map((table) => ({ typeUrl: ROUTES, name: table.name }) as const),
  ];
  const origins = chains.flatMap((chain) => chain.origins);
  return { typeUrl: LISTENER, name, json, origins, references };
}
