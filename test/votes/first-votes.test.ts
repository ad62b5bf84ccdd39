import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { countVotes } from '../../src/governance/quorum.ts';
import { ruleset1 } from '../../src/policy/index.ts';
import { createScopeTrees } from '../../src/policy/own.ts';
import type { Policy } from '../../src/policy/types.ts';
import { formatApproval, formatWithdrawal } from '../../src/votes/index.ts';
import { type Bench, collectFirstVotes, openBench } from '../../src/votes/votes.ts';
import { createWorld, makeToken, type World } from '../governance/world.ts';

/** The votes for the first mutation of a scope: its own keys alone decide, every one of them, since the parent's epoch. */
const uid = 'd'.repeat(64);
const next = 'e'.repeat(64);
const line = formatApproval({ uid, seq: 1, base: 'none', next });

async function benchOf(world: World, main: readonly string[]): Promise<Bench> {
  const { objects, ids } = world;
  const owns = createScopeTrees(objects, createTreeDigests(objects), 'mesh', ruleset1);
  const bench = await openBench(objects, owns, ids.get('g') ?? '');
  for (const name of main) await bench.history.extend(ids.get(name) ?? '');
  return bench;
}

/** Who signed since the parent's epoch `epoch` on the main line g, m…; and whether that is enough. */
async function count(world: World, main: readonly string[], policy: Policy, epochIndex: number) {
  const bench = await benchOf(world, main);
  const candidate = { class: 'delegate', seq: 1, base: 'none', next } as const;
  const question = { uid, candidate, inForce: null, proposed: policy, epochIndex };
  const { votes } = await collectFirstVotes(bench, question);
  const { met, missing } = countVotes(null, policy, 'delegate', votes);
  return { votes: votes.map(({ anchor, policy: side }) => `${side} ${anchor}`), met, missing };
}

function genesis(): World {
  const world = createWorld();
  world.add('g', {});
  return world;
}

test('a first mutation needs a signature of every key of its own policy, and nobody else’s', async () => {
  const world = genesis();
  const { policy } = await world.scope('g');
  world.add('a', { parents: ['g'], by: 'x', message: `a\n\n${line}\n` });
  world.add('b', { parents: ['a'], by: 'y', message: `b\n\n${line}\n` });
  world.add('c', { parents: ['b'], by: 'stranger', message: `c\n\n${line}\n` });
  expect(await count(world, ['c'], policy, 0)).toEqual({
    votes: ['new x', 'new y'],
    met: false,
    missing: ['z'],
  });
  world.add('d', { parents: ['c'], by: 'z', message: `d\n\n${line}\n` });
  expect(await count(world, ['d'], policy, 0)).toMatchObject({ met: true, missing: [] });
});

test('V2, V3: a first vote descends from the parent’s epoch, and can be withdrawn', async () => {
  const world = genesis();
  const { policy } = await world.scope('g');
  let last = 'g';
  for (const by of ['x', 'y', 'z']) {
    world.add(by, { parents: [last], by, message: `${by}\n\n${line}\n` });
    last = by;
  }
  world.add('m1', { parents: ['g'], C: '1' });
  world.add('m2', { parents: ['m1', 'z'] });
  expect((await count(world, ['m1', 'm2'], policy, 0)).met).toBe(true);
  expect(await count(world, ['m1', 'm2'], policy, 1)).toMatchObject({ votes: [], met: false });
  const withdrawal = `no\n\n${formatWithdrawal({ uid, seq: 1, round: 0 })}\n`;
  world.add('m3', { parents: ['m2'], by: 'y', message: withdrawal });
  expect(await count(world, ['m1', 'm2', 'm3'], policy, 0)).toMatchObject({
    votes: ['new x', 'new z'],
    missing: ['y'],
  });
});

test('a token for a first mutation binds seq and base: it counts from before the epoch, one that names others does not', async () => {
  const world = genesis();
  const { policy } = await world.scope('g');
  const wrong = [
    formatApproval({ uid, seq: 2, base: 'none', next }),
    formatApproval({ uid, seq: 1, base: next, next }),
  ];
  const bad = wrong.map((each) => makeToken([each], 'z')).join(' ');
  const good = ['x', 'y'].map((by) => makeToken([line], by)).join(' ');
  world.add('old', { parents: ['g'], message: `${good} ${bad}` });
  world.add('m1', { parents: ['g', 'old'] });
  world.add('m2', { parents: ['m1'], C: '1' });
  expect(await count(world, ['m1', 'm2'], policy, 2)).toEqual({
    votes: ['new x', 'new y'],
    met: false,
    missing: ['z'],
  });
  world.add('m3', { parents: ['m2'], message: makeToken([line], 'z') });
  expect((await count(world, ['m1', 'm2', 'm3'], policy, 2)).met).toBe(true);
});
