import { describe, expect, test } from 'vitest';
import { entry, istio, routes, service, subsets, to, workload } from '../mesh/manifests.ts';
import { jsonOf, namesOf, proxyAt, snapshotOf, virtualHosts } from './world.ts';

const acme = (files: string) => ({ path: 'acme', files });
const cart = 'cart.shop.svc.cluster.local';
const inShop = proxyAt('10.0.0.1', 'shop', { LABELS: { tier: 'front' } });
const elsewhere = proxyAt('10.0.0.1', 'web');

/** The routes to cart:80 as a proxy of the namespace `shop` hears them. */
function routesToCart(http: string, more = '') {
  const files = service('cart', 'shop') + subsets('cart', 'shop', 'cart', 'v1', 'v2') + more;
  const snapshot = snapshotOf(inShop, acme(files + routes('cart', 'shop', 'cart', http)));
  return virtualHosts(snapshot).get(`${cart}:80`)?.routes ?? [];
}

describe('the names of a service', () => {
  const short = ['cart.shop.svc', 'cart.shop.svc:80', 'cart.shop', 'cart.shop:80'];
  const manifests = acme(service('cart', 'shop', ', clusterIP: 10.96.0.1'));
  const address = ['10.96.0.1', '10.96.0.1:80'];

  test('in its own namespace', () => {
    const { domains } = virtualHosts(snapshotOf(inShop, manifests)).get(`${cart}:80`) ?? { domains: [] };
    expect(domains).toEqual([cart, `${cart}:80`, 'cart', 'cart:80', ...short, ...address]);
  });

  test('in another one', () => {
    const { domains } = virtualHosts(snapshotOf(elsewhere, manifests)).get(`${cart}:80`) ?? { domains: [] };
    expect(domains).toEqual([cart, `${cart}:80`, ...short, ...address]);
  });

  test('the port may be left out for 80, or else for the first HTTP port', () => {
    const ports = '[{name: http-a, port: 8080}, {name: http, port: 80}, {name: tcp, port: 70}]';
    const one = virtualHosts(snapshotOf(elsewhere, acme(service('cart', 'shop', '', ports))));
    expect([...one.keys()]).toEqual([`${cart}:80`, `${cart}:8080`, 'allow_any']);
    expect(one.get(`${cart}:80`)?.domains).toContain(cart);
    expect(one.get(`${cart}:8080`)?.domains).not.toContain(cart);
    const other = virtualHosts(
      snapshotOf(elsewhere, acme(service('cart', 'shop', '', '[{name: http, port: 9080}]'))),
    );
    expect(other.get(`${cart}:9080`)?.domains).toContain(cart);
  });

  test('a host in full beats a short name, and no domain is given twice', () => {
    const hosts = virtualHosts(
      snapshotOf(inShop, acme(service('cart', 'shop') + entry('other', 'shop', 'cart.shop'))),
    );
    expect(hosts.get('cart.shop:80')?.domains).toEqual(['cart.shop', 'cart.shop:80']);
    const all = [...hosts.values()].flatMap(({ domains }) => domains);
    expect(new Set(all).size).toBe(all.length);
  });
});

test('without rules: one route with the default retries and no timeout', () => {
  const snapshot = snapshotOf(inShop, acme(service('cart', 'shop')));
  expect(virtualHosts(snapshot).get(`${cart}:80`)?.routes).toMatchObject([
    {
      name: 'default',
      match: { prefix: '/' },
      route: {
        cluster: `outbound|80||${cart}`,
        timeout: '0s',
        retry_policy: {
          retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
          num_retries: 2,
          retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }],
        },
      },
      metadata: {
        filter_metadata: { fairlead: { scope: 'acme', uid: 'uid-acme', source: 'Service/shop/cart' } },
      },
    },
  ]);
});

test.each([
  ['{uri: {exact: /a}}', { path: '/a' }],
  ['{uri: {prefix: /a}}', { prefix: '/a' }],
  ['{uri: {regex: "/a.*"}}', { safe_regex: { regex: '/a.*' } }],
  ['{uri: {prefix: /a}, ignoreUriCase: true}', { prefix: '/a', case_sensitive: false }],
  ['{method: {exact: GET}}', { prefix: '/', headers: [{ name: ':method', string_match: { exact: 'GET' } }] }],
  [
    '{authority: {prefix: a}}',
    { prefix: '/', headers: [{ name: ':authority', string_match: { prefix: 'a' } }] },
  ],
  [
    '{scheme: {exact: http}}',
    { prefix: '/', headers: [{ name: ':scheme', string_match: { exact: 'http' } }] },
  ],
  ['{headers: {x-a: {}}}', { prefix: '/', headers: [{ name: 'x-a', present_match: true }] }],
  [
    '{headers: {x-a: {regex: "b+"}}}',
    { prefix: '/', headers: [{ name: 'x-a', string_match: { safe_regex: { regex: 'b+' } } }] },
  ],
  [
    '{withoutHeaders: {x-a: {}}}',
    { prefix: '/', headers: [{ name: 'x-a', present_match: true, invert_match: true }] },
  ],
  [
    '{withoutHeaders: {x-a: {exact: b}}}',
    {
      prefix: '/',
      headers: [
        {
          name: 'x-a',
          string_match: { exact: 'b' },
          invert_match: true,
          treat_missing_header_as_empty: true,
        },
      ],
    },
  ],
  [
    '{queryParams: {q: {exact: b}}}',
    { prefix: '/', query_parameters: [{ name: 'q', string_match: { exact: 'b' } }] },
  ],
])('match %s', (match, expected) => {
  expect(routesToCart(`[{match: [${match}], route: [{destination: {host: cart}}]}]`)[0]?.match).toEqual(
    expected,
  );
});

test.each([
  ['{port: 80}', 1],
  ['{port: 81}', 0],
  ['{sourceNamespace: shop}', 1],
  ['{sourceNamespace: web}', 0],
  ['{sourceLabels: {tier: front}}', 1],
  ['{sourceLabels: {tier: back}}', 0],
])('what a match says of the client is decided here: %s', (match, count) => {
  const http = `[{match: [${match}], route: [{destination: {host: cart, subset: v1}}]}]`;
  const clusters = routesToCart(http).map(({ route }) => route?.cluster);
  // Without a rule for it, a request goes to the service that it is for.
  expect(clusters).toEqual([count === 1 ? `outbound|80|v1|${cart}` : `outbound|80||${cart}`]);
});

test('a host without a service or a rule for the port is unknown', () => {
  const http = '[{match: [{port: 81}], route: [{destination: {host: cart}}]}]';
  const snapshot = snapshotOf(inShop, acme(service('cart', 'shop') + routes('r', 'shop', 'a.example', http)));
  expect([...virtualHosts(snapshot).keys()]).toEqual([`${cart}:80`, 'allow_any']);
});

describe('rules', () => {
  test('one route for each match, in order; nothing after a rule without one', () => {
    const http = `[{name: a, match: [{uri: {prefix: /1}}, {name: b, uri: {prefix: /2}}], route: [{destination: {host: cart, subset: v1}}]},
      {route: [{destination: {host: cart}}]}, {route: [{destination: {host: cart, subset: v2}}]}]`;
    const all = routesToCart(http);
    expect(all.map(({ name }) => name)).toEqual(['a', 'a.b', undefined]);
    expect(all.map(({ route }) => route?.cluster)).toEqual([
      `outbound|80|v1|${cart}`,
      `outbound|80|v1|${cart}`,
      `outbound|80||${cart}`,
    ]);
  });

  test('weights', () => {
    const http = `[{route: [{destination: {host: cart, subset: v1}, weight: 90}, {destination: {host: cart, subset: v2}, weight: 10}]}]`;
    const clusters = [
      { name: `outbound|80|v1|${cart}`, weight: 90 },
      { name: `outbound|80|v2|${cart}`, weight: 10 },
    ];
    expect(routesToCart(http)[0]?.route?.weighted_clusters).toEqual({ clusters });
  });

  test('timeout and retries', () => {
    const http = `[{route: [{destination: {host: cart}}], timeout: 1.5s, retries: {attempts: 3, perTryTimeout: 250ms, retryOn: "gateway-error,503"}}]`;
    expect(routesToCart(http)[0]?.route).toMatchObject({
      timeout: '1.5s',
      retry_policy: {
        retry_on: 'gateway-error,retriable-status-codes',
        retriable_status_codes: [503],
        num_retries: 3,
        per_try_timeout: '0.25s',
      },
    });
  });

  test('no retries', () => {
    expect(
      routesToCart(`[{route: [{destination: {host: cart}}], retries: {attempts: 0}}]`)[0]?.route
        ?.retry_policy,
    ).toBe(undefined);
  });

  test('provenance is that of the routing', () => {
    expect(routesToCart(to('cart'))[0]?.metadata?.filter_metadata?.fairlead?.source).toBe(
      'VirtualService/shop/cart',
    );
  });
});

describe('what is missing is answered 503, and goes nowhere else', () => {
  test.each([
    ['host', to('basket')],
    ['subset', to('cart', ', subset: v9')],
    ['port', to('cart', ', port: {number: 81}')],
  ])('unknown %s', (_what, http) => {
    expect(routesToCart(http)[0]?.route?.cluster).toBe('BlackHoleCluster');
  });

  test('its share only', () => {
    const http = `[{route: [{destination: {host: cart, subset: v9}, weight: 25}, {destination: {host: cart}, weight: 75}]}]`;
    expect(routesToCart(http)[0]?.route?.weighted_clusters?.clusters).toEqual([
      { name: 'BlackHoleCluster', weight: 25 },
      { name: `outbound|80||${cart}`, weight: 75 },
    ]);
  });

  test('a host that this client may not see', () => {
    const hidden = entry('db', 'shop', 'db.acme.example', ', exportTo: ["."]');
    const files = acme(
      service('cart', 'shop') + hidden + routes('cart', 'shop', 'cart', to('db.acme.example')),
    );
    const seen = (proxy: typeof inShop) =>
      virtualHosts(snapshotOf(proxy, files)).get(`${cart}:80`)?.routes[0]?.route?.cluster;
    expect(seen(inShop)).toBe('outbound|80||db.acme.example');
    expect(seen(elsewhere)).toBe('BlackHoleCluster');
  });
});

describe('other hosts', () => {
  test('one that only a routing defines', () => {
    const files = acme(service('cart', 'shop') + routes('www', 'shop', 'www.acme.example', to('cart')));
    expect(virtualHosts(snapshotOf(elsewhere, files)).get('www.acme.example:80')).toMatchObject({
      domains: ['www.acme.example', 'www.acme.example:80'],
      routes: [{ route: { cluster: `outbound|80||${cart}` } }],
    });
  });

  test('the longest wildcard routes a service without a routing of its own', () => {
    const files =
      entry('a', 'shop', 'x.a.acme.example') +
      service('cart', 'shop') +
      routes('one', 'shop', '*.acme.example', to('x.a.acme.example')) +
      routes('two', 'shop', '*.a.acme.example', to('cart'));
    const host = virtualHosts(snapshotOf(elsewhere, acme(files))).get('x.a.acme.example:80');
    expect(host?.routes[0]?.route?.cluster).toBe(`outbound|80||${cart}`);
  });

  test('unknown ones pass', () => {
    expect(virtualHosts(snapshotOf(elsewhere, acme(''))).get('allow_any')).toMatchObject({
      domains: ['*'],
      routes: [{ route: { cluster: 'PassthroughCluster' } }],
    });
  });
});

describe('clusters', () => {
  const files = acme(
    service('cart', 'shop', '', '[{name: grpc, port: 80, targetPort: 8080}]') +
      subsets('cart', 'shop', 'cart', 'v1') +
      workload('b', 'shop', '10.0.0.12', 'app: cart, version: v2', ', weight: 3') +
      workload('a', 'shop', '10.0.0.11', 'app: cart, version: v1', ', locality: eu/a') +
      entry('api', 'shop', 'api.stripe.com') +
      istio(
        'ServiceEntry',
        'any',
        'shop',
        '{hosts: ["*.acme.example"], ports: [{number: 443, name: tls, protocol: TLS}]}',
      ),
  );
  const snapshot = snapshotOf(elsewhere, files);

  test('names', () => {
    expect(namesOf(snapshot, 'clusters')).toEqual([
      'BlackHoleCluster',
      'PassthroughCluster',
      'outbound|443||*.acme.example',
      `outbound|80|v1|${cart}`,
      'outbound|80||api.stripe.com',
      `outbound|80||${cart}`,
    ]);
    expect(namesOf(snapshot, 'endpoints')).toEqual([`outbound|80|v1|${cart}`, `outbound|80||${cart}`]);
  });

  test('defaults', () => {
    expect(jsonOf(snapshot, 'clusters', `outbound|80|v1|${cart}`)).toMatchObject({
      type: 'EDS',
      lb_policy: 'LEAST_REQUEST',
      connect_timeout: '10s',
      circuit_breakers: { thresholds: [{ max_connections: 4294967295 }] },
      metadata: { filter_metadata: { fairlead: { source: 'DestinationRule/shop/cart' } } },
    });
  });

  test('how hosts are found', () => {
    expect(jsonOf(snapshot, 'clusters', 'outbound|80||api.stripe.com').type).toBe('STRICT_DNS');
    expect(jsonOf(snapshot, 'clusters', 'outbound|443||*.acme.example').type).toBe('ORIGINAL_DST');
  });

  test('endpoints by locality, subset and target port', () => {
    const localities = (name: string) =>
      jsonOf(snapshot, 'endpoints', name).endpoints as unknown as readonly object[];
    expect(localities(`outbound|80||${cart}`)).toMatchObject([
      { locality: { region: '' }, load_balancing_weight: 3 },
      { locality: { region: 'eu', zone: 'a' }, load_balancing_weight: 1 },
    ]);
    expect(localities(`outbound|80|v1|${cart}`)).toMatchObject([
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: '10.0.0.11', port_value: 8080 } } } },
        ],
      },
    ]);
  });

  test('every resource says on which lines it is written', () => {
    const sources = [...(snapshot.resources.values() ?? [])].flatMap((all) => [...all.values()]);
    const subset = sources.find(
      ({ name, typeUrl }) => name === `outbound|80|v1|${cart}` && typeUrl.endsWith('.Cluster'),
    );
    expect(subset?.sources.map(({ file }) => file)).toEqual(['acme/mesh.yaml', 'acme/mesh.yaml']);
    expect(subset?.references).toMatchObject([{ name: `outbound|80|v1|${cart}` }]);
  });
});
