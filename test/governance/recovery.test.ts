import { expect, test } from 'vitest';
import { createWorld, scopeYaml, sshKey, type World } from './world.ts';

/** Recover (governance.md): what the recovery set of the old policy can do in the place of a lost quorum, and nothing else. */
const safes = ['r1', 'r2', 'r3'];
const recovery = (names = safes, threshold = 2) =>
  `recovery: { threshold: ${threshold}, anchors: [${names
    .map((name) => `{ name: ${name}, keys: [{ ssh: "${sshKey(name)}" }] }`)
    .join(', ')}] }`;

function genesis(more = recovery()): World {
  const world = createWorld({ more });
  world.add('g', {});
  return world;
}

async function propose(world: World, yaml: string, keys: readonly string[]): Promise<void> {
  const files = { 'mesh/scope.yaml': yaml };
  world.add('p', { parents: ['g'], files });
  await sign(world, 'p', keys);
  world.add('m', { parents: ['g', 'tip'], files });
}

/** These keys approve `g → p` on top of `parent`; the last commit is `tip`. */
async function sign(world: World, parent: string, keys: readonly string[]): Promise<void> {
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  let last = parent;
  for (const by of keys) {
    world.add(`${parent}-${by}`, { parents: [last], by, message });
    last = `${parent}-${by}`;
  }
  world.add('tip', { parents: [last] });
}

/** x, y and z have lost their keys: gus and hal take over. */
const rescued = scopeYaml({ anchors: ['gus', 'hal'], more: recovery() });

test('Recover: the recovery set and the new anchors accept a reconfigure, and the lineage says so', async () => {
  const world = genesis();
  await propose(world, rescued, ['r1', 'r3', 'gus', 'hal']);
  const scope = await world.scope('m');
  expect(scope).toMatchObject({ seq: 2, hold: null });
  expect(scope.policy.anchors.map(({ name }) => name)).toEqual(['gus', 'hal']);
  const entry = scope.lineage.at(-1);
  expect(entry).toMatchObject({ event: 'accepted', class: 'recover', policy: scope.policy.digest });
  expect(entry?.previousAnchors?.map(({ name }) => name)).toEqual(['x', 'y', 'z']);
  expect(entry?.votes.map(({ anchor, policy }) => `${policy} ${anchor}`)).toEqual([
    'recovery r1',
    'new r1',
    'recovery r3',
    'new r3',
    'new gus',
    'new hal',
  ]);
});

test('Recover: every subset of the signers; old and recovery votes are never mixed', async () => {
  const signers = ['x', 'y', 'r1', 'r2', 'gus', 'hal'];
  for (let mask = 0; mask < 2 ** signers.length; mask += 1) {
    const signed = signers.filter((_, bit) => (mask >> bit) % 2 === 1);
    const has = (...names: readonly string[]) => names.every((name) => signed.includes(name));
    const world = genesis();
    await propose(world, rescued, signed);
    const good = has('gus', 'hal') && (has('x', 'y') || has('r1', 'r2'));
    const scope = await world.scope('m');
    expect([signed, scope.seq]).toEqual([signed, good ? 2 : 1]);
    const entry = scope.lineage.at(-1);
    if (good) expect([signed, entry?.class]).toEqual([signed, has('x', 'y') ? 'reconfigure' : 'recover']);
  }
});

test('Recover: a hold of a reconfigure names the way out in numbers and names', async () => {
  const world = genesis();
  await propose(world, rescued, ['x', 'r1', 'gus', 'hal']);
  const { hold } = await world.scope('m');
  expect(hold).toMatchObject({ rule: 'Quorum', signed: ['x'], missing: ['y', 'z'] });
  expect(hold?.reason).toBe(
    'old policy 1 of 2: x signed; y or z missing; new policy 2 of 2: gus, hal signed; in place of the old policy its recovery set 1 of 2: r1 signed; r2 or r3 missing',
  );
  // The same reconfigure, completed later on the main line.
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  world.add('n', { parents: ['m'], by: 'r2', message });
  expect((await world.scope('n')).lineage.at(-1)).toMatchObject({ event: 'accepted', class: 'recover' });
});

test('Recover: with a set in force the old quorum needs nobody of it, also to change or remove it', async () => {
  for (const [more, added] of [
    ['', []],
    [recovery(['r1', 'r4'], 1), ['r4']],
  ] as const) {
    const world = genesis();
    await propose(world, scopeYaml({ more }), ['x', 'y', ...added]);
    const scope = await world.scope('m');
    expect(scope.seq).toBe(2);
    expect(scope.lineage.at(-1)?.class).toBe('reconfigure');
    expect(scope.policy.recovery?.anchors.map(({ name }) => name) ?? []).toEqual(
      more === '' ? [] : ['r1', 'r4'],
    );
  }
});

test('Recover: a set that is only proposed recovers nothing', async () => {
  const world = genesis('limits: { files: 100 }');
  await propose(world, rescued, ['r1', 'r2', 'r3', 'gus', 'hal']);
  const { seq, hold } = await world.scope('m');
  expect(seq).toBe(1);
  expect(hold?.reason).not.toContain('recovery set');
});

test('Recover: an added key that did not sign is missing here too', async () => {
  const world = genesis();
  await propose(world, scopeYaml({ anchors: ['gus', 'hal'], quorum: '{ threshold: 1 }' }), [
    'r1',
    'r2',
    'gus',
  ]);
  expect((await world.scope('m')).hold?.reason).toMatch(/possession: the new key \S+ of hal has not signed$/);
});

test('Recover: recovery anchors vote for no update and no renew', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1', by: 'r1' });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  const renew = await world.approve('renew', { seq: 2, base: 'g', next: 'g' });
  for (const [at, by] of safes.entries()) {
    world.add(`a${by}`, { parents: [at === 0 ? 'p' : `a${safes[at - 1]}`], by, message });
    world.add(`n${by}`, { parents: [at === 0 ? 'g' : `n${safes[at - 1]}`], by, message: renew });
  }
  world.add('m', { parents: ['g', 'ar3'], S: '1' });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'Quorum', votes: [], signed: [] });
  expect((await world.scope('nr3')).seq).toBe(1);
});

test('#109: there is no window: no number of empty main-line commits takes the place of an anchor', async () => {
  const world = genesis();
  await propose(world, rescued, ['r1', 'gus', 'hal']);
  let last = 'm';
  for (let at = 0; at < 50; at += 1) {
    world.add(`e${at}`, { parents: [last] });
    last = `e${at}`;
  }
  expect((await world.scope(last)).seq).toBe(1);
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  world.add('n', { parents: [last], by: 'r2', message });
  expect((await world.scope('n')).seq).toBe(2);
});

test('Recover, V3: a recovery anchor can withdraw, by words of the same fence', async () => {
  const world = genesis();
  await propose(world, rescued, ['r1', 'r2', 'gus', 'hal']);
  world.add('w', { parents: ['tip'], by: 'r2', message: world.withdraw(2) });
  world.add('m2', { parents: ['g', 'w'], files: { 'mesh/scope.yaml': rescued } });
  const { seq, hold } = await world.scope('m2');
  expect(seq).toBe(1);
  expect(hold?.reason).toContain('recovery set 1 of 2: r1 signed; r2 or r3 missing');
  expect((await world.scope('m2')).lineage.flatMap(({ withdrawals }) => withdrawals)).toMatchObject([
    { anchor: 'r2' },
  ]);
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p', round: 1 });
  world.add('n', { parents: ['m2'], by: 'r2', message });
  expect((await world.scope('n')).seq).toBe(2);
});

test.each([
  ['name', scopeYaml({ more: recovery(['x', 'r2']) }), 'anchor x twice'],
  ['key', scopeYaml({ anchors: ['x', 'y', 'z', { name: 'w', keys: ['r1'] }], more: recovery() }), 'same key'],
])('Recover: a %s that is in both sets is refused', async (_name, yaml, reason) => {
  const world = genesis();
  await propose(world, yaml, ['x', 'y', 'z', ...safes]);
  const { seq, hold } = await world.scope('m');
  expect(seq).toBe(1);
  expect(hold?.reason).toContain(reason);
});
