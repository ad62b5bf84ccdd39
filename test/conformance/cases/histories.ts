/** The histories C1 to C14 of the attack list, which were found by attacking the first edition of the rules. */
import type { CaseSource } from '../case.ts';
import type { KeyName } from '../scope-files.ts';
import { held, says, serves, type World } from '../world.ts';
import { plain, speak, worded } from './steps.ts';

type Pair = readonly [KeyName, KeyName];

async function honestPull(w: World, people: Pair): Promise<void> {
  const p = await plain(w, people, { prefix: 'honest' });
  await w.add('honest', { parents: ['g', p], S: '1' });
  w.honest('honest', { s: serves(2, 'honest', people) });
}

/** C1, 95. */
export async function plantedRevert(w: World, [x, y]: Pair): Promise<void> {
  await w.add('r', { parents: ['g'], S: 'R' });
  await w.add('v', { parents: ['r'], S: '0' });
  await w.add('c', { parents: ['v'], S: 'R', by: x });
  await w.add('d', { parents: ['c'], by: y });
  const laundered = { s: held('I4') };
  w.attack('d', laundered, { name: 'in one push' });
  await w.add('m', { parents: ['v', 'd'], S: 'R' });
  w.run(
    'attack',
    [
      { tip: 'r', expect: { s: held('Quorum') } },
      { tip: 'v', expect: {} },
      { tip: 'm', expect: laundered },
    ],
    { name: 'commit by commit' },
  );
  await honestPull(w, [x, y]);
}

/** C2, 96. */
export async function droppedParent(w: World, [x, y]: Pair): Promise<void> {
  await w.add('r', { parents: ['g'], S: 'R' });
  await w.add('m1', { parents: ['g', 'r'], S: '0' });
  await w.add('e', { parents: ['r'], S: 'R+1' });
  await w.add('c', { parents: ['e'], by: x });
  await w.add('d', { parents: ['c'], by: y });
  await w.add('m2', { parents: ['m1', 'd'], S: 'R+1' });
  w.attack('m2', { s: held('I4') });
  // The merge base moves: an inner commit that is clean is merged first.
  await w.add('v', { parents: ['r'], S: '0' });
  await w.add('f', { parents: ['v'], S: 'R+1', by: x });
  await w.add('h', { parents: ['f'], by: y });
  await w.add('m3', { parents: ['m1', 'v'], S: '0' });
  await w.add('m4', { parents: ['m3', 'h'], S: 'R+1' });
  w.attack('m4', { s: held('I4') }, { name: 'merge base moved' });
  await honestPull(w, [x, y]);
}

/** C3, 97. The child's anchors are alice, bo and dana, the root's alice, bo and cy. */
export async function bystanders(w: World): Promise<void> {
  await w.add('b', { parents: ['g'], S: 'R' });
  await w.add('c', { parents: ['b'], C: '1', by: 'alice' });
  await w.add('d', { parents: ['c'], C: '2', by: 'bo' });
  await w.add('m', { parents: ['g', 'd'], S: 'R', C: '2' });
  w.attack('m', { s: held('Quorum'), 's.c': held('Quorum', ['bo']) });
  await honestPull(w, ['alice', 'bo']);
}

/** C3, 98. */
export async function signedUpdateMerge(w: World): Promise<void> {
  await w.add('b', { parents: ['g'], S: 'R' });
  await w.add('t', { parents: ['g'], files: { readme: 'topic\n' }, by: 'alice' });
  await w.add('c', { parents: ['b', 't'], files: { readme: 'topic\n' }, by: 'alice' });
  await w.add('t2', { parents: ['t'], files: { readme: 'topic 2\n' }, by: 'bo' });
  await w.add('d', { parents: ['c', 't2'], files: { readme: 'topic 2\n' }, by: 'bo' });
  await w.add('m', { parents: ['g', 'd'], files: w.files('d') });
  w.attack('m', { s: held('Quorum') });
  await honestPull(w, ['alice', 'bo']);
}

/** C4, 103. */
export async function lateAcceptance(
  w: World,
  [x, y, z]: readonly [KeyName, KeyName, KeyName],
): Promise<void> {
  await w.add('p', { parents: ['g'], S: '1', by: x });
  await w.add('m1', { parents: ['g', 'p'], S: '1' });
  await w.add('q', { parents: ['m1'], S: '5', by: x });
  await w.add('q2', { parents: ['q'], by: z });
  await w.add('m2', { parents: ['m1'], by: y, message: says(w.approve({ seq: 2, base: 'g', next: 'p' })) });
  await w.add('m3', { parents: ['m2', 'q2'], S: '5' });
  w.attack('m3', { s: held('V2', [], 2, 'p') }, { name: 'pair swapped' });
  w.honest('m2', { s: serves(2, 'p', [x, y]) });
}

/** C4, 103: a commit that equals the accepted state when it is made. */
export async function rollbackVote(w: World, [x, y]: Pair): Promise<void> {
  await w.add('a', { parents: ['g'], S: '2', by: x });
  await w.add('b', { parents: ['a'], S: '0', by: x });
  await w.add('b2', { parents: ['b'], by: y });
  const p = await plain(w, [x, y], { prefix: 'roll' });
  await w.add('r1', { parents: ['g', p], S: '1' });
  await w.add('r2', { parents: ['r1', 'b2'], S: '0' });
  w.attack('r2', { s: held('V2', [], 2, 'r1') }, { name: 'rollback' });
}

/** C6, 102: the withdrawal stands on another branch, or comes in before the approval. */
export async function outrunWithdrawal(w: World, [x, y]: Pair): Promise<void> {
  const p = await worded(w, [x, y]);
  await w.add('no', { parents: ['g'], by: x, message: says(w.withdraw(2)) });
  for (const [name, first, second] of [
    ['withdrawal first', 'no', p],
    ['approval first', 'p1', 'no'],
  ] as const) {
    const S = first === 'no' ? '0' : '1';
    await w.add(`${name} 1`, { parents: ['g', first], S });
    await w.add(`${name} 2`, { parents: [`${name} 1`, second], S: '1' });
    const last = await speak(
      w,
      [y],
      `${name} 2`,
      `${name} late`,
      w.approve({ seq: 2, base: 'g', next: 'p0' }),
    );
    w.attack(last, { s: held('V3', [y]) }, { name });
    const again = w.approve({ seq: 2, base: 'g', next: 'p0', round: 1 });
    const renewed = await speak(w, [x], last, `${name} again`, again);
    w.honest(renewed, { s: serves(2, 'p0', [x, y]) }, { name: `${name}, approved again in a higher round` });
  }
}

/** C12, 104: the group's words replace the authors' own commits. */
export async function tornGroup(w: World): Promise<string> {
  const both = { 'mesh/v.yaml': '1\n', 'mesh/c/v.yaml': '1\n' };
  await w.add('a', { parents: ['g'], files: both, by: 'alice' });
  await w.add('b', { parents: ['a'], by: 'bo' });
  const approval = { seq: 2, base: 'g', next: 'a' };
  const group = w.group([
    ['s', approval],
    ['s.c', approval],
  ]);
  const lines = [w.approve({ ...approval, group }), w.approve({ ...approval, group }, 's.c')];
  const last = await speak(w, ['alice', 'bo'], 'b', 'group', ...lines);
  await w.add('m', { parents: ['g', last], S: '1' });
  return last;
}

export const histories: readonly CaseSource[] = [
  {
    number: 'C1',
    slug: 'planted-revert',
    title: 'Laundering by a planted revert',
    attack:
      'An unsigned edit on main is reverted after the pull request that is based on it was signed; main is clean by then.',
    outcome: 'held',
    rules: ['I4'],
    build: async (lab) => plantedRevert(await lab.world(), ['alice', 'cy']),
  },
  {
    number: 'C2',
    slug: 'dropped-second-parent',
    title: 'Laundering through a dropped second parent',
    attack:
      'An unsigned edit is merged with "-s ours": main is never dirty, and the merge base of the next branch is.',
    outcome: 'held',
    rules: ['I4'],
    build: async (lab) => droppedParent(await lab.world(), ['alice', 'cy']),
  },
  {
    number: 'C3',
    slug: 'bystanders',
    title: 'Bystander signatures',
    attack: 'Anchors of two scopes sign work on one of them, on a branch that carries a change of the other.',
    outcome: 'held',
    rules: ['I3'],
    async build(lab) {
      await bystanders(await lab.world());
      await signedUpdateMerge(await lab.world({ name: 'update branch' }));
    },
  },
  {
    number: 'C4',
    slug: 'late-acceptance',
    title: 'Pair swapped by a late acceptance',
    attack:
      'Votes that were shown one difference are counted for another, since the accepted state moved in between.',
    outcome: 'held',
    rules: ['V2'],
    async build(lab) {
      const w = await lab.world();
      await lateAcceptance(w, ['alice', 'cy', 'bo']);
      await rollbackVote(w, ['alice', 'cy']);
    },
  },
  {
    number: 'C5',
    slug: 'poll-dependence',
    title: 'How often somebody looks',
    attack:
      'An unsigned edit follows an approved merge at once, so that whoever looks at the tip alone never sees the merge.',
    outcome: 'held',
    rules: ['G0'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      await w.add('m2', { parents: ['m1'], S: 'R' });
      const now = { s: serves(2, 'm1', ['alice', 'cy']) };
      const end = { s: held('Quorum', [], 2, 'm1') };
      w.attack('m2', end, { name: 'polled once' });
      w.run(
        'attack',
        [
          { tip: 'm1', expect: now },
          { tip: 'm2', expect: end },
        ],
        { name: 'polled at each' },
      );
      w.honest('m1', now);
    },
  },
  {
    number: 'C6',
    slug: 'withdrawal-races',
    title: 'Races of a withdrawal',
    attack: 'A withdrawal stands on another branch than the approval, or is merged before it.',
    outcome: 'held',
    rules: ['V3'],
    build: async (lab) => outrunWithdrawal(await lab.world(), ['alice', 'cy']),
  },
  {
    number: 'C7',
    slug: 'base-rule-to-the-letter',
    title: 'The base rule, neither too wide nor too narrow',
    attack:
      'A vote is made on top of a main that was not clean; read too widely, the same rule voids every late vote.',
    outcome: 'held',
    rules: ['I4'],
    async build(lab) {
      const w = await lab.world();
      await w.add('r', { parents: ['g'], S: 'R' });
      const p = await plain(w, ['alice', 'cy'], { from: 'r', prefix: 'dirty' });
      await w.add('m', { parents: ['r', p], S: '1' });
      w.attack('m', { s: held('I4') });
      const votes = serves(2, 'a', ['alice', 'cy']);
      await w.add('a', { parents: ['g'], S: '1', by: 'alice' });
      await w.add('m1', { parents: ['g', 'a'], S: '1' });
      const words = w.approve({ seq: 2, base: 'g', next: 'a' });
      const late = await speak(w, ['cy'], 'm1', 'late', words);
      w.honest(late, { s: votes }, { name: 'late statement' });
      const forward = await speak(w, ['cy'], 'a', 'forward', words);
      w.honest(forward, { s: votes }, { name: 'fast-forward and a statement' });
      await w.add('b', { parents: ['g'], S: '1', by: 'cy' });
      await w.add('m2', { parents: ['m1', 'b'], S: '1' });
      w.honest('m2', { s: votes }, { name: 'late plain vote' });
    },
  },
  {
    number: 'C10',
    slug: 'line-rule',
    title: 'The line rule for those who saw it and those who did not',
    attack: 'Main shows an unsigned edit, and is then set to a merge of a pull request that was built on it.',
    outcome: 'held',
    rules: ['G9', 'I4'],
    async build(lab) {
      const w = await lab.world();
      await w.add('r', { parents: ['g'], S: 'R' });
      const p = await plain(w, ['alice', 'cy'], { from: 'r', S: 'R+1' });
      await w.add('m', { parents: ['g', p], S: 'R+1' });
      const dirty = { s: held('Quorum') };
      w.run('attack', [
        { tip: 'r', expect: dirty },
        { tip: 'm', outcome: 'refused', rule: 'G9', expect: dirty },
      ]);
      const sign = { s: held('Quorum', ['alice']) };
      await w.add('half', { parents: ['g'], S: '1', by: 'alice' });
      await w.add('m1', { parents: ['g', 'half'], S: '1' });
      await w.add('m2', { parents: ['g'], C: '0' });
      w.run(
        'attack',
        [
          { tip: 'm1', expect: sign },
          { tip: 'm2', outcome: 'refused', rule: 'G9', expect: sign },
        ],
        { name: 'half-signed merge taken back' },
      );
      // To whoever did not see r on main, it is a pull request that began with an unsigned commit.
      w.honest('m', { s: serves(2, 'm', ['alice', 'cy']) });
    },
  },
  {
    number: 'C11',
    slug: 'exact-pair',
    title: 'What the implicit form cannot bind',
    attack: 'With a threshold of one, main is fast-forwarded to a commit in the midst of a signed branch.',
    outcome: 'signalled',
    rules: ['G3'],
    signal:
      'would-accept warns that each signed commit of the branch is a mutation; a scope that cannot live with that requires statements',
    build: async (lab) => {
      await stoppedInTheMidst(await lab.world({ root: { quorum: '{ threshold: 1 }' } }));
      const root = { quorum: '{ threshold: 1, statements: Required }' };
      await stoppedInTheMidst(await lab.world({ name: 'statements required', root }), 'Required');
    },
  },
  {
    number: 'C12',
    slug: 'torn-group',
    title: 'Group torn by the authors’ own commits',
    attack: 'Two changes are to land together; their authors’ plain signed commits accept one of them alone.',
    outcome: 'held',
    rules: ['I1', 'G16'],
    async build(lab) {
      const w = await lab.world();
      const last = await tornGroup(w);
      w.attack('m', { s: held('I1', ['alice', 'bo']) });
      await w.add('n', { parents: ['g', last], S: '1', C: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': serves(2, 'n', ['alice', 'bo']) });
    },
  },
  {
    number: 'C14',
    slug: 'busy-repository',
    title: 'Honest pull requests of a busy repository',
    attack:
      'In the crowd of open pull requests, one was updated from a main on which its scope was not clean.',
    outcome: 'held',
    rules: ['I4'],
    async build(lab) {
      const w = await lab.world();
      await busy(w, 'r', { S: 'R', C: '1' });
      w.attack('r2', { s: held('I4', []), 's.c': held('Quorum', ['alice']) });
      await busy(w, 'h', { C: '1' });
      const words = w.approve({ seq: 2, base: 'g', next: 'ho' }, 's.c');
      const last = await speak(w, ['dana'], 'h2', 'child', words);
      const both = { s: serves(2, 'hb', ['alice', 'cy']), 's.c': serves(2, 'ho', ['alice', 'dana']) };
      w.honest(last, both);
      await w.add('wip', { parents: ['g'], S: 'wip' });
      const p = await plain(w, ['alice', 'cy'], { from: 'wip' });
      await w.add('m1', { parents: ['g', p], S: '1' });
      const c = await plain(w, ['alice', 'dana'], { C: '1', prefix: 'c' });
      await w.add('m2', { parents: ['m1', c], C: '1' });
      const older = { s: serves(2, 'm1', ['alice', 'cy']), 's.c': serves(2, 'm2', ['alice', 'dana']) };
      w.honest('m2', older, { name: 'begun at an older commit' });
    },
  },
];

/** C11, 99. */
export async function stoppedInTheMidst(w: World, statements?: 'Required'): Promise<void> {
  await w.add('wip', { parents: ['g'], S: '1', by: 'alice' });
  await w.add('done', { parents: ['wip'], S: '2', by: 'alice' });
  const refused = { s: held('G3') };
  const wip = statements === undefined ? { s: serves(2, 'wip', ['alice']) } : refused;
  const done = statements === undefined ? { s: serves(3, 'done', ['alice']) } : refused;
  w.attack('wip', wip, { name: 'stopped in the midst' });
  w.run('attack', [
    { tip: 'wip', expect: wip },
    { tip: 'done', expect: done },
  ]);
  const n = await speak(w, ['alice'], 'done', 'n', w.approve({ seq: 2, base: 'g', next: 'done' }));
  await w.add('n', { parents: ['g', n], S: '2' });
  w.honest('n', { s: serves(2, 'n', ['alice']) });
}

/** Another scope's older pull request lands first; ours began before it and is updated after it. */
async function busy(w: World, name: string, main: Parameters<World['add']>[1]): Promise<void> {
  const o = `${name}o`;
  await w.add(o, { parents: ['g'], C: '1', by: 'alice' });
  await w.add(`${name}a`, { parents: ['g'], S: '1', by: 'alice' });
  await w.add(`${name}1`, { ...main, parents: ['g', o] });
  await w.add(`${name}u`, { parents: [`${name}a`, `${name}1`], S: '1', C: '1' });
  await w.add(`${name}b`, { parents: [`${name}u`], S: '2', by: 'cy' });
  await w.add(`${name}c`, { parents: [`${name}b`], by: 'alice' });
  await w.add(`${name}2`, { parents: [`${name}1`, `${name}c`], S: '2', C: '1' });
}
