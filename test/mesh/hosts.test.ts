import { describe, expect, test } from 'vitest';
import { covers, namespaceOfHost, resolveHost } from '../../src/mesh/hosts.ts';

describe('a host as a rule names it', () => {
  test.each([
    ['reviews', 'shop', 'reviews.shop.svc.cluster.local'],
    ['Reviews', 'shop', 'reviews.shop.svc.cluster.local'],
    ['reviews.prod', 'shop', 'reviews.prod'],
    ['reviews.prod.svc.cluster.local', 'shop', 'reviews.prod.svc.cluster.local'],
    ['Api.Example.com', 'shop', 'api.example.com'],
    ['*.example.com', 'shop', '*.example.com'],
  ])('%s in %s is %s', (host, namespace, full) => {
    expect(resolveHost(host, namespace)).toBe(full);
  });
});

test.each([
  ['reviews.prod.svc.cluster.local', 'prod'],
  ['reviews.prod.svc.cluster', 'prod'],
  ['reviews.prod.svc', 'prod'],
  ['pod-0.reviews.prod.svc.cluster.local', 'prod'],
  ['*.prod.svc.cluster.local', 'prod'],
  ['*.svc.cluster.local', null],
  ['reviews.prod', null],
  ['svc.cluster.local', null],
  ['example.com', null],
])('namespace of %s is %s', (host, namespace) => {
  expect(namespaceOfHost(host)).toBe(namespace);
});

test.each([
  ['*', 'a.b', true],
  ['*.b', 'a.b', true],
  ['*.b', 'x.a.b', true],
  ['*.b', '*.a.b', true],
  ['*.b', 'b', false],
  ['*.b', '*.b', true],
  ['*.a.b', '*.b', false],
  ['*.b', 'ab', false],
  ['a.b', 'a.b', true],
  ['a.b', 'x.a.b', false],
])('%s covers %s: %s', (outer, inner, covered) => {
  expect(covers(outer, inner)).toBe(covered);
});
