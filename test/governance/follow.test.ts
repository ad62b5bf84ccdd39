import { beforeEach, expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { follow, type Line, openLine } from '../../src/governance/index.ts';
import { createWorld, type World } from './world.ts';

let world: World;
let line: Line;

beforeEach(async () => {
  world = createWorld();
  world.add('g', {});
  world.add('m1', { parents: ['g'], S: '1' });
  world.add('m2', { parents: ['m1'], S: '2' });
  line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
});

async function outcome(last: string | null, offered: string) {
  const id = (name: string) => world.ids.get(name) ?? name;
  return (await follow(line, world.objects, last === null ? null : id(last), id(offered))).outcome;
}

test('a tip that extends the followed one is followed', async () => {
  expect(await outcome(null, 'm1')).toBe('followed');
  expect(await outcome('m1', 'm2')).toBe('followed');
  expect(await outcome('m2', 'm2')).toBe('same');
});

test('an older tip is stale, not an alarm', async () => {
  world.add('side', { parents: ['g'], C: '1' });
  world.add('m3', { parents: ['m2', 'side'], C: '1' });
  expect(await outcome('m3', 'm1')).toBe('stale');
  expect(await outcome('m3', 'side')).toBe('stale');
});

test('a force-push is refused, and heals when the ref extends the followed tip again', async () => {
  world.add('forced', { parents: ['m1'], S: '3' });
  expect(await outcome('m2', 'forced')).toBe('refused');
  world.add('repaired', { parents: ['m2', 'forced'], S: '3' });
  expect(await outcome('m2', 'repaired')).toBe('followed');
});

test('a foxtrot merge, which swaps the parents, is refused', async () => {
  world.add('dev', { parents: ['m1'], C: '1' });
  world.add('foxtrot', { parents: ['dev', 'm2'], S: '2', C: '1' });
  expect(await outcome('m2', 'foxtrot')).toBe('refused');
});

test('another genesis is refused', async () => {
  world.add('other', { S: '1' });
  expect(await outcome(null, 'other')).toBe('refused');
  expect(await outcome('m2', 'other')).toBe('refused');
});
