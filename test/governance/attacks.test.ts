import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { ruleset1 } from '../../src/policy/index.ts';
import { createWorld, delegationsYaml, type World } from './world.ts';

/** The histories C1–C5 and C14 of the attack list: the refusals and the acceptances. */
function genesis(options?: Parameters<typeof createWorld>[0]): World {
  const world = createWorld(options);
  world.add('g', { S: '0' });
  return world;
}

async function accepted(world: World, tip: string, which: 'S' | 'C' = 'S') {
  const { seq, accepted, hold } = await world.scope(tip, which);
  return { seq, digest: accepted.digest, held: hold?.rule ?? null };
}

test('G2: two plain signatures on a pull request are a quorum', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y' });
  world.add('m', { parents: ['g', 'b'], S: '1' });
  expect(await accepted(world, 'm')).toEqual({ seq: 2, digest: await world.own('a'), held: null });
});

test('G4: people are counted, not commits', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'x' });
  world.add('m', { parents: ['g', 'b'], S: '1' });
  const scope = await world.scope('m');
  expect(scope.hold).toMatchObject({ rule: 'Quorum', signed: ['x'], missing: ['y', 'z'], needed: 2 });
  expect(scope.hold?.reason).toBe('1 of 2: x signed; y or z missing');
  expect(scope.seq).toBe(1);
});

test('C1: laundering by a planted revert is refused', async () => {
  const world = genesis();
  world.add('r', { parents: ['g'], S: 'R' });
  world.add('v', { parents: ['r'], S: '0' });
  world.add('c', { parents: ['v'], S: 'R', by: 'x' });
  world.add('d', { parents: ['c'], S: 'R', by: 'y' });
  const expected = { seq: 1, digest: await world.own('g'), held: 'I4' };
  expect(await accepted(world, 'd')).toEqual(expected);
  // The admin fast-forwards main to v before it becomes d.
  world.add('m', { parents: ['v', 'd'], S: 'R' });
  expect(await accepted(world, 'm')).toEqual(expected);
});

test('C2: laundering through a dropped second parent is refused', async () => {
  const world = genesis();
  world.add('r', { parents: ['g'], S: 'R' });
  world.add('m1', { parents: ['g', 'r'], S: '0' });
  world.add('e', { parents: ['r'], S: 'R+1' });
  world.add('c', { parents: ['e'], S: 'R+1', by: 'x' });
  world.add('d', { parents: ['c'], S: 'R+1', by: 'y' });
  world.add('m2', { parents: ['m1', 'd'], S: 'R+1' });
  expect(await accepted(world, 'm2')).toEqual({ seq: 1, digest: await world.own('g'), held: 'I4' });
});

test('I3: approval commits speak about what their branch changed, whoever changed it, beside another scope', async () => {
  const world = createWorld();
  world.add('g', { S: '0', C: '0' });
  world.add('a', { parents: ['g'], S: '1' });
  world.add('u', { parents: ['a'], S: '1', C: '1' });
  world.add('b', { parents: ['u'], S: '1', C: '1', by: 'x' });
  world.add('c', { parents: ['b'], S: '1', C: '1', by: 'y' });
  world.add('m', { parents: ['g', 'c'], S: '1', C: '1' });
  expect(await accepted(world, 'm')).toEqual({ seq: 2, digest: await world.own('a'), held: null });
});

test('I4: an approval commit on top of an unclean main line is heard, and refused for its view', async () => {
  const world = genesis();
  world.add('r', { parents: ['g'], S: '1' });
  world.add('b', { parents: ['r'], S: '1', by: 'x' });
  world.add('c', { parents: ['b'], S: '1', by: 'y' });
  const { hold } = await world.scope('c');
  expect(hold?.signed).toEqual([]);
  expect(hold?.refused.map(({ anchor, rule }) => [anchor, rule])).toEqual([
    ['x', 'I4'],
    ['y', 'I4'],
  ]);
});

test('C3: bystanders who worked on another scope are no voters', async () => {
  const world = genesis();
  world.add('b', { parents: ['g'], S: 'R' });
  world.add('c', { parents: ['b'], C: '1', by: 'x' });
  world.add('d', { parents: ['c'], C: '2', by: 'y' });
  world.add('m', { parents: ['g', 'd'], S: 'R', C: '2' });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'Quorum', signed: [], votes: [] });
});

test('C3: a signed "update branch" merge is no vote', async () => {
  const world = genesis();
  world.add('b', { parents: ['g'], S: 'R' });
  world.add('t', { parents: ['g'], C: '1', by: 'x' });
  world.add('c', { parents: ['b', 't'], S: 'R', C: '1', by: 'x' });
  world.add('d', { parents: ['c'], C: '2', by: 'y' });
  world.add('m', { parents: ['g', 'd'], S: 'R', C: '2' });
  expect((await world.scope('m')).hold).toMatchObject({ signed: [], votes: [] });
});

test('C4: a late acceptance does not swap the pair', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1', by: 'x' });
  world.add('m1', { parents: ['g', 'p'], S: '1' });
  world.add('q', { parents: ['m1'], S: '5', by: 'x' });
  world.add('q2', { parents: ['q'], S: '5', by: 'z' });
  const late = await world.approve('late', { seq: 2, base: 'g', next: 'p' });
  world.add('m2', { parents: ['m1'], by: 'y', message: late });
  expect(await accepted(world, 'm2')).toEqual({ seq: 2, digest: await world.own('p'), held: null });
  world.add('m3', { parents: ['m2', 'q2'], S: '5' });
  expect(await accepted(world, 'm3')).toEqual({ seq: 2, digest: await world.own('p'), held: 'V2' });
});

test('C4: a commit that equals the old state is no vote for a rollback', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '2', by: 'x' });
  world.add('b', { parents: ['a'], S: '0', by: 'x' });
  world.add('b2', { parents: ['b'], S: '0', by: 'y' });
  world.add('p', { parents: ['g'], S: '1', by: 'x' });
  world.add('p2', { parents: ['p'], S: '1', by: 'y' });
  world.add('m1', { parents: ['g', 'p2'], S: '1' });
  world.add('m2', { parents: ['m1', 'b2'], S: '0' });
  const scope = await world.scope('m2');
  expect(scope.seq).toBe(2);
  expect(scope.hold?.votes).toEqual([]);
});

test('C5: the verdict does not depend on how often somebody looked', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y' });
  world.add('m1', { parents: ['g', 'b'], S: '1' });
  world.add('m2', { parents: ['m1'], S: 'R' });
  expect(await accepted(world, 'm2')).toEqual({ seq: 2, digest: await world.own('a'), held: 'Quorum' });
});

test('C14: honest pull requests of busy repositories are accepted, whatever else is open', async () => {
  const world = genesis();
  // Another scope's older pull request, half-signed, lands first; ours started before it and is updated after it.
  world.add('o', { parents: ['g'], C: '1', by: 'x' });
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('m1', { parents: ['g', 'o'], C: '1' });
  world.add('u', { parents: ['a', 'm1'], S: '1', C: '1' });
  world.add('b', { parents: ['u'], S: '2', C: '1', by: 'y' });
  world.add('b2', { parents: ['b'], S: '2', C: '1', by: 'x' });
  world.add('m2', { parents: ['m1', 'b2'], S: '2', C: '1' });
  expect(await accepted(world, 'm2')).toEqual({ seq: 2, digest: await world.own('b'), held: null });
  expect((await world.scope('m2', 'C')).hold).toMatchObject({ signed: ['x'], missing: ['y', 'z'] });
});

test("C14: a second scope's pull request that started from an older shared commit still counts", async () => {
  const world = genesis();
  world.add('w', { parents: ['g'], S: 'wip' });
  world.add('a', { parents: ['w'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y' });
  world.add('m1', { parents: ['g', 'b'], S: '1' });
  expect(await accepted(world, 'm1')).toEqual({ seq: 2, digest: await world.own('a'), held: null });
  world.add('c', { parents: ['g'], C: '1', by: 'x' });
  world.add('c2', { parents: ['c'], C: '1', by: 'y' });
  world.add('m2', { parents: ['m1', 'c2'], S: '1', C: '1' });
  expect((await world.scope('m2', 'C')).seq).toBe(2);
});

test('V3: a withdrawal is a fence, whatever the order', async () => {
  for (const order of [
    ['w', 'p'],
    ['p', 'w'],
  ] as const) {
    const world = genesis();
    world.add('p', { parents: ['g'], S: '1', by: 'x' });
    world.add('w', { parents: ['g'], by: 'x', message: world.withdraw(2) });
    world.add('m1', { parents: ['g', order[0]], S: order[0] === 'p' ? '1' : '0' });
    world.add('m2', { parents: ['m1', order[1]], S: '1' });
    world.add('n', {
      parents: ['m2'],
      by: 'y',
      message: await world.approve('n', { seq: 2, base: 'g', next: 'p' }),
    });
    const scope = await world.scope('n');
    expect(scope.hold).toMatchObject({ signed: ['y'], missing: ['x', 'z'] });
    expect(scope.lineage.flatMap(({ withdrawals }) => withdrawals).map(({ anchor }) => anchor)).toEqual([
      'x',
    ]);
    const again = await world.approve('again', { seq: 2, base: 'g', next: 'p', round: 1 });
    world.add('o', { parents: ['n'], by: 'x', message: again });
    expect((await world.scope('o')).seq).toBe(2);
  }
});

test('I1: words replace commits', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '2', by: 'y' });
  const other = await world.approve('only 1', { seq: 2, base: 'g', next: 'a' });
  world.add('c', { parents: ['b'], S: '2', by: 'x' });
  world.add('d', { parents: ['c'], by: 'x', message: other });
  world.add('m', { parents: ['g', 'd'], S: '2' });
  expect((await world.scope('m')).hold).toMatchObject({ signed: ['y'], rule: 'G3' });
});

test('renew moves seq and epoch and voids open votes', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1', by: 'x' });
  world.add('p2', { parents: ['p'], S: '1', by: 'y' });
  const words = await world.approve('renew', { seq: 2, base: 'g', next: 'g' });
  world.add('r1', { parents: ['g'], by: 'x', message: words });
  world.add('r2', { parents: ['r1'], by: 'y', message: words });
  const renewed = await world.scope('r2');
  expect(renewed).toMatchObject({ seq: 2, hold: null });
  expect(renewed.lineage.at(-1)).toMatchObject({ event: 'accepted', class: 'renew' });
  world.add('m', { parents: ['r2', 'p2'], S: '1' });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'V2', votes: [] });
});

test('a hold lifts when the accepted tree is back, and seq stays', async () => {
  const world = genesis();
  world.add('r', { parents: ['g'], S: 'R' });
  world.add('v', { parents: ['r'], S: '0' });
  const scope = await world.scope('v');
  expect(scope).toMatchObject({ seq: 1, hold: null });
  expect(scope.lineage.map(({ event }) => event)).toEqual(['genesis', 'held', 'lifted']);
});

test('Class: mixed is held with a reason, whoever signs; an edit of a record asks for its own quorum', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', files: { 'mesh/anchors/note': 'n' }, by: 'x' });
  expect((await world.scope('a')).hold).toMatchObject({ rule: 'Class', candidate: { class: 'mixed' } });
  world.add('d', {
    parents: ['g'],
    files: { 'mesh/delegations.yaml': delegationsYaml(world.uid.C, ', floor: {}') },
  });
  expect((await world.scope('d')).hold).toMatchObject({ rule: 'Quorum', candidate: { class: 'delegate' } });
});

test("G7: a child is masked: its edits are not its parent's, and the parent's quorum is not its own", async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], C: '1', by: 'x' });
  const [parent, child] = [await world.scope('a', 'S'), await world.scope('a', 'C')];
  expect(parent.hold).toBeNull();
  expect(child.hold).toMatchObject({ signed: ['x'] });
});

test('G9: a tip that does not reach the genesis by first parents is no line', async () => {
  const world = genesis();
  world.add('other', { S: '1' });
  await expect(world.state('other')).rejects.toThrow('genesis');
  world.add('foxtrot', { parents: ['other', 'g'], S: '1' });
  await expect(world.state('foxtrot')).rejects.toThrow('genesis');
});

test('G10: a tree with a forbidden name holds the scope, and nothing else', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], files: { 'mesh/.git': 'x' }, C: '1', by: 'x' });
  world.add('b', { parents: ['a'], C: '1', by: 'y' });
  world.add('m', { parents: ['g', 'b'], files: { 'mesh/.git': 'x' }, C: '1' });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'G10', candidate: null });
  expect((await world.scope('m', 'C')).seq).toBe(2);
});

test('G12: an unreadable delegations.yaml is ⊥, and the child goes on', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], files: { 'mesh/delegations.yaml': 'spec: &a [*a]' } });
  world.add('b', { parents: ['a'], C: '1', by: 'x' });
  world.add('c', { parents: ['b'], C: '1', by: 'y' });
  world.add('m', { parents: ['a', 'c'], C: '1' });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'G12' });
  expect((await world.scope('m', 'C')).seq).toBe(2);
});

test('#116: a side commit of a million parents is history, and the merge that brings it is judged', async () => {
  const world = genesis();
  world.add('p', { parents: Array.from({ length: 1_000_000 }, () => 'g') });
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a', 'p'], by: 'y' });
  world.add('c', { parents: ['b'], by: 'y' });
  world.add('m', { parents: ['g', 'c'], S: '1' });
  expect((await world.scope('m')).seq).toBe(2);
});

test('an octopus accepts nothing, and the next commit is judged as usual', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y' });
  world.add('c', { parents: ['g'], C: '1', by: 'x' });
  world.add('m', { parents: ['g', 'b', 'c'], S: '1', C: '1' });
  expect(await world.scope('m')).toMatchObject({ seq: 1, hold: { rule: 'G17' } });
  world.add('n', { parents: ['m'], S: '1' });
  expect((await world.scope('n')).seq).toBe(2);
});

test('G3: a scope may require statements', async () => {
  const world = genesis({ quorum: '{ threshold: 2, statements: Required }' });
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y' });
  expect((await world.scope('b')).hold).toMatchObject({ rule: 'G3', signed: [] });
  const words = await world.approve('words', { seq: 2, base: 'g', next: 'a' });
  world.add('c', { parents: ['b'], by: 'x', message: words });
  world.add('d', { parents: ['c'], by: 'y', message: words });
  expect((await world.scope('d')).seq).toBe(2);
});

test('G1: a signed commit with a forged header is history, never a vote, and the refusal says why', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y', header: 'gpgsig-sha256 junk' });
  world.add('m', { parents: ['g', 'b'], S: '1' });
  const { seq, hold } = await world.scope('m');
  expect(seq).toBe(1);
  expect(hold).toMatchObject({ rule: 'G1', signed: ['x'] });
  expect(hold?.refused).toMatchObject([{ commit: world.ids.get('b'), anchor: null, rule: 'G1' }]);
});

test('G13: a signature that was made for other bytes is refused with its rule', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y', header: 'x-late added' });
  world.add('m', { parents: ['g', 'b'], S: '1' });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'G13', signed: ['x'], missing: ['y', 'z'] });
});

test('G12: a directory named delegations.yaml is no list of delegations', async () => {
  const world = genesis();
  world.add('m', { parents: ['g'], files: { 'mesh/c/delegations.yaml/x': 'x' } });
  expect((await world.scope('m', 'C')).hold).toMatchObject({ rule: 'G12', candidate: null });
});

test('G17: a flood of forged signatures stops the merge that brings it, and no later one', async () => {
  const world = genesis();
  const nothing = '0'.repeat(64);
  const message = `x\n\nFairlead-Approve: ${world.uid.S} seq=2 base=${nothing} next=${nothing}\n`;
  let last = 'g';
  for (let index = 0; index < 1001; index += 1) {
    world.add(`f${index}`, { parents: [last], by: 'x', header: `junk ${index}`, message });
    last = `f${index}`;
  }
  world.add('n1', { parents: [last], S: '1', by: 'y' });
  world.add('n2', { parents: ['n1'], S: '1', by: 'z' });
  world.add('m1', { parents: ['g', 'n2'], S: '1' });
  expect((await world.scope('m1')).hold).toMatchObject({ rule: 'G17' });
  world.add('r', { parents: ['m1'], S: '0' });
  const words = await world.approve('words', { seq: 2, base: 'g', next: 'n1' });
  world.add('a', { parents: ['r'], S: '1', by: 'y', message: words });
  world.add('b', { parents: ['a'], S: '1', by: 'z', message: words });
  expect((await world.scope('b')).seq).toBe(2);
});

test('the accepted bytes name the votes of the tip that was asked for', async () => {
  const world = genesis();
  for (const [name, one, two] of [
    ['p', 'x', 'y'],
    ['q', 'y', 'z'],
  ] as const) {
    world.add(`${name}1`, { parents: ['g'], S: '1', by: one, message: name });
    world.add(`${name}2`, { parents: [`${name}1`], by: two, message: `${name}2` });
    world.add(`m${name}`, { parents: ['g', `${name}2`], S: '1' });
  }
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  for (const [tip, signers] of [
    ['mp', ['x', 'y']],
    ['mq', ['y', 'z']],
  ] as const) {
    const verdict = await line.state(world.ids.get(tip) ?? tip);
    if (!verdict.ok) throw new Error(verdict.reason);
    expect((await line.scopes(verdict.state))[0]).toMatchObject({ signers, commit: world.ids.get(tip) });
  }
});

/** A merge with more signed approvals of seq 2 by `x` than five, honest ones by y and z and a withdrawal among them. */
async function flooded(): Promise<World> {
  const world = genesis({ ruleset: { ...ruleset1, signatureChecks: 5 } });
  world.add('p', { parents: ['g'], S: '1' });
  const words = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  let last = 'p';
  for (const [index, by] of ['x', 'x', 'x', 'x', 'y', 'z'].entries()) {
    world.add(`f${index}`, { parents: [last], by, message: `${index} ${words}` });
    last = `f${index}`;
  }
  world.add('w', { parents: [last], by: 'y', message: world.withdraw(2) });
  world.add('m', { parents: ['g', 'w'], S: '1' });
  return world;
}

test('#119, G17: commits that came in over the cap never vote, not even at a later commit', async () => {
  const world = await flooded();
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'G17', votes: [] });
  world.add('n', { parents: ['m'], C: '1' });
  expect((await world.scope('n')).hold).toMatchObject({ rule: 'Quorum', votes: [] });
  const words = await world.approve('again', { seq: 2, base: 'g', next: 'p' });
  world.add('o', { parents: ['n'], by: 'x', message: words });
  world.add('q', { parents: ['o'], by: 'z', message: words });
  expect((await world.scope('q')).seq).toBe(2);
});

test('#119, V3: a withdrawal counts from the midst of a flood', async () => {
  const world = await flooded();
  const words = await world.approve('again', { seq: 2, base: 'g', next: 'p' });
  world.add('n', { parents: ['m'], by: 'x', message: words });
  world.add('o', { parents: ['n'], by: 'y', message: words });
  expect((await world.scope('o')).hold).toMatchObject({ rule: 'V3', signed: ['x'], missing: ['y', 'z'] });
});

test('#77, G17: over the cap of side commits nothing votes, and a withdrawal is still one', async () => {
  const world = genesis({ ruleset: { ...ruleset1, sideCommits: 3 } });
  world.add('p', { parents: ['g'], S: '1', by: 'y' });
  const words = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  world.add('a', { parents: ['p'], by: 'z', message: words });
  world.add('b', { parents: ['a'], by: 'x', message: world.withdraw(2) });
  world.add('c', { parents: ['b'], by: 'z' });
  world.add('m', { parents: ['g', 'c'], S: '1' });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'G17', votes: [] });
  world.add('n', { parents: ['m'], by: 'x', message: words });
  expect((await world.scope('n')).hold).toMatchObject({ rule: 'V3', votes: [] });
  world.add('o', { parents: ['n'], by: 'y', message: words });
  world.add('q', { parents: ['o'], by: 'z', message: words });
  expect((await world.scope('q')).seq).toBe(2);
});

test('G16: words that name a group do not count alone, and another statement without it does', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1', C: '1' });
  const members = (['S', 'C'] as const).map((which) => ({ which, seq: 2, base: 'g', next: 'p' }));
  const both = await world.approveGroup('both', members);
  world.add('a', { parents: ['p'], by: 'x', message: both });
  world.add('b', { parents: ['a'], by: 'y', message: both });
  // Only S lands.
  world.add('m', { parents: ['g', 'b'], S: '1', C: '0' });
  const { seq, hold } = await world.scope('m');
  expect(seq).toBe(1);
  expect(hold?.votes.map(({ anchor, group }) => [anchor, group?.length])).toEqual([
    ['x', 64],
    ['y', 64],
  ]);
  const alone = await world.approve('alone', { seq: 2, base: 'g', next: 'p', round: 1 });
  world.add('c', { parents: ['m'], by: 'x', message: alone });
  world.add('d', { parents: ['c'], by: 'y', message: alone });
  expect((await world.scope('d')).seq).toBe(2);
});

test('#49: a line without a readable uid takes its commit out for every scope, and says nothing', async () => {
  const world = createWorld({ threshold: 1 });
  world.add('g', {});
  world.add('m', { parents: ['g'], S: '1', by: 'x', message: 'm\n\nFairlead-Approve: everything\n' });
  const { hold } = await world.scope('m');
  expect(hold).toMatchObject({ rule: 'I1', signed: [] });
});
