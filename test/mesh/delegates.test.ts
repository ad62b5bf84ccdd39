import { describe, expect, test } from 'vitest';
import { istio, service } from './manifests.ts';
import { meshOf } from './world.ts';

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

  test('of another scope: not handed on', () => {
    const inner = {
      path: 'team',
      namespaces: ['team'],
      hosts: [],
      files: delegate(`[{${to('cart')}}]`, '', 'team'),
    };
    const shop = {
      path: 'acme',
      namespaces: ['shop'],
      hosts: [],
      files: service('cart', 'shop') + root('[{delegate: {name: inner, namespace: team}}]'),
    };
    const { problems, mesh } = meshOf(shop, inner);
    expect(problems.map(({ code }) => code)).toContain('FL3340');
    expect(mesh.routings[0]?.rules).toMatchObject([{ action: { does: 'respond', status: 503 } }]);
  });
});
