import { describe, expect, test } from 'vitest';
import { problemsOf } from './scope.ts';

/** ServiceProfiles of Linkerd. */

const profile = (spec: string, name = 'cart.shop.svc.cluster.local', namespace = 'shop') =>
  problemsOf(
    `apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: ${spec}\n`,
  );
const route = (fields: string) => profile(`{ routes: [{ name: a, ${fields} }] }`);
const nested = (depth: number) => `${'{ not: '.repeat(depth)}{ method: GET }${' }'.repeat(depth)}`;
const pairs = (count: number) =>
  Array.from({ length: count }, (_, at) => `{ any: [{ pathRegex: /${at} }, { method: GET }] }`);

describe('ServiceProfile', () => {
  test.each([
    ['nothing', profile('{}'), []],
    ['a name that is no host', profile('{}', 'cart'), ['FL2213 3:19']],
    ['an unknown field', profile('{ route: [] }'), ['FL2105 4:9']],
    ['opaquePorts', profile('{ opaquePorts: ["80"] }'), ['FL2104 4:9']],
    ['a route without a condition', route(''), ['FL2106 4:18']],
    ['a condition that says nothing', route('condition: {}'), ['FL2109 4:29']],
    [
      'everything',
      route(
        'condition: { all: [{ method: GET }, { not: { pathRegex: /a } }] }, isRetryable: true, timeout: 1s',
      ),
      [],
    ],
    ['conditions within conditions', route(`condition: ${nested(30)}`), []],
    ['no RE2', route('condition: { not: { any: [{ pathRegex: "(?=a)" }] } }'), ['FL2211 4:68']],
    ['64 alternatives', route(`condition: { all: [${pairs(6).join(', ')}] }`), []],
    ['more of them', route(`condition: { all: [${pairs(7).join(', ')}] }`), ['FL2109 4:29']],
    ['opposites of few', route(`condition: { not: { any: [${pairs(7).join(', ')}] } }`), []],
    ['a timeout without a unit', route('condition: { method: GET }, timeout: "5"'), ['FL2110 4:66']],
    ['no timeout', route('condition: { method: GET }, timeout: 0s'), []],
    [
      'no status',
      route(
        'condition: { method: GET }, isRetryable: true, responseClasses: [{ condition: { not: { status: { min: 500, max: 400 } } } }]',
      ),
      ['FL2109 4:116'],
    ],
    [
      'classes of what is not retried',
      route('condition: { method: GET }, responseClasses: [{ condition: { status: { min: 500 } } }]'),
      ['FL2281 4:57'],
    ],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });

  test.each([
    ['what Envoy does not know', '{ retryRatio: 0.2, minRetriesPerSecond: 10, ttl: 10s }', ['FL2281 4:41']],
    ['no ttl', '{ retryRatio: 0.2, minRetriesPerSecond: 10 }', ['FL2106 4:9']],
    ['more than all requests', '{ retryRatio: 2, minRetriesPerSecond: 10, ttl: 10s }', ['FL2109 4:36']],
  ])('retryBudget: %s', (_, budget, expected) => {
    expect(profile(`{ retryBudget: ${budget} }`)).toEqual(expected);
  });

  test('retryBudget: of clients elsewhere is not theirs', () => {
    const budget = '{ retryBudget: { retryRatio: 0.2, minRetriesPerSecond: 10, ttl: 10s } }';
    expect(profile(budget, 'cart.shop.svc.cluster.local', 'web')).toContain('FL2281 4:9');
  });

  test.each([
    [
      'shares',
      '[{ authority: "a.b:80", weight: 500m }, { authority: a.b.c, weight: 1 }, { authority: b.c, weight: "0.5" }]',
      [],
    ],
    ['a share that is none', '[{ authority: a.b, weight: half }]', ['FL2109 4:50']],
    ['less than nothing', '[{ authority: a.b, weight: -1 }]', ['FL2109 4:50']],
    ['nothing at all', '[{ authority: a.b, weight: 0m }]', ['FL2201 4:9']],
    ['no port', '[{ authority: "a.b:65536", weight: 1 }]', ['FL2111 4:37']],
    ['no host', '[{ authority: a, weight: 1 }]', ['FL2109 4:37']],
  ])('dstOverrides: %s', (_, list, expected) => {
    expect(profile(`{ dstOverrides: ${list} }`)).toEqual(expected);
  });
});
