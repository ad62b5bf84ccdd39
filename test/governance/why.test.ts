import { expect, test } from 'vitest';
import { createWorld, type World } from './world.ts';

/** g ← p[1] x,y merged at m: seq 2. Meanwhile, from g: what each test adds to o. */
function race() {
  const world = createWorld();
  world.add('g', {});
  world.add('p', { parents: ['g'], S: '1', by: 'x' });
  world.add('p2', { parents: ['p'], by: 'y' });
  return world;
}

const DROPPED = 'where a squash, a rebase or an edit on the forge dropped signatures, run `fairlead approve`';

test('where nobody signed what landed, a hold says what leaves no signature', async () => {
  const world = race();
  world.add('m', { parents: ['g'], S: '9' });
  const { hold } = await world.scope('m');
  expect(hold).toMatchObject({ rule: 'Quorum', signed: [] });
  expect(hold?.reason).toBe(`0 of 2: nobody signed; 2 of x, y, z missing; ${DROPPED}`);
});

test('a key of no anchor, such as the forge has, is as good as none', async () => {
  const world = race();
  world.add('m', { parents: ['g'], S: '9', by: 'forge' });
  expect((await world.scope('m')).hold?.reason).toContain(DROPPED);
});

test('where somebody signed, only those are named who did not', async () => {
  const world = race();
  world.add('m', { parents: ['g', 'p'], S: '1' });
  expect((await world.scope('m')).hold?.reason).toBe('1 of 2: x signed; y or z missing');
});

test('another mutation was accepted first: whoever signed before it is named, with where', async () => {
  const world = race();
  const at = world.add('m', { parents: ['g', 'p2'], S: '1' });
  world.add('o', { parents: ['g'], S: '2', by: 'z' });
  world.add('o2', { parents: ['o'], by: 'x' });
  world.add('n', { parents: ['m', 'o2'], S: '3' });
  const reason = `0 of 2: nobody signed; 2 of x, y, z missing; another mutation was accepted first, at ${at}: x and z must sign again`;
  expect((await world.scope('n')).hold).toMatchObject({ rule: 'Quorum', reason });
  // It stays so while other commits come in.
  world.add('n2', { parents: ['n'], files: { 'README.md': 'more' } });
  expect((await world.scope('n2')).hold?.reason).toBe(reason);
});

test('the same of statements, whoever wrote what they are about', async () => {
  const world = race();
  const at = world.add('m', { parents: ['g', 'p2'], S: '1' });
  world.add('o', { parents: ['g'], S: '2' });
  const late = await world.approve('late', { seq: 2, base: 'g', next: 'o' });
  world.add('o2', { parents: ['o'], by: 'z', message: late });
  world.add('n', { parents: ['m', 'o2'], S: '3' });
  expect((await world.scope('n')).hold?.reason).toContain(`accepted first, at ${at}: z must sign again`);
});

test('an approval of what was accepted, that comes in late, is no reason for anything', async () => {
  const world = race();
  world.add('m', { parents: ['g', 'p2'], S: '1' });
  const third = await world.approve('third', { seq: 2, base: 'g', next: 'm' });
  world.add('p3', { parents: ['p2'], by: 'z', message: third });
  world.add('n', { parents: ['m', 'p3'], S: '1' });
  world.add('o', { parents: ['n'], S: '7' });
  expect((await world.scope('o')).hold?.reason).toContain(DROPPED);
});

test('a commit that shows what landed, and began before the other mutation, is named itself', async () => {
  const world = race();
  world.add('m', { parents: ['g', 'p2'], S: '1' });
  const early = world.add('o', { parents: ['g'], S: '2', by: 'z' });
  world.add('n', { parents: ['m', 'o'], S: '2' });
  const { hold } = await world.scope('n');
  expect(hold).toMatchObject({ rule: 'V2', refused: [{ commit: early, anchor: 'z', rule: 'V2' }] });
  expect(hold?.reason).toContain('another mutation was accepted first: sign again');
});

test('G20: votes for two mutations of one number from one epoch are kept, in the hold and in the lineage', async () => {
  const world = race();
  world.add('m', { parents: ['g', 'p2'], S: '1' });
  const plain = world.add('o', { parents: ['g'], S: '2', by: 'z' });
  const words = world.add('w', {
    parents: ['g'],
    S: '2',
    by: 'y',
    message: await world.approve('w', { seq: 2, base: 'g', next: 'o' }),
  });
  world.add('n', { parents: ['m', 'o'], S: '2' });
  const vote = { policy: 'old', group: null };
  const first = { ...vote, anchor: 'z', commit: plain, form: 'implicit' };
  const { hold, lineage } = await world.scope('n');
  expect(hold?.competing).toMatchObject([first]);
  expect(lineage.at(-1)).toMatchObject({ event: 'held', competing: [first] });
  world.add('n2', { parents: ['n', 'w'], S: '2' });
  const later = await world.scope('n2');
  const second = { ...vote, anchor: 'y', commit: words, form: 'explicit' };
  expect(later.lineage.at(-1)?.competing).toMatchObject([second, first]);
  // What lifts the hold takes no entry away.
  world.add('back', { parents: ['n2'], S: '1' });
  expect((await world.scope('back')).lineage.at(-2)?.competing).toHaveLength(2);
});

test('G20: nobody is named for a signature that is not theirs, nor for one over what was accepted', async () => {
  const world = race();
  world.add('m', { parents: ['g', 'p2'], S: '1' });
  world.add('same', { parents: ['g'], S: '1', by: 'z' });
  world.add('forged', { parents: ['g'], S: '2', by: 'z', header: 'later than-the-signature' });
  world.add('n', { parents: ['m', 'same'], S: '2' });
  world.add('n2', { parents: ['n', 'forged'], S: '2' });
  expect((await world.scope('n2')).hold?.competing).toEqual([]);
});

test('G1: whose a commit is that can never count is not guessed at', async () => {
  const world = race();
  const odd = world.add('odd', { parents: ['g'], S: '1', by: 'x', header: 'gpgsig-later x' });
  world.add('m', { parents: ['g', 'odd'], S: '1' });
  expect((await world.scope('m')).hold?.reason).toContain(`the commit ${odd} does not count (G1): has `);
});

test.each<[string, (world: World) => void]>([
  ['changes only another scope', (world) => void world.add('z', { parents: ['g'], C: '1', by: 'z' })],
  [
    'approves only another scope',
    (world) => {
      world.add('c', { parents: ['g'], C: '1' });
      world.add('z', { parents: ['c'], by: 'z' });
    },
  ],
  [
    'takes back what stood on its branch',
    (world) => {
      world.add('c', { parents: ['g'], S: '3' });
      world.add('z', { parents: ['c'], S: '0', by: 'z' });
    },
  ],
  [
    'carries along what stood on its branch',
    (world) => {
      world.add('c', { parents: ['g'], S: '3' });
      world.add('z', { parents: ['c'], C: '1', by: 'z' });
    },
  ],
  [
    'changes what words alone can',
    (world) => void world.add('z', { parents: ['g'], files: { 'mesh/identity/a.pem': 'a' }, by: 'z' }),
  ],
])('G20: nobody is named for a commit that %s', async (_name, sign) => {
  const world = race();
  world.add('m', { parents: ['g', 'p2'], S: '1' });
  sign(world);
  world.add('n', { parents: ['m', 'z'], S: '7' });
  const { hold } = await world.scope('n');
  expect(hold).toMatchObject({ rule: 'Quorum', competing: [] });
});

test('G20: nobody is named for a commit of an older epoch than the accepted mutation began from', async () => {
  const world = race();
  world.add('m', { parents: ['g', 'p2'], S: '1' });
  world.add('q1', { parents: ['m'], S: '2', by: 'x' });
  world.add('q2', { parents: ['q1'], by: 'y' });
  world.add('k', { parents: ['m', 'q2'], S: '2' });
  expect((await world.scope('k')).seq).toBe(3);
  world.add('old', { parents: ['g'], S: '3', by: 'z' });
  world.add('n', { parents: ['k', 'old'], S: '7' });
  expect((await world.scope('n')).hold).toMatchObject({ rule: 'Quorum', competing: [] });
});

test('G20: nobody is named for what they had withdrawn before the other mutation was accepted', async () => {
  const world = race();
  world.add('o', { parents: ['g'], S: '2' });
  const words = await world.approve('w', { seq: 2, base: 'g', next: 'o' });
  world.add('w', { parents: ['o'], by: 'z', message: words });
  world.add('no', { parents: ['p2'], by: 'z', message: world.withdraw(2) });
  world.add('m', { parents: ['g', 'no'], S: '1' });
  expect((await world.scope('m')).seq).toBe(2);
  world.add('n', { parents: ['m', 'w'], S: '7' });
  expect((await world.scope('n')).hold?.competing).toEqual([]);
});

test('G20: of a flood the first hundred are named, and what others sign later makes no new entry of it', async () => {
  const world = race();
  world.add('m', { parents: ['g', 'p2'], S: '1' });
  let last = 'g';
  for (let at = 0; at < 120; at += 1) {
    world.add(`z${at}`, { parents: [last], S: `z${at}`, by: 'z' });
    last = `z${at}`;
  }
  world.add('n', { parents: ['m', last], S: '7' });
  const { hold, lineage } = await world.scope('n');
  expect(hold?.competing).toHaveLength(100);
  for (let at = 0; at < 3; at += 1) {
    world.add(`away${at}`, { parents: [at === 0 ? 'n' : `n${at - 1}`], C: `${at}`, by: 'stranger' });
    world.add(`n${at}`, { parents: [at === 0 ? 'n' : `n${at - 1}`, `away${at}`], C: `${at}` });
  }
  expect((await world.scope('n2')).lineage).toEqual(lineage);
});
