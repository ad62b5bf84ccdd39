import type { Proxy, ProxyXds } from './types.ts';

/** Cluster name under which a proxy knows its control plane. */
export const CONTROL = 'fairlead-xds';

/** Where a proxy asks for what a resource names: on its ADS stream, or on one of its own for each. One of three objects. */
export function configSource({ xds: { services, protocol } }: Pick<Proxy, 'xds'>): object {
  return services === 'ads' ? ads : perType[protocol];
}

/** Routes that are asked for by name. */
export function rds(name: string, proxy: Pick<Proxy, 'xds'>): object {
  return { rds: { route_config_name: name, config_source: configSource(proxy) } };
}

/** How a stream is opened and spoken to. */
export function apiConfigSource(protocol: ProxyXds['protocol']): object {
  return {
    api_type: protocol === 'delta' ? 'DELTA_GRPC' : 'GRPC',
    transport_api_version: 'V3',
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: CONTROL } }],
  };
}

const always = { initial_fetch_timeout: '0s', resource_api_version: 'V3' };
const ads = { ads: {}, ...always };
const perType = {
  delta: { api_config_source: apiConfigSource('delta'), ...always },
  sotw: { api_config_source: apiConfigSource('sotw'), ...always },
};
