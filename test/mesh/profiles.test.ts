import { describe, expect, test } from 'vitest';
import type { Match } from '../../src/mesh/index.ts';
import { httpRoute, parent, routes, service, to } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

/** ServiceProfiles of Linkerd. */

const cart = 'cart.shop.svc.cluster.local';
const profile = (spec: string, namespace = 'shop', name = cart) =>
  `apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n---\n`;
const services =
  service('cart', 'shop') + service('new', 'shop') + service('db', 'shop', '', '[{name: tcp, port: 5432}]');
const built = (...files: readonly string[]) => meshOf({ path: 'acme', files: services + files.join('') });
const route = (condition: string, more = '') => `{routes: [{name: r, condition: ${condition}${more}}]}`;

/** A match as it reads. */
function written({ path, headers, withoutHeaders }: Match): string {
  const text = ({ name, value }: Match['headers'][number]) => `${name}=${value?.text}`;
  return [
    ...(path === null ? [] : [path.text]),
    ...headers.map(text),
    ...withoutHeaders.map((header) => `not ${text(header)}`),
  ].join(' and ');
}

test.each([
  ['{pathRegex: /a.*}', ['/a.*']],
  ['{pathRegex: "^/a$"}', ['/a']],
  ['{method: get}', [':method=GET']],
  ['{method: GET, pathRegex: /a}', ['/a and :method=GET']],
  ['{all: [{method: GET}, {pathRegex: /a}]}', ['/a and :method=GET']],
  ['{any: [{method: GET}, {pathRegex: /a}]}', [':method=GET', '/a']],
  ['{not: {method: GET}}', ['not :method=GET']],
  ['{not: {any: [{method: GET}, {method: PUT}]}}', ['not :method=GET and not :method=PUT']],
  ['{not: {all: [{method: GET}, {pathRegex: /a}]}}', ['not :method=GET', 'not :path=(?:/a)(?:\\?.*)?']],
  ['{not: {not: {method: GET}}}', [':method=GET']],
  ['{all: [{pathRegex: /a.*}, {pathRegex: .*b}]}', ['/a.* and :path=(?:.*b)(?:\\?.*)?']],
  [
    '{all: [{any: [{method: GET}, {method: PUT}]}, {any: [{pathRegex: /a}, {pathRegex: /b}]}]}',
    ['/a and :method=GET', '/b and :method=GET', '/a and :method=PUT', '/b and :method=PUT'],
  ],
])('the condition %s', (condition, expected) => {
  const [rule, rest] = built(profile(route(condition))).mesh.routings[0]?.rules ?? [];
  expect(rule?.matches.map(written)).toEqual(expected);
  expect(rest).toMatchObject({ matches: [], action: { does: 'forward', destinations: [{ host: cart }] } });
});

test.each([
  ['', ['5xx']],
  [', responseClasses: [{condition: {status: {min: 500}}, isFailure: true}]', ['5xx']],
  [
    ', responseClasses: [{condition: {status: {min: 503, max: 504}}, isFailure: false}]',
    ['reset', 'connect-failure', 'refused-stream', 98],
  ],
  [', responseClasses: [{condition: {status: {min: 429, max: 429}}, isFailure: true}]', ['5xx', '429']],
  [
    ', responseClasses: [{condition: {all: [{status: {min: 400}}, {not: {any: [{status: {min: 404}}]}}]}, isFailure: true}]',
    ['5xx', '400', '401', '402', '403'],
  ],
])('failures that are tried again%s', (classes, expected) => {
  const more = `, isRetryable: true${classes}`;
  const action = built(profile(route('{method: GET}', more))).mesh.routings[0]?.rules[0]?.action;
  const on = action?.does === 'forward' ? (action.retries?.on ?? []) : [];
  const codes = on.filter((condition) => /^\d+$/.test(condition));
  const short =
    codes.length > 10 ? [...on.filter((condition) => !codes.includes(condition)), codes.length] : on;
  expect(short).toEqual(expected);
});

test('what is not said to be safe is tried once', () => {
  const { mesh } = built(profile(route('{method: POST}', ', timeout: 300ms')));
  expect(mesh.routings[0]?.rules.map(({ action }) => action)).toMatchObject([
    { timeoutMs: 300, retries: { attempts: 0 } },
    { timeoutMs: null, retries: { attempts: 0 } },
  ]);
});

describe('the budget of retries', () => {
  const budgets = (...files: readonly string[]) =>
    built(...files)
      .mesh.services.find(({ host }) => host === cart)
      ?.policies.map(({ retryBudget }) => retryBudget);

  test('is that of the profile, else Linkerd’s where something is retried, else none', () => {
    expect(budgets(profile('{retryBudget: {retryRatio: 0.07, minRetriesPerSecond: 3, ttl: 10s}}'))).toEqual([
      { percent: 7, least: 3, countsForMs: 10_000 },
    ]);
    expect(budgets(profile(route('{method: GET}', ', isRetryable: true')))).toEqual([
      { percent: 20, least: 10, countsForMs: 10_000 },
    ]);
    expect(budgets(profile(route('{method: GET}')))).toEqual([]);
  });

  test('is that of a DestinationRule where that has one', () => {
    const rule = `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: c, namespace: shop}\nspec: {host: cart, trafficPolicy: {retryBudget: {percent: 1}}}\n---\n`;
    expect(budgets(rule, profile(route('{method: GET}', ', isRetryable: true')))).toMatchObject([
      { percent: 1 },
    ]);
  });

  test('is not that of the clients of another namespace', () => {
    const own = profile('{retryBudget: {retryRatio: 0.1, minRetriesPerSecond: 3, ttl: 10s}}', 'web');
    expect(budgets(own)).toEqual([]);
  });
});

test('dstOverrides: shares, also in thousandths', () => {
  const split =
    '{dstOverrides: [{authority: "Cart.shop.svc.cluster.local:80", weight: 900m}, {authority: new.shop.svc.cluster.local, weight: "0.1"}, {authority: db.shop.svc.cluster.local, weight: 0}]}';
  expect(built(profile(split)).mesh.routings[0]?.rules).toMatchObject([
    {
      matches: [],
      action: {
        destinations: [
          { host: cart, port: 80, weight: 900 },
          { host: 'new.shop.svc.cluster.local', port: null, weight: 100 },
        ],
      },
    },
  ]);
});

test('in the namespace of the service it is for all, in another for the clients there', () => {
  const { mesh } = built(profile('{}'), profile('{}', 'web'));
  expect(mesh.routings.map(({ role, namespace, visibility }) => [role, namespace, visibility.to])).toEqual([
    ['producer', 'shop', 'everybody'],
    ['consumer', 'web', 'namespaces'],
  ]);
});

describe('problems', () => {
  test.each([
    ['no such service', profile('{}', 'shop', 'crat.shop.svc.cluster.local'), ['FL3301']],
    ['no such destination', profile('{dstOverrides: [{authority: no.example, weight: 1}]}'), ['FL3301']],
    [
      'no such port',
      profile('{dstOverrides: [{authority: "new.shop.svc.cluster.local:81", weight: 1}]}'),
      ['FL3303'],
    ],
    ['no HTTP', profile('{}', 'shop', 'db.shop.svc.cluster.local'), ['FL3312']],
  ])('%s', (_, text, expected) => {
    expect(built(text).problems.map(({ code }) => code)).toEqual(expected);
  });

  test.each([
    ['a VirtualService', routes('v', 'shop', 'cart', to('cart')), 'shop'],
    [
      'an HTTPRoute',
      httpRoute('h', 'shop', parent('cart'), '[{backendRefs: [{name: new, port: 80}]}]'),
      'shop',
    ],
    [
      'an HTTPRoute of the same clients',
      httpRoute('h', 'web', parent('cart', ', namespace: shop'), '[{}]'),
      'web',
    ],
  ])('beside %s neither counts, and both are named', (_, text, namespace) => {
    const found = meshOf({
      path: 'acme',
      files: { 'a.yaml': services, 'b.yaml': text, 'c.yaml': profile('{}', namespace) },
    });
    expect(codesOf(found)).toEqual(['FL3202 acme/b.yaml:4', 'FL3202 acme/c.yaml:3']);
    expect(found.problems[0]?.message).toContain('acme/c.yaml:1');
    expect(found.problems[1]?.message).toContain('acme/b.yaml:1');
    expect(found.mesh.routings).toEqual([]);
  });

  test('in a namespace of another scope it is refused', () => {
    const owner = { path: 'acme', namespaces: ['shop'], hosts: [], files: services };
    const other = { path: 'team', namespaces: ['team'], hosts: [], files: profile('{}', 'team') };
    const { mesh, problems } = meshOf(owner, other);
    expect(problems).toEqual([]);
    expect(mesh.routings).toMatchObject([{ role: 'consumer', visibility: { names: ['team'] } }]);
    const taken = { ...other, namespaces: ['team', 'shop'], files: profile('{}', 'shop') };
    expect(meshOf(owner, taken).problems.map(({ code }) => code)).toContain('FL3101');
  });
});
