import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { build } from '../../src/mesh/index.ts';
import { entry, istio, routes, service, subsets, to, workload } from './manifests.ts';
import { codesOf, meshOf, scope } from './world.ts';

const acme = (files: string | Record<string, string>) => ({ path: 'acme', files });
const cart = 'cart.shop.svc.cluster.local';

describe('endpoints', () => {
  test('a Service selects workloads of its namespace by label; metadata labels win', () => {
    const other = workload('cart-3', 'other', '10.0.0.3', 'app: cart');
    const labelled = istio('WorkloadEntry', 'cart-2', 'shop', '{address: 10.0.0.2, labels: {app: web}}');
    const built = meshOf(
      acme(
        service('cart', 'shop') +
          workload('cart-1', 'shop', '10.0.0.1', 'app: cart, version: v1') +
          labelled.replace('namespace: shop}', 'namespace: shop, labels: {app: cart}}') +
          other,
      ),
    );
    expect(built.problems).toEqual([]);
    expect(built.endpoints.get(`shop/${cart}`)?.map(({ address }) => address)).toEqual([
      '10.0.0.1',
      '10.0.0.2',
    ]);
  });

  test.each([
    ['its own number', '[{name: http, port: 80}]', '', [[80, 80]]],
    ['targetPort', '[{name: http, port: 80, targetPort: 8080}]', '', [[80, 8080]]],
    [
      'the workload’s port by the service port’s name',
      '[{name: http, port: 80, targetPort: 8080}]',
      ', ports: {http: 9000}',
      [[80, 9000]],
    ],
    ['a named targetPort', '[{name: http, port: 80, targetPort: web}]', ', ports: {web: 9000}', [[80, 9000]]],
  ])('port: %s', (_what, ports, more, expected) => {
    const built = meshOf(
      acme(service('cart', 'shop', '', ports) + workload('w', 'shop', '10.0.0.1', 'app: cart', more)),
    );
    expect([...(built.endpoints.get(`shop/${cart}`)?.[0]?.ports ?? [])]).toEqual(expected);
  });

  test('a named targetPort that the workload lacks', () => {
    const ports = '[{name: http, port: 80, targetPort: web}]';
    const built = meshOf(
      acme(service('cart', 'shop', '', ports) + workload('w', 'shop', '10.0.0.1', 'app: cart')),
    );
    expect(codesOf(built).map((text) => text.slice(0, 6))).toEqual(['FL3304']);
    expect(built.endpoints.get(`shop/${cart}`)).toEqual([]);
  });

  test('a host name where an IP address is needed', () => {
    const built = meshOf(
      acme(service('cart', 'shop') + workload('w', 'shop', 'vm.example.com', 'app: cart')),
    );
    expect(codesOf(built).map((text) => text.slice(0, 6))).toEqual(['FL3305']);
  });

  test('a ServiceEntry selects workloads, or has endpoints of its own', () => {
    const spec = (more: string) =>
      `{hosts: [db.acme.example], resolution: STATIC, ports: [{number: 5432, name: tcp, targetPort: 6432}], ${more}}`;
    const selecting = istio('ServiceEntry', 'db', 'shop', spec('workloadSelector: {labels: {app: db}}'));
    const inline = istio('ServiceEntry', 'db', 'shop', spec('endpoints: [{address: 10.0.0.9, weight: 3}]'));
    const first = meshOf(acme(selecting + workload('w', 'shop', '10.0.0.1', 'app: db')));
    const second = meshOf(acme(inline));
    expect(first.endpoints.get('shop/db.acme.example')).toMatchObject([{ address: '10.0.0.1', weight: 1 }]);
    expect([...(first.endpoints.get('shop/db.acme.example')?.[0]?.ports ?? [])]).toEqual([[5432, 6432]]);
    expect(second.endpoints.get('shop/db.acme.example')).toMatchObject([{ address: '10.0.0.9', weight: 3 }]);
  });
});

test.each([
  ['http', undefined, 'http'],
  ['http-web', undefined, 'http'],
  ['grpc', undefined, 'http2'],
  ['grpc-web', undefined, 'http'],
  ['h2c', 'kubernetes.io/h2c', 'http2'],
  ['tcp-db', undefined, 'tcp'],
  ['https', undefined, 'tls'],
  ['web', 'https', 'tls'],
  ['web', undefined, 'undeclared'],
  ['web', 'grpc', 'http2'],
  ['http', 'tcp', 'tcp'],
  ['http', 'kubernetes.io/ws', 'http'],
  ['http', 'kubernetes.io/wss', 'tls'],
  ['http', 'grpc-web', 'http'],
  ['http', 'acme.example/own', 'undeclared'],
  ['db', undefined, 'tcp', 3306],
  ['mail', undefined, 'tcp', 25],
  ['http', undefined, 'http', 27017],
  ['dns', 'acme.example/own', 'tcp', 53],
])('port %s with appProtocol %s speaks %s', (name, appProtocol, protocol, number = 80) => {
  const app = appProtocol === undefined ? '' : `, appProtocol: ${appProtocol}`;
  const { mesh } = meshOf(acme(service('cart', 'shop', '', `[{name: ${name}, port: ${number}${app}}]`)));
  expect(mesh.services[0]?.ports[0]?.protocol).toBe(protocol);
});

describe('conflicts name both files, and neither is honoured', () => {
  test('two routings for one host, by short and by full name', () => {
    const built = meshOf(
      acme({
        'a.yaml': service('cart', 'shop') + routes('one', 'shop', 'cart', to('cart')),
        'b.yaml': routes('two', 'shop', cart, to('cart')),
      }),
    );
    expect(codesOf(built)).toEqual(['FL3202 acme/a.yaml:9', 'FL3202 acme/b.yaml:4']);
    expect(built.problems[0]?.message).toContain('acme/b.yaml');
    expect(built.problems[1]?.message).toContain('acme/a.yaml');
    expect(built.mesh.routings).toEqual([]);
  });

  test('a ServiceEntry under the host of a Service', () => {
    const built = meshOf(acme({ 'a.yaml': service('cart', 'shop'), 'b.yaml': entry('twin', 'shop', cart) }));
    expect(codesOf(built)).toEqual(['FL3201 acme/a.yaml:3', 'FL3201 acme/b.yaml:4']);
    expect(built.mesh.services).toEqual([]);
  });

  test('one subset in two rules', () => {
    const built = meshOf(
      acme({
        'a.yaml': service('cart', 'shop') + subsets('one', 'shop', 'cart', 'v1', 'v2'),
        'b.yaml': subsets('two', 'shop', 'cart', 'v2'),
        'c.yaml': subsets('three', 'shop', 'cart', 'v3'),
      }),
    );
    expect(built.problems.map(({ code }) => code)).toEqual(['FL3203', 'FL3203']);
    expect(built.mesh.services[0]?.subsets.map(({ name }) => name)).toEqual(['v3']);
  });

  test('one address of two services is a warning: who is nearer depends on the client', () => {
    const built = meshOf(
      acme(
        service('cart', 'shop', ', clusterIP: 10.96.0.1') + service('web', 'shop', ', clusterIP: 10.96.0.1'),
      ),
    );
    expect(built.problems.map(({ code, severity }) => [code, severity])).toEqual([
      ['FL3106', 'warning'],
      ['FL3106', 'warning'],
    ]);
  });

  test('an address that many services claim: each names a few of the others', () => {
    const all = Array.from({ length: 9 }, (_, at) => service(`s${at}`, 'shop', ', clusterIP: 10.96.0.1'));
    const [problem] = meshOf(acme(all.join(''))).problems;
    const others = [6, 11, 16, 21, 26].map((line) => `acme/mesh.yaml:${line}`).join(', ');
    expect(problem?.message).toContain(`also claimed at ${others} and 3 more`);
  });
});

describe('what does not exist', () => {
  const dangling = (http: string) =>
    meshOf(
      acme(
        service('cart', 'shop') +
          subsets('cart', 'shop', 'cart', 'v1') +
          routes('cart', 'shop', 'cart', http),
      ),
    );

  test.each([
    ['host', to('basket'), 'FL3301'],
    ['host of another namespace by a short form', to('cart.shop'), 'FL3301'],
    ['subset', to('cart', ', subset: v9'), 'FL3302'],
    ['port', to('cart', ', port: {number: 81}'), 'FL3303'],
  ])('unknown %s is a problem, and the routing stays', (_what, http, code) => {
    const built = dangling(http);
    expect(built.problems.map((problem) => problem.code)).toEqual([code]);
    expect(built.problems[0]?.severity).toBe('error');
    expect(built.mesh.routings).toHaveLength(1);
  });

  test('nothing is missing', () =>
    expect(dangling(to('cart', ', subset: v1, port: {number: 80}')).problems).toEqual([]));

  test('a port must be named where the other host lacks the one asked for', () => {
    const two = '[{name: http, port: 8080}, {name: http-admin, port: 8081}]';
    const built = meshOf(
      acme(
        service('cart', 'shop') + service('web', 'shop', '', two) + routes('c', 'shop', 'cart', to('web')),
      ),
    );
    expect(built.problems.map(({ code }) => code)).toEqual(['FL3303']);
  });

  describe('which ports were asked for', () => {
    const web = service('web', 'shop', '', '[{name: http, port: 80}, {name: http-admin, port: 81}]');
    const front = service('front', 'shop', '', '[{name: http, port: 80}, {name: tcp-metrics, port: 9091}]');
    const both = service('front', 'shop', '', '[{name: http, port: 80}, {name: http-more, port: 82}]');
    const outside = istio(
      'ServiceEntry',
      'outside',
      'shop',
      '{hosts: [www.acme.example], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: TLS}]}',
    );
    const at = (port: number) => `[{match: [{port: ${port}}], route: [{destination: {host: web}}]}]`;
    const handing = (match: string) =>
      routes('front', 'shop', 'front', `[{match: [${match}], delegate: {name: inner}}]`) +
      istio('VirtualService', 'inner', 'shop', `{http: ${to('web')}}`);
    const bound = (servers: string, list: string) =>
      istio('Gateway', 'edge', 'shop', `{servers: [${servers}]}`) +
      istio('VirtualService', 'edge', 'shop', `{hosts: [www.acme.example], gateways: [edge], ${list}}`);
    const [plain, secured, passed] = [
      '{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}',
      '{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}, hosts: ["*"]}',
      '{port: {number: 8443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: ["*"]}',
    ];
    const sent = plain.replace('hosts', 'tls: {httpsRedirect: true}, hosts');
    const other = service('other', 'shop', '', '[{name: https, port: 443}, {name: tls, port: 8443}]');
    const tls = 'tls: [{match: [{sniHosts: [www.acme.example]}], route: [{destination: {host: other}}]}]';
    const http = (host: string) => `http: ${to(host)}`;

    test.each([
      ['TCP carries none', front + routes('front', 'shop', 'front', to('web')), []],
      ['nor does TLS', outside + routes('outside', 'shop', 'www.acme.example', to('web')), []],
      ['HTTP does', both + routes('front', 'shop', 'front', to('web')), ['FL3303']],
      ['the step is for another', both + routes('front', 'shop', 'front', at(80)), []],
      ['the step is for it', both + routes('front', 'shop', 'front', at(82)), ['FL3303']],
      ['who hands on is for another', both + handing('{port: 80}'), []],
      ['who hands on is for it, too', both + handing('{port: 80}, {port: 82}'), ['FL3303']],
      ['a server passes TLS on', bound(`${plain}, ${passed}`, http('web')), []],
      ['a server ends TLS', bound(`${plain}, ${secured}`, http('web')), ['FL3303']],
      ['a server sends all to https', other + bound(`${sent}, ${secured}`, http('other')), []],
      ['connections come by TLS', other + bound(`${plain}, ${passed}`, tls), []],
      ['connections come by another port', other + bound(passed.replace('8443', '9443'), tls), ['FL3303']],
    ])('%s', (_, files, expected) => {
      expect(codesOf(meshOf(acme(web + files))).map((code) => code.split(' ')[0])).toEqual(expected);
    });
  });

  test('subsets of an unknown host', () => {
    const built = meshOf(
      acme(service('cart', 'shop') + subsets('a', 'shop', 'basket', 'v1') + subsets('b', 'ops', cart, 'v1')),
    );
    expect(built.problems.map(({ code }) => code)).toEqual(['FL3301']);
  });

  test('its place is that of the value', () => {
    const http = 'spec:\n  hosts: [cart]\n  http:\n  - route:\n    - destination:\n        host: basket\n';
    const head =
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: c, namespace: shop}\n';
    const built = meshOf(acme({ 'a.yaml': service('cart', 'shop'), 'b.yaml': head + http }));
    expect(built.problems).toMatchObject([{ code: 'FL3301', file: 'acme/b.yaml', line: 9, column: 15 }]);
  });
});

test('rules are read as they are written', () => {
  const http = `[{name: canary, match: [{uri: {prefix: /v2}, headers: {x-user: {exact: dana}, x-any: {}}, method: {exact: GET}}],
    route: [{destination: {host: cart}, weight: 90}, {destination: {host: cart, port: {number: 80}}, weight: 10}, {destination: {host: cart}, weight: 0}],
    timeout: 1.5s, retries: {attempts: 3, perTryTimeout: 250ms, retryOn: "5xx, 503"}}, ${to('cart').slice(1)}`;
  const { mesh, problems } = meshOf(acme(service('cart', 'shop') + routes('cart', 'shop', 'cart', http)));
  expect(problems).toEqual([]);
  expect(mesh.routings[0]?.rules[0]).toMatchObject({
    name: 'canary',
    matches: [
      {
        path: { how: 'prefix', text: '/v2' },
        headers: [
          { name: ':method', value: { how: 'exact', text: 'GET' } },
          { name: 'x-user', value: { how: 'exact', text: 'dana' } },
          { name: 'x-any', value: null },
        ],
      },
    ],
    action: {
      does: 'forward',
      destinations: [
        { host: cart, subset: null, port: null, weight: 90 },
        { host: cart, subset: null, port: 80, weight: 10 },
      ],
      timeoutMs: 1500,
      retries: { attempts: 3, perTryTimeoutMs: 250, on: ['5xx', '503'] },
    },
  });
  expect(mesh.routings[0]?.rules[1]).toMatchObject({
    matches: [],
    action: { timeoutMs: null, retries: null },
  });
});

test('the order of the scopes does not matter', () => {
  const scopes = [
    { path: 'acme', files: service('cart', 'shop') + routes('c', 'shop', 'cart', to('cart')) },
    { path: 'acme.payments', namespaces: ['payments'], hosts: [], files: service('api', 'payments') },
    {
      path: 'acme.web',
      namespaces: ['web'],
      hosts: [],
      files: entry('x', 'web', 'api.stripe.com') + service('api', 'payments'),
    },
  ].map((text) => ({ ...scope({ ...text, files: text.files }) }));
  const expected = build(scopes);
  fc.assert(
    fc.property(fc.shuffledSubarray(scopes, { minLength: scopes.length }), (shuffled) => {
      const built = build(shuffled);
      expect(built.mesh).toEqual(expected.mesh);
      expect(built.problems).toEqual(expected.problems);
      expect([...built.endpoints]).toEqual([...expected.endpoints]);
    }),
  );
});
