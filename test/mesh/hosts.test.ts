import { describe, expect, test } from 'vitest';
import { canonicalAddresses, covers, namespaceOfHost, resolveHost } from '../../src/mesh/hosts.ts';

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

describe('an address is written in one way', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['192.0.2.77/24', '192.0.2.0/24'],
    ['192.0.2.77/30', '192.0.2.76/30'],
    ['192.0.2.77/32', '192.0.2.77/32'],
    ['192.0.2.77/0', '0.0.0.0/0'],
    ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
    ['2001:db8::1/128', '2001:db8::1/128'],
    ['2001:db8::1/0', '::/0'],
  ])('%s: %s', (written, text) => {
    expect(canonicalAddresses([written])).toEqual([text]);
  });

  test('and stands once', () => {
    expect(canonicalAddresses(['10.0.0.1/8', '10.0.0.1', '10.9.9.9/8', '10.0.0.1'])).toEqual([
      '10.0.0.0/8',
      '10.0.0.1',
    ]);
  });
});
