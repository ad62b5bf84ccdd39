import { describe, expect, test } from 'vitest';
import type { Delegation } from '../../src/policy/delegation.ts';
import { badGrants, badOwnership, overGrant, within } from '../../src/policy/grants.ts';

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

describe('a list of names is read a few times, however often it is asked for', () => {
  const NAMES = 400;
  let looks = 0;
  const counted = (names: readonly string[]) =>
    new Proxy(names, {
      get(from, key) {
        looks += 1;
        return Reflect.get(from, key);
      },
    });
  const names = (prefix: string) => Array.from({ length: NAMES }, (_, at) => `${prefix}${at}`);

  test('by many children, each for what it owns of it', () => {
    looks = 0;
    const owned = { namespaces: counted(names('n')), hosts: counted(names('h')) };
    for (const at of names('').keys()) {
      const child = { namespaces: [`n${at}`, 'ghost'], hosts: [`h${at}`] };
      expect(within(child, owned)).toEqual({ namespaces: [`n${at}`], hosts: [`h${at}`] });
    }
    expect(looks).toBeLessThan(10 * NAMES);
  });

  test('by one scope, for all that it is granted', () => {
    looks = 0;
    const grant = { namespaces: counted(names('n')), hosts: counted(names('h')) };
    expect(overGrant({ namespaces: names('n'), hosts: names('h') }, grant)).toBeNull();
    expect(looks).toBeLessThan(10 * NAMES);
  });
});

test.each([
  [{ namespaces: ['a'], hosts: [] }, null, null],
  [{ namespaces: ['a'], hosts: ['x.a'] }, { namespaces: ['a', 'b'], hosts: ['*.a'] }, null],
  [
    { namespaces: ['b'], hosts: [] },
    { namespaces: ['a'], hosts: [] },
    'it owns the namespace b, which its parent does not grant',
  ],
  [
    { namespaces: ['*'], hosts: [] },
    { namespaces: ['*'], hosts: [] },
    'it owns the namespace *, which its parent does not grant',
  ],
  [
    { namespaces: [], hosts: ['a'] },
    { namespaces: [], hosts: ['*.a'] },
    'it owns the host a, which its parent does not grant',
  ],
  [
    { namespaces: [], hosts: ['*'] },
    { namespaces: [], hosts: ['*'] },
    'it owns the host *, which its parent does not grant',
  ],
])('%j by the grant %j: %s', (owns, grant, reason) => {
  expect(overGrant(owns, grant)).toBe(reason);
});

test('nothing is granted on that is not owned', () => {
  const owns = { namespaces: ['a'], hosts: ['*.a'] };
  expect(badGrants([record('l', ['x.a'], ['a'])], owns)).toBeNull();
  expect(badGrants([record('l', [], ['b'])], owns)).toBe(
    'l is granted the namespace b, which is not owned here',
  );
  expect(badGrants([record('l', ['x.b'])], owns)).toBe('l is granted the host x.b, which is not owned here');
});

test('what two own together is what both have; the first itself where that is all of it', () => {
  const owns = { namespaces: ['a', 'b'], hosts: ['x.a', 'y'] };
  expect(within(owns, all)).toBe(owns);
  expect(within(owns, { namespaces: ['b'], hosts: ['*.a'] })).toEqual({ namespaces: ['b'], hosts: ['x.a'] });
});

test('a name that three are granted is said of the first two', () => {
  const records = [record('a', ['x']), record('b', ['x']), record('c', ['x'])];
  expect(badOwnership(all, null, records)).toBe('a and b are granted the same names');
});
