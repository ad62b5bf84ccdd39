import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { build, mergeByHost, ruleOrigin } from '../../src/mesh/index.ts';
import { mergeMatches } from '../../src/mesh/merge-matches.ts';
import { istio, service } from './manifests.ts';
import { anyMatch, anyRequest, holds } from './requests.ts';
import { meshOf, scope } from './world.ts';

/** VirtualServices that hand requests on to others. */

const to = (host: string) => `route: [{destination: {host: ${host}}}]`;
const root = (steps: string) => istio('VirtualService', 'cart', 'shop', `{hosts: [cart], http: ${steps}}`);
const delegate = (steps: string, more = '', namespace = 'shop') =>
  istio('VirtualService', 'inner', namespace, `{http: ${steps}${more}}`);
const built = (...files: readonly string[]) =>
  meshOf({ path: 'acme', files: service('cart', 'shop') + service('cart', 'team') + files.join('') });
const codes = (...files: readonly string[]) => built(...files).problems.map(({ code }) => code);

describe('matches', () => {
  /** What is left of a delegate's match within that of the step. */
  const merged = (outer: string, inner: string) => {
    const { mesh } = built(
      root(`[{match: [${outer}], delegate: {name: inner}}]`),
      delegate(`[{match: [${inner}], ${to('cart')}}]`),
    );
    return mesh.routings[0]?.rules[0]?.matches;
  };

  test.each([
    ['{uri: {prefix: /a}}', '{uri: {prefix: /a/b}}', [{ path: { how: 'prefix', text: '/a/b' } }]],
    ['{uri: {prefix: /a}}', '{uri: {exact: /a/b}}', [{ path: { how: 'exact', text: '/a/b' } }]],
    ['{uri: {exact: /a}}', '{uri: {exact: /a}}', [{ path: { how: 'exact', text: '/a' } }]],
    ['{uri: {prefix: /a}}', '{port: 80}', [{ path: { how: 'prefix', text: '/a' }, port: 80 }]],
    ['{uri: {regex: a}}', '{port: 80}', [{ path: { how: 'regex', text: 'a' }, port: 80 }]],
    ['{port: 80}, {port: 81}', '{uri: {prefix: /a}}', [{ port: 80 }, { port: 81 }]],
    ['{sourceLabels: {a: b}}', '{sourceLabels: {c: d}}', [{ fromLabels: { a: 'b', c: 'd' } }]],
    ['{name: a, statPrefix: s}', '{name: b}', [{ name: 'a-b', statPrefix: 's' }]],
    [
      '{headers: {a: {prefix: x}, b: {}}}',
      '{headers: {a: {exact: xy}}}',
      [
        {
          headers: [
            { name: 'b', value: null },
            { name: 'a', value: { how: 'exact', text: 'xy' } },
          ],
        },
      ],
    ],
  ])('%s with %s', (outer, inner, expected) => {
    expect(merged(outer, inner)).toMatchObject(expected);
  });

  test.each([
    ['{uri: {prefix: /a}}', '{uri: {prefix: /b}}'],
    ['{uri: {exact: /a}}', '{uri: {prefix: /a}}'],
    ['{uri: {regex: a}}', '{uri: {regex: a}}'],
    ['{uri: {prefix: /a}}', '{uri: {prefix: /a}, ignoreUriCase: true}'],
    ['{port: 80}', '{port: 81}'],
    ['{sourceNamespace: a}', '{sourceNamespace: b}'],
    ['{sourceLabels: {a: b}}', '{sourceLabels: {a: c}}'],
    ['{method: {exact: GET}}', '{method: {exact: PUT}}'],
    ['{withoutHeaders: {a: {exact: b}}}', '{withoutHeaders: {a: {exact: c}}}'],
    ['{queryParams: {a: {exact: b}}}', '{queryParams: {a: {exact: c}}}'],
  ])('%s and %s fit no request: the rule is left out, and that is said', (outer, inner) => {
    const { mesh, problems } = built(
      root(`[{match: [${outer}], delegate: {name: inner}}]`),
      delegate(`[{match: [${inner}], ${to('cart')}}]`),
    );
    expect(mesh.routings[0]?.rules).toEqual([]);
    expect(problems.map(({ code, severity }) => [code, severity])).toEqual([['FL3342', 'warning']]);
  });
});

test('fields of the step are inherited, hosts mean what they mean where they are written', () => {
  const { mesh } = built(
    root(
      '[{name: a, timeout: 1s, mirror: {host: cart}, headers: {request: {set: {a: b}}}, delegate: {name: inner, namespace: team}}]',
    ),
    delegate(
      `[{name: b, headers: {response: {set: {c: d}}}, ${to('cart')}}, {timeout: 2s, ${to('cart')}}]`,
      '',
      'team',
    ),
  );
  const [first, second] = mesh.routings[0]?.rules ?? [];
  expect(first).toMatchObject({
    name: 'a-b',
    action: {
      timeoutMs: 1000,
      destinations: [{ host: 'cart.team.svc.cluster.local' }],
      mirrors: [{ host: 'cart.shop.svc.cluster.local' }],
    },
    requestHeaders: { set: [] },
    responseHeaders: { set: [{ name: 'c', value: 'd' }] },
    origin: { document: 'VirtualService/team/inner' },
  });
  expect(second).toMatchObject({
    name: 'a',
    action: { timeoutMs: 2000 },
    requestHeaders: { set: [{ name: 'a' }] },
  });
});

test('each rule is found where it is written, also beside those that are handed on', () => {
  const steps = `\n  - {match: [{uri: {prefix: /a}}], delegate: {name: inner}}\n  - ${`{${to('cart')}}`}\n`;
  const head =
    'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: cart, namespace: shop}\n';
  const written = `${head}spec:\n  hosts: [cart]\n  http:${steps}---\n${delegate(`[{${to('cart')}}]`)}`;
  const scopes = [scope({ path: 'acme', files: service('cart', 'shop') + written })];
  const rules = build(scopes).mesh.routings[0]?.rules ?? [];
  const lines = rules.map((rule) => ruleOrigin(rule).line);
  expect(lines).toEqual([18, 13]);
});

describe('problems', () => {
  const handing = root('[{delegate: {name: inner}}]');

  test.each([
    ['no such delegate', [handing], ['FL3340']],
    ['one with hosts is none', [root('[{delegate: {name: cart}}]')], ['FL3340']],
    [
      'one that is not exported to the namespace',
      [
        handing.replace('inner}', 'inner, namespace: team}'),
        delegate(`[{${to('cart')}}]`, ', exportTo: ["."]', 'team'),
      ],
      ['FL3340', 'FL3341'],
    ],
    ['a delegate of nobody', [delegate(`[{${to('cart')}}]`)], ['FL3341']],
    [
      'a delegate’s destination that is not there',
      [handing, delegate(`[{${to('nobody.example')}}]`)],
      ['FL3301'],
    ],
  ])('%s', (_what, files, expected) => {
    expect(codes(...files)).toEqual(expected);
  });

  test('a mistake of a delegate of two is told once', () => {
    const second = istio(
      'VirtualService',
      'second',
      'shop',
      '{hosts: [b.example], http: [{delegate: {name: inner}}]}',
    );
    const all = codes(handing, second, delegate(`[{${to('nobody.example')}}]`));
    expect(all.filter((code) => code === 'FL3301')).toEqual(['FL3301']);
  });
});

test('what is merged is within the step, whatever the delegate says', () => {
  fc.assert(
    fc.property(
      fc.array(anyMatch, { minLength: 1, maxLength: 2 }),
      anyMatch,
      anyRequest,
      (outer, inner, asked) => {
        const merged = mergeMatches(outer, [inner]) ?? [];
        if (!merged.some((match) => holds(match, asked))) return;
        expect(outer.some((match) => holds(match, asked))).toBe(true);
        expect(holds(inner, asked)).toBe(true);
      },
    ),
    { numRuns: 20_000 },
  );
});

describe('of another scope', () => {
  const shop = (steps: string, more = '') => ({
    path: 'acme.shop',
    namespaces: ['shop'],
    hosts: [],
    files: { 'root.yaml': service('cart', 'shop') + root(steps), 'more.yaml': more },
  });
  const team = (steps: string, more = '') => ({
    path: 'acme.team',
    namespaces: ['team'],
    hosts: [],
    files: { 'inner.yaml': service('cart', 'team') + delegate(steps, more, 'team') },
  });
  const step = '{match: [{uri: {prefix: /a}}], delegate: {name: inner, namespace: team}}';
  const said = (found: ReturnType<typeof meshOf>) =>
    found.problems.map(({ code, severity, file }) => `${code} ${severity} ${file}`);
  const warning = 'FL3343 warning acme.shop/root.yaml';

  test('its rules count within the step, with the hosts of its namespace', () => {
    const found = meshOf(shop(`[${step}]`), team(`[{match: [{uri: {exact: /a/b}}], ${to('cart')}}]`));
    expect(found.problems).toEqual([]);
    expect(found.mesh.routings).toMatchObject([
      {
        origin: { scope: 'acme.shop' },
        rules: [
          {
            matches: [{ path: { text: '/a/b' } }],
            action: { destinations: [{ host: 'cart.team.svc.cluster.local' }] },
            origin: { scope: 'acme.team', document: 'VirtualService/team/inner' },
          },
        ],
      },
    ]);
  });

  test.each([
    ['is not there', [shop(`[${step}]`)]],
    ['is exported to others', [shop(`[${step}]`), team(`[{${to('cart')}}]`, ', exportTo: [web]')]],
    [
      'speaks of other requests',
      [shop(`[${step}]`), team(`[{match: [{uri: {prefix: /b}}], ${to('cart')}}]`)],
    ],
  ])('one that %s leaves its requests to 503, and is a warning', (what, scopes) => {
    const owned = { path: 'acme.team', namespaces: ['team'], hosts: [], files: '' };
    const found = meshOf(...scopes, ...(scopes.length === 1 ? [owned] : []));
    const own = said(found).filter((one) => !one.startsWith('FL3341'));
    expect([what, own]).toEqual([what, [warning]]);
    expect(found.mesh.routings).toMatchObject([{ rules: [{ action: { status: 503 } }] }]);
  });

  test('what only in part speaks of other requests, or of what is not there, is a warning at the step', () => {
    const inner = `[{match: [{uri: {prefix: /b}}], ${to('cart')}}, {${to('nobody.example')}}, {${to('none.example')}}]`;
    const found = meshOf(shop(`[${step}]`), team(inner));
    expect(said(found)).toEqual([warning, warning]);
    const messages = found.problems.map(({ message }) => message).join();
    expect(messages).toContain('both this and spec.http[0] of team/inner');
    expect(messages).toContain('nobody.example for its clients: its requests are answered 503, and 1 more');
    expect(found.mesh.routings[0]?.rules).toHaveLength(2);
  });

  test('one that makes too much of a step', () => {
    const matches = Array.from({ length: 251 }, (_, at) => `{uri: {prefix: /a/${at}}}`).join();
    const inner = `[${Array.from({ length: 4 }, () => `{match: [${matches}], ${to('cart')}}`).join()}]`;
    expect(said(meshOf(shop(`[${step}]`), team(inner)))).toEqual([warning]);
  });

  test('one that only others use is no delegate of nobody', () => {
    const inner = team(`[{${to('cart')}}]`);
    expect(said(meshOf(shop(`[${step}]`), inner))).toEqual([]);
    expect(said(meshOf(shop('[{delegate: {name: cart}}]'), inner))).toEqual([
      'FL3340 error acme.shop/root.yaml',
      'FL3341 warning acme.team/inner.yaml',
    ]);
  });

  test('one in a namespace that its scope does not own is none', () => {
    const stranger = { ...team(`[{${to('cart')}}]`), path: 'acme.stranger', namespaces: ['team', 'own'] };
    const owner = { path: 'acme.team', namespaces: ['team'], hosts: [], files: '' };
    const found = meshOf(shop(`[${step}]`), stranger, owner);
    expect(said(found)).not.toContain('');
    expect(found.mesh.routings).toMatchObject([{ rules: [{ action: { status: 503 } }] }]);
  });

  test('its words make no contradiction, and solve none: only the step is compared', () => {
    const rival = (path: string) =>
      istio(
        'VirtualService',
        'two',
        'shop',
        `{hosts: [cart], http: [{match: [{uri: {prefix: ${path}}}], ${to('cart')}}]}`,
      );
    const words = ['/a/b', '/a/c', '/z'].map(
      (path) => `[{match: [{uri: {prefix: ${path}}}], ${to('cart')}}]`,
    );
    for (const inner of [...words, `[{${to('cart')}}]`]) {
      expect(
        said(meshOf(shop(`[${step}]`, rival('/b')), team(inner))).filter((one) => one !== warning),
      ).toEqual([]);
      expect(
        said(meshOf(shop(`[${step}]`, rival('/a/b')), team(inner))).filter((one) => one !== warning),
      ).toEqual(['FL3202 error acme.shop/more.yaml', 'FL3202 error acme.shop/root.yaml']);
    }
  });

  test('a delegate of the rest comes after what its owner says elsewhere', () => {
    const rival = istio(
      'VirtualService',
      'two',
      'shop',
      `{hosts: [cart], http: [{match: [{uri: {prefix: /b}}], ${to('cart')}}]}`,
    );
    const found = meshOf(
      shop('[{delegate: {name: inner, namespace: team}}]', rival),
      team(`[{match: [{uri: {prefix: /b}}], ${to('cart')}}, {${to('cart')}}]`),
    );
    expect(found.problems).toEqual([]);
    const [merged] = mergeByHost(found.mesh.routings);
    expect(merged?.rules.map(({ origin }) => origin.scope)).toEqual(['acme.shop', 'acme.team', 'acme.team']);
  });
});
