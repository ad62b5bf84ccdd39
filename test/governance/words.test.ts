import { expect, test } from 'vitest';
import { createWorld, type World } from './world.ts';

/** Words: groups, fences and what replaces what, each refusal beside its honest twin. `#n` and `Cn` are rows of the attack list. */
function genesis(options?: Parameters<typeof createWorld>[0]): World {
  const world = createWorld(options);
  world.add('g', {});
  return world;
}

type Which = 'S' | 'C';
const members = (...scopes: readonly Which[]) =>
  scopes.map((which) => ({ which, seq: 2, base: 'g', next: 'p' }));

async function seqs(world: World, tip: string): Promise<readonly number[]> {
  return [(await world.scope(tip, 'S')).seq, (await world.scope(tip, 'C')).seq];
}

/** Proposes S and C at once at `p`, and has `keys` say `message` on top of it; the last commit is `tip`. */
async function said(
  world: World,
  messages: readonly (readonly [string, string])[],
  parent = 'p',
): Promise<void> {
  let last = parent;
  for (const [at, [by, message]] of messages.entries()) {
    world.add(`${parent}-${at}`, { parents: [last], by, message });
    last = `${parent}-${at}`;
  }
  world.add('tip', { parents: [last] });
}

async function grouped(world: World): Promise<string> {
  world.add('p', { parents: ['g'], S: '1', C: '1' });
  return world.approveGroup('both', members('S', 'C'));
}

test('G16, #87: a group is accepted as a whole, or not at all', async () => {
  const world = genesis();
  const both = await grouped(world);
  await said(world, [
    ['x', both],
    ['y', both],
  ]);
  world.add('torn', { parents: ['g', 'tip'], S: '1', C: '0' });
  expect(await seqs(world, 'torn')).toEqual([1, 1]);
  world.add('whole', { parents: ['g', 'tip'], S: '1', C: '1' });
  expect(await seqs(world, 'whole')).toEqual([2, 2]);
  // The other half lands later: both are candidates then.
  world.add('later', { parents: ['torn'], S: '1', C: '1' });
  expect(await seqs(world, 'later')).toEqual([2, 2]);
});

test('#88: a scope that never signs does not block another, whose anchors sign it alone', async () => {
  const world = genesis();
  const both = await grouped(world);
  await said(world, [
    ['x', both],
    ['y', both],
  ]);
  world.add('m', { parents: ['g', 'tip'], S: '1', C: '0' });
  expect((await world.scope('m')).hold?.reason).toContain('0 of 2');
  const alone = await world.approve('alone', { seq: 2, base: 'g', next: 'p' });
  world.add('n', { parents: ['m'], by: 'x', message: alone });
  world.add('o', { parents: ['n'], by: 'y', message: alone });
  expect(await seqs(world, 'o')).toEqual([2, 1]);
});

test('#106: who names another group has not signed this one', async () => {
  const world = genesis();
  const both = await grouped(world);
  const [one, other] = [await world.approveGroup('S', members('S')), both];
  await said(world, [
    ['x', one],
    ['y', other],
    ['x', other],
  ]);
  world.add('m', { parents: ['g', 'p-1'], S: '1', C: '1' });
  expect(await seqs(world, 'm')).toEqual([1, 1]);
  world.add('n', { parents: ['g', 'tip'], S: '1', C: '1' });
  expect(await seqs(world, 'n')).toEqual([2, 2]);
});

test('#104, C12: who signs a group is not torn by the commits that they made before, in whatever order', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', C: '1', by: 'x' });
  world.add('p', { parents: ['a'], S: '1', C: '1', by: 'y', message: 'looks good' });
  const both = await world.approveGroup('both', members('S', 'C'));
  await said(world, [
    ['x', both],
    ['y', both],
  ]);
  world.add('m', { parents: ['g', 'tip'], S: '1', C: '0' });
  expect(await seqs(world, 'm')).toEqual([1, 1]);
  expect((await world.scope('m')).hold?.refused.map(({ rule }) => rule)).toContain('I1');
  world.add('n', { parents: ['g', 'tip'], S: '1', C: '1' });
  expect(await seqs(world, 'n')).toEqual([2, 2]);
});

test('#105: stripped of its words a group can be torn in the implicit form; a scope that requires statements is held', async () => {
  for (const [statements, seq] of [
    ['Optional', 2],
    ['Required', 1],
  ] as const) {
    const world = genesis({ quorum: `{ threshold: 2, statements: ${statements} }` });
    world.add('a', { parents: ['g'], S: '1', C: '1', by: 'x' });
    world.add('p', { parents: ['a'], S: '1', C: '1', by: 'y', message: 'looks good' });
    // The admin merges what is below the words.
    world.add('m', { parents: ['g', 'p'], S: '1', C: '0' });
    expect((await world.scope('m')).seq).toBe(seq);
    const both = await world.approveGroup('both', members('S', 'C'));
    await said(world, [
      ['x', both],
      ['y', both],
    ]);
    world.add('n', { parents: ['g', 'tip'], S: '1', C: '1' });
    expect(await seqs(world, 'n')).toEqual([2, 2]);
  }
});

test('#99, C11: with t = 1 a main line that stops at a signed step accepts it; statements bind pair and seq', async () => {
  for (const [statements, wip] of [
    ['Optional', 2],
    ['Required', 1],
  ] as const) {
    const world = genesis({ quorum: `{ threshold: 1, statements: ${statements} }` });
    world.add('c1', { parents: ['g'], S: 'wip', by: 'x' });
    world.add('c2', { parents: ['c1'], S: '1', by: 'x', message: 'done' });
    expect((await world.scope('c1')).seq).toBe(wip);
    const words = await world.approve('words', { seq: 2, base: 'g', next: 'c2' });
    world.add('n', { parents: ['g', 'c2'], S: '1' });
    world.add('o', { parents: ['n'], by: 'x', message: words });
    expect((await world.scope('o')).lineage.at(-1)).toMatchObject({ seq: 2, event: 'accepted' });
  }
});

test('#100: votes of a closed pull request live until the epoch moves: renew voids them, and so does a withdrawal', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('z', { parents: ['a'], S: '1', by: 'y', message: 'closed' });
  world.add('zombie', { parents: ['g', 'z'], S: '1' });
  expect((await world.scope('zombie')).seq).toBe(2);
  for (const message of [await world.approve('renew', { seq: 2, base: 'g', next: 'g' }), world.withdraw(2)]) {
    await said(
      world,
      [
        ['x', message],
        ['y', message],
      ],
      'g',
    );
    world.add('m', { parents: ['g', 'tip'] });
    world.add('n', { parents: ['m', 'z'], S: '1' });
    expect((await world.scope('n')).hold).toMatchObject({ votes: [] });
  }
});

test('#101, C6 (c): a withdrawal that nobody merges is not visible, and one that is merged counts', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y', message: 'too' });
  world.add('w', { parents: ['b'], by: 'y', message: world.withdraw(2) });
  world.add('without', { parents: ['g', 'b'], S: '1' });
  world.add('with', { parents: ['g', 'w'], S: '1' });
  expect((await world.scope('without')).seq).toBe(2);
  expect((await world.scope('with')).hold).toMatchObject({ signed: ['x'], missing: ['y', 'z'] });
});

test('#102, C6 (a, b): a withdrawal on whatever branch, before or after what it takes back; only a higher round is new', async () => {
  for (const [round, withdrawn, seq] of [
    [0, 0, 1],
    [1, 0, 2],
    [1, 1, 1],
    [1, 5, 1],
    [6, 5, 2],
  ] as const) {
    for (const first of ['w', 'a'] as const) {
      const world = genesis();
      world.add('p', { parents: ['g'], S: '1' });
      const message = await world.approve('words', { seq: 2, base: 'g', next: 'p', round });
      world.add('a', { parents: ['p'], by: 'x', message });
      world.add('w', { parents: ['g'], by: 'x', message: world.withdraw(2, withdrawn) });
      world.add('m1', { parents: ['g', first], S: '0' });
      world.add('m2', { parents: ['m1', first === 'w' ? 'a' : 'w'], S: '1' });
      world.add('n', { parents: ['m2'], by: 'y', message });
      expect([round, withdrawn, first, (await world.scope('n')).seq]).toEqual([round, withdrawn, first, seq]);
    }
  }
});

test('V3: after acceptance a withdrawal of that seq is void', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y', message: 'too' });
  world.add('m', { parents: ['g', 'b'], S: '1' });
  world.add('w', { parents: ['m'], by: 'x', message: world.withdraw(2) });
  const scope = await world.scope('w');
  expect(scope).toMatchObject({ seq: 2, hold: null });
  world.add('c', { parents: ['w'], S: '2', by: 'x' });
  world.add('d', { parents: ['c'], S: '2', by: 'y', message: 'too' });
  world.add('m2', { parents: ['w', 'd'], S: '2' });
  expect((await world.scope('m2')).seq).toBe(3);
});

test('#128, V2: a commit that approves the mutation after next is void, and one from after the epoch is not', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1' });
  world.add('q', { parents: ['p'], S: '2' });
  const [one, two] = [
    await world.approve('one', { seq: 2, base: 'g', next: 'p' }),
    await world.approve('two', { seq: 3, base: 'p', next: 'q' }),
  ];
  await said(world, [
    ['x', one],
    ['y', one],
    ['x', two],
    ['y', two],
  ]);
  world.add('m1', { parents: ['g', 'tip'], S: '1' });
  world.add('m2', { parents: ['m1'], S: '2' });
  expect(await world.scope('m2')).toMatchObject({ seq: 2, hold: { rule: 'V2', votes: [] } });
  world.add('n', { parents: ['m2'], by: 'x', message: two });
  world.add('o', { parents: ['n'], by: 'y', message: two });
  expect((await world.scope('o')).seq).toBe(3);
});

test('renew has rounds: who withdrew renews with a higher one', async () => {
  const world = genesis();
  const renew = (round: number) => world.approve('renew', { seq: 2, base: 'g', next: 'g', round });
  await said(
    world,
    [
      ['x', await renew(0)],
      ['x', world.withdraw(2)],
      ['y', await renew(0)],
    ],
    'g',
  );
  world.add('m', { parents: ['g', 'tip'] });
  expect((await world.scope('m')).seq).toBe(1);
  world.add('n', { parents: ['m'], by: 'x', message: await renew(1) });
  expect((await world.scope('n')).lineage.at(-1)).toMatchObject({ event: 'accepted', class: 'renew' });
});

test('renew is never said by words that name a group', async () => {
  const world = genesis();
  const group = await world.approveGroup('renew', [{ which: 'S', seq: 2, base: 'g', next: 'g' }]);
  await said(
    world,
    [
      ['x', group],
      ['y', group],
    ],
    'g',
  );
  world.add('m', { parents: ['g', 'tip'] });
  expect((await world.scope('m')).seq).toBe(1);
});

test('I4: a forged commit is refused for its signature, whatever its view was; a good one for its view', async () => {
  const world = genesis();
  world.add('r', { parents: ['g'], S: 'R' });
  world.add('v', { parents: ['r'], S: '0' });
  world.add('m1', { parents: ['g', 'v'], S: '0' });
  world.add('a', { parents: ['r'], S: '1', by: 'x', header: 'x-late added' });
  world.add('b', { parents: ['a'], S: '1', by: 'y', message: 'too' });
  world.add('m', { parents: ['m1', 'b'], S: '1' });
  const refused = (await world.scope('m')).hold?.refused ?? [];
  expect(refused.map(({ anchor, rule }) => [anchor, rule])).toEqual([
    ['x', 'G13'],
    ['y', 'I4'],
  ]);
});

test.each([
  ['#47: a NUL', 'words\0', 'a NUL byte'],
  ['#47: a carriage return', 'words\r', 'a carriage return'],
])('G1, %s in a message: its commit is no vote, and the refusal says why', async (_name, subject, reason) => {
  const world = genesis();
  world.add('p', { parents: ['g'], S: '1' });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  world.add('a', { parents: ['p'], by: 'x', message });
  world.add('b', { parents: ['a'], by: 'y', message: message.replace('words', subject) });
  world.add('m', { parents: ['g', 'b'], S: '1' });
  const { hold } = await world.scope('m');
  expect(hold).toMatchObject({ signed: ['x'], missing: ['y', 'z'] });
  expect(hold?.refused.map((each) => each.reason).join()).toContain(reason);
  world.add('n', { parents: ['m'], by: 'y', message });
  expect((await world.scope('n')).seq).toBe(2);
});

test.each([
  ['in a quoted body', (line: string) => `words\n\n> ${line}\n`],
  ['above the last paragraph', (line: string) => `words\n\n${line}\n\nthe end\n`],
  ['folded', (line: string) => `words\n\n${line.replace(' base', '\n base')}\n`],
  ['twice', (line: string) => `words\n\n${line}\n${line}\n`],
  ['in other letters', (line: string) => `words\n\n${line.replace('Approve', 'approve')}\n`],
])('#49, G3: a line %s approves nothing', async (_name, write) => {
  const world = genesis({ quorum: '{ threshold: 2, statements: Required }' });
  world.add('p', { parents: ['g'], S: '1' });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  const line = message.split('\n')[2] ?? '';
  world.add('a', { parents: ['p'], by: 'x', message });
  world.add('m', { parents: ['g', 'a'], S: '1', by: 'y', message: write(line) });
  expect((await world.scope('m')).seq).toBe(1);
  world.add('n', { parents: ['m'], by: 'y', message });
  expect((await world.scope('n')).seq).toBe(2);
});
