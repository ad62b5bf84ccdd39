import type { Endpoint, Port, Service, Subset } from '../mesh/index.ts';
import type { Draft } from './encode.ts';
import { loadAssignment } from './endpoints.ts';
import { BLACK_HOLE, outboundCluster, PASSTHROUGH } from './names.ts';
import { provenance, unlimited, upstreamProtocol } from './pieces.ts';
import { CLUSTER, ENDPOINTS } from './types.ts';
import type { View } from './view.ts';

/** The clusters of every service that the proxy sees, with their endpoints, and the two that belong to no service. */
export function outboundClusters(view: View): readonly Draft[] {
  const services = [...view.services.values()].flatMap((service) =>
    service.ports.flatMap((port) =>
      [null, ...service.subsets].flatMap((subset) =>
        clusterOf(service, port, subset, view.endpointsOf(service)),
      ),
    ),
  );
  return [...services, fixed(PASSTHROUGH, passthrough), fixed(BLACK_HOLE, { type: 'STATIC' })];
}

function clusterOf(
  service: Service,
  port: Port,
  subset: Subset | null,
  all: readonly Endpoint[],
): readonly Draft[] {
  const name = outboundCluster(port.number, subset?.name ?? null, service.host);
  const origins = [service.origin, ...(subset === null ? [] : [subset.origin])];
  const assignment = loadAssignment(name, service, port, subset, all);
  const json = (found: object) => ({
    name,
    ...found,
    connect_timeout: '10s',
    circuit_breakers: unlimited,
    ...upstreamProtocol(port.protocol),
    metadata: provenance(subset?.origin ?? service.origin),
  });
  if (service.discovery === 'original') {
    return [{ typeUrl: CLUSTER, name, json: json(passthrough), origins, references: [] }];
  }
  if (service.discovery === 'looked-up') {
    // Looked up by Envoy itself: the names stand in the cluster.
    const found = { ...lookedUp, load_assignment: assignment.json };
    return [
      {
        typeUrl: CLUSTER,
        name,
        json: json(found),
        origins: [...origins, ...assignment.origins],
        references: [],
      },
    ];
  }
  const references = [{ typeUrl: ENDPOINTS, name }] as const;
  return [{ typeUrl: CLUSTER, name, json: json(served), origins, references }, assignment];
}

const ads = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };
const served = { type: 'EDS', eds_cluster_config: { eds_config: ads }, lb_policy: 'LEAST_REQUEST' };
const lookedUp = {
  type: 'STRICT_DNS',
  dns_lookup_family: 'V4_PREFERRED',
  dns_refresh_rate: '60s',
  respect_dns_ttl: true,
  lb_policy: 'LEAST_REQUEST',
};
const passthrough = { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' };

function fixed(name: string, found: object): Draft {
  const json = { name, ...found, connect_timeout: '10s', circuit_breakers: unlimited };
  return { typeUrl: CLUSTER, name, json, origins: [], references: [] };
}
