import { describe, expect, test } from 'vitest';
import { bound, gateway, istio, routes, service, to, workload } from '../mesh/manifests.ts';
import { type Json, jsonOf, namesOf, proxyAt, snapshotOf } from './world.ts';

const acme = (files: string) => ({ path: 'acme', files });
const www = 'www.acme.example';
const edge = proxyAt('10.0.0.9', 'edge', { LABELS: { app: 'edge' } }, 'router');
const cart = service('cart', 'shop');
const toCart = 'outbound|80||cart.shop.svc.cluster.local';

/** Domains of the virtual hosts of a table, with where their first route leads. */
function hostsOf(table: Json): readonly (readonly [string, string])[] {
  return [...(table.virtual_hosts ?? [])].map(({ domains, routes: all, require_tls }) => [
    String(domains),
    String(require_tls ?? all?.[0]?.route?.cluster ?? 404),
  ]);
}

describe('listeners', () => {
  test('one for each port, bound at every address, with its routes', () => {
    const files = gateway('a', 'edge', '["*"]') + gateway('b', 'edge', '[a.example]', '', 8080);
    const snapshot = snapshotOf(edge, acme(files));
    expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_80', '0.0.0.0_8080']);
    expect(namesOf(snapshot, 'routes')).toEqual(['http.80', 'http.8080']);
    const listener = jsonOf(snapshot, 'listeners', '0.0.0.0_80');
    expect(listener).toMatchObject({ address: { socket_address: { address: '0.0.0.0', port_value: 80 } } });
    expect(listener.filter_chains?.[0]?.filters?.[0]?.typed_config).toMatchObject({
      rds: { route_config_name: 'http.80' },
      use_remote_address: true,
    });
  });

  test('are where its Service leads to, with the routes of the port that clients ask', () => {
    const ports = '[{name: http2, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]';
    const files =
      service('ingress', 'edge', ', clusterIP: 10.96.0.60', ports).replace('app: ingress', 'app: edge') +
      workload('edge-0', 'edge', '10.0.0.9', 'app: edge') +
      gateway('a', 'edge', '["*"]') +
      gateway('b', 'edge', '[b.example]', '', 9090);
    const snapshot = snapshotOf(edge, acme(files));
    expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_8080', '0.0.0.0_9090']);
    expect(namesOf(snapshot, 'routes')).toEqual(['http.80', 'http.9090']);
    const other = proxyAt('10.0.0.8', 'edge', { LABELS: { app: 'edge' } }, 'router');
    expect(namesOf(snapshotOf(other, acme(files)), 'listeners')).toEqual(['0.0.0.0_80', '0.0.0.0_9090']);
  });

  test.each([
    ['two places', [[80, 8080]], [[80, 9090]], [80], ['0.0.0.0_80']],
    [
      'one place, of two servers',
      [
        [80, 8080],
        [81, 8080],
      ],
      [],
      [80, 81],
      ['0.0.0.0_80', '0.0.0.0_81'],
    ],
    ['the port of another server', [[80, 8080]], [], [80, 8080], ['0.0.0.0_80', '0.0.0.0_8080']],
  ] as const)('are at their own port where it leads to %s', (_, one, other, servers, names) => {
    const led = (name: string, ports: readonly (readonly [number, number])[]) =>
      service(
        name,
        'edge',
        '',
        `[${ports.map(([port, target]) => `{name: http-${port}, port: ${port}, targetPort: ${target}}`).join()}]`,
      ).replace(`app: ${name}`, 'app: edge');
    const files =
      led('public', one) +
      (other.length > 0 ? led('internal', other) : '') +
      workload('edge-0', 'edge', '10.0.0.9', 'app: edge') +
      servers.map((port) => gateway(`g-${port}`, 'edge', '["*"]', '', port)).join('');
    expect(namesOf(snapshotOf(edge, acme(files)), 'listeners')).toEqual(names);
  });

  test('whose routes are asked for as all else is', () => {
    const FAIRLEAD = { services: 'per-type', protocol: 'sotw' };
    const alone = proxyAt('10.0.0.9', 'edge', { LABELS: { app: 'edge' }, FAIRLEAD }, 'router');
    const snapshot = snapshotOf(alone, acme(gateway('a', 'edge', '["*"]')));
    const listener = jsonOf(snapshot, 'listeners', '0.0.0.0_80');
    expect(listener.filter_chains?.[0]?.filters?.[0]?.typed_config).toMatchObject({
      rds: { config_source: { api_config_source: { api_type: 'GRPC' } } },
    });
  });

  test('at the address that a server names, and of both families', () => {
    const files = gateway('a', 'edge', '["*"]', ', bind: "2001:DB8::1"') + gateway('b', 'edge', '["*"]');
    const dual = proxyAt(
      '10.0.0.9',
      'edge',
      { LABELS: { app: 'edge' }, INSTANCE_IPS: '2001:db8::9' },
      'router',
    );
    const snapshot = snapshotOf(dual, acme(files));
    expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_80', '2001:db8::1_80']);
    expect(namesOf(snapshot, 'routes')).toEqual(['http.80', 'http.80.2001:db8::1']);
    expect(jsonOf(snapshot, 'listeners', '0.0.0.0_80').additional_addresses).toHaveLength(1);
  });

  test.each([
    ['a sidecar', proxyAt('10.0.0.9', 'edge', { LABELS: { app: 'edge' } }), ['127.0.0.1_15080']],
    ['a gateway with other labels', proxyAt('10.0.0.9', 'edge', { LABELS: { app: 'x' } }, 'router'), []],
    [
      'a gateway in another namespace of the scope',
      proxyAt('10.0.0.9', 'web', { LABELS: { app: 'edge' } }, 'router'),
      ['0.0.0.0_80'],
    ],
    [
      'a gateway of another scope',
      proxyAt('10.0.0.9', 'payments', { LABELS: { app: 'edge' } }, 'router'),
      [],
    ],
  ])('for %s', (_who, proxy, expected) => {
    const payments = { path: 'acme.payments', namespaces: ['payments'], hosts: [], files: '' };
    const snapshot = snapshotOf(proxy, acme(gateway('a', 'edge', '["*"]')), payments);
    expect(namesOf(snapshot, 'listeners')).toEqual(expected);
  });
});

describe('hosts', () => {
  const table = (files: string, ...others: Parameters<typeof snapshotOf>[1][]) =>
    hostsOf(jsonOf(snapshotOf(edge, acme(cart + files), ...others), 'routes', 'http.80'));

  test('without a routing everything is answered 404', () => {
    expect(table(gateway('a', 'edge', '["*"]'))).toEqual([['*', '404']]);
    expect(table(gateway('a', 'edge', '["*"]') + routes('x', 'shop', www, to('cart')))).toEqual([
      ['*', '404'],
    ]);
  });

  test.each([
    ['*.acme.example', www, www],
    [www, '*.acme.example', www],
    ['*', '*.acme.example', '*.acme.example'],
    ['shop/*', www, www],
  ])('%s offered, %s routed: %s', (offered, routed, host) => {
    const files = gateway('a', 'edge', `["${offered}"]`) + bound('x', 'shop', routed, '[edge/a]', to('cart'));
    expect(table(files)).toEqual([[host, toCart]]);
  });

  test('of several gateways share a port; the closest offer and routing wins', () => {
    const files =
      gateway('a', 'edge', '["*.acme.example"]') +
      gateway('b', 'edge', `[${www}]`) +
      bound('any', 'shop', '*.acme.example', '[edge/a]', to('cart', ', port: {number: 80}')) +
      bound('one', 'shop', www, '[edge/b]', to('nowhere'));
    expect(table(files)).toEqual([
      ['*.acme.example', toCart],
      [www, 'BlackHoleCluster'],
    ]);
  });

  test('are sent to https where the server insists, routed or not', () => {
    const redirecting = gateway('a', 'edge', `[${www}, b.example]`, ', tls: {httpsRedirect: true}');
    expect(table(redirecting + bound('x', 'shop', www, '[edge/a]', to('cart')))).toEqual([
      ['b.example', 'ALL'],
      [www, 'ALL'],
    ]);
  });

  test('of another scope are routed by that scope, at a gateway that offers them', () => {
    const payments = {
      path: 'acme.payments',
      namespaces: ['payments'],
      hosts: ['pay.acme.example'],
      files: service('pay', 'payments') + bound('x', 'payments', 'pay.acme.example', '[edge/a]', to('pay')),
    };
    const offered = gateway('a', 'edge', '["payments/pay.acme.example"]');
    expect(table(offered, payments)).toEqual([
      ['pay.acme.example', 'outbound|80||pay.payments.svc.cluster.local'],
    ]);
    expect(table(gateway('a', 'edge', '["shop/pay.acme.example"]'), payments)).toEqual([['*', '404']]);
  });
});

describe('a routing that is bound to a gateway', () => {
  const a = gateway('a', 'edge', '["*"]');
  const sidecar = proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' } });

  test('alone does not concern sidecars', () => {
    const files = acme(
      cart + a + bound('x', 'shop', 'cart.shop.svc.cluster.local', '[edge/a]', to('nowhere')),
    );
    const [first] = hostsOf(jsonOf(snapshotOf(sidecar, files), 'routes', '80'));
    expect(first?.[1]).toBe(toCart);
  });

  test('and to the mesh says with each match whom it concerns', () => {
    const other = service('other', 'shop');
    const http = `[{match: [{gateways: [mesh]}], route: [{destination: {host: cart}}]}, {match: [{gateways: [edge/a]}], route: [{destination: {host: other}}]}]`;
    const files = acme(cart + other + a + bound('x', 'shop', www, '[mesh, edge/a]', http));
    const table = (proxy: typeof edge, name: string) =>
      new Map(hostsOf(jsonOf(snapshotOf(proxy, files), 'routes', name))).get(www);
    expect(table(sidecar, '80')).toBe(toCart);
    expect(table(edge, 'http.80')).toBe('outbound|80||other.shop.svc.cluster.local');
  });

  test('matches the port of the server', () => {
    const http = `[{match: [{port: 8080}], route: [{destination: {host: cart, port: {number: 80}}}]}]`;
    const files = acme(
      cart + a + gateway('b', 'edge', '["*"]', '', 8080) + bound('x', 'shop', www, '[edge/a, edge/b]', http),
    );
    const snapshot = snapshotOf(edge, files);
    expect(hostsOf(jsonOf(snapshot, 'routes', 'http.80'))).toEqual([[www, '404']]);
    expect(hostsOf(jsonOf(snapshot, 'routes', 'http.8080'))).toEqual([[www, toCart]]);
  });
});

test('HTTP and gRPC share a port', () => {
  const server = (name: string, protocol: string, host: string) =>
    `{port: {number: 80, name: ${name}, protocol: ${protocol}}, hosts: [${host}]}`;
  const spec = `{servers: [${server('a', 'HTTP', 'a.example')}, ${server('b', 'GRPC', 'b.example')}]}`;
  const snapshot = snapshotOf(edge, acme(istio('Gateway', 'a', 'edge', spec)));
  expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_80']);
});
