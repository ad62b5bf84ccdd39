import { typed } from './pieces.ts';

const router = {
  name: 'envoy.filters.http.router',
  typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {}),
};

/** The HTTP connection manager as Istio sets it up, with the routes it is given. */
export function httpConnectionManager(statPrefix: string, routes: object): object {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: statPrefix,
      ...routes,
      http_filters: [router],
      use_remote_address: false,
      stream_idle_timeout: '0s',
      normalize_path: true,
      upgrade_configs: [{ upgrade_type: 'websocket' }],
    }),
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
