import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { build, type Rule } from '../../src/mesh/index.ts';
import { httpRoute, parent, routes, service, to } from './manifests.ts';
import { codesOf, meshOf, scope } from './world.ts';

const acme = (files: string | Record<string, string>) => ({ path: 'acme', files });
const cart = 'cart.shop.svc.cluster.local';
const back = (name: string, more = '') => `{name: ${name}, port: 80${more}}`;
const forward = (name: string) => `[{backendRefs: [${back(name)}]}]`;

const clusterOf = ({ action }: Rule): string => {
  return action.does === 'forward' ? (action.destinations[0]?.host.split('.')[0] ?? '') : action.does;
};

describe('who a route is for', () => {
  test('everybody, from the namespace of the Service; the clients of its own, from another', () => {
    const { mesh, problems } = meshOf(
      acme(
        service('cart', 'shop') +
          httpRoute('producer', 'shop', parent('cart'), forward('cart')) +
          httpRoute(
            'consumer',
            'web',
            parent('cart', ', namespace: shop, port: 80'),
            '[{filters: [{type: RequestRedirect, requestRedirect: {}}]}]',
          ),
      ),
    );
    expect(problems).toEqual([]);
    expect(mesh.routings).toMatchObject([
      { host: cart, role: 'producer', ports: null, namespace: 'shop', visibility: { to: 'everybody' } },
      {
        host: cart,
        role: 'consumer',
        ports: [80],
        namespace: 'web',
        visibility: { to: 'namespaces', names: ['web'] },
      },
    ]);
  });

  test('a scope may route what its own clients ask another one for, and nobody else', () => {
    const { mesh, problems } = meshOf(
      { path: 'acme', namespaces: ['shop'], hosts: [], files: service('cart', 'shop') },
      {
        path: 'acme.web',
        namespaces: ['web'],
        hosts: [],
        files:
          service('web', 'web') +
          httpRoute('mine', 'web', parent('cart', ', namespace: shop'), forward('web')),
      },
    );
    expect(problems).toEqual([]);
    expect(mesh.routings).toMatchObject([{ role: 'consumer', visibility: { names: ['web'] } }]);
  });

  test('one route for two Services', () => {
    const both = httpRoute('r', 'shop', `${parent('a')}, ${parent('b')}`, forward('a'));
    const { mesh } = meshOf(acme(service('a', 'shop') + service('b', 'shop') + both));
    expect(mesh.routings.map(({ host }) => host.split('.')[0])).toEqual(['a', 'b']);
  });
});

describe('order', () => {
  const matched = (match: string, name: string) => `{matches: [${match}], backendRefs: [${back(name)}]}`;

  test('exact, expression, longer prefix, method, headers, parameters', () => {
    const list = [
      matched('{queryParams: [{name: q, value: x}]}', 'f'),
      '{backendRefs: [{name: g, port: 80}]}',
      matched('{path: {value: /ab}}', 'c'),
      matched('{path: {value: /a/b/}, headers: [{name: x, value: x}]}', 'b'),
      matched('{path: {type: RegularExpression, value: "/.*"}}', 'r'),
      matched('{headers: [{name: x, value: x}, {name: z, value: z}]}', 'e'),
      matched('{path: {type: Exact, value: /a}}', 'a'),
      matched('{method: GET}', 'd'),
    ];
    const names = ['a', 'r', 'b', 'c', 'd', 'e', 'f', 'g'];
    const services = names.map((name) => service(name, 'shop')).join('') + service('cart', 'shop');
    fc.assert(
      fc.property(
        fc.shuffledSubarray(list, { minLength: list.length }),
        fc.integer({ min: 0, max: 8 }),
        (rules, at) => {
          const cut = (name: string, some: readonly string[]) =>
            some.length === 0 ? '' : httpRoute(name, 'shop', parent('cart'), `[${some.join(', ')}]`);
          const { mesh, problems } = meshOf(
            acme(services + cut('one', rules.slice(0, at)) + cut('two', rules.slice(at))),
          );
          expect(problems).toEqual([]);
          expect(mesh.routings[0]?.rules.map(clusterOf)).toEqual(names);
        },
      ),
    );
  });

  test('what is equal: by name of the route, then as written', () => {
    const one = matched('{headers: [{name: a, value: a}]}', 'a');
    const two = matched('{headers: [{name: b, value: b}]}', 'b');
    const files =
      service('a', 'shop') +
      service('b', 'shop') +
      httpRoute('z', 'shop', parent('a'), `[${one}]`) +
      httpRoute('y', 'shop', parent('a'), `[${two}, ${two}]`);
    expect(meshOf(acme(files)).mesh.routings[0]?.rules.map(clusterOf)).toEqual(['b', 'b', 'a']);
  });
});

describe('contradictions name both files, and neither is honoured', () => {
  test('two routes with one match', () => {
    const built = meshOf(
      acme({
        'a.yaml': service('cart', 'shop') + httpRoute('one', 'shop', parent('cart'), forward('cart')),
        'b.yaml': httpRoute('two', 'shop', parent('cart', ', port: 80'), '[{matches: [{path: {value: /}}]}]'),
      }),
    );
    expect(codesOf(built)).toEqual(['FL3310 acme/a.yaml:9', 'FL3310 acme/b.yaml:4']);
    expect(built.problems[0]?.message).toContain('acme/b.yaml');
    expect(built.mesh.routings).toEqual([]);
  });

  test('but not for different ports, nor in different namespaces', () => {
    const ports = '[{name: http, port: 80}, {name: http-b, port: 81}]';
    const built = meshOf(
      acme(
        service('cart', 'shop', '', ports) +
          httpRoute('one', 'shop', parent('cart', ', port: 80'), forward('cart')) +
          httpRoute('two', 'shop', parent('cart', ', port: 81'), forward('cart')) +
          httpRoute('three', 'web', parent('cart', ', namespace: shop'), '[{}]'),
      ),
    );
    expect(built.problems).toEqual([]);
    expect(built.mesh.routings.map(({ ports: numbers, rules }) => [numbers, rules.length])).toEqual([
      [[80, 81], 2],
      [null, 1],
    ]);
  });

  test('a VirtualService and an HTTPRoute for one host', () => {
    const built = meshOf(
      acme({
        'a.yaml': service('cart', 'shop') + routes('one', 'shop', 'cart', to('cart')),
        'b.yaml': httpRoute('two', 'shop', parent('cart'), forward('cart')),
      }),
    );
    expect(codesOf(built)).toEqual(['FL3202 acme/a.yaml:9', 'FL3202 acme/b.yaml:4']);
    expect(built.problems[0]?.message).toContain('acme/b.yaml');
    expect(built.problems[1]?.message).toContain('acme/a.yaml');
    expect(built.mesh.routings).toEqual([]);
  });

  test("but a client's own route stands beside a VirtualService", () => {
    const files =
      service('cart', 'shop') +
      routes('one', 'shop', 'cart', to('cart')) +
      httpRoute('two', 'web', parent('cart', ', namespace: shop'), '[{}]');
    const built = meshOf(acme(files));
    expect([built.problems, built.mesh.routings.map(({ role }) => role)]).toEqual([
      [],
      ['producer', 'consumer'],
    ]);
  });
});

describe('what does not exist', () => {
  const built = (rules: string, parents = parent('cart')) =>
    meshOf(acme(service('cart', 'shop') + service('far', 'web') + httpRoute('r', 'shop', parents, rules)));
  const summary = ({ problems, mesh }: ReturnType<typeof built>) => {
    const action = mesh.routings[0]?.rules[0]?.action;
    return [problems.map(({ code }) => code), action?.does === 'forward' ? action.refusedWeight : action];
  };
  const status500 = { does: 'respond', status: 500, body: null };

  test.each([
    ['a backend', `[{backendRefs: [${back('basket')}]}]`, ['FL3301'], status500],
    ['its port', '[{backendRefs: [{name: cart, port: 81}]}]', ['FL3303'], status500],
    [
      'a grant of another namespace',
      `[{backendRefs: [${back('far', ', namespace: web')}]}]`,
      ['FL3311'],
      status500,
    ],
    ['any backend', '[{}]', [], status500],
    ['any weight', `[{backendRefs: [${back('cart', ', weight: 0')}]}]`, [], status500],
    [
      'a share',
      `[{backendRefs: [${back('cart', ', weight: 3')}, ${back('basket', ', weight: 1')}]}]`,
      ['FL3301'],
      1,
    ],
  ])('%s', (_what, rules, codes, expected) => {
    expect(summary(built(rules))).toEqual([codes, expected]);
  });

  test('a mirror: it is dropped', () => {
    const mirror = `{type: RequestMirror, requestMirror: {backendRef: ${back('basket')}}}`;
    const { problems, mesh } = built(`[{filters: [${mirror}], backendRefs: [${back('cart')}]}]`);
    expect(problems.map(({ code, message }) => [code, message.includes('mirrored')])).toEqual([
      ['FL3301', true],
    ]);
    expect(mesh.routings[0]?.rules[0]?.action).toMatchObject({ mirrors: [] });
  });

  test.each([
    ['a Service', parent('basket'), 'FL3301'],
    ['a port of it', parent('cart', ', port: 81'), 'FL3303'],
  ])('%s as the parent: the route is for nobody', (_what, parents, code) => {
    const { problems, mesh } = built(forward('cart'), parents);
    expect([problems.map((problem) => problem.code), mesh.routings]).toEqual([[code], []]);
  });

  test('HTTP: rules for a port without it are a warning', () => {
    const files =
      service('db', 'shop', '', '[{name: tcp, port: 80}]') +
      httpRoute('r', 'shop', parent('db'), forward('db'));
    const virtual =
      service('db', 'shop', '', '[{name: tls, port: 80}]') + routes('r', 'shop', 'db', to('db'));
    for (const { problems } of [meshOf(acme(files)), meshOf(acme(virtual))]) {
      expect(problems.map(({ code, severity }) => [code, severity])).toEqual([['FL3312', 'warning']]);
    }
  });

  test("a parent is a backend of a client's own route, whatever its namespace", () => {
    const own = httpRoute(
      'mine',
      'web',
      parent('cart', ', namespace: shop'),
      `[{backendRefs: [${back('cart', ', namespace: shop')}]}]`,
    );
    expect(meshOf(acme(service('cart', 'shop') + own)).problems).toEqual([]);
  });
});

test('rules are read as they are written', () => {
  const rules = `[{name: all, matches: [{path: {value: /a/}, method: GET, headers: [{name: X-A, value: b}]}],
    filters: [{type: URLRewrite, urlRewrite: {hostname: b.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}},
      {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-B, value: 5%}]}},
      {type: RequestMirror, requestMirror: {backendRef: ${back('cart')}, fraction: {numerator: 1, denominator: 8}}},
      {type: CORS, cors: {allowOrigins: ["https://*.a.example"]}}],
    timeouts: {request: 2s, backendRequest: 500ms}, retry: {codes: [503], backoff: 10ms},
    backendRefs: [${back('cart')}]}]`;
  const { mesh, problems } = meshOf(
    acme(service('cart', 'shop') + httpRoute('r', 'shop', parent('cart'), rules)),
  );
  expect(problems).toEqual([]);
  expect(mesh.routings[0]?.rules).toMatchObject([
    {
      name: 'all',
      matches: [
        {
          path: { how: 'segments', text: '/a' },
          headers: [
            { name: ':method', value: { text: 'GET' } },
            { name: 'x-a', value: { how: 'exact', text: 'b' } },
          ],
        },
      ],
      action: {
        destinations: [{ host: cart, port: 80, weight: 1 }],
        refusedWeight: 0,
        path: { how: 'matched', text: '/b' },
        askedHost: 'b.example',
        mirrors: [{ host: cart, percent: 12.5 }],
        timeoutMs: 2000,
        retries: {
          attempts: 2,
          perTryTimeoutMs: 500,
          on: ['connect-failure', 'refused-stream', 'reset', '503'],
          backoffMs: 10,
        },
      },
      requestHeaders: { set: [{ name: 'x-b', value: '5%' }] },
      cors: { origins: [{ how: 'regex', text: 'https://[^/:]+\\.a\\.example' }], maxAgeS: 5 },
    },
  ]);
});

test('the order of the scopes does not matter', () => {
  const scopes = [
    {
      path: 'acme',
      files: service('cart', 'shop') + httpRoute('a', 'shop', parent('cart'), forward('cart')),
    },
    {
      path: 'acme.web',
      namespaces: ['web'],
      hosts: [],
      files: httpRoute('b', 'web', parent('cart', ', namespace: shop'), '[{}]'),
    },
  ].map((text) => scope(text));
  expect(build(scopes.toReversed()).mesh).toEqual(build(scopes).mesh);
});
