/** Resources that a real Envoy takes: a listener whose routes lead to the one endpoint of a cluster. */
import { configSource } from '../../src/translate/config-source.ts';
import { encode } from '../../src/translate/encode.ts';
import type { ProxyXds, SnapshotResource } from '../../src/translate/index.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from './resources.ts';

const typed = (type: string, json: object) => ({ '@type': `type.googleapis.com/${type}`, ...json });
const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

type References = SnapshotResource['references'];
function resource(typeUrl: SnapshotResource['typeUrl'], name: string, json: object, references: References) {
  return encode({ typeUrl, name, json, origins: [], references });
}

export function cluster(xds: ProxyXds, name: string, connectTimeout = '1s') {
  const json = {
    name,
    type: 'EDS',
    connect_timeout: connectTimeout,
    eds_cluster_config: { eds_config: configSource({ xds }) },
  };
  return resource(CLUSTER, name, json, [{ typeUrl: ENDPOINT, name }]);
}

export function endpoints(name: string, port: number) {
  const endpoint = { address: address(port) };
  return resource(ENDPOINT, name, { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] }, []);
}

export function listener(xds: ProxyXds, name: string, port: number, route: string) {
  const router = typed('envoy.extensions.filters.http.router.v3.Router', {});
  const manager = typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    rds: { route_config_name: route, config_source: configSource({ xds }) },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: router }],
  });
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const json = { name, address: address(port), filter_chains: [{ filters }] };
  return resource(LISTENER, name, json, [{ typeUrl: ROUTE, name: route }]);
}

export function route(name: string, to: string) {
  const routes = [{ match: { prefix: '/' }, route: { cluster: to } }];
  const json = { name, virtual_hosts: [{ name, domains: ['*'], routes }] };
  return resource(ROUTE, name, json, [{ typeUrl: CLUSTER, name: to }]);
}
