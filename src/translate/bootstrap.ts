import { apiConfigSource, CONTROL, configSource } from './config-source.ts';
import { socketAddress, typed } from './pieces.ts';
import type { ProxyXds } from './types.ts';

/** What Envoy has to know before it can ask; ports in 1–65535. */
export type BootstrapOptions = {
  /** `sidecar~IP~name.ns~ns.svc.cluster.local`. */
  readonly nodeId: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly xdsHost: string;
  readonly xdsPort: number;
  /** On 127.0.0.1; default 15000. */
  readonly adminPort?: number;
  /** On 127.0.0.1, `/stats/prometheus`; default 15090; null: none. */
  readonly statsPort?: number | null;
  /** As the metadata says it; delta ADS unless given. */
  readonly xds?: ProxyXds;
};

/** Envoy's bootstrap, as JSON to print (`envoy -c`). The cluster of the node is its service, as Istio has it. */
export function bootstrap(options: BootstrapOptions): object {
  const { nodeId, metadata, xdsHost, xdsPort, adminPort = 15000, statsPort = 15090 } = options;
  const { xds = { services: 'ads', protocol: 'delta' } } = options;
  const source = configSource({ xds });
  const ads = xds.services === 'ads' ? { ads_config: apiConfigSource(xds.protocol) } : {};
  const [, , workload = ''] = nodeId.split('~');
  return {
    node: { id: nodeId, cluster: workload, metadata },
    admin: { address: socketAddress('127.0.0.1', adminPort) },
    layered_runtime: runtime,
    dynamic_resources: { ...ads, cds_config: source, lds_config: source },
    static_resources: {
      listeners: statsPort === null ? [] : [statsListener(statsPort)],
      clusters: [controlCluster(xdsHost, xdsPort), ...(statsPort === null ? [] : [adminCluster(adminPort)])],
    },
  };
}

/**
 * Envoy would refuse expressions of more than 100 steps (`[a-z]{100}`), and the whole table of routes with them. The
 * limit is Istio's; the manifests' is lower (FL2211). The last layer is Envoy's own, which its admin interface writes.
 */
export const runtime = {
  layers: [
    { name: 'static', static_layer: { 're2.max_program_size.error_level': 32768 } },
    { name: 'admin', admin_layer: {} },
  ],
};

function controlCluster(host: string, port: number): object {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const http2 = { connection_keepalive: { interval: '30s', timeout: '10s' } };
  return {
    name: CONTROL,
    type: 'STRICT_DNS',
    connect_timeout: '1s',
    dns_lookup_family: 'V4_PREFERRED',
    typed_extension_protocol_options: {
      [options]: typed(options, { explicit_http_config: { http2_protocol_options: http2 } }),
    },
    load_assignment: assignment(CONTROL, host, port),
  };
}

function adminCluster(port: number): object {
  const name = 'fairlead-admin';
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: assignment(name, '127.0.0.1', port),
  };
}

/** Only the statistics: the rest of the admin interface can change the proxy. */
function statsListener(port: number): object {
  const route = { match: { path: '/stats/prometheus' }, route: { cluster: 'fairlead-admin' } };
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {}),
  };
  const manager = typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'stats',
    route_config: { name: 'stats', virtual_hosts: [{ name: 'stats', domains: ['*'], routes: [route] }] },
    http_filters: [router],
  });
  const filter = { name: 'envoy.filters.network.http_connection_manager', typed_config: manager };
  return { name: 'stats', address: socketAddress('127.0.0.1', port), filter_chains: [{ filters: [filter] }] };
}

function assignment(cluster: string, host: string, port: number): object {
  const endpoint = { address: socketAddress(host, port) };
  return { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint }] }] };
}
