import { type Endpoint, hasLabels, type Port, policyOf, type Service, type Subset } from '../mesh/index.ts';
import type { Draft } from './encode.ts';
import { type Client, type Group, inGroups, placeOf } from './localities.ts';
import { workloadMetadata } from './metrics.ts';
import { socketAddress } from './pieces.ts';
import { ENDPOINTS } from './types.ts';

/** One cluster's service, its part, and who asks; `endpoints` are all of the service. */
export type Target = {
  readonly service: Service;
  readonly port: Port;
  readonly subset: Subset | null;
  readonly endpoints: readonly Endpoint[];
  readonly client: Client;
};

/** Where one cluster's requests go, and to how many endpoints; empty, but there, when nobody serves them. */
export function loadAssignment(cluster: string, target: Target): Draft & { readonly count: number } {
  const { service, port, subset, endpoints: all, client } = target;
  const selected = all.filter(({ labels, ports, node }) => {
    if (service.habits.stays === 'on-node' && (node === null || node !== client.node)) return false;
    return ports.has(port.number) && (subset === null || hasLabels(labels, subset.labels));
  });
  const groups = inGroups(summable(selected), policyOf(service, subset, port.number), client);
  const isHost = all.length === 0 && service.discovery.startsWith('looked-up');
  const json = {
    cluster_name: cluster,
    endpoints: isHost
      ? [{ lb_endpoints: [{ endpoint: { address: socketAddress(service.host, port.number) } }] }]
      : groups.map((group) => inLocality(group, port, client)),
  };
  return {
    typeUrl: ENDPOINTS,
    name: cluster,
    json,
    origins: selected.map(({ origin }) => origin),
    references: [],
    count: isHost ? 1 : groups.reduce((sum, { endpoints }) => sum + endpoints.length, 0),
  };
}

/** What Envoy takes as the sum of all weights; a larger one would not even be a number of its protocol. */
const maxSum = 4_294_967_295;

/** The same proportions, as far as small ones allow, with a sum that is small enough. */
function summable(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const sum = endpoints.reduce((total, { weight }) => total + weight, 0);
  if (sum <= maxSum) return endpoints;
  const share = (maxSum - endpoints.length) / sum;
  return endpoints.map((endpoint) => ({ ...endpoint, weight: Math.floor(endpoint.weight * share) + 1 }));
}

function inLocality(
  { locality, priority, weight: share, endpoints }: Group,
  port: Port,
  { isCounted }: Client,
): object {
  const { region, zone, subZone } = placeOf(locality);
  return {
    locality: { region, zone, sub_zone: subZone },
    ...(priority === 0 ? {} : { priority }),
    load_balancing_weight: share,
    lb_endpoints: endpoints.map((endpoint) => {
      const { address, ports, weight } = endpoint;
      return {
        endpoint: { address: socketAddress(address, ports.get(port.number) ?? port.number) },
        load_balancing_weight: weight,
        ...(isCounted ? { metadata: workloadMetadata(endpoint) } : {}),
      };
    }),
  };
}
