import { describe, expect, test } from 'vitest';
import { istio, service, workload } from '../mesh/manifests.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

const host = 'cart.shop.svc.cluster.local';
const snapshotWith = (spec: string, ports = '[{name: http, port: 80}]') =>
  snapshotOf(proxyAt('10.0.0.1', 'web'), {
    path: 'acme',
    files:
      service('cart', 'shop', '', ports) +
      workload('a', 'shop', '10.0.0.2', 'app: cart, version: v1') +
      istio('DestinationRule', 'cart', 'shop', `{host: cart, ${spec}}`),
  });
const clusterWith = (policy: string, ports?: string) =>
  jsonOf(snapshotWith(`trafficPolicy: ${policy}`, ports), 'clusters', `outbound|80||${host}`);

describe('the largest values of the schema are Envoy’s, too', () => {
  const long = '2562047h';
  test.each([
    `{connectionPool: {tcp: {maxConnections: 2147483647, connectTimeout: ${long}, maxConnectionDuration: ${long}, idleTimeout: ${long}, tcpKeepalive: {probes: 127, time: 32767s, interval: 32767s}}, http: {http1MaxPendingRequests: 2147483647, http2MaxRequests: 2147483647, maxRequestsPerConnection: 536870912, maxRetries: 2147483647, idleTimeout: ${long}, maxConcurrentStreams: 2147483647, h2UpgradePolicy: UPGRADE, http2KeepAlive: {interval: ${long}, timeout: ${long}}}}}`,
    `{outlierDetection: {consecutive5xxErrors: 4294967295, consecutiveGatewayErrors: 4294967295, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4294967295, interval: ${long}, baseEjectionTime: ${long}, maxEjectionPercent: 100, minHealthPercent: 100, outlierDetectionHttpErrorCodes: [100, 599]}}`,
    `{retryBudget: {percent: 100, minRetryConcurrency: 4294967295, budgetInterval: ${long}}}`,
    `{loadBalancer: {warmup: {duration: 1s, aggression: 0.000001}}}`,
    `{loadBalancer: {warmup: {duration: ${long}, minimumPercent: 100, aggression: 1000}}}`,
    `{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1ms, minimumPercent: 0, aggression: 1}}}`,
    `{loadBalancer: {consistentHash: {httpCookie: {name: a, ttl: ${long}}, maglev: {tableSize: 5000011}}}}`,
    '{loadBalancer: {consistentHash: {httpHeaderName: a, maglev: {tableSize: 2}}}}',
    '{loadBalancer: {consistentHash: {httpQueryParameterName: "a b", ringHash: {minimumRingSize: 8388608}}}}',
    '{loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 1}}}}',
  ])('%s', async (policy) => {
    const ports = '[{name: http, port: 80}, {name: tcp, port: 7000}]';
    expect(await validate(staticBootstrap(snapshotWith(`trafficPolicy: ${policy}`, ports)))).toBe('OK');
  });
});

test.each([
  ['http', '{}', undefined],
  ['http', '{maxRequestsPerConnection: 1}', { explicit_http_config: { http_protocol_options: {} } }],
  ['http', '{h2UpgradePolicy: UPGRADE}', { explicit_http_config: { http2_protocol_options: {} } }],
  ['http', '{h2UpgradePolicy: DO_NOT_UPGRADE}', undefined],
  [
    'grpc',
    '{maxConcurrentStreams: 3}',
    { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 3 } } },
  ],
  [
    'grpc',
    '{useClientProtocol: true}',
    { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } },
  ],
  ['tcp', '{idleTimeout: 1s}', { explicit_http_config: { http_protocol_options: {} } }],
  ['tls', '{idleTimeout: 1s}', { explicit_http_config: { http_protocol_options: {} } }],
])('what is spoken at a port %s with %s', (name, http, expected) => {
  const cluster = clusterWith(`{connectionPool: {http: ${http}}}`, `[{name: ${name}, port: 80}]`);
  const all = cluster.typed_extension_protocol_options;
  const options = all?.['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'];
  if (expected === undefined) expect(options).toBe(undefined);
  else expect(options).toMatchObject(expected);
});

test('a cluster says where its policy is written, and which document it is from does not change', () => {
  const snapshot = snapshotWith('trafficPolicy: {loadBalancer: {simple: RANDOM}}');
  const cluster = [...snapshot.resources.values()]
    .flatMap((all) => [...all.values()])
    .find(({ name, typeUrl }) => name === `outbound|80||${host}` && typeUrl.endsWith('.Cluster'));
  expect(cluster?.sources.map(({ line }) => line)).toEqual([1, 14]);
  expect(cluster?.json).toMatchObject({
    metadata: { filter_metadata: { fairlead: { source: 'Service/shop/cart' } } },
  });
});
