import { describe, expect, test } from 'vitest';
import { policyOf, type TrafficPolicy } from '../../src/mesh/index.ts';
import { istio, service, workload } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

const acme = (files: string | Record<string, string>) => ({ path: 'acme', files });
const cart = service('cart', 'shop', '', '[{name: http, port: 80}, {name: grpc, port: 90}]');
const rule = (spec: string, name = 'cart'): string =>
  istio('DestinationRule', name, 'shop', `{host: cart, ${spec}}`);

/** What holds at a port of cart, or of its subset v1. */
function at(spec: string, port: number, part: 'host' | 'v1' = 'host'): TrafficPolicy | null {
  const { mesh, problems } = meshOf(acme(cart + rule(spec)));
  // cart speaks HTTP alone, which a tunnel is not for.
  expect(problems.filter(({ code }) => code !== 'FL3329')).toEqual([]);
  const [found] = mesh.services;
  const subset = found?.subsets.find(({ name }) => name === part) ?? null;
  if (found === undefined || (part !== 'host' && subset === null)) throw new Error('not there');
  return policyOf(found, subset, port);
}

const random = 'loadBalancer: {simple: RANDOM}';
const turns = 'loadBalancer: {simple: ROUND_ROBIN}';
const one = 'connectionPool: {tcp: {maxConnections: 1}}';
const two = 'connectionPool: {tcp: {maxConnections: 2}}';
const shown = (policy: TrafficPolicy | null) =>
  policy && [policy.balancing?.how ?? null, policy.connections?.maxConnections ?? null];

describe('how the levels of a policy add up', () => {
  const atPort = (parts: string) => `portLevelSettings: [{port: {number: 90}, ${parts}}]`;
  const v1 = (policy: string) => `subsets: [{name: v1, trafficPolicy: {${policy}}}]`;

  test.each<readonly [string, string, 'host' | 'v1', unknown, unknown]>([
    ['nothing is said', 'subsets: []', 'host', null, null],
    ['of the host', `trafficPolicy: {${random}}`, 'host', ['random', null], ['random', null]],
    [
      'a port does not inherit',
      `trafficPolicy: {${random}, ${one}, ${atPort(turns)}}`,
      'host',
      ['random', 1],
      ['in-turn', null],
    ],
    [
      'a port that says nothing has the defaults',
      `trafficPolicy: {${random}, portLevelSettings: [{port: {number: 90}}]}`,
      'host',
      ['random', null],
      null,
    ],
    [
      'a subset inherits',
      `trafficPolicy: {${random}, ${one}}, subsets: [{name: v1}]`,
      'v1',
      ['random', 1],
      ['random', 1],
    ],
    ['part by part', `trafficPolicy: {${random}, ${one}}, ${v1(two)}`, 'v1', ['random', 2], ['random', 2]],
    [
      'from the port of the host, too',
      `trafficPolicy: {${random}, ${atPort(one)}}, ${v1(turns)}`,
      'v1',
      ['in-turn', null],
      ['in-turn', 1],
    ],
    [
      'but not at a port of its own',
      `trafficPolicy: {${random}, ${one}}, ${v1(`${turns}, ${atPort(two)}`)}`,
      'v1',
      ['in-turn', 1],
      [null, 2],
    ],
    ['of a subset alone', v1(random), 'host', null, null],
  ])('%s', (_what, spec, part, http, grpc) => {
    expect(shown(at(spec, 80, part))).toEqual(http);
    expect(shown(at(spec, 90, part))).toEqual(grpc);
  });

  test('its parts say where they are written', () => {
    const spec = `trafficPolicy: {${random}}, subsets: [{name: v1, trafficPolicy: {${one}}}]`;
    expect(at(spec, 80, 'v1')?.origins.map(({ line, column }) => [line, column])).toEqual([
      [9, 20],
      [9, 90],
    ]);
  });
});

test.each([
  ['{simple: LEAST_CONN}', { how: 'least-requests', warmup: null }],
  ['{simple: UNSPECIFIED}', { how: 'least-requests', warmup: null }],
  ['{simple: PASSTHROUGH}', { how: 'original' }],
  [
    '{warmupDurationSecs: 30s}',
    { how: 'least-requests', warmup: { durationMs: 30_000, startPercent: null, aggression: null } },
  ],
  [
    '{simple: ROUND_ROBIN, warmup: {duration: 1m, minimumPercent: 5, aggression: 2}}',
    { how: 'in-turn', warmup: { durationMs: 60_000, startPercent: 5, aggression: 2 } },
  ],
  [
    '{consistentHash: {httpHeaderName: x-user}}',
    { how: 'hash', key: { of: 'header', name: 'x-user' }, table: 'ring', size: 1024 },
  ],
  [
    '{consistentHash: {httpQueryParameterName: user, ringHash: {minimumRingSize: 7}}}',
    { how: 'hash', key: { of: 'query', name: 'user' }, table: 'ring', size: 7 },
  ],
  [
    '{consistentHash: {useSourceIp: true, minimumRingSize: 5}}',
    { how: 'hash', key: { of: 'client-address' }, table: 'ring', size: 5 },
  ],
  [
    '{consistentHash: {httpCookie: {name: user, ttl: 1h}, maglev: {}}}',
    {
      how: 'hash',
      key: { of: 'cookie', name: 'user', path: null, ttlMs: 3_600_000, attributes: [] },
      table: 'maglev',
      size: 65537,
    },
  ],
])('loadBalancer %s', (balancer, expected) => {
  expect(at(`trafficPolicy: {loadBalancer: ${balancer}}`, 80)?.balancing).toEqual(expected);
});

test.each([
  ['{enabled: false}', { how: 'anywhere' }],
  ['{}', { how: 'nearest', regions: [] }],
  ['{failover: [{from: eu, to: us}]}', { how: 'nearest', regions: [{ from: 'eu', to: 'us' }] }],
  [
    '{failoverPriority: [tier, "app=a"]}',
    {
      how: 'alike',
      labels: [
        { name: 'tier', value: null },
        { name: 'app', value: 'a' },
      ],
    },
  ],
  [
    '{distribute: [{from: eu/*, to: {eu/*: 80, us: 20}}]}',
    {
      how: 'shares',
      shares: [
        {
          from: 'eu/*',
          to: [
            { locality: 'eu/*', percent: 80 },
            { locality: 'us', percent: 20 },
          ],
        },
      ],
    },
  ],
])('localityLbSetting %s', (setting, expected) => {
  const policy = `trafficPolicy: {loadBalancer: {localityLbSetting: ${setting}}, outlierDetection: {}}`;
  expect(at(policy, 80)?.travel).toEqual(expected);
});

test('an HTTP connection may idle as long as one of bytes, unless it says otherwise', () => {
  const idle = (pool: string) =>
    at(`trafficPolicy: {connectionPool: ${pool}}`, 80)?.connections?.idleMs ?? null;
  expect(idle('{tcp: {idleTimeout: 1m}}')).toEqual({ http: 60_000, tcp: 60_000 });
  expect(idle('{tcp: {idleTimeout: 1m}, http: {idleTimeout: 0s}}')).toEqual({ http: 0, tcp: 60_000 });
});

test('0 limits nothing', () => {
  const pool =
    '{tcp: {maxConnections: 0}, http: {http1MaxPendingRequests: 0, maxRetries: 0, maxRequestsPerConnection: 0}}';
  expect(at(`trafficPolicy: {connectionPool: ${pool}}`, 80)?.connections).toMatchObject({
    maxConnections: null,
    maxPendingRequests: null,
    maxRetries: null,
    maxRequestsPerConnection: null,
  });
});

describe('what rules of one host say together', () => {
  test('two policies: neither is honoured, and each names the other', () => {
    const built = meshOf(
      acme({
        'a.yaml': cart + rule(`trafficPolicy: {${random}}`),
        'b.yaml': rule(`trafficPolicy: {${turns}}, subsets: [{name: v1}]`, 'two'),
        'c.yaml': rule('subsets: [{name: v2}]', 'three'),
      }),
    );
    expect(codesOf(built)).toEqual(['FL3320 acme/a.yaml:9', 'FL3320 acme/b.yaml:4']);
    expect(built.problems[0]?.message).toContain('acme/b.yaml:4');
    expect(built.mesh.services[0]?.policies).toEqual([]);
    expect(built.mesh.services[0]?.subsets.map(({ name }) => name)).toEqual(['v2']);
  });

  test('subsets of one rule inherit the policy of another', () => {
    const { mesh, problems } = meshOf(
      acme(cart + rule(`trafficPolicy: {${random}}`) + rule('subsets: [{name: v1}]', 'two')),
    );
    expect(problems).toEqual([]);
    expect(mesh.services[0]?.subsets[0]?.policies[0]?.balancing).toEqual({ how: 'random' });
  });

  test.each([
    [`trafficPolicy: {portLevelSettings: [{port: {number: 81}, ${random}}]}`],
    [`subsets: [{name: v1, trafficPolicy: {portLevelSettings: [{port: {number: 81}, ${random}}]}}]`],
  ])('settings of a port that the host lacks: %s', (spec) => {
    const built = meshOf(acme(cart + rule(spec)));
    expect(codesOf(built)).toEqual(['FL3321 acme/mesh.yaml:9']);
    expect(built.mesh.services[0]?.policies).toEqual([]);
  });
});

describe('what does nothing is a warning', () => {
  const endpoints = (count: number, version = 'v1') =>
    Array.from({ length: count }, (_, index) =>
      workload(`cart-${version}-${index}`, 'shop', `10.0.0.${index}`, `app: cart, version: ${version}`),
    ).join('');
  const ejecting = (percent: string) => `outlierDetection: {consecutive5xxErrors: 1${percent}}`;

  test.each([
    [2, '', ['FL3327 acme/mesh.yaml:9']],
    [9, '', ['FL3327 acme/mesh.yaml:9']],
    [10, '', []],
    [2, ', maxEjectionPercent: 49', ['FL3327 acme/mesh.yaml:9']],
    [2, ', maxEjectionPercent: 50', []],
    [1, ', maxEjectionPercent: 100', []],
    [0, '', []],
  ])('of %d endpoints%s', (count, percent, expected) => {
    const built = meshOf(acme(cart + rule(`trafficPolicy: {${ejecting(percent)}}`) + endpoints(count)));
    expect(codesOf(built)).toEqual(expected);
    for (const { severity } of built.problems) expect(severity).toBe('warning');
  });

  test('of the few endpoints of a subset', () => {
    const labelled = `subsets: [{name: v2, labels: {version: v2}, trafficPolicy: {${ejecting('')}}}]`;
    const built = meshOf(acme(cart + endpoints(20) + endpoints(2, 'v2') + rule(labelled)));
    expect(built.problems.map(({ code }) => code)).toEqual(['FL3327']);
  });

  test.each([
    ['{failover: [{from: eu, to: us}]}', '', ['FL3328 acme/mesh.yaml:9']],
    ['{failoverPriority: [tier]}', '', ['FL3328 acme/mesh.yaml:9']],
    ['{failoverPriority: [tier]}', ', outlierDetection: {}', []],
    ['{distribute: [{from: eu, to: {eu: 100}}]}', '', []],
    ['{enabled: true}', '', []],
  ])('failover %s%s', (setting, more, expected) => {
    const policy = `trafficPolicy: {loadBalancer: {localityLbSetting: ${setting}}${more}}`;
    expect(codesOf(meshOf(acme(cart + rule(policy))))).toEqual(expected);
  });

  test('a load balancer for requests that go where they wanted to go', () => {
    const any = istio(
      'ServiceEntry',
      'any',
      'shop',
      '{hosts: ["*.acme.example"], ports: [{number: 80, name: http, protocol: HTTP}]}',
    );
    const balanced = (how: string) =>
      istio(
        'DestinationRule',
        'any',
        'shop',
        `{host: "*.acme.example", trafficPolicy: {loadBalancer: {simple: ${how}}}}`,
      );
    expect(codesOf(meshOf(acme(any + balanced('RANDOM'))))).toEqual(['FL3326 acme/mesh.yaml:9']);
    expect(codesOf(meshOf(acme(any + balanced('PASSTHROUGH'))))).toEqual([]);
  });
});

describe('encryption, tunnels and budgets', () => {
  const simple = 'tls: {mode: SIMPLE, sni: a}';
  const tunnel = 'tunnel: {targetHost: a.example, targetPort: 1}';

  test('a port has its own encryption, and the tunnel and budget of the whole', () => {
    const spec = `trafficPolicy: {${simple}, ${tunnel}, retryBudget: {percent: 5}, portLevelSettings: [{port: {number: 90}}]}`;
    expect(at(spec, 80)).toMatchObject({ security: { sni: 'a' }, tunnel: { port: 1, method: 'CONNECT' } });
    expect(at(spec, 90)).toMatchObject({
      security: null,
      tunnel: { host: 'a.example' },
      retryBudget: { percent: 5, least: null },
    });
  });

  test('a subset may say otherwise, part by part', () => {
    const spec = `trafficPolicy: {${simple}, proxyProtocol: {}}, subsets: [{name: v1, trafficPolicy: {tls: {mode: DISABLE}, ${tunnel}}}]`;
    expect(at(spec, 80)).toMatchObject({ security: { sni: 'a' }, proxyProtocol: 'V1', tunnel: null });
    expect(at(spec, 80, 'v1')).toMatchObject({ security: null, proxyProtocol: 'V1', tunnel: { port: 1 } });
  });
});

test('a tunnel for who speaks HTTP alone is a warning', () => {
  const problems = (ports: string) => {
    const files =
      service('cart', 'shop', '', ports) + rule('trafficPolicy: {tunnel: {targetHost: a, targetPort: 1}}');
    return codesOf(meshOf(acme(files)));
  };
  expect(problems('[{name: http, port: 80}]')).toEqual([expect.stringMatching(/^FL3329 /)]);
  expect(problems('[{name: http, port: 80}, {name: tcp, port: 81}]')).toEqual([]);
});
