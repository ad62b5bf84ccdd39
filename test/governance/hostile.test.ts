import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { fold } from '../../src/governance/fold.ts';
import { genesisState } from '../../src/governance/genesis.ts';
import { ruleset1 } from '../../src/policy/index.ts';
import { createScopeTrees } from '../../src/policy/own.ts';
import { openBench } from '../../src/votes/votes.ts';
import { createWorld, makeToken, type World } from './world.ts';

/** #77, #119: what a flood costs, in signature checks, and whom it holds: its own scope, for that merge. */
async function judge(world: World, main: readonly string[], ruleset = ruleset1) {
  const { objects, ids } = world;
  const digests = createTreeDigests(objects);
  const pin = await world.pin();
  const bench = await openBench(objects, createScopeTrees(objects, digests, pin.path, ruleset), pin.commit);
  let state = await genesisState(objects, digests, pin, ruleset);
  for (const name of main) {
    if ('ok' in state) throw new Error(state.reason);
    await bench.history.extend(ids.get(name) ?? '');
    state = await fold(bench, state);
  }
  if ('ok' in state) throw new Error(state.reason);
  const of = (uid: string) => state.scopes.get(uid);
  return { S: of(world.uid.S), C: of(world.uid.C), checks: bench.checked.size };
}

function genesis(): World {
  const world = createWorld();
  world.add('g', {});
  return world;
}

/** An honest change of C on top of `parent`, and main with all of it and `S`. */
async function merge(world: World, parent: string, S: string): Promise<void> {
  world.add('c', { parents: ['g'], C: '1' });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'c' }, 'C');
  world.add('c1', { parents: [parent], by: 'x', message });
  world.add('c2', { parents: ['c1'], by: 'y', message });
  world.add('m', { parents: ['g', 'c2'], S, C: '1' });
}

/** `count` commits on top of `parent`; the last one. */
function chain(
  world: World,
  parent: string,
  count: number,
  entry: (at: number) => Parameters<World['add']>[1],
): string {
  let last = parent;
  for (let at = 0; at < count; at += 1) {
    world.add(`f${at}`, { ...entry(at), parents: [last] });
    last = `f${at}`;
  }
  return last;
}

const FORGED = 1_500;

test('#77: thousands of forged approvals cost no signature check, and the change of another scope beside them is accepted', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1' });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  const last = chain(world, 'p', FORGED, (at) => ({ by: 'x', header: `junk ${at}`, message }));
  await merge(world, last, '1');
  const { S, C, checks } = await judge(world, ['m']);
  expect(S?.hold).toMatchObject({ rule: 'G17', votes: [] });
  expect(C?.seq).toBe(2);
  expect(checks).toBe(2);
});

test('#77: thousands of forged plain commits that show the candidate cost no more', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1', by: 'x' });
  const last = chain(world, 'p', FORGED, (at) => ({ by: 'x', header: `junk ${at}` }));
  await merge(world, last, '1');
  const { S, C, checks } = await judge(world, ['m']);
  expect(S?.hold).toMatchObject({ rule: 'G17' });
  expect(C?.seq).toBe(2);
  expect(checks).toBe(2);
});

test('#77: up to the cap every forged approval is checked once, however long the hold lasts', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1' });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  const last = chain(world, 'p', 999, (at) => ({ by: 'x', header: `junk ${at}`, message }));
  await merge(world, last, '1');
  const main = ['m'];
  for (let at = 0; at < 20; at += 1) {
    world.add(`m${at}`, { parents: [main.at(-1) ?? 'm'], C: `${at + 2}` });
    main.push(`m${at}`);
  }
  const { S, checks } = await judge(world, main);
  expect(S?.hold).toMatchObject({ rule: 'G13', votes: [] });
  expect(checks).toBe(999 + 2);
});

test('#77: forged withdrawals are checked, since a withdrawal counts from the midst of a flood: once for each commit', async () => {
  const world = genesis();
  const message = world.withdraw(2);
  const last = chain(world, 'g', 1_500, (at) => ({ by: 'x', header: `junk ${at}`, message }));
  await merge(world, last, '1');
  world.add('n', { parents: ['m'], S: '1' });
  const { S, C, checks } = await judge(world, ['m', 'n']);
  expect(S?.hold).toMatchObject({ rule: 'G13', votes: [] });
  expect(C?.seq).toBe(2);
  expect(checks).toBe(1_500 + 2);
});

test('#77: of a flood of tokens, forged withdrawals among them, no more than the cap are read', async () => {
  const world = genesis();
  const [, , line = ''] = world.withdraw(2).split('\n');
  const good = makeToken([line], 'x');
  const forged = Array.from({ length: 700 }, (_, at) => {
    const other = makeToken([line.replace('seq=2', `seq=2 round=${at + 1}`)], 'x');
    return other.slice(0, other.lastIndexOf(':')) + good.slice(good.lastIndexOf(':'));
  });
  const messages = [
    forged.slice(0, 100),
    forged.slice(100, 200),
    forged.slice(200, 300),
    forged.slice(300, 400),
  ];
  const last = chain(world, 'g', messages.length, (at) => ({ message: messages[at]?.join(' ') ?? '' }));
  await merge(world, last, '1');
  const { S, C, checks } = await judge(world, ['m']);
  expect(S?.hold).toMatchObject({ rule: 'G17' });
  // Nothing is accepted at a commit with too many tokens: neither is C.
  expect(C?.hold).toMatchObject({ rule: 'G17' });
  expect(checks).toBe(256);
});

test('#77: more commits than the cap in one pull request: nothing of it is read or checked, and the next one is judged', async () => {
  const few = { ...ruleset1, sideCommits: 1_000 };
  const world = genesis();
  const last = chain(world, 'g', few.sideCommits, (at) => ({ S: `${at}`, by: 'x' }));
  await merge(world, last, '1');
  const words = await world.approve('again', { seq: 2, base: 'g', next: 'c' }, 'C');
  world.add('n', { parents: ['m'], by: 'x', message: words });
  world.add('o', { parents: ['n'], by: 'y', message: words });
  const held = await judge(world, ['m'], few);
  expect([held.S?.hold?.rule, held.C?.hold?.rule, held.checks]).toEqual(['G17', 'G17', 0]);
  const { C, checks } = await judge(world, ['m', 'n', 'o'], few);
  expect([C?.seq, checks]).toEqual([2, 2]);
});

test('#77: of strangers who signed what landed, a hold names the first hundred', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1', by: 'stranger' });
  let last = 'p';
  for (let at = 0; at < 120; at += 1) {
    world.add(`away${at}`, { parents: [last], S: 'g' });
    world.add(`back${at}`, { parents: [`away${at}`], S: '1', by: 'stranger' });
    last = `back${at}`;
  }
  world.add('m', { parents: ['g', last], S: '1' });
  const { S } = await judge(world, ['m']);
  expect(S?.hold).toMatchObject({ rule: 'Quorum', signed: [] });
  expect(S?.hold?.refused).toHaveLength(100);
});

test('a signed commit without parents speaks of nothing', async () => {
  const world = genesis();
  world.add('root', { parents: [], S: '1', by: 'x' });
  world.add('m', { parents: ['g', 'root'], S: '1' });
  const { S } = await judge(world, ['m']);
  expect(S?.hold).toMatchObject({ rule: 'Quorum', signed: [] });
});
