import { typed } from './pieces.ts';
import type { Proxy } from './types.ts';

/** An HTTP filter; its name is that of the extension, and the key of what a route says to it. */
export type HttpFilter = { readonly name: string; readonly typed_config: object };

/** Filters that do nothing until a route says something to them. */
export const fault = {
  name: 'envoy.filters.http.fault',
  typed_config: typed('envoy.extensions.filters.http.fault.v3.HTTPFault', {}),
};
export const cors = {
  name: 'envoy.filters.http.cors',
  typed_config: typed('envoy.extensions.filters.http.cors.v3.Cors', {}),
};

const router = {
  name: 'envoy.filters.http.router',
  typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {}),
};

/** In Istio's order. */
const httpFilters: readonly HttpFilter[] = [fault, cors, router];

/** Whether a proxy can run a filter; one that does not list its extensions is taken to have all of them. */
export function has({ extensions }: Proxy, { name }: HttpFilter): boolean {
  return extensions === null || extensions.has(name);
}

/** The HTTP connection manager as Istio sets it up, with the routes it is given; `added` filters come before the last. */
export function httpConnectionManager(
  statPrefix: string,
  routes: object,
  proxy: Proxy,
  more: object = {},
  added: readonly HttpFilter[] = [],
): object {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: statPrefix,
      ...routes,
      http_filters: [...httpFilters.slice(0, -1), ...added, router].filter((filter) => has(proxy, filter)),
      use_remote_address: false,
      stream_idle_timeout: '0s',
      normalize_path: true,
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      ...more,
    }),
  };
}

/** A route table as Istio sets it up: a route may name a cluster that is not there, and answer up to 1 MiB by itself. */
export function routeConfiguration(name: string, virtualHosts: readonly object[]): object {
  return {
    name,
    virtual_hosts: virtualHosts,
    validate_clusters: false,
    max_direct_response_body_size_bytes: 1_048_576,
  };
}

/** Bytes as they come, to one cluster, with what its policy says of them. */
export function tcpProxy(cluster: string, policy: object = {}): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: cluster,
      cluster,
      ...policy,
    }),
  };
}

/** The same to several clusters in shares; one alone is the proxy of `tcpProxy`. */
export function weightedTcpProxy(
  name: string,
  shares: readonly { readonly name: string; readonly weight: number }[],
  policy: object,
): object {
  const [only, ...others] = shares;
  if (only !== undefined && others.length === 0) return tcpProxy(only.name, policy);
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: name,
      weighted_clusters: { clusters: shares },
      ...policy,
    }),
  };
}
