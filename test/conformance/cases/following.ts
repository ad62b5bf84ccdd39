/** Attack list, "History": 56 to 65. */
import { type CaseSource, eachKind } from '../case.ts';
import { scopeYaml } from '../scope-files.ts';
import { held, serves } from '../world.ts';
import { plain, policy, worded } from './steps.ts';

export const following: readonly CaseSource[] = [
  {
    number: '56',
    slug: 'rollback',
    title: 'Rollback and force-push of main',
    attack: 'Main is set back to an older commit, or to another one, each of which is validly signed.',
    outcome: 'refused',
    rules: ['G9', 'G20'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      const q = await plain(w, ['alice', 'cy'], { S: '2', prefix: 'q' });
      await w.add('other', { parents: ['g', q], S: '2' });
      const now = { s: serves(2, 'm1', ['alice', 'cy']) };
      const first = { tip: 'm1', expect: now } as const;
      w.run('attack', [first, { tip: 'g', outcome: 'stale', expect: now }], { name: 'older' });
      w.run('attack', [first, { tip: p, outcome: 'stale', expect: now }], { name: 'merged branch' });
      w.run('attack', [first, { tip: 'other', outcome: 'refused', rule: 'G9', expect: now }], {
        name: 'another line',
      });
      const r = await plain(w, ['alice', 'cy'], { S: '2', prefix: 'r', from: 'm1' });
      await w.add('m2', { parents: ['m1', r], S: '2' });
      w.run('honest', [first, { tip: 'm2', expect: { s: serves(3, 'm2', ['alice', 'cy']) } }]);
      // It heals by itself when the ref extends the followed tip again.
      w.run(
        'honest',
        [
          first,
          { tip: 'other', outcome: 'refused', rule: 'G9', expect: now },
          { tip: 'm2', expect: { s: serves(3, 'm2', ['alice', 'cy']) } },
        ],
        { name: 'heals' },
      );
    },
  },
  {
    number: '57',
    slug: 'foxtrot',
    title: 'Foxtrot merge',
    attack:
      'Main is fast-forwarded to a merge whose first parent is a branch: accepted commits leave the main line.',
    outcome: 'refused',
    rules: ['G9'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      const c = await plain(w, ['alice', 'dana'], { C: '1', prefix: 'c' });
      await w.add('foxtrot', { parents: [c, 'm1'], S: '1' });
      const now = { s: serves(2, 'm1', ['alice', 'cy']) };
      w.run('attack', [
        { tip: 'm1', expect: now },
        { tip: 'foxtrot', outcome: 'refused', rule: 'G9', expect: now },
      ]);
      await w.add('m2', { parents: ['m1', c], C: '1' });
      const both = { ...now, 's.c': serves(2, 'm2', ['alice', 'dana']) };
      w.run('honest', [
        { tip: 'm1', expect: now },
        { tip: 'm2', expect: both },
      ]);
    },
  },
  {
    number: '58',
    slug: 'fast-forward',
    title: 'Fast-forward push of a branch',
    attack:
      'Main becomes the last commit of a branch: the plain vote behind the first one started from a half-signed state.',
    outcome: 'accepted only when',
    rules: ['I4', 'G3'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      await w.add('b', { parents: ['a'], by: y });
      const half = { s: held('Quorum', [x]) };
      w.run('attack', [
        { tip: 'a', expect: half },
        { tip: 'b', expect: { s: held('I4', [x]) } },
      ]);
      w.attack('b', { s: held('I4', [x]) }, { name: 'in one push' });
      const message = `words\n\n${w.approve({ seq: 2, base: 'g', next: 'a' })}\n`;
      await w.add('n', { parents: ['a'], by: y, message });
      const whole = { s: serves(2, 'n', [x, y]) };
      w.run('honest', [
        { tip: 'a', expect: half },
        { tip: 'n', expect: whole },
      ]);
      w.honest('n', whole, { name: 'in one push' });
    }),
  },
  {
    number: '59',
    slug: 'rewrite-keeping-trees',
    title: 'History rewritten with the same trees',
    attack: 'Main-line commits are made anew with other dates or messages; every tree is what it was.',
    outcome: 'refused',
    rules: ['G9'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      await w.add('m2', { parents: ['m1'], files: { readme: '1\n' } });
      await w.add('date', { parents: ['g', p], S: '1', message: 'm1\n', date: 1_800_000_000 });
      await w.add('date2', { parents: ['date'], files: { readme: '1\n' }, message: 'm2\n' });
      await w.add('message', { parents: ['m1'], files: { readme: '1\n' }, message: 'm2, in other words\n' });
      const now = { s: serves(2, 'm1', ['alice', 'cy']) };
      for (const tip of ['date', 'date2', 'message'])
        w.run(
          'attack',
          [
            { tip: 'm2', expect: now },
            { tip, outcome: 'refused', rule: 'G9', expect: now },
          ],
          { name: tip },
        );
      w.run('honest', [
        { tip: 'm1', expect: now },
        { tip: 'm2', expect: now },
      ]);
    },
  },
  {
    number: '60',
    slug: 'freeze',
    title: 'Freeze',
    attack: 'The forge goes on serving an old main, on which nothing is wrong.',
    outcome: 'signalled',
    rules: ['G20'],
    signal: 'the age of the followed tip, and that other replicas have followed a newer one',
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      const q = await plain(w, ['alice', 'cy'], { from: 'm1', S: '2', prefix: 'q' });
      await w.add('m2', { parents: ['m1', q], S: '2' });
      const now = { s: serves(2, 'm1', ['alice', 'cy']) };
      w.run('attack', [
        { tip: 'm1', expect: now },
        { tip: 'm1', outcome: 'same', expect: now },
      ]);
      w.run('honest', [
        { tip: 'm1', expect: now },
        { tip: 'm2', expect: { s: serves(3, 'm2', ['alice', 'cy']) } },
      ]);
    },
  },
  {
    number: '61',
    slug: 'fork',
    title: 'Different mains for different clusters',
    attack: 'Two replicas are shown two lines, each with a quorum; then each is shown the other one.',
    outcome: 'refused',
    rules: ['G9', 'G20'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('left', { parents: ['g', p], S: '1' });
      const q = await plain(w, ['bo', 'cy'], { S: '2', prefix: 'q' });
      await w.add('right', { parents: ['g', q], S: '2' });
      const ends = {
        left: { s: serves(2, 'left', ['alice', 'cy']) },
        right: { s: serves(2, 'right', ['bo', 'cy']) },
      };
      for (const [mine, other] of [
        ['left', 'right'],
        ['right', 'left'],
      ] as const)
        w.run(
          'attack',
          [
            { tip: mine, expect: ends[mine] },
            { tip: other, outcome: 'refused', rule: 'G9', expect: ends[mine] },
          ],
          { name: `${mine} first` },
        );
      w.honest('left', ends.left);
    },
  },
  {
    number: '62',
    slug: 'competing-mutations',
    title: 'Two mutations from one epoch',
    attack:
      'Two pull requests from one state have a quorum each, with votes of the same people; both are merged.',
    outcome: 'held',
    rules: ['V2'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      const q = await plain(w, [x, y], { S: '2', prefix: 'q' });
      await w.add('m1', { parents: ['g', p], S: '1' });
      await w.add('m2', { parents: ['m1', q], S: '2' });
      w.attack('m2', { s: held('V2', [], 2, 'm1') });
      const r = await plain(w, [x, y], { from: 'm1', S: '2', prefix: 'r' });
      await w.add('n', { parents: ['m1', r], S: '2' });
      w.honest('n', { s: serves(3, 'n', [x, y]) });
    }),
  },
  {
    number: '63',
    slug: 'second-root',
    title: 'Another genesis',
    attack:
      'A second root commit, with anchors of its own, is merged in, or is made the beginning of the main line.',
    outcome: 'held',
    rules: ['G9', 'V1'],
    async build(lab) {
      const w = await lab.world();
      await w.add('root', {
        files: policy(w, { anchors: ['mallory', 'eli'] }),
        message: 'another genesis\n',
      });
      const other = await plain(w, ['mallory', 'eli'], { from: 'root', prefix: 'other' });
      await w.add('m', { parents: ['g', other], S: '1' });
      w.attack('m', { s: held('Quorum') }, { name: 'merged' });
      await w.add('m2', { parents: ['g', other], files: w.files(other) });
      w.attack('m2', { s: { seq: 1, at: 'g', held: 'Class' } }, { name: 'merged with its anchors' });
      await w.add('swapped', { parents: [other, 'g'] });
      for (const tip of ['root', other, 'swapped'])
        w.run('attack', [{ tip, outcome: 'refused', rule: 'G9' }], { name: `main is ${tip}` });
      await w.add('m1', { parents: ['g', other] });
      const p = await plain(w, ['alice', 'cy'], { from: 'm1' });
      await w.add('n', { parents: ['m1', p], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '64',
    slug: 'unknown-ruleset',
    title: 'Another version judges history anew',
    attack:
      'A verifier of another version reads the same history; or a scope names rules that this version does not know.',
    outcome: 'signalled',
    rules: ['G21'],
    signal:
      'the hold names the ruleset that is not known; accepted history is judged by the ruleset of its own policy',
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      const files = { 'mesh/scope.yaml': scopeYaml(w.root).replace('ruleset: 1', 'ruleset: 2') };
      const q = await worded(w, ['alice', 'cy'], { from: 'm1', seq: 3, base: 'm1', files, prefix: 'q' });
      await w.add('m2', { parents: ['m1', q], files });
      w.attack('m2', { s: { seq: 2, at: 'm1', held: 'G21' } });
      w.honest('m1', { s: serves(2, 'm1', ['alice', 'cy']) });
    },
  },
  {
    number: '65',
    slug: 'poisoned-cache',
    title: 'Poisoned cache of verdicts',
    attack: 'Files beside the objects say that the unsigned tip was accepted.',
    outcome: 'signalled',
    rules: ['G0'],
    signal: 'a cache that says something else than the objects is dropped and reported',
    build: eachKind(async (w, [x, y]) => {
      await w.add('m', { parents: ['g'], S: '6' });
      const verdict = { tip: w.id('m'), scopes: [{ uid: w.uid('s'), seq: 2, accepted: w.own('m') }] };
      const setup = ['fairlead/verdicts.json', '../witness.json', 'witness.json'].map((path) => ({
        do: 'write' as const,
        path: path.replace('../', ''),
        text: `${JSON.stringify(verdict)}\n`,
      }));
      w.attack('m', { s: held('Quorum') }, { setup: setup.slice(0, 2) });
      const p = await plain(w, [x, y]);
      await w.add('n', { parents: ['g', p], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) }, { setup: setup.slice(0, 2) });
    }),
  },
];
