import { describe, expect, test } from 'vitest';
import { manifest, problemsOf, read } from './scope.ts';

/** A policy in one line, which stands on line 6 from column 18 on. */
const rule = (policy: string): string => manifest('DestinationRule', `  host: a\n  trafficPolicy: ${policy}`);
const codes = (policy: string): readonly string[] =>
  problemsOf(rule(policy)).map((problem) => problem.replace(' 6:', ' '));

const balancer = (inner: string): string => `{ loadBalancer: ${inner} }`;
const locality = (inner: string): string => balancer(`{ localityLbSetting: ${inner} }`);
const hash = (inner: string): string => balancer(`{ consistentHash: ${inner} }`);
const tcp = (inner: string): string => `{ connectionPool: { tcp: ${inner} } }`;
const http = (inner: string): string => `{ connectionPool: { http: ${inner} } }`;
const outlier = (inner: string): string => `{ outlierDetection: ${inner} }`;

describe('what is honoured', () => {
  test.each([
    '{}',
    balancer('{}'),
    ...['UNSPECIFIED', 'LEAST_REQUEST', 'LEAST_CONN', 'RANDOM', 'ROUND_ROBIN', 'PASSTHROUGH'].map((simple) =>
      balancer(`{ simple: ${simple} }`),
    ),
    balancer('{ warmup: { duration: 30s, minimumPercent: 10.5, aggression: 1.5 } }'),
    balancer('{ simple: ROUND_ROBIN, warmupDurationSecs: 30s }'),
    locality('{ enabled: false }'),
    locality(
      '{ distribute: [{ from: eu/a/*, to: { eu/a/*: 80, eu/b: 20 } }, { from: us, to: { "*": 100 } }] }',
    ),
    locality('{ enabled: true, failover: [{ from: eu, to: us }, { from: us, to: eu }] }'),
    locality('{ failoverPriority: [topology.kubernetes.io/region, version=v1, "tier="] }'),
    hash('{ httpHeaderName: x-user }'),
    hash('{ httpCookie: { name: user, path: /, ttl: 0s } }'),
    hash('{ httpQueryParameterName: user }'),
    hash('{ useSourceIp: true, minimumRingSize: 8388608 }'),
    hash('{ useSourceIp: false, httpHeaderName: x-user, ringHash: {} }'),
    hash('{ httpHeaderName: x-user, maglev: { tableSize: 65537 } }'),
    hash('{ httpHeaderName: x-user, maglev: { tableSize: 2 } }'),
    tcp(
      '{ maxConnections: 1, connectTimeout: 30ms, maxConnectionDuration: 1h, idleTimeout: 0s, tcpKeepalive: { probes: 3, time: 2h, interval: 75s } }',
    ),
    http(
      '{ http1MaxPendingRequests: 1, http2MaxRequests: 2, maxRequestsPerConnection: 3, maxRetries: 4, idleTimeout: 1m, maxConcurrentStreams: 5, h2UpgradePolicy: UPGRADE, useClientProtocol: false }',
    ),
    outlier(
      '{ consecutive5xxErrors: 7, consecutiveGatewayErrors: 0, interval: 5m, baseEjectionTime: 15m, maxEjectionPercent: 100, minHealthPercent: 0 }',
    ),
    outlier('{ splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 3 }'),
    '{ tls: { mode: DISABLE } }',
    '{ tls: {} }',
    '{ tls: { mode: SIMPLE, sni: a, caCertificates: /ca.pem, caCrl: /crl.pem, subjectAltNames: [a] } }',
    '{ tls: { mode: SIMPLE, insecureSkipVerify: true } }',
    '{ tls: { mode: MUTUAL, credentialName: a, sni: b } }',
    '{ tls: { mode: MUTUAL, clientCertificate: /a.pem, privateKey: /a.key } }',
    '{ tunnel: { protocol: POST, targetHost: a.example, targetPort: 1 } }',
    '{ proxyProtocol: { version: V2 } }',
    '{ proxyProtocol: {} }',
    '{ retryBudget: { percent: 12.5, minRetryConcurrency: 1, budgetInterval: 0ms } }',
    http('{ http2KeepAlive: { interval: 30s, timeout: 1ms } }'),
    outlier('{ outlierDetectionHttpErrorCodes: [100, 599] }'),
    balancer('{ warmup: { duration: 1s, aggression: 0.5 } }'),
    hash('{ httpCookie: { name: user, attributes: [{ name: Secure }, { name: SameSite, value: Lax }] } }'),
    '{ portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: RANDOM } }, { port: { number: 81 } }] }',
  ])('%s', (policy) => {
    expect(codes(policy)).toEqual([]);
  });

  test.each([
    [outlier('{ consecutiveLocalOriginFailures: 3 }'), 'FL2244 40'],
    [http('{ useClientProtocol: true, h2UpgradePolicy: UPGRADE }'), 'FL2244 88'],
  ])('with a warning: %s', (policy, expected) => {
    expect(codes(policy)).toEqual([expected]);
    expect(read({ 'a.yaml': rule(policy) }).resources).toHaveLength(1);
  });
});

test.each([
  // Unknown words and kinds of values.
  [balancer('{ simple: LEAST_REQUESTS }'), ['FL2108 44']],
  [balancer('{ simpel: RANDOM }'), ['FL2105 36']],
  [balancer('RANDOM'), ['FL2107 34']],
  ['{ outlierDetections: {} }', ['FL2105 20']],
  // What is known, and not honoured.
  ['{ tls: { mode: ISTIO_MUTUAL } }', ['FL2104 33']],
  [outlier('{ consecutiveErrors: 5 }'), ['FL2104 40']],
  [balancer('{ zoneAwareLbSetting: { enabled: true } }'), ['FL2104 36']],
  // Encryption that says too much, or too little.
  ['{ tls: { sni: a } }', ['FL2221 27']],
  ['{ tls: { mode: SIMPLE, privateKey: /a.key } }', ['FL2221 41']],
  ['{ tls: { mode: MUTUAL, credentialName: a, privateKey: /a.key } }', ['FL2221 60']],
  ['{ tls: { mode: SIMPLE, credentialName: a/../b } }', ['FL2109 57']],
  ['{ tls: { mode: MUTUAL, privateKey: /a.key } }', ['FL2106 20']],
  ['{ tls: { mode: SIMPLE, insecureSkipVerify: true, caCertificates: /a } }', ['FL2221 67']],
  ['{ portLevelSettings: [{ port: { number: 1 }, tls: { sni: a } }] }', ['FL2221 70']],
  ['{ tunnel: { targetHost: a } }', ['FL2106 20']],
  ['{ tunnel: { targetHost: a, targetPort: 0 } }', ['FL2111 57']],
  ['{ tunnel: { targetHost: a, targetPort: 1 }, proxyProtocol: {} }', ['FL2240 62']],
  ['{ retryBudget: { percent: 101 } }', ['FL2109 44']],
  ['{ retryBudget: { budgetInterval: 1us } }', ['FL2110 51']],
  [http('{ http2KeepAlive: { interval: 1s } }'), ['FL2106 46']],
  [http('{ http2KeepAlive: { interval: 0s, timeout: 1s } }'), ['FL2110 74']],
  [outlier('{ outlierDetectionHttpErrorCodes: [99] }'), ['FL2109 73']],
  [outlier('{ outlierDetectionHttpErrorCodes: [600] }'), ['FL2109 73']],
  // One of several.
  [balancer('{ simple: RANDOM, consistentHash: { useSourceIp: true } }'), ['FL2240 52']],
  [balancer('{ warmup: { duration: 1s }, warmupDurationSecs: 1s }'), ['FL2240 62']],
  [hash('{ httpHeaderName: a, httpCookie: { name: b } }'), ['FL2240 73']],
  [hash('{ useSourceIp: true, ringHash: {}, maglev: {} }'), ['FL2240 87']],
  [hash('{ useSourceIp: true, ringHash: {}, minimumRingSize: 1 }'), ['FL2240 87']],
  // Hashes.
  [hash('{}'), ['FL2241 36']],
  [hash('{ useSourceIp: false }'), ['FL2241 36']],
  [hash('{ httpCookie: { ttl: 1s } }'), ['FL2106 54']],
  [hash('{ httpCookie: { name: "" } }'), ['FL2109 74']],
  [hash('{ httpHeaderName: "a b" }'), ['FL2109 70']],
  [hash('{ useSourceIp: true, minimumRingSize: 8388609 }'), ['FL2109 90']],
  [hash('{ useSourceIp: true, ringHash: { minimumRingSize: -1 } }'), ['FL2109 102']],
  [hash('{ useSourceIp: true, maglev: { tableSize: 65536 } }'), ['FL2242 94']],
  [hash('{ useSourceIp: true, maglev: { tableSize: 5000012 } }'), ['FL2109 94']],
  // Warming up.
  [balancer('{ simple: RANDOM, warmupDurationSecs: 1s }'), ['FL2243 52']],
  [balancer('{ simple: PASSTHROUGH, warmup: { duration: 1s } }'), ['FL2243 57']],
  [balancer('{ consistentHash: { useSourceIp: true }, warmup: { duration: 1s } }'), ['FL2243 75']],
  [balancer('{ warmup: {} }'), ['FL2106 36']],
  [balancer('{ warmup: { duration: 1s, minimumPercent: 101 } }'), ['FL2109 76']],
  [balancer('{ warmup: { duration: 1s, aggression: 0 } }'), ['FL2109 72']],
  // Localities.
  [locality('{ enabled: 1 }'), ['FL2107 66']],
  [locality('{ failover: [{ from: eu, to: us }], failoverPriority: [a] }'), ['FL2240 91']],
  [
    locality('{ distribute: [{ from: eu, to: { eu: 100 } }], failover: [{ from: eu, to: us }] }'),
    ['FL2240 102'],
  ],
  [locality('{ distribute: [{ from: eu, to: { eu: 80, us: 10 } }] }'), ['FL2247 82']],
  [locality('{ distribute: [{ from: eu, to: { eu: 101 } }] }'), ['FL2109 92']],
  [locality('{ distribute: [{ from: eu, to: { eu: 0, us: 100 } }] }'), ['FL2109 92']],
  [locality('{ distribute: [{ from: eu, to: {} }] }'), ['FL2109 82']],
  [locality('{ distribute: [{ from: eu }] }'), ['FL2106 70']],
  [locality('{ distribute: [{ from: eu/*/1, to: { eu: 100 } }] }'), ['FL2109 78']],
  [locality('{ distribute: [{ from: eu, to: { eu/*/1: 100 } }] }'), ['FL2109 88']],
  [locality('{ distribute: [{ from: eu, to: { eu/*: 50, eu/a: 50 } }] }'), ['FL2248 98']],
  [locality('{ distribute: [{ from: eu, to: { "*": 50, us: 50 } }] }'), ['FL2248 97']],
  [
    locality('{ distribute: [{ from: eu, to: { eu: 100 } }, { from: eu, to: { us: 100 } }] }'),
    ['FL2212 109'],
  ],
  [locality('{ failover: [{ from: eu, to: eu }] }'), ['FL2248 84']],
  [locality('{ failover: [{ from: eu, to: us }, { from: eu, to: cn }] }'), ['FL2212 98']],
  [locality('{ failover: [{ from: eu/a, to: us }] }'), ['FL2109 76']],
  [locality('{ failover: [{ from: eu }] }'), ['FL2106 68']],
  [locality('{ failoverPriority: [a, b, a=c] }'), ['FL2212 82']],
  [locality('{ failoverPriority: ["a b"] }'), ['FL2109 76']],
  // Durations.
  [tcp('{ connectTimeout: 0s }'), ['FL2110 61']],
  [tcp('{ connectTimeout: 5 }'), ['FL2110 61']],
  [tcp('{ maxConnectionDuration: 999us }'), ['FL2110 68']],
  [tcp('{ idleTimeout: 2562048h }'), ['FL2110 58']],
  [tcp('{ tcpKeepalive: { time: 500ms } }'), ['FL2110 67']],
  [tcp('{ tcpKeepalive: { interval: 1500ms } }'), ['FL2110 71']],
  [tcp('{ tcpKeepalive: { time: 32768s } }'), ['FL2110 67']],
  [tcp('{ tcpKeepalive: { probes: 128 } }'), ['FL2109 69']],
  [http('{ idleTimeout: 1ns }'), ['FL2110 59']],
  [outlier('{ interval: 0s }'), ['FL2110 50']],
  [outlier('{ baseEjectionTime: 1d }'), ['FL2110 58']],
  [balancer('{ warmupDurationSecs: 10us }'), ['FL2110 56']],
  // Numbers.
  [tcp('{ maxConnections: -1 }'), ['FL2109 61']],
  [tcp('{ maxConnections: 1.5 }'), ['FL2107 61']],
  [http('{ http1MaxPendingRequests: 2147483648 }'), ['FL2109 71']],
  [http('{ maxRequestsPerConnection: 536870913 }'), ['FL2109 72']],
  [http('{ h2UpgradePolicy: ALWAYS }'), ['FL2108 63']],
  [outlier('{ maxEjectionPercent: 101 }'), ['FL2109 60']],
  [outlier('{ minHealthPercent: -1 }'), ['FL2109 58']],
  [outlier('{ consecutive5xxErrors: 4294967296 }'), ['FL2109 62']],
  // Ports.
  ['{ portLevelSettings: [{ loadBalancer: {} }] }', ['FL2106 40']],
  ['{ portLevelSettings: [{ port: { number: 0 } }] }', ['FL2111 58']],
  ['{ portLevelSettings: [{ port: { number: 1 } }, { port: { number: 1 } }] }', ['FL2204 83']],
  ['{ portLevelSettings: [{ port: { number: 1 }, loadBalancer: { consistentHash: {} } }] }', ['FL2241 79']],
])('refused: %s', (policy, expected) => {
  expect(codes(policy)).toEqual(expected);
  expect(read({ 'a.yaml': rule(policy) }).resources).toEqual([]);
});

test('a subset’s policy is checked as the host’s is', () => {
  const spec =
    '  host: a\n  subsets:\n  - name: v1\n    trafficPolicy:\n      loadBalancer: { consistentHash: {} }';
  expect(problemsOf(manifest('DestinationRule', spec))).toEqual(['FL2241 9:23']);
});
