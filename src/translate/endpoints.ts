import { byCodeUnit } from '../base/order.ts';
import { type Endpoint, hasLabels, type Port, type Service, type Subset } from '../mesh/index.ts';
import type { Draft } from './encode.ts';
import { socketAddress } from './pieces.ts';
import { ENDPOINTS } from './types.ts';

/** Where one cluster's requests go; empty, but there, when nobody serves them. */
export function loadAssignment(
  cluster: string,
  service: Service,
  port: Port,
  subset: Subset | null,
  all: readonly Endpoint[],
): Draft {
  const selected = all.filter(({ labels, ports }) => {
    return ports.has(port.number) && (subset === null || hasLabels(labels, subset.labels));
  });
  const byLocality = Map.groupBy(selected, ({ locality }) => locality);
  const localities = [...byLocality].sort(([left], [right]) => byCodeUnit(left, right));
  const json = {
    cluster_name: cluster,
    endpoints:
      all.length === 0 && service.discovery === 'looked-up'
        ? [{ lb_endpoints: [{ endpoint: { address: socketAddress(service.host, port.number) } }] }]
        : localities.map(([locality, endpoints]) => inLocality(locality, endpoints, port)),
  };
  return {
    typeUrl: ENDPOINTS,
    name: cluster,
    json,
    origins: selected.map(({ origin }) => origin),
    references: [],
  };
}

function inLocality(locality: string, endpoints: readonly Endpoint[], port: Port): object {
  const [region = '', zone = '', subZone = ''] = locality.split('/');
  return {
    locality: { region, zone, sub_zone: subZone },
    load_balancing_weight: endpoints.reduce((sum, { weight }) => sum + weight, 0),
    lb_endpoints: endpoints.map(({ address, ports, weight }) => ({
      endpoint: { address: socketAddress(address, ports.get(port.number) ?? port.number) },
      load_balancing_weight: weight,
    })),
  };
}
