import { expect, test } from 'vitest';
import { build } from '../../src/mesh/index.ts';
import { scope } from './world.ts';

/** How much RateLimits may say to one workload. */

const limit = (name: string, rules: number, selector = '') =>
  `apiVersion: fairlead.dev/v1alpha1
kind: RateLimit
metadata: {name: ${name}, namespace: shop}
spec: {${selector}rules: [${Array.from({ length: rules }, (_, index) => `{match: {path: /${String(index).padStart(1000, '0')}}, requests: 1, per: 1s}`).join(', ')}]}
---
`;
const of = (app: string) => `selector: {matchLabels: {app: ${app}}}, `;

test.each<readonly [string, string, readonly string[], number]>([
  ['one', limit('a', 30), [], 1],
  ['one with too much', limit('a', 31), ['FL3363'], 0],
  ['two that are too much together', limit('a', 16) + limit('b', 16), ['FL3363'], 0],
  ['two of different workloads', limit('a', 30, of('cart')) + limit('b', 30, of('pay')), [], 2],
  ['of all workloads, beside one', limit('a', 16) + limit('b', 16, of('pay')), ['FL3363'], 0],
  [
    'of other labels, which a workload may have too',
    limit('a', 16, of('cart')) +
      limit('b', 16, 'selector: {matchLabels: {zone: a}}, ') +
      limit('c', 2, of('pay')),
    ['FL3363'],
    1,
  ],
  [
    'what is too much leaves others alone',
    limit('a', 31, of('cart')) + limit('b', 30, of('pay')),
    ['FL3363'],
    1,
  ],
])('%s', (_, files, problems, quotas) => {
  const built = build([scope({ path: 'acme', namespaces: ['shop'], files })]);
  expect(built.problems.map(({ code }) => code)).toEqual(problems);
  expect(built.mesh.quotas).toHaveLength(quotas);
});
