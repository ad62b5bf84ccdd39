import { expect, test } from 'vitest';
import { problemsOf, read } from './scope.ts';

const limit = (spec: string) =>
  `apiVersion: fairlead.dev/v1alpha1\nkind: RateLimit\nmetadata: { name: a, namespace: shop }\nspec:\n  ${spec}\n`;
const rule = (text: string) => limit(`rules: [{ ${text} }]`);

test('a RateLimit is read', () => {
  const match = 'match: { path: /api, methods: [GET], headers: [{ name: x, prefix: a }, { name: z }] }';
  const { resources, problems } = read({ 'a.yaml': rule(`${match}, requests: 5, per: 1s, burst: 9`) });
  expect(problems).toEqual([]);
  expect(resources.map(({ kind }) => kind)).toEqual(['RateLimit']);
});

test.each<readonly [string, string, readonly string[]]>([
  ['no rules', limit('rules: []'), ['FL2109 5:3']],
  ['no requests', rule('requests: 0, per: 1s'), ['FL2109 5:23']],
  ['too many requests', rule('requests: 1000000001, per: 1s'), ['FL2109 5:23']],
  ['no time', rule('requests: 1'), ['FL2106 5:11']],
  ['a time without a unit', rule('requests: 1, per: 60'), ['FL2110 5:31']],
  ['too short a time', rule('requests: 1, per: 49ms'), ['FL2110 5:31']],
  ['too long a time', rule('requests: 1, per: 25h'), ['FL2110 5:31']],
  ['a path that is none', rule('match: { path: api }, requests: 1, per: 1s'), ['FL2109 5:28']],
  ['a method in lower case', rule('match: { methods: [get] }, requests: 1, per: 1s'), ['FL2109 5:32']],
  [
    'two ways to one header',
    rule('match: { headers: [{ name: a, exact: b, prefix: c }] }, requests: 1, per: 1s'),
    ['FL2220 5:53'],
  ],
  ['a pseudo header', rule('match: { headers: [{ name: ":path" }] }, requests: 1, per: 1s'), ['FL2109 5:40']],
  [
    'two rules for the same',
    limit('rules: [{ requests: 1, per: 1s }, { requests: 2, per: 1s }]'),
    ['FL2212 5:37'],
  ],
  ['another status', limit('status: 200\n  rules: [{ requests: 1, per: 1s }]'), ['FL2108 5:11']],
  [
    'a header of requests',
    limit('responseHeaders: { Host: a }\n  rules: [{ requests: 1, per: 1s }]'),
    ['FL2223 5:22'],
  ],
  ['an unknown field', rule('requests: 1, per: 1s, perClient: true'), ['FL2105 5:35']],
])('%s', (_what, text, expected) => {
  expect(problemsOf(text)).toEqual(expected);
});
