import { beforeEach, expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { follow, type Line, lostBy, openLine } from '../../src/governance/index.ts';
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

/** The lineages at `one` that the line of `two` does not have: scope, then event and class of each entry. */
async function lost(one: string, two: string) {
  const found = lostBy(await world.state(one), await world.state(two));
  return found.map(({ path, entries }) => [path, ...entries.map((entry) => entry.class ?? entry.event)]);
}

test('#117: a tip that was shown for a while and that changed nothing can be left', async () => {
  world.add('shown', { parents: ['m2'], files: { 'README.md': 'x' } });
  world.add('real', { parents: ['m2'], C: '1' });
  expect(await outcome('shown', 'real')).toBe('refused');
  expect(await lost('shown', 'real')).toEqual([]);
  expect(await lost('real', 'shown')).toEqual([['s.c', 'update']]);
});

test('#56: leaving an accepted mutation names it, also where the new line has another one in its place', async () => {
  for (const [name, S] of [
    ['p', '3'],
    ['q', '4'],
  ] as const) {
    world.add(`${name}1`, { parents: ['m2'], S, by: 'x', message: await words(S) });
    world.add(`${name}2`, { parents: [`${name}1`], by: 'y', message: await words(S) });
    world.add(`m${name}`, { parents: ['m2', `${name}2`], S });
  }
  expect((await world.scope('mp')).seq).toBe(2);
  expect(await lost('mp', 'mq')).toEqual([['s', 'update']]);
  world.add('n', { parents: ['mp'], C: '9' });
  expect(await lost('mp', 'n')).toEqual([]);
});

async function words(S: string): Promise<string> {
  world.add(`look${S}`, { parents: ['m2'], S });
  return world.approve('words', { seq: 2, base: 'g', next: `look${S}` });
}

test('#118: a rewrite that keeps every mutation and drops a withdrawal is not safe, and the withdrawal is named', async () => {
  world.add('w', { parents: ['m2'], by: 'x', message: world.withdraw(2) });
  world.add('with', { parents: ['m2', 'w'] });
  world.add('without', { parents: ['m2'] });
  expect(await lost('with', 'without')).toEqual([['s', 'update']]);
  expect(await lost('without', 'with')).toEqual([]);
  const [{ entries } = { entries: [] }] = lostBy(await world.state('with'), await world.state('without'));
  expect(entries.flatMap(({ withdrawals }) => withdrawals.map(({ anchor }) => anchor))).toEqual(['x']);
});

test('a scope that the other line never had loses everything', async () => {
  const [followed, genesis] = [await world.state('m1'), await world.state('g')];
  const [root] = followed.scopes.values();
  const lost = lostBy(followed, { ...genesis, scopes: new Map() });
  expect(lost).toHaveLength(followed.scopes.size);
  expect(lost[0]).toMatchObject({ uid: root?.uid, entries: root?.lineage });
});
