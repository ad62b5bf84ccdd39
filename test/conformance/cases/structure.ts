/** Attack list, "Scope algebra": 78 to 94; and of what was found later, what is about structure. */
import type { CaseSource } from '../case.ts';
import {
  childGrants,
  delegationsYaml,
  type KeyName,
  type RecordSpec,
  type ScopeSpec,
  scopeYaml,
  sha256,
} from '../scope-files.ts';
import { childSpec, type Entry, held, serves, uidOf, type World } from '../world.ts';
import { plain, policy, proposals, speak, worded } from './steps.ts';

type Files = NonNullable<Entry['files']>;
/** One member of a group, in digests. */
type Member = readonly [
  uid: string,
  change: { readonly seq: number; readonly base: string; readonly next: string },
];

/** A child with keys of its own: dana, eli and fay. */
const foreign = { ...childSpec, anchors: ['dana', 'eli', 'fay'] } as const;
const d: ScopeSpec = {
  name: 'd',
  anchors: ['eli', 'fay'],
  quorum: '{ threshold: 1 }',
  owns: '{ namespaces: [d] }',
};
const recordC = (more = childGrants): RecordSpec => ({
  name: 'c',
  uid: uidOf(scopeYaml(foreign)),
  path: 'c',
  more,
});
const recordD = (spec = d, path = 'd'): RecordSpec => ({
  name: 'd',
  uid: uidOf(scopeYaml(spec)),
  path,
  more: 'grants: { namespaces: [d] }',
});
const records = (...list: readonly RecordSpec[]): Files => ({
  'mesh/delegations.yaml': delegationsYaml(list),
});
const newChild = (spec = d, path = 'd'): Files => ({
  [`mesh/${path}/scope.yaml`]: scopeYaml(spec),
  [`mesh/${path}/v.yaml`]: '0\n',
});
const withoutC: Files = { 'mesh/c/scope.yaml': null, 'mesh/c/v.yaml': null };

/** The lines of a group, or the one line of a mutation alone. */
function lines(members: readonly Member[]): readonly string[] {
  const sorted = members.map(([uid, { seq, base, next }]) => `${uid} ${seq} ${base} ${next}\n`).sort();
  const group = members.length > 1 ? ` group=${sha256(sorted.join(''))}` : '';
  return members.map(
    ([uid, { seq, base, next }]) => `Fairlead-Approve: ${uid} seq=${seq} base=${base} next=${next}${group}`,
  );
}

type Structural = {
  readonly files: Files;
  readonly members: (next: string) => readonly Member[];
  readonly by: readonly KeyName[];
  readonly from?: string;
};

/** `name`: a merge of a branch with a change and the words of these people for it. */
async function change(
  w: World,
  name: string,
  { files, members, by, from = 'g' }: Structural,
): Promise<string> {
  await w.add(`${name} next`, { parents: [from], files });
  const last = await speak(w, by, `${name} next`, `${name} `, ...lines(members(`${name} next`)));
  return w.add(name, { parents: [from, last], files });
}

const root = (w: World, next: string, seq = 2, base = 'g'): Member => [
  w.uid('s'),
  { seq, base: w.own(base), next: w.own(next) },
];
const childGone = (w: World, base = 'g', seq = 2): Member => [
  w.uid('s.c'),
  { seq, base: w.own(base, 'c'), next: 'gone' },
];
const born = (w: World, next: string, spec = d, path = 'd'): Member => [
  uidOf(scopeYaml(spec)),
  { seq: 1, base: 'none', next: w.own(next, path) },
];
const alive = (at: string, signed?: readonly string[]) => ({
  seq: 1,
  at,
  directory: 'd',
  uid: uidOf(scopeYaml(d)),
  ...(signed && { signed }),
});

const anchors = ['alice', 'bo', 'cy'] as const;

export const structure: readonly CaseSource[] = [
  {
    number: '78',
    slug: 'ungoverned-file',
    title: 'A file that no scope governs',
    attack:
      'A file is put where no child is: beside the scopes, in a folder of its own, or under a name of a governance file.',
    outcome: 'held',
    rules: ['G19', 'G7'],
    async build(lab) {
      const w = await lab.world();
      for (const path of ['other/x.yaml', 'd/scope.yaml', '.github/x.yaml', 'x']) {
        await w.add(path, { parents: ['g'], files: { [`mesh/${path}`]: 'x\n' } });
        w.attack(path, { s: held('Quorum') }, { name: path });
      }
      // What is not below the mesh path is never read.
      const files = { '.github/workflows/x.yaml': 'x\n', 'scope.yaml': 'x\n', 'meshy/scope.yaml': 'x\n' };
      const p = await plain(w, ['alice', 'cy']);
      await w.add('n', { parents: ['g', p], S: '1', files });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '79',
    slug: 'parent-edits-child',
    title: 'A child edited by its parent',
    attack: 'The quorum of a scope changes a file of its child, in commits or in words.',
    outcome: 'held',
    rules: ['G7'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const p = await plain(w, ['alice', 'bo', 'cy'], { C: '1' });
      await w.add('m', { parents: ['g', p], C: '1' });
      w.attack('m', { 's.c': held('Quorum') }, { name: 'commits' });
      const q = await worded(w, anchors, { C: '1', path: 's.c', prefix: 'q' });
      await w.add('o', { parents: ['g', q], C: '1' });
      w.attack('o', { 's.c': held('Quorum') }, { name: 'words' });
      const r = await plain(w, ['dana', 'eli'], { C: '1', prefix: 'r' });
      await w.add('n', { parents: ['g', r], C: '1' });
      w.honest('n', { 's.c': serves(2, 'n', ['dana', 'eli']) });
    },
  },
  {
    number: '80',
    slug: 'parent-takes-child',
    title: 'A child dissolved or re-keyed by its parent',
    attack: 'The quorum of a scope gives its child other anchors, or ends it, without its quorum.',
    outcome: 'held',
    rules: ['G7'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const keys = { 'mesh/c/scope.yaml': scopeYaml({ ...foreign, anchors: ['alice', 'bo'] }) };
      const p = await worded(w, anchors, { files: keys, path: 's.c' });
      await w.add('rekey', { parents: ['g', p], files: keys });
      w.attack('rekey', { 's.c': { seq: 1, at: 'g', held: 'Quorum' } }, { name: 're-keyed' });
      const ended = { ...records(recordC('tombstone: none')), ...withoutC };
      await change(w, 'end', { files: ended, members: (next) => [root(w, next), childGone(w)], by: anchors });
      w.attack(
        'end',
        { s: { seq: 1, at: 'g', held: 'G16' }, 's.c': { seq: 1, at: 'g', held: 'Quorum' } },
        { name: 'ended' },
      );
      await change(w, 'alone', { files: ended, members: (next) => [root(w, next)], by: anchors });
      w.attack(
        'alone',
        { s: { seq: 1, at: 'g', held: 'G16' }, 's.c': { seq: 1, at: 'g', held: 'Quorum' } },
        { name: 'ended, without naming it' },
      );
      const withdrawn = records(recordC(`${childGrants}, status: withdrawn`));
      await change(w, 'withdraw', {
        files: withdrawn,
        members: (next) => [root(w, next)],
        by: ['alice', 'bo'],
      });
      const name = {
        s: serves(2, 'withdraw', ['alice', 'bo']),
        's.c': { seq: 1, at: 'g', status: 'Withdrawn' },
      } as const;
      w.honest('withdraw', name, { name: 'the name alone' });
      const all = [...anchors, 'dana', 'eli'] as const;
      await change(w, 'both', { files: ended, members: (next) => [root(w, next), childGone(w)], by: all });
      const over = {
        s: serves(2, 'both', anchors),
        's.c': { seq: 2, at: 'g', status: 'Tombstone' },
      } as const;
      w.honest('both', over, { name: 'with its quorum' });
    },
  },
  {
    number: '81',
    slug: 'planted-scope',
    title: 'A scope planted in a directory',
    attack:
      'A scope.yaml with anchors of its own is committed below a scope; its anchors then change the directory.',
    outcome: 'held',
    rules: ['G19'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy'], { files: newChild() });
      await w.add('n', { parents: ['g', p], files: newChild() });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
      const files = { 'mesh/d/v.yaml': '1\n' };
      const q = await plain(w, ['eli', 'fay'], { from: 'n', files, prefix: 'q' });
      await w.add('m', { parents: ['n', q], files });
      w.attack('m', { s: held('Quorum', [], 2, 'n') });
      await w.add('o', { parents: ['g'], files: newChild(), by: 'eli' });
      w.attack('o', { s: held('Quorum') }, { name: 'unsigned' });
    },
  },
  {
    number: '82',
    slug: 'deleted-record',
    title: 'Delegation undone by deleting its record',
    attack: 'The record of a child is deleted and its files are left: they would become files of the parent.',
    outcome: 'held',
    rules: ['Class', 'G7'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const empty = { 'mesh/delegations.yaml': delegationsYaml([]).replace('spec:\n', 'spec: []\n') };
      await change(w, 'm', { files: empty, members: (next) => [root(w, next)], by: anchors });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'Class' } });
      await w.add('o', { parents: ['g'], files: { 'mesh/delegations.yaml': null } });
      w.attack('o', { s: { seq: 1, at: 'g', held: 'Class' } }, { name: 'the whole file' });
      const withdrawn = records(recordC(`${childGrants}, status: withdrawn`));
      await change(w, 'n', { files: withdrawn, members: (next) => [root(w, next)], by: ['alice', 'bo'] });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': { seq: 1, at: 'g', status: 'Withdrawn' } });
    },
  },
  {
    number: '83',
    slug: 'bad-split',
    title: 'A split that overlaps or leaves a gap',
    attack:
      'Two children get one path, or one within the other; or a file of the parent arrives in none of them.',
    outcome: 'held',
    rules: ['Class', 'G12'],
    async build(lab) {
      const w = await lab.world({ child: foreign, files: { 'mesh/x.yaml': 'x\n', 'mesh/y.yaml': 'y\n' } });
      const moved = { ...newChild(), 'mesh/x.yaml': null, 'mesh/d/x.yaml': 'x\n' };
      const by = [...anchors, 'eli', 'fay'] as const;
      const split = (next: string) => [root(w, next), born(w, next)];
      const good = { ...records(recordC(), recordD()), ...moved, 'mesh/d/v.yaml': null };
      for (const [name, path] of [
        ['one path', 'c'],
        ['one within the other', 'c/d'],
      ] as const) {
        const files = { ...records(recordC(), recordD(d, path)), ...moved };
        await change(w, name, { files, members: split, by });
        w.attack(name, { s: { seq: 1, at: 'g', held: 'G12' } }, { name });
      }
      const gap = { ...good, 'mesh/y.yaml': null };
      await change(w, 'gap', { files: gap, members: split, by });
      w.attack('gap', { s: { seq: 1, at: 'g', held: 'Class' } }, { name: 'a gap' });
      const other = { ...good, 'mesh/d/x.yaml': 'other\n' };
      await change(w, 'other', { files: other, members: split, by });
      w.attack('other', { s: { seq: 1, at: 'g', held: 'Class' } }, { name: 'other bytes' });
      await change(w, 'n', { files: good, members: split, by });
      w.honest('n', { s: serves(2, 'n', anchors), 's.d': alive('n') });
    },
  },
  {
    number: '84',
    slug: 'annexation',
    title: 'A merge with the quorum of one side',
    attack: 'A scope takes over the files of its child; only its own quorum signs, or only the child’s.',
    outcome: 'held',
    rules: ['G16', 'Groups'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const files = {
        ...records(recordC(`tombstone: ${w.uid('s')}`)),
        ...withoutC,
        'mesh/from-c.yaml': '0\n',
      };
      const members = (next: string) => [root(w, next), childGone(w)];
      for (const [name, by] of [
        ['the parent alone', anchors],
        ['the child alone', ['dana', 'eli', 'fay']],
      ] as const) {
        await change(w, name, { files, members, by });
        // Whose quorum is there waits for the group; whose is not, for its own.
        const [own, other] = name === 'the parent alone' ? ['G16', 'Quorum'] : ['Quorum', 'G16'];
        const verdicts = { s: { seq: 1, at: 'g', held: own }, 's.c': { seq: 1, at: 'g', held: other } };
        w.attack(name, verdicts, { name });
      }
      await change(w, 'n', { files, members, by: ['alice', 'bo', 'dana', 'eli'] });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': { seq: 2, at: 'g', status: 'Tombstone' } });
    },
  },
  {
    number: '85',
    slug: 'file-moved-between-scopes',
    title: 'A file moved from one scope to another',
    attack:
      'A file is deleted in one scope and put into another; the quorum of one of them signs the commit.',
    outcome: 'held',
    rules: ['G16'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const files = { 'mesh/c/v.yaml': null, 'mesh/v2.yaml': '0\n' };
      const p = await plain(w, ['alice', 'bo'], { files });
      await w.add('m', { parents: ['g', p], files });
      w.attack('m', { s: serves(2, 'm', ['alice', 'bo']), 's.c': held('Quorum') });
      const q = await plain(w, ['alice', 'bo', 'dana', 'eli'], { files, prefix: 'q' });
      await w.add('n', { parents: ['g', q], files });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': serves(2, 'n', ['dana', 'eli']) });
    },
  },
  {
    number: '86',
    slug: 'name-taken-again',
    title: 'The place of a dissolved scope is taken again',
    attack: 'A scope was dissolved; its record is made live again, with its uid, by others.',
    outcome: 'held',
    rules: ['G19'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const ended = { ...records(recordC('tombstone: none')), ...withoutC };
      const by = [...anchors, 'dana', 'eli'] as const;
      await change(w, 'end', { files: ended, members: (next) => [root(w, next), childGone(w)], by });
      const again: ScopeSpec = { ...foreign, anchors: ['eli', 'fay'], salt: 'e'.repeat(32) };
      const bytes = { 'mesh/c/scope.yaml': scopeYaml(again), 'mesh/c/v.yaml': '0\n' };
      const old = { ...records(recordC()), ...bytes };
      const everybody = ['alice', 'bo', 'cy', 'dana', 'eli', 'fay'] as const;
      const first = (next: string): Member => [
        w.uid('s.c'),
        { seq: 1, base: 'none', next: w.own(next, 'c') },
      ];
      await change(w, 'm', {
        files: old,
        members: (next) => [root(w, next, 3, 'end'), first(next)],
        by: everybody,
        from: 'end',
      });
      const gone = { seq: 2, at: 'g', status: 'Tombstone' } as const;
      w.attack('m', { s: { seq: 2, at: 'end', held: 'Class' }, 's.c': gone });
      const fresh = { name: 'c', uid: uidOf(scopeYaml(again)), path: 'c', more: childGrants };
      const both = { ...records({ ...recordC('tombstone: none') }, fresh), ...bytes };
      const birth = (next: string) => born(w, next, again, 'c');
      await change(w, 'n', {
        files: both,
        members: (next) => [root(w, next, 3, 'end'), birth(next)],
        by: everybody,
        from: 'end',
      });
      const heir = { path: 's.c', uid: fresh.uid, seq: 1, at: 'n', directory: 'c' };
      w.honest('n', { s: serves(3, 'n', anchors), 's.c': gone, heir });
    },
  },
  {
    number: '87',
    slug: 'half-of-a-pull-request',
    title: 'A pull request over two scopes with one quorum',
    attack:
      'A change of two scopes has the quorum of one; landed alone, it would point at what is not there.',
    outcome: 'held',
    rules: ['G16'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const both = { 'mesh/v.yaml': '1\n', 'mesh/c/v.yaml': '1\n' };
      await w.add('next', { parents: ['g'], files: both });
      const group = lines([
        root(w, 'next'),
        [w.uid('s.c'), { seq: 2, base: w.own('g', 'c'), next: w.own('next', 'c') }],
      ]);
      const p = await speak(w, ['alice', 'bo', 'dana'], 'next', 'p', ...group);
      await w.add('m', { parents: ['g', p], files: both });
      w.attack('m', { s: held('G16', ['alice', 'bo']), 's.c': held('G16', ['dana']) }, { name: 'group' });
      const q = await plain(w, ['alice', 'bo'], { files: both, prefix: 'q' });
      await w.add('o', { parents: ['g', q], files: both });
      const alone = { s: serves(2, 'o', ['alice', 'bo']), 's.c': held('Quorum') };
      w.attack('o', alone, { name: 'without a group each is judged alone' });
      const r = await speak(w, ['eli'], p, 'r', ...group);
      await w.add('n', { parents: ['g', r], files: both });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': serves(2, 'n', ['dana', 'eli']) });
    },
  },
  {
    number: '88',
    slug: 'group-griefing',
    title: 'A group whose other member never signs',
    attack: 'A scope is asked into a group, and does not sign: the other one is to wait for ever.',
    outcome: 'held',
    rules: ['G16'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const both = { 'mesh/v.yaml': '1\n', 'mesh/c/v.yaml': '1\n' };
      await w.add('next', { parents: ['g'], files: both });
      const group = lines([
        root(w, 'next'),
        [w.uid('s.c'), { seq: 2, base: w.own('g', 'c'), next: w.own('next', 'c') }],
      ]);
      const p = await speak(w, ['alice', 'bo'], 'next', 'p', ...group);
      await w.add('m', { parents: ['g', p], S: '1' });
      w.attack('m', { s: held('G16', ['alice', 'bo']) });
      // A group restricts only the votes that name it: the same people sign alone.
      const n = await speak(w, ['alice', 'bo'], 'm', 'n', ...lines([root(w, 'next')]));
      w.honest(n, { s: serves(2, 'next', ['alice', 'bo']) });
    },
  },
  {
    number: '89',
    slug: 'below-the-floor',
    title: 'A policy below the floor of those above',
    attack: 'A child sets a threshold that is lower than the floor which its parent’s record gives.',
    outcome: 'held',
    rules: ['Quorum', 'G6'],
    async build(lab) {
      const floor = 'floor: { threshold: 2, require: [{ type: human, atLeast: 1 }] }';
      const w = await lab.world({ child: foreign, record: `${childGrants}, ${floor}` });
      const lower = { 'mesh/c/scope.yaml': scopeYaml({ ...foreign, quorum: '{ threshold: 1 }' }) };
      const p = await worded(w, ['dana', 'eli', 'fay'], { files: lower, path: 's.c' });
      await w.add('m', { parents: ['g', p], files: lower });
      w.attack('m', { 's.c': { seq: 1, at: 'g', held: 'G6' } }, { name: 'threshold' });
      const bots = foreign.anchors.map((name) => ({ name, keys: [name], type: 'automation' }));
      const machines = { 'mesh/c/scope.yaml': scopeYaml({ ...foreign, anchors: bots }) };
      const q = await worded(w, ['dana', 'eli', 'fay'], { files: machines, path: 's.c', prefix: 'q' });
      await w.add('o', { parents: ['g', q], files: machines });
      w.attack('o', { 's.c': { seq: 1, at: 'g', held: 'G6' } }, { name: 'type' });
      const higher = { 'mesh/c/scope.yaml': scopeYaml({ ...foreign, quorum: '{ threshold: 3 }' }) };
      const r = await worded(w, ['dana', 'eli', 'fay'], { files: higher, path: 's.c', prefix: 'r' });
      await w.add('n', { parents: ['g', r], files: higher });
      w.honest('n', { 's.c': serves(2, 'n', ['dana', 'eli', 'fay']) });
    },
  },
  {
    number: '90',
    slug: 'deep-delegation',
    title: 'Delegation in a circle, or very deep',
    attack: 'Scopes are delegated seventeen levels deep; or a uid is its own descendant.',
    outcome: 'refused',
    rules: ['G17', 'G19'],
    async build(lab) {
      for (const depth of [16, 17]) {
        const w = await lab.world({ name: `${depth} levels`, files: chain(depth) });
        if (depth === 17) w.run('attack', [{ tip: 'g', outcome: 'refused', rule: 'G17' }]);
        else {
          const p = await plain(w, ['alice', 'cy']);
          await w.add('n', { parents: ['g', p], S: '1' });
          w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
        }
      }
      const uid = uidOf(scopeYaml(childSpec));
      const nested = delegationsYaml(
        [{ name: 'c', uid, path: 'c', more: 'grants: { namespaces: [c] }' }],
        'c',
      );
      const files = { 'mesh/c/delegations.yaml': nested, 'mesh/c/c/scope.yaml': scopeYaml(childSpec) };
      const w = await lab.world({ name: 'circle', files });
      w.run('attack', [{ tip: 'g', outcome: 'refused', rule: 'G19' }]);
    },
  },
  {
    number: '91',
    slug: 'mixed-change',
    title: 'Anchors and manifests in one change',
    attack: 'A change of the anchors is put into a change of manifests, and is reviewed as such.',
    outcome: 'held',
    rules: ['Class'],
    async build(lab) {
      const w = await lab.world();
      const keys = policy(w, { anchors: [...anchors, 'eli'] });
      await proposals(w, [...anchors, 'eli'], {
        'anchors and manifests': [{ ...keys, 'mesh/v.yaml': '1\n' }, 'Class'],
        'records and manifests': [
          { 'mesh/delegations.yaml': delegationsYaml([{ ...recordD() }]), 'mesh/v.yaml': '1\n' },
          'Class',
        ],
      });
      const p = await worded(w, [...anchors, 'eli'], { files: keys });
      await w.add('m1', { parents: ['g', p], files: keys });
      const q = await plain(w, ['alice', 'eli'], { from: 'm1', prefix: 'q' });
      await w.add('n', { parents: ['m1', q], S: '1' });
      w.honest('n', { s: serves(3, 'n', ['alice', 'eli']) });
    },
  },
  {
    number: '92',
    slug: 'rotation-below-threshold',
    title: 'A rotation that leaves too few',
    attack:
      'So many anchors are removed that the threshold, of updates or of a class, cannot be reached any more.',
    outcome: 'held',
    rules: ['G6'],
    async build(lab) {
      const w = await lab.world();
      await proposals(w, anchors, {
        'one is left': [policy(w, { anchors: ['alice'] }), 'G6'],
        'a class is out of reach': [
          policy(w, { anchors: ['alice', 'bo'], quorum: '{ threshold: 2, byClass: { dissolve: 3 } }' }),
          'G6',
        ],
      });
      const files = policy(w, { anchors: ['alice', 'bo'] });
      const p = await worded(w, ['alice', 'bo'], { files });
      await w.add('n', { parents: ['g', p], files });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']) });
    },
  },
  {
    number: '93',
    slug: 'machines',
    title: 'A quorum of machines',
    attack: 'Automation holds as many keys as the threshold asks for.',
    outcome: 'held',
    rules: ['G4', 'Quorum'],
    async build(lab) {
      const bots = (['eli', 'fay', 'gus'] as const).map((name) => ({
        name,
        keys: [name],
        type: 'automation',
      }));
      const quorum = '{ threshold: 2, require: [{ type: human, atLeast: 1 }] }';
      const w = await lab.world({ root: { anchors: ['alice', ...bots], quorum } });
      const p = await plain(w, ['eli', 'fay', 'gus']);
      await w.add('m', { parents: ['g', p], S: '1' });
      w.attack('m', { s: held('Quorum', ['eli', 'fay', 'gus']) });
      const q = await plain(w, ['eli', 'alice'], { prefix: 'q' });
      await w.add('n', { parents: ['g', q], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'eli']) });
    },
  },
  {
    number: '94',
    slug: 'receipts',
    title: 'Receipts written into a scope',
    attack:
      'A controller writes status back into the directory of the scope, by commits that no anchor signs.',
    outcome: 'held',
    rules: ['G2'],
    async build(lab) {
      const w = await lab.world();
      await w.add('m', {
        parents: ['g'],
        files: { 'mesh/status.yaml': 'state: Accepted\n' },
        who: 'controller',
      });
      w.attack('m', { s: held('Quorum') });
      const p = await plain(w, ['alice', 'cy']);
      await w.add('n', { parents: ['g', p], S: '1' });
      await w.add('o', {
        parents: ['n'],
        files: { 'status/s.yaml': 'state: Accepted\n' },
        who: 'controller',
      });
      w.honest('o', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '107',
    slug: 'twin-genesis',
    title: 'Two children from one template',
    attack:
      'Two new scopes have the same bytes, salt and all, and so one uid: approvals of one would be approvals of the other.',
    outcome: 'held',
    rules: ['uid', 'Groups'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const twins = {
        ...records(recordC(), recordD(), { ...recordD(d, 'e'), name: 'e' }),
        ...newChild(),
        ...newChild(d, 'e'),
      };
      const by = [...anchors, 'dana', 'eli', 'fay'] as const;
      await change(w, 'm', { files: twins, members: (next) => [root(w, next), born(w, next)], by });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'G12' } }, { name: 'of one parent' });
      // Nothing that only one of them could own.
      const bare: ScopeSpec = { ...d, owns: '{}' };
      const inChild = {
        'mesh/c/delegations.yaml': delegationsYaml([{ ...recordD(bare), more: 'grants: {}' }], 'c'),
      };
      const two = {
        ...records(recordC(), recordD(bare)),
        ...newChild(bare),
        ...inChild,
        ...newChild(bare, 'c/d'),
      };
      const child = (next: string): Member => [
        w.uid('s.c'),
        { seq: 2, base: w.own('g', 'c'), next: w.own(next, 'c') },
      ];
      const all = (next: string) => [root(w, next), born(w, next, bare), child(next)];
      await change(w, 'o', { files: two, members: all, by });
      const both = { s: { seq: 1, at: 'g', held: 'G19' }, 's.c': { seq: 1, at: 'g', held: 'G19' } } as const;
      w.attack('o', both, { name: 'of two parents, at one commit' });
      const one = { ...records(recordC(), recordD()), ...newChild() };
      await change(w, 'n', { files: one, members: (next) => [root(w, next), born(w, next)], by });
      w.honest('n', { s: serves(2, 'n', anchors), 's.d': alive('n') });
    },
  },
  {
    number: '110',
    slug: 'floor-seizure',
    title: 'A floor raised above what a child can reach',
    attack: 'The parent raises the floor above the number of the child’s anchors, to freeze it.',
    outcome: 'refused',
    rules: ['Quorum'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const floor = records(recordC(`${childGrants}, floor: { threshold: 9 }`));
      await change(w, 'floor', { files: floor, members: (next) => [root(w, next)], by: ['alice', 'bo'] });
      const files = { 'mesh/c/scope.yaml': scopeYaml({ ...foreign, anchors: ['dana', 'eli'] }) };
      const p = await worded(w, ['dana', 'eli'], { files, path: 's.c', from: 'floor' });
      await w.add('m', { parents: ['floor', p], files });
      const parent = serves(2, 'floor', ['alice', 'bo']);
      w.attack('m', { s: parent, 's.c': serves(2, 'm', ['dana', 'eli']) });
      const q = await worded(w, ['dana', 'eli'], { files, path: 's.c', prefix: 'q' });
      await w.add('n', { parents: ['g', q], files });
      w.honest('n', { 's.c': serves(2, 'n', ['dana', 'eli']) });
    },
  },
  {
    number: '111',
    slug: 'class-downgrade-by-structure',
    title: 'Everything split off to keys of one’s own',
    attack:
      'As many anchors as an update takes, but fewer than a reconfigure, move all files to a child that is theirs.',
    outcome: 'held',
    rules: ['Class'],
    async build(lab) {
      const w = await lab.world({
        root: { quorum: '{ threshold: 2, byClass: { reconfigure: 3 } }' },
        child: foreign,
      });
      const files = {
        ...records(recordC(), recordD()),
        'mesh/v.yaml': null,
        'mesh/d/scope.yaml': scopeYaml(d),
        'mesh/d/v.yaml': '0\n',
      };
      const members = (next: string) => [root(w, next), born(w, next)];
      await change(w, 'm', { files, members, by: ['alice', 'bo', 'eli', 'fay'] });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'Quorum', signed: ['alice', 'bo'] } });
      await change(w, 'n', { files, members, by: [...anchors, 'eli', 'fay'] });
      w.honest('n', { s: serves(2, 'n', anchors), 's.d': alive('n') });
    },
  },
  {
    number: '115',
    slug: 'bogus-record',
    title: 'A record of somebody else’s child',
    attack:
      'A scope puts a record of a living scope into its own list, unsigned, so that it would be measured elsewhere and held.',
    outcome: 'held',
    rules: ['Evaluation'],
    async build(lab) {
      const files = { ...records(recordC(), recordD()), ...newChild() } as Record<string, string>;
      const w = await lab.world({ child: foreign, files });
      const claim = {
        'mesh/d/delegations.yaml': delegationsYaml(
          [{ name: 'c', uid: w.uid('s.c'), path: 'c', more: 'grants: {}' }],
          'd',
        ),
      };
      const p = await plain(w, ['dana', 'eli'], { C: '1' });
      await w.add('m1', { parents: ['g'], files: claim });
      await w.add('m', { parents: ['m1', p], C: '1' });
      const good = serves(2, 'm', ['dana', 'eli']);
      w.attack('m', { 's.c': good, 's.d': { seq: 1, at: 'g', held: 'Structural' } });
      await w.add('n', { parents: ['g', p], C: '1' });
      w.honest('n', { 's.c': serves(2, 'n', ['dana', 'eli']) });
    },
  },
  {
    number: '125',
    slug: 'dissolved-with-children',
    title: 'A scope dissolved above its children',
    attack: 'A scope that has a living child is ended, with or without the files of the child.',
    outcome: 'held',
    rules: ['Structural'],
    async build(lab) {
      const w = await lab.world({ child: foreign, files: grandchild() });
      const by = [...anchors, 'dana', 'eli', 'fay'] as const;
      const ended = { ...records(recordC('tombstone: none')), ...withoutC, 'mesh/c/delegations.yaml': null };
      const members = (next: string) => [root(w, next), childGone(w)];
      for (const [name, files] of [
        ['its child is left', ended],
        ['its child goes along', { ...ended, 'mesh/c/e/scope.yaml': null, 'mesh/c/e/v.yaml': null }],
      ] as const) {
        await change(w, name, { files, members, by });
        const there = { seq: 1, at: 'g', held: 'Structural' };
        const gone = { ...there, held: 'G18' };
        // Where the child is left, so is the directory of its parent: to that one it is a change like any other.
        const rest =
          name === 'its child is left'
            ? { 's.c': { ...there, held: 'Class' } }
            : { 's.c': gone, 's.c.e': gone };
        w.attack(name, { s: there, ...rest }, { name });
      }
      // Children first.
      const empty = {
        'mesh/c/e/scope.yaml': null,
        'mesh/c/e/v.yaml': null,
        ...recordsOfC('tombstone: none'),
      };
      const first = (next: string): readonly Member[] => [
        [w.uid('s.c'), { seq: 2, base: w.own('g', 'c'), next: w.own(next, 'c') }],
        [w.uid('s.c.e'), { seq: 2, base: w.own('g', 'c/e'), next: 'gone' }],
      ];
      await change(w, 'one', { files: empty, members: first, by });
      await change(w, 'n', {
        files: ended,
        members: (next) => [root(w, next), childGone(w, 'one', 3)],
        by,
        from: 'one',
      });
      w.honest('n', {
        s: serves(2, 'n', anchors),
        's.c': { seq: 3, at: 'one', status: 'Tombstone' },
        's.c.e': { seq: 2, at: 'g', status: 'Tombstone' },
      });
    },
  },
  {
    number: '126',
    slug: 'two-levels-at-once',
    title: 'Two levels of structure in one commit',
    attack:
      'A scope and a child of it are created at one commit, and nobody has judged what stands between them.',
    outcome: 'held',
    rules: ['Structural'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const below: ScopeSpec = { name: 'e', anchors: ['bo'], quorum: '{ threshold: 1 }', owns: '{}' };
      const recordE = { name: 'e', uid: uidOf(scopeYaml(below)), path: 'e', more: 'grants: {}' };
      const inner = { 'mesh/d/delegations.yaml': delegationsYaml([recordE], 'd'), ...newChild(below, 'd/e') };
      const outer = { ...records(recordC(), recordD()), ...newChild() };
      const by = [...anchors, 'eli', 'fay'] as const;
      const both = (next: string) => [root(w, next), born(w, next), born(w, next, below, 'd/e')];
      await change(w, 'm', { files: { ...outer, ...inner }, members: both, by });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'Structural' } });
      await change(w, 'one', { files: outer, members: (next) => [root(w, next), born(w, next)], by });
      const second = (next: string): readonly Member[] => [
        [uidOf(scopeYaml(d)), { seq: 2, base: w.own('one', 'd'), next: w.own(next, 'd') }],
        born(w, next, below, 'd/e'),
      ];
      await change(w, 'n', { files: inner, members: second, by, from: 'one' });
      w.honest('n', {
        s: serves(2, 'one', anchors),
        's.d': { ...alive('n'), seq: 2 },
        's.d.e': { seq: 1, at: 'n', directory: 'd/e', uid: recordE.uid },
      });
    },
  },
  {
    number: 'C8',
    slug: 'masks',
    title: 'What a record masks',
    attack:
      'What a scope’s quorum signs when it creates a child would change with the next commit, or with what the child does.',
    outcome: 'held',
    rules: ['Own digest', 'G7'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const created = { ...records(recordC(), recordD()), ...newChild() };
      const members = (next: string) => [root(w, next), born(w, next)];
      const by = [...anchors, 'eli', 'fay'] as const;
      await change(w, 'one', { files: created, members, by });
      await w.add('after', { parents: ['one'], files: { readme: 'other\n' } });
      const there = { s: serves(2, 'one', anchors), 's.d': alive('one') };
      w.honest('after', there, { name: 'clean at the next commit' });
      // The child changes between the words of its parent and the merge: the digest of the parent is the same.
      await w.add('edited', { parents: ['g', 'one'], files: { ...created, 'mesh/d/v.yaml': '1\n' } });
      w.attack('edited', { s: { seq: 1, at: 'g', held: 'G16' } }, { name: 'the child is another' });
      const old = await plain(w, ['dana', 'eli'], { C: '1', prefix: 'old' });
      await w.add('both', { parents: ['g', 'one'], files: created });
      await w.add('n', { parents: ['both', old], C: '1' });
      const all = {
        s: serves(2, 'both', anchors),
        's.d': alive('both'),
        's.c': serves(2, 'n', ['dana', 'eli']),
      };
      w.honest('n', all, { name: 'another child goes on' });
      const empty = { 'mesh/delegations.yaml': delegationsYaml([]).replace('spec:\n', 'spec: []\n') };
      await change(w, 'dropped', { files: empty, members: (next) => [root(w, next)], by });
      w.attack('dropped', { s: { seq: 1, at: 'g', held: 'Class' } }, { name: 'a record dropped' });
    },
  },
  {
    number: 'C9',
    slug: 'conservation',
    title: 'Nothing is orphaned',
    attack:
      'A scope that has children is ended, which leaves them without a record; or its move reads as their end.',
    outcome: 'held',
    rules: ['Structural', 'Evaluation'],
    async build(lab) {
      const w = await lab.world({ child: foreign, files: grandchild() });
      const by = [...anchors, 'dana', 'eli', 'fay'] as const;
      const merged = {
        ...records(recordC(`tombstone: ${w.uid('s')}`)),
        ...withoutC,
        'mesh/c/delegations.yaml': null,
        'mesh/from-c.yaml': '0\n',
      };
      await change(w, 'm', { files: merged, members: (next) => [root(w, next), childGone(w)], by });
      const none = { seq: 1, at: 'g', held: 'Structural' } as const;
      w.attack('m', { s: none, 's.c': { ...none, held: 'Class' } });
      // A move takes everything below it along, and says so of none of it.
      const moved = {
        ...records({ ...recordC(), path: 'new' }),
        ...withoutC,
        'mesh/c/delegations.yaml': null,
        'mesh/c/e/scope.yaml': null,
        'mesh/c/e/v.yaml': null,
        'mesh/new/scope.yaml': scopeYaml(foreign),
        'mesh/new/v.yaml': '0\n',
        'mesh/new/delegations.yaml': recordsOfC()['mesh/c/delegations.yaml'] ?? '',
        'mesh/new/e/scope.yaml': scopeYaml(e),
        'mesh/new/e/v.yaml': '0\n',
      };
      const consent = (next: string): readonly Member[] => [
        root(w, next),
        [w.uid('s.c'), { seq: 2, base: w.own('g', 'c'), next: w.own(next, 'new') }],
      ];
      await change(w, 'half', { files: moved, members: consent, by: anchors });
      w.attack(
        'half',
        {
          s: { seq: 1, at: 'g', held: 'G16' },
          's.c': { seq: 1, at: 'g', held: 'G18' },
          's.c.e': { seq: 1, at: 'g', held: 'G18' },
        },
        { name: 'a move without the scope' },
      );
      await change(w, 'n', { files: moved, members: consent, by });
      w.honest('n', { s: serves(2, 'n', anchors), 's.c': { seq: 2, at: 'n', directory: 'new' } });
    },
  },
  {
    number: 'C13',
    slug: 'stolen-consent',
    title: 'Consent to another group',
    attack: 'A renewal is used as consent to a move, or a consent to an end as consent to an annexation.',
    outcome: 'held',
    rules: ['Groups', 'G16'],
    async build(lab) {
      const w = await lab.world({ child: foreign });
      const child = ['dana', 'eli'] as const;
      const moved = {
        ...records({ ...recordC(), path: 'new' }),
        ...withoutC,
        'mesh/new/scope.yaml': scopeYaml(foreign),
        'mesh/new/v.yaml': '0\n',
      };
      const still: Member = [w.uid('s.c'), { seq: 2, base: w.own('g', 'c'), next: w.own('g', 'c') }];
      const move = (next: string) => [root(w, next), still];
      await w.add('moved', { parents: ['g'], files: moved });
      const mine = await speak(w, anchors, 'moved', 'mine', ...lines(move('moved')));
      const renew = await speak(w, child, mine, 'renew', ...lines([still]));
      await w.add('m', { parents: ['g', renew], files: moved });
      w.attack(
        'm',
        { s: { seq: 1, at: 'g', held: 'G16' }, 's.c': { seq: 1, at: 'g', held: 'G18' } },
        { name: 'renewal' },
      );
      const annexed = {
        ...records(recordC(`tombstone: ${w.uid('s')}`)),
        ...withoutC,
        'mesh/from-c.yaml': '0\n',
      };
      const ended = { ...records(recordC('tombstone: none')), ...withoutC };
      await w.add('ended', { parents: ['g'], files: ended });
      await w.add('annexed', { parents: ['g'], files: annexed });
      const end = await speak(w, child, 'annexed', 'end', ...lines([root(w, 'ended'), childGone(w)]));
      const take = await speak(w, anchors, end, 'take', ...lines([root(w, 'annexed'), childGone(w)]));
      await w.add('o', { parents: ['g', take], files: annexed });
      w.attack(
        'o',
        { s: { seq: 1, at: 'g', held: 'G16' }, 's.c': { seq: 1, at: 'g', held: 'G16' } },
        { name: 'end' },
      );
      const both = await speak(w, [...anchors, ...child], 'moved', 'both', ...lines(move('moved')));
      await w.add('n', { parents: ['g', both], files: moved });
      w.honest('n', { s: serves(2, 'n', anchors), 's.c': { seq: 2, at: 'g' } });
    },
  },
];

/** A child of c. */
const e: ScopeSpec = { name: 'e', anchors: ['eli', 'fay'], quorum: '{ threshold: 1 }', owns: '{}' };

function recordsOfC(more = 'grants: {}'): Record<string, string> {
  const record = { name: 'e', uid: uidOf(scopeYaml(e)), path: 'e', more };
  return { 'mesh/c/delegations.yaml': delegationsYaml([record], 'c') };
}

function grandchild(): Record<string, string> {
  return { ...recordsOfC(), 'mesh/c/e/scope.yaml': scopeYaml(e), 'mesh/c/e/v.yaml': '0\n' };
}

/** A chain of scopes below the root, each the only child of the one above; with the bytes of all. */
function chain(depth: number): Record<string, string> {
  const files: Record<string, string> = {};
  const specs = Array.from(
    { length: depth },
    (_, at): ScopeSpec => ({ name: `c${at}`, anchors: ['alice'], quorum: '{ threshold: 1 }', owns: '{}' }),
  );
  let place = 'mesh';
  for (const [at, spec] of specs.entries()) {
    const parent = at === 0 ? 's' : `c${at - 1}`;
    const record = { name: `c${at}`, uid: uidOf(scopeYaml(spec)), path: 'c', more: 'grants: {}' };
    files[`${place}/delegations.yaml`] = delegationsYaml([record], parent);
    place = `${place}/c`;
    files[`${place}/scope.yaml`] = scopeYaml(spec);
  }
  return files;
}
