import { at, type Fields, listAt, socketOf, textAt } from './resource.ts';
import type { Filters, View } from './views.ts';

export const endpointView: View = {
  what: 'endpoints',
  aliases: ['endpoints', 'ep', 'eds'],
  head: ['ENDPOINT', 'STATUS', 'OUTLIER CHECK', 'CLUSTER', 'LOCALITY', 'WEIGHT'],
  filters: {
    address: 'of the endpoint',
    port: 'of the endpoint',
    cluster: 'name of the cluster',
    fqdn: 'part of the host of the cluster',
    status: 'healthy, unhealthy, draining …',
  },
  rows({ name, resource, ejected }, filters) {
    if (filters.cluster !== undefined && filters.cluster !== name) return [];
    if (filters.fqdn !== undefined && !hostOf(name).includes(filters.fqdn)) return [];
    return listAt(resource, 'endpoints').flatMap((group) =>
      listAt(group, 'lb_endpoints')
        .filter((endpoint) => fits(endpoint, filters))
        .map((endpoint) => {
          const { address, port } = socketOf(at(endpoint, 'endpoint', 'address'));
          const where = `${address}:${port}`;
          const check = ejected === undefined ? '-' : ejected.includes(where) ? 'FAILED' : 'OK';
          const weight = String(at(endpoint, 'load_balancing_weight') ?? 1);
          const cells = [where, statusOf(endpoint), check, name, localityOf(group), weight];
          return { cells, part: endpoint };
        }),
    );
  },
};

/** Of `outbound|80|v1|reviews.default.svc.cluster.local`; every other name is a host and nothing else. */
function hostOf(cluster: string): string {
  return cluster.split('|')[3] ?? cluster;
}

function localityOf(group: Fields): string {
  const parts = ['region', 'zone', 'sub_zone'].map((part) => textAt(group, 'locality', part) ?? '');
  return parts.join('/').replace(/\/+$/, '') || '-';
}

/** Envoy takes an unknown status for a healthy one, and so does istioctl. */
function statusOf(endpoint: Fields): string {
  const status = textAt(endpoint, 'health_status') ?? 'UNKNOWN';
  return status === 'UNKNOWN' ? 'HEALTHY' : status;
}

function fits(endpoint: Fields, { address, port, status }: Filters): boolean {
  const socket = socketOf(at(endpoint, 'endpoint', 'address'));
  if (address !== undefined && socket.address !== address) return false;
  if (port !== undefined && socket.port !== port) return false;
  return status === undefined || statusOf(endpoint) === status.toUpperCase();
}
