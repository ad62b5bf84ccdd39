import { expect, test } from 'vitest';
import { createRealm, type Files, land, type Party, type Realm } from './realm.ts';

/**
 * Structural mutations: every row of the table, accepted by exactly the sets of signers that have all quorums, and held
 * by every other. The scopes have two anchors each and a threshold of 1; a new scope's keys sign all.
 */
type Row = {
  readonly name: string;
  readonly genesis: (realm: Realm) => Files;
  /** What the main line is after the mutation, as a change of the genesis. */
  readonly change: (realm: Realm) => Promise<Files> | Files;
  /** Members with their anchors; all of `every` sign, and one of `some`. */
  readonly parties: readonly (Party & {
    readonly every?: readonly string[];
    readonly some?: readonly string[];
  })[];
  readonly after: (realm: Realm) => Promise<void>;
};

const a = (realm: Realm): Files => ({
  'mesh/delegations.yaml': realm.records([{ name: 'a' }]),
  'mesh/a/scope.yaml': realm.yaml('a'),
  'mesh/a/v.yaml': 'a',
});

const child = (realm: Realm, name: string): Files => ({
  [`mesh/${name}/scope.yaml`]: realm.yaml(name),
  [`mesh/${name}/v.yaml`]: name,
});

/** A repository of its own, as a record names it for `a`. */
async function elsewhere(realm: Realm, seq: number): Promise<string> {
  const { base } = await realm.line({ who: 'a', seq, base: ['g', 'a'], next: 'gone' });
  const where = `urls: [https://git.example/a.git], branch: main, path: mesh, genesis: "sha1:${'0'.repeat(40)}"`;
  return `{ ${where}, digest: ${base}, seq: ${seq} }`;
}

const withoutA = { 'mesh/a/scope.yaml': null, 'mesh/a/v.yaml': null };

async function standing(realm: Realm): Promise<readonly string[]> {
  return [...(await realm.state('m')).scopes.values()].map(({ path, status }) => `${path} ${status}`);
}

const rows: readonly Row[] = [
  {
    name: 'delegate: a child is created by its parent and by every key of its own',
    genesis: () => ({}),
    change: a,
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1', 's2'] },
      { who: 'a', seq: 1, base: 'none', next: ['m', 'a'], every: ['a1', 'a2'] },
    ],
    async after(realm) {
      expect(await standing(realm)).toEqual(['s Live', 's.a Live']);
      const child = await realm.scope('m', 'a');
      expect(child).toMatchObject({ seq: 1, directory: 'a', hold: null, unproven: [], predecessors: [] });
      expect(child.lineage).toMatchObject([{ event: 'accepted', class: 'delegate', seq: 1, base: 'none' }]);
      expect(child.lineage[0]?.votes.map(({ anchor }) => anchor)).toEqual(['a1', 'a2']);
      expect(child.epoch).toEqual((await realm.scope('m', 's')).epoch);
    },
  },
  {
    name: "split: a parent's files become a child's, byte for byte",
    genesis: () => ({ 'mesh/x.yaml': 'x', 'mesh/y.yaml': 'y' }),
    change: (realm) => ({
      'mesh/delegations.yaml': realm.records([{ name: 'a' }]),
      'mesh/x.yaml': null,
      'mesh/a/scope.yaml': realm.yaml('a'),
      'mesh/a/deep/x.yaml': 'x',
    }),
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1', 's2'] },
      { who: 'a', seq: 1, base: 'none', next: ['m', 'a'], every: ['a1', 'a2'] },
    ],
    async after(realm) {
      const [parent, child] = [await realm.scope('m', 's'), await realm.scope('m', 'a')];
      expect(parent.lineage.at(-1)).toMatchObject({ class: 'split', successors: [realm.uid('a')] });
      expect(child.predecessors).toEqual([realm.uid('s')]);
    },
  },
  {
    name: 'merge: a child becomes part of its parent',
    genesis: a,
    change: (realm) => ({
      'mesh/delegations.yaml': realm.records([{ name: 'a', more: `tombstone: ${realm.uid('s')}` }]),
      ...withoutA,
      'mesh/from-a.yaml': 'a',
    }),
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1', 's2'] },
      { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone', some: ['a1', 'a2'] },
    ],
    async after(realm) {
      expect(await standing(realm)).toEqual(['s Live', 's.a Tombstone']);
      const child = await realm.scope('m', 'a');
      expect(child).toMatchObject({ seq: 2, hold: null, landed: null, successors: [realm.uid('s')] });
      expect(child.lineage.at(-1)).toMatchObject({
        class: 'merge',
        next: 'gone',
        successors: [realm.uid('s')],
      });
      expect((await realm.scope('m', 's')).predecessors).toEqual([realm.uid('a')]);
    },
  },
  {
    name: 'merge: two scopes beside a third become part of it',
    genesis: (realm) => ({
      ...a(realm),
      'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'b' }, { name: 'c' }]),
      ...child(realm, 'b'),
      ...child(realm, 'c'),
    }),
    change: (realm) => ({
      'mesh/delegations.yaml': realm.records([
        { name: 'a', more: `tombstone: ${realm.uid('c')}` },
        { name: 'b', more: `tombstone: ${realm.uid('c')}` },
        { name: 'c' },
      ]),
      ...withoutA,
      'mesh/b/scope.yaml': null,
      'mesh/b/v.yaml': null,
      'mesh/c/a.yaml': 'a',
      'mesh/c/b.yaml': 'b',
    }),
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1'] },
      { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone', some: ['a1'] },
      { who: 'b', seq: 2, base: ['g', 'b'], next: 'gone', some: ['b1'] },
      { who: 'c', seq: 2, base: ['g', 'c'], next: ['m', 'c'], some: ['c1'] },
    ],
    async after(realm) {
      expect(await standing(realm)).toEqual(['s Live', 's.a Tombstone', 's.b Tombstone', 's.c Live']);
      expect((await realm.scope('m', 'c')).lineage.at(-1)).toMatchObject({
        class: 'merge',
        predecessors: [realm.uid('a'), realm.uid('b')],
      });
    },
  },
  {
    name: 'dissolve: a scope ends, and its place is empty',
    genesis: a,
    change: (realm) => ({
      'mesh/delegations.yaml': realm.records([{ name: 'a', more: 'tombstone: none' }]),
      ...withoutA,
    }),
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1'] },
      { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone', some: ['a1', 'a2'] },
    ],
    async after(realm) {
      expect(await standing(realm)).toEqual(['s Live', 's.a Tombstone']);
      expect((await realm.scope('m', 'a')).lineage.at(-1)).toMatchObject({ class: 'dissolve', next: 'gone' });
    },
  },
  {
    name: 'rename: a scope gets another name and place, and the old name forwards',
    genesis: a,
    change: (realm) => ({
      'mesh/delegations.yaml': realm.records([
        { name: 'b', uid: realm.uid('a'), path: 'b', namespaces: ['a'] },
        { name: 'a', path: null, namespaces: [], more: 'forward: s.b' },
      ]),
      ...withoutA,
      'mesh/b/scope.yaml': realm.yaml('a'),
      'mesh/b/v.yaml': 'a',
    }),
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1'] },
      { who: 'a', seq: 2, base: ['g', 'a'], next: ['m', 'b'], some: ['a1', 'a2'] },
    ],
    async after(realm) {
      expect(await standing(realm)).toEqual(['s Live', 's.b Live']);
      const scope = await realm.scope('m', 'a');
      expect(scope).toMatchObject({ seq: 2, name: 'b', path: 's.b', directory: 'b', hold: null });
      expect(scope.lineage.at(-1)).toMatchObject({ class: 'move', movedTo: 'b' });
    },
  },
  {
    name: 'move: a scope stands under its grandparent, with everything below it',
    genesis: (realm) => ({
      'mesh/delegations.yaml': realm.records([{ name: 'o', namespaces: ['o'] }]),
      'mesh/o/scope.yaml': realm.yaml('o'),
      'mesh/o/delegations.yaml': realm.records([{ name: 'a', namespaces: [] }]),
      'mesh/o/a/scope.yaml': realm.yaml('a', { owns: '{ namespaces: [] }' }),
      'mesh/o/a/delegations.yaml': realm.records([{ name: 'd', namespaces: [] }]),
      'mesh/o/a/d/scope.yaml': realm.yaml('d', { owns: '{ namespaces: [] }' }),
    }),
    change: (realm) => ({
      'mesh/delegations.yaml': realm.records([
        { name: 'o', namespaces: ['o'] },
        { name: 'a', path: 'new/a', namespaces: [] },
      ]),
      'mesh/o/delegations.yaml': realm.records([
        { name: 'a', path: null, namespaces: [], more: 'forward: s.a' },
      ]),
      'mesh/o/a/scope.yaml': null,
      'mesh/o/a/delegations.yaml': null,
      'mesh/o/a/d/scope.yaml': null,
      'mesh/new/a/scope.yaml': realm.yaml('a', { owns: '{ namespaces: [] }' }),
      'mesh/new/a/delegations.yaml': realm.records([{ name: 'd', namespaces: [] }]),
      'mesh/new/a/d/scope.yaml': realm.yaml('d', { owns: '{ namespaces: [] }' }),
    }),
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1'] },
      { who: 'o', seq: 2, base: ['g', 'o'], next: ['m', 'o'], some: ['o1'] },
      { who: 'a', seq: 2, base: ['g', 'o/a'], next: ['m', 'new/a'], some: ['a1', 'a2'] },
    ],
    async after(realm) {
      expect(await standing(realm)).toEqual(['s Live', 's.o Live', 's.a Live', 's.a.d Live']);
      const below = await realm.scope('m', 'd');
      expect(below).toMatchObject({ seq: 1, hold: null, directory: 'new/a/d', epoch: { index: 0 } });
      expect(below.places.map(({ directory }) => directory)).toEqual(['o/a/d', 'new/a/d']);
      expect((await realm.scope('m', 'a')).lineage.at(-1)).toMatchObject({ class: 'move', movedTo: 'new/a' });
    },
  },
  {
    name: 'move to an own repository: the place is empty, and the record says where it goes on',
    genesis: a,
    change: async (realm) => ({
      'mesh/delegations.yaml': realm.records([
        { name: 'a', path: null, more: `repository: ${await elsewhere(realm, 2)}` },
      ]),
      ...withoutA,
    }),
    parties: [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''], some: ['s1'] },
      { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone', some: ['a1', 'a2'] },
    ],
    async after(realm) {
      expect(await standing(realm)).toEqual(['s Live', 's.a Tombstone']);
      expect((await realm.scope('m', 'a')).lineage.at(-1)).toMatchObject({ class: 'move', next: 'gone' });
    },
  },
];

test.each(rows)('$name; no other set of signers', async ({ genesis, change, parties, after }) => {
  const keys = parties.flatMap(({ every = [], some = [] }) => [...every, ...some]);
  for (let mask = 0; mask < 2 ** keys.length; mask += 1) {
    const signers = keys.filter((_, bit) => (mask >> bit) % 2 === 1);
    const realm = createRealm();
    realm.commit('g', [], genesis(realm));
    realm.commit('m', ['g'], await change(realm));
    const words = await realm.words(parties);
    realm.commit('m', ['g', realm.signed('g', signers, words)], await change(realm));
    const isEnough = parties.every(
      ({ every = [], some = [] }) =>
        every.every((key) => signers.includes(key)) &&
        (some.length === 0 || some.some((key) => signers.includes(key))),
    );
    const { seq, hold } = await realm.scope('m', 's');
    expect([signers, seq], hold?.reason).toEqual([signers, isEnough ? 2 : 1]);
    if (isEnough) await after(realm);
    else
      expect(hold?.group?.members.map(({ uid }) => uid).sort(), hold?.reason).toEqual(
        parties.map(({ who }) => realm.uid(who)).sort(),
      );
  }
});

test('merge: what a third scope is left nothing by still needs its consent', async () => {
  const realm = createRealm();
  realm.commit('g', [], {
    ...a(realm),
    ...child(realm, 'c'),
    'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'c' }]),
  });
  const changes = {
    'mesh/delegations.yaml': realm.records([
      { name: 'a', more: `tombstone: ${realm.uid('c')}` },
      { name: 'c' },
    ]),
    ...withoutA,
  };
  const parties: readonly Party[] = [
    { who: 's', seq: 2, base: ['g', ''], next: ['m', ''] },
    { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone' },
    { who: 'c', seq: 2, base: ['g', 'c'], next: ['g', 'c'] },
  ];
  await land(realm, 'm', 'g', changes, [[['s1', 'a1'], parties]]);
  expect((await realm.scope('m', 'a')).hold?.reason).toContain('together with s.c: 0 of 1');
  await land(realm, 'm', 'g', changes, [[['s1', 'a1', 'c1'], parties]]);
  expect(await standing(realm)).toEqual(['s Live', 's.a Tombstone', 's.c Live']);
  expect((await realm.scope('m', 'a')).successors).toEqual([realm.uid('c')]);
});

test('G16: a group holds for a member that ended as it says', async () => {
  const realm = createRealm();
  realm.commit('g', [], {
    ...a(realm),
    ...child(realm, 'b'),
    'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'b' }]),
  });
  const ended = {
    'mesh/delegations.yaml': realm.records([{ name: 'a', more: 'tombstone: none' }, { name: 'b' }]),
    ...withoutA,
  };
  const gone: Party = { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone' };
  const after: Party = { who: 'b', seq: 2, base: ['g', 'b'], next: ['m', 'b'] };
  const edit = { 'mesh/b/v.yaml': 'after a has ended' };
  await land(realm, 'm', 'g', edit, [[['b1'], [after, gone]]]);
  expect((await realm.scope('m', 'b')).seq).toBe(1);
  await land(realm, 'd', 'g', ended, [
    [
      ['s1', 'a1'],
      [{ who: 's', seq: 2, base: ['g', ''], next: ['d', ''] }, gone],
    ],
  ]);
  await land(realm, 'm', 'd', edit, [[['b1'], [after, gone]]]);
  expect((await realm.scope('m', 'b')).seq).toBe(2);
});

test('of a large group that is not ready, a hold names the first ones', async () => {
  const realm = createRealm();
  const names = ['b', 'c', 'd', 'e', 'f', 'h', 'i'];
  realm.commit('m', ['g'], {
    'mesh/delegations.yaml': realm.records(names.map((name) => ({ name }))),
    ...Object.assign({}, ...names.map((name) => child(realm, name))),
  });
  const { reason } = (await realm.scope('m', 's')).hold ?? {};
  expect(reason).toContain('together with s.f: 0 of 1');
  expect(reason).not.toContain('s.h:');
  expect(reason).toMatch(/; and with 2 more$/);
});

test('a scope may live in a folder of folders, which are nobody’s', async () => {
  const realm = createRealm();
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a', path: 'teams/eu/a' }]),
    'mesh/teams/eu/a/scope.yaml': realm.yaml('a'),
    'mesh/teams/eu/a/v.yaml': 'a',
  });
  realm.commit('p', ['g'], { 'mesh/teams/eu/a/v.yaml': 'b' }, { by: 'a1' });
  realm.commit('m', ['g', 'p'], {}, { take: 'p' });
  expect(await realm.scope('m', 'a')).toMatchObject({ seq: 2, directory: 'teams/eu/a', hold: null });
  expect(await realm.scope('m', 's')).toMatchObject({ seq: 1, hold: null });
  realm.commit('n', ['m'], { 'mesh/teams/eu/stray.yaml': 'x' });
  expect((await realm.scope('n', 's')).hold).toMatchObject({ rule: 'Quorum' });
  expect((await realm.scope('n', 'a')).hold).toBeNull();
});

test('moving to an own repository and changing what is granted needs the threshold of both', async () => {
  const byClass = { s: { quorum: '{ threshold: 1, byClass: { move: 1, delegate: 2 } }' } };
  const realm = createRealm(byClass);
  realm.commit('g', [], a(realm));
  const changes = async (namespaces: readonly string[]) => ({
    'mesh/delegations.yaml': realm.records([
      { name: 'a', path: null, namespaces, more: `repository: ${await elsewhere(realm, 2)}` },
    ]),
    ...withoutA,
  });
  const parties: readonly Party[] = [
    { who: 's', seq: 2, base: ['g', ''], next: ['m', ''] },
    { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone' },
  ];
  await land(realm, 'm', 'g', await changes(['a', 'b']), [[['s1', 'a1'], parties]]);
  expect((await realm.scope('m', 's')).hold?.reason).toContain('1 of 2: s1 signed');
  await land(realm, 'm', 'g', await changes(['a', 'b']), [[['s1', 's2', 'a1'], parties]]);
  expect((await realm.scope('m', 's')).lineage.at(-1)).toMatchObject({ class: 'delegate', seq: 2 });
  await land(realm, 'm', 'g', await changes(['a']), [[['s1', 'a1'], parties]]);
  expect((await realm.scope('m', 's')).lineage.at(-1)).toMatchObject({ class: 'move', seq: 2 });
});
