import { expect, test } from 'vitest';
import { encodeMessage } from '../../src/translate/encode.ts';
import { bootstrap } from '../../src/translate/index.ts';
import { validate } from './envoy.ts';

const options = {
  nodeId: 'sidecar~127.0.0.2~cart-1.shop~shop.svc.cluster.local',
  metadata: { NAMESPACE: 'shop', LABELS: { app: 'cart' }, FAIRLEAD: { capture: 'ports' } },
  xdsHost: '127.0.0.1',
  xdsPort: 15010,
};

test('Envoy accepts it', async () => {
  expect(await validate(bootstrap(options))).toBe('OK');
  expect(await validate(bootstrap({ ...options, statsPort: null }))).toBe('OK');
});

test('delta ADS, the node once, the default ports', () => {
  expect(bootstrap(options)).toMatchObject({
    node: { id: options.nodeId, cluster: 'cart-1.shop' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 15000 } } },
    dynamic_resources: { ads_config: { api_type: 'DELTA_GRPC', set_node_on_first_message_only: true } },
    static_resources: { listeners: [{ address: { socket_address: { port_value: 15090 } } }] },
  });
});

test('expressions may be as large as those that the manifests let pass', async () => {
  const [pattern, small] = ['[^/]{0,495}', bootstrap(options)];
  const match = { safe_regex: { regex: pattern } };
  const answer = { match, direct_response: { status: 200 } };
  expect(await validate(withRoute(small, answer))).toBe('OK');
  expect(await validate(withRoute({ ...small, layered_runtime: {} }, answer))).toContain('program size');
});

test('it is a Bootstrap message, field by field', () => {
  const type = 'type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap';
  expect(encodeMessage(type, bootstrap(options)).length).toBeGreaterThan(0);
  expect(() => encodeMessage(type, { nodes: {} })).toThrow(/unknown field/);
});

test.each([
  ['ads', 'sotw', { ads_config: { api_type: 'GRPC' }, cds_config: { ads: {} } }],
  ['per-type', 'delta', { cds_config: { api_config_source: { api_type: 'DELTA_GRPC' } } }],
  ['per-type', 'sotw', { lds_config: { api_config_source: { api_type: 'GRPC' } } }],
] as const)('%s, %s: Envoy accepts it', async (services, protocol, dynamic) => {
  const document = bootstrap({ ...options, xds: { services, protocol } });
  expect(document).toMatchObject({ dynamic_resources: dynamic });
  expect(await validate(document)).toBe('OK');
});

/** The bootstrap with one more listener, which has one route. */
function withRoute(json: object, route: object): object {
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'a',
    route_config: { name: 'a', virtual_hosts: [{ name: 'a', domains: ['*'], routes: [route] }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  const filter = { name: 'envoy.filters.network.http_connection_manager', typed_config: manager };
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } };
  const listener = { name: 'a', address, filter_chains: [{ filters: [filter] }] };
  return { ...json, static_resources: { listeners: [listener], clusters: [] }, dynamic_resources: {} };
}
