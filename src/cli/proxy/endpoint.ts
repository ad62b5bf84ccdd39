import { at, type Fields, listAt, socketOf, textAt } from './resource.ts';
import type { Filters, View } from './views.ts';

export const endpointView: View = {
  aliases: ['endpoints', 'ep', 'eds'],
  head: ['ENDPOINT', 'STATUS', 'WEIGHT', 'CLUSTER'],
  filters: {
    address: 'of the endpoint',
    port: 'of the endpoint',
    cluster: 'name of the cluster',
    fqdn: 'part of the host of the cluster',
    status: 'HEALTHY, UNKNOWN …',
  },
  rows({ name, resource }, filters) {
    if (filters.cluster !== undefined && filters.cluster !== name) return [];
    if (filters.fqdn !== undefined && !hostOf(name).includes(filters.fqdn)) return [];
    return listAt(resource, 'endpoints')
      .flatMap((group) => listAt(group, 'lb_endpoints'))
      .filter((endpoint) => fits(endpoint, filters))
      .map((endpoint) => {
        const { address, port } = socketOf(at(endpoint, 'endpoint', 'address'));
        const weight = String(at(endpoint, 'load_balancing_weight') ?? 1);
        return { cells: [`${address}:${port}`, statusOf(endpoint), weight, name], part: endpoint };
      });
  },
};

/** Of `outbound|80|v1|reviews.default.svc.cluster.local`; every other name is a host and nothing else. */
function hostOf(cluster: string): string {
  return cluster.split('|')[3] ?? cluster;
}

/** Envoy takes an unknown status for a healthy one. */
function statusOf(endpoint: Fields): string {
  return textAt(endpoint, 'health_status') ?? 'UNKNOWN';
}

function fits(endpoint: Fields, { address, port, status }: Filters): boolean {
  const socket = socketOf(at(endpoint, 'endpoint', 'address'));
  if (address !== undefined && socket.address !== address) return false;
  if (port !== undefined && socket.port !== port) return false;
  return status === undefined || statusOf(endpoint) === status.toUpperCase();
}
