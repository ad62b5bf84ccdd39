import { expect, test } from 'vitest';
import type { Delegation } from '../../src/governance/delegation.ts';
import { badOwnership } from '../../src/governance/grants.ts';

const all = { namespaces: ['*'], hosts: ['*'] };
const record = (name: string, hosts: readonly string[], namespaces: readonly string[] = []): Delegation => ({
  name,
  uid: name,
  status: 'live',
  path: name,
  repository: null,
  live: true,
  successor: null,
  forward: null,
  grants: { namespaces, hosts },
  floor: { threshold: 1, require: [] },
});

test.each([
  ['b.a', 'b.a', true],
  ['*.a', 'b.a', true],
  ['*.a', 'c.b.a', true],
  ['*.a', '*.b.a', true],
  ['*.a', 'a', false],
  ['*.a', 'ba', false],
  ['*.b.a', 'b.a', false],
  ['*.b.a', 'c.a', false],
  ['a', 'b.a', false],
])('the hosts of %s and %s overlap: %s', (left, right, overlap) => {
  const reason = overlap ? 'l and r are granted the same names' : null;
  expect(badOwnership(all, null, [record('l', [left]), record('r', [right])])).toBe(reason);
  expect(badOwnership(all, null, [record('l', [right]), record('r', [left])])).toBe(reason);
});

test('a namespace is no host, and of several overlaps the first is named', () => {
  expect(badOwnership(all, null, [record('l', ['a']), record('r', [], ['a'])])).toBeNull();
  const records = [record('a', ['x.a']), record('b', ['b']), record('c', ['b', '*.a']), record('d', ['x.a'])];
  expect(badOwnership(all, null, records)).toBe('a and c are granted the same names');
});

test('G17: as many hosts as a file can hold are looked up, not compared', () => {
  const hosts = (place: number) => Array.from({ length: 1000 }, (_, at) => `h${at}.s${place}.example`);
  const records = Array.from({ length: 100 }, (_, place) => record(`s${place}`, hosts(place)));
  const owns = { namespaces: [], hosts: [...records.keys()].map((place) => `*.s${place}.example`) };
  expect(badOwnership(owns, null, records)).toBeNull();
  const twice = [...records, record('late', ['*.s7.example'])];
  expect(badOwnership(owns, null, twice)).toBe('s7 and late are granted the same names');
});
