import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readOffline } from '../../src/manifests/index.ts';
import { changedSeeds, hostileTexts } from '../manifests/hostile.ts';
import { read, scopeOf } from '../manifests/scope.ts';
import { readWhole } from './fuzz.ts';

/** The long form is `test/long/loader.test.ts`. */
test('whatever becomes of a manifest, there are problems or a mesh, and never an exception', () => {
  fc.assert(fc.property(changedSeeds, readWhole), { numRuns: 300, seed: 20261122 });
});

/** More than there may be arguments of a call, or frames of a stack. */
const size = 200_000;

test.each(Object.entries(hostileTexts))('%s: a few problems, and never an exception', (_, textOf) => {
  const { problems } = read({ 'a.yaml': textOf(size) });
  expect(problems.length).toBeLessThanOrEqual(100);
});

test('no more localities than there are percents', () => {
  const { problems } = read({ 'a.yaml': hostileTexts.localities?.(size) ?? '' });
  expect(problems.map(({ code }) => code)).toEqual(['FL2109']);
});

test('a dump is read as far as a program has memory', () => {
  const text = `apiVersion: v1\nitems: ${'['.repeat(6_000_000)}`;
  const { resources } = readOffline(scopeOf({ 'dump.yaml': text }), 'exported');
  expect(resources.problems.map(({ code }) => code)).toEqual(['FL2007']);
});
