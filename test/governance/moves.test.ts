import { expect, test } from 'vitest';
import { createRealm, type Files, land, type Party, type Realm, scopeFiles, without } from './realm.ts';

/** Evaluation 2 (locate) and the places at which I2–I4 read: s has o and n, o has a, a has d; a moves from o to n. */

const specs = { a: { owns: '{}' }, d: { owns: '{}' } };
const nothing = { namespaces: [] };

function family(
  more: (realm: Realm) => Files = () => ({}),
  other: Parameters<typeof createRealm>[0] = {},
): Realm {
  const realm = createRealm({ ...specs, ...other });
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'o' }, { name: 'n' }]),
    ...scopeFiles(realm, 'o'),
    ...scopeFiles(realm, 'n'),
    'mesh/o/delegations.yaml': realm.records([{ name: 'a', ...nothing }]),
    ...subtree(realm, 'o/a'),
    ...more(realm),
  });
  return realm;
}

/** a with d below it. */
function subtree(realm: Realm, directory: string): Files {
  return {
    ...scopeFiles(realm, 'a', directory),
    [`mesh/${directory}/delegations.yaml`]: realm.records([{ name: 'd', ...nothing }]),
    ...scopeFiles(realm, 'd', `${directory}/d`),
  };
}

function moved(realm: Realm): Files {
  return {
    'mesh/o/delegations.yaml': realm.records([{ name: 'a', path: null, ...nothing, more: 'forward: s.n.a' }]),
    'mesh/n/delegations.yaml': realm.records([{ name: 'a', ...nothing }]),
    ...without(subtree(realm, 'o/a')),
    ...subtree(realm, 'n/a'),
  };
}

const group = (at = 'm'): readonly Party[] => [
  { who: 'o', seq: 2, base: ['g', 'o'], next: [at, 'o'] },
  { who: 'n', seq: 2, base: ['g', 'n'], next: [at, 'n'] },
  { who: 'a', seq: 2, base: ['g', 'o/a'], next: [at, 'n/a'] },
];

async function standing(realm: Realm, tip: string): Promise<readonly string[]> {
  return [...(await realm.state(tip)).scopes.values()].map(
    ({ path, directory, seq, hold }) =>
      `${path} ${directory || '.'} ${seq}${hold === null ? '' : ` ${hold.rule}`}`,
  );
}

const before = ['s . 1', 's.o o 1', 's.o.a o/a 1', 's.o.a.d o/a/d 1', 's.n n 1'];
const after = ['s . 1', 's.o o 2', 's.n n 2', 's.n.a n/a 2', 's.n.a.d n/a/d 1'];

test('a move takes everything below along, whose seq, epoch and votes stay', async () => {
  const realm = family();
  expect(await standing(realm, 'g')).toEqual(before);
  await land(realm, 'm', 'g', moved(realm), [[['o1', 'n1', 'a1'], group()]]);
  expect(await standing(realm, 'm')).toEqual(after);
  expect(await realm.scope('m', 'd')).toMatchObject({
    epoch: { index: 0 },
    accepted: { directory: 'o/a/d' },
  });
});

test('a move that is not accepted holds who proposes it; the others are measured where they were', async () => {
  const realm = family();
  await land(realm, 'm', 'g', moved(realm), [[['o1', 'a1'], group()]]);
  expect(await standing(realm, 'm')).toEqual([
    's . 1',
    's.o o 1 Structural',
    's.o.a o/a 1 G18',
    's.o.a.d o/a/d 1 G18',
    's.n n 1 Quorum',
  ]);
  const { hold } = await realm.scope('m', 'a');
  expect(hold?.reason).toMatch(
    /absent; it moves only together with others: 0 of 1: nobody signed; n1 or n2 missing/,
  );
  expect(hold?.group?.members).toHaveLength(3);
  // The missing vote completes it at a later commit, for all at once.
  realm.commit('w', ['m'], {}, { by: 'n2', message: await realm.words(group()) });
  expect(await standing(realm, 'w')).toEqual(after);
  // Or it is taken back, and every hold lifts.
  realm.commit('r', ['m'], {}, { take: 'g' });
  expect(await standing(realm, 'r')).toEqual(before);
});

test.each<[string, (realm: Realm) => Files, string, Parameters<typeof createRealm>[0]?]>([
  ['its bytes change', () => ({ 'mesh/n/a/v.yaml': 'new' }), 'is not as it was accepted'],
  ['its old place is not empty', () => ({ 'mesh/o/a/left.yaml': 'x' }), 'its old place o/a still exists'],
  [
    'nothing forwards to it',
    (realm) => ({
      'mesh/o/delegations.yaml': realm.records([
        { name: 'a', path: null, ...nothing, more: 'forward: s.n.b' },
      ]),
    }),
    'no record that forwards to s.n.a',
  ],
  [
    'its trust domain would change',
    () => ({}),
    'its trust domain would change: o.example to null',
    { o: { more: 'identity: { trustDomain: o.example }' } },
  ],
  [
    'it owns more than it is granted there',
    () => ({}),
    'it owns the namespace a, which its parent does not grant',
    { a: { owns: '{ namespaces: [a] }' }, o: { owns: '{ namespaces: [o, a] }' } },
  ],
])('a move is refused where %s, whoever signs', async (_, change, reason, other) => {
  const grants = (realm: Realm) =>
    other?.a === undefined
      ? {}
      : {
          'mesh/delegations.yaml': realm.records([{ name: 'o', namespaces: ['o', 'a'] }, { name: 'n' }]),
          'mesh/o/delegations.yaml': realm.records([{ name: 'a' }]),
        };
  const realm = family(grants, other);
  const files = { ...moved(realm), ...change(realm) };
  await land(realm, 'm', 'g', files, [[['o1', 'o2', 'n1', 'n2', 'a1', 'a2'], group()]]);
  const { seq, hold } = await realm.scope('m', 'n');
  expect(seq).toBe(1);
  expect(hold?.reason).toContain(reason);
  expect((await realm.scope('m', 'a')).directory).toBe('o/a');
});

test('a scope does not move below itself', async () => {
  const realm = family();
  const files = {
    'mesh/o/delegations.yaml': realm.records([
      { name: 'a', path: null, ...nothing, more: 'forward: s.o.a.d.a' },
    ]),
    'mesh/o/a/d/delegations.yaml': realm.records([{ name: 'a', ...nothing }]),
    ...subtree(realm, 'o/a/d/a'),
  };
  realm.commit('m', ['g'], files);
  expect((await realm.scope('m', 'd')).hold?.reason).toContain('a: it cannot stand below itself');
  expect((await realm.scope('m', 'a')).directory).toBe('o/a');
});

test('a root does not move', async () => {
  const realm = family();
  const files = {
    'mesh/n/delegations.yaml': realm.records([{ name: 's', path: 'up', ...nothing }]),
    ...scopeFiles(realm, 's', 'n/up'),
  };
  realm.commit('m', ['g'], files);
  expect((await realm.scope('m', 'n')).hold?.reason).toContain('s: a root does not move');
  expect(await realm.scope('m', 's')).toMatchObject({ seq: 1, hold: null, directory: '' });
});

test('only the name changes: the scope consents, its place stays, and the old name forwards', async () => {
  const renamed = (realm: Realm, forward: boolean) => ({
    'mesh/delegations.yaml': realm.records([
      { name: 'o' },
      { name: 'new', uid: realm.uid('n'), path: 'n', namespaces: ['n'] },
      ...(forward ? [{ name: 'n', path: null, ...nothing, more: 'forward: s.new' }] : []),
    ]),
  });
  const parties: readonly Party[] = [
    { who: 's', seq: 2, base: ['g', ''], next: ['m', ''] },
    { who: 'n', seq: 2, base: ['g', 'n'], next: ['g', 'n'] },
  ];
  const lost = family();
  await land(lost, 'm', 'g', renamed(lost, false), [[['s1', 'n1'], parties]]);
  expect((await lost.scope('m', 's')).hold?.reason).toContain('no record that forwards to s.new');
  const realm = family();
  await land(realm, 'm', 'g', renamed(realm, true), [[['s1', 'n1'], parties]]);
  expect(await realm.scope('m', 'n')).toMatchObject({
    seq: 2,
    name: 'new',
    path: 's.new',
    directory: 'n',
    status: 'Live',
  });
});

test('I2–I4: a commit is read at the place that the scope had where the commit began', async () => {
  const realm = family();
  // d signs a change on a branch that began before the move, and lands it after the move, merged by hand.
  realm.commit('p', ['g'], { 'mesh/o/a/d/v.yaml': 'new' }, { by: 'd1' });
  await land(realm, 'm', 'g', moved(realm), [[['o1', 'n1', 'a1'], group()]]);
  realm.commit('q', ['m', 'p'], { 'mesh/n/a/d/v.yaml': 'new' });
  expect(await realm.scope('q', 'd')).toMatchObject({ seq: 2, hold: null, directory: 'n/a/d' });
  // What such a branch holds at the new place was nobody's there.
  realm.commit('x', ['g'], { 'mesh/n/a/d/v.yaml': 'other' }, { by: 'd1' });
  realm.commit('y', ['m', 'x'], { 'mesh/n/a/d/v.yaml': 'other' });
  expect(await realm.scope('y', 'd')).toMatchObject({ seq: 1, hold: { signed: [] } });
  // And one that began after it is read at the new place.
  realm.commit('u', ['m'], { 'mesh/n/a/d/v.yaml': 'later' }, { by: 'd2' });
  realm.commit('v', ['m', 'u'], { 'mesh/n/a/d/v.yaml': 'later' });
  expect(await realm.scope('v', 'd')).toMatchObject({ seq: 2, hold: null });
});

test('I3: a signed merge that brings a moved scope to its new place shows a change of it only if its bytes differ', async () => {
  const realm = family();
  realm.commit('p', ['g'], { 'mesh/v.yaml': 'of s' });
  await land(realm, 'm', 'g', moved(realm), [[['o1', 'n1', 'a1'], group()]]);
  realm.commit('u', ['p', 'm'], { ...moved(realm), 'mesh/n/a/d/v.yaml': 'new' }, { by: 'd1' });
  realm.commit('q', ['m', 'u'], { 'mesh/n/a/d/v.yaml': 'new', 'mesh/v.yaml': 'of s' });
  expect((await realm.scope('q', 'd')).seq).toBe(2);
});

test('I4: an unclean view at the old place stays one after the move', async () => {
  const realm = family();
  // Main never showed what was planted: the merge left it out.
  realm.commit('r', ['g'], { 'mesh/o/a/d/v.yaml': 'planted' });
  realm.commit('m1', ['g', 'r'], {});
  await land(realm, 'm', 'm1', moved(realm), [[['o1', 'n1', 'a1'], group()]]);
  realm.commit('c', ['r'], { 'mesh/o/a/d/v.yaml': 'planted and more' }, { by: 'd1' });
  realm.commit('q', ['m', 'c'], { 'mesh/n/a/d/v.yaml': 'planted and more' });
  const { seq, hold } = await realm.scope('q', 'd');
  expect(seq).toBe(1);
  expect(hold).toMatchObject({ rule: 'I4', votes: [] });
});

test('I4: a commit that began before a scope was, showed nothing that was accepted', async () => {
  for (const [from, seq] of [
    ['g', 1],
    ['m', 2],
  ] as const) {
    const realm = createRealm({ a: { owns: '{}' } });
    const files = {
      'mesh/delegations.yaml': realm.records([{ name: 'a', ...nothing }]),
      ...scopeFiles(realm, 'a'),
    };
    const parties: readonly Party[] = [
      { who: 's', seq: 2, base: ['g', ''], next: ['m', ''] },
      { who: 'a', seq: 1, base: 'none', next: ['m', 'a'] },
    ];
    await land(realm, 'm', 'g', files, [[['s1', 'a1', 'a2'], parties]]);
    // The same bytes, on a branch from before the birth or after it, that comes in with the main line.
    realm.commit('e', [from], { ...files, README: 'of nobody' });
    realm.commit('m2', ['m', 'e'], { README: 'of nobody' });
    realm.commit('u', ['m', 'e'], { README: 'of nobody' });
    realm.commit('c', ['u'], { 'mesh/a/v.yaml': 'new' }, { by: 'a1' });
    realm.commit('q', ['m2', 'c'], { 'mesh/a/v.yaml': 'new' });
    const { seq: stands, hold } = await realm.scope('q', 'a');
    expect([stands, hold?.rule]).toEqual([seq, seq === 1 ? 'I4' : undefined]);
  }
});

test('G17: what stands too deep after a move does not move', async () => {
  const chain = (names: readonly string[], directory: string, realm: Realm): Files =>
    Object.assign(
      {},
      ...names.map((name, at) => {
        const place = [directory, ...names.slice(0, at + 1)].join('/');
        const next = names[at + 1];
        const files = scopeFiles(realm, name, place);
        const records = next === undefined ? null : realm.records([{ name: next, ...nothing }]);
        return records === null ? files : { ...files, [`mesh/${place}/delegations.yaml`]: records };
      }),
    );
  const [low, high] = [
    Array.from({ length: 9 }, (_, at) => `low${at}`),
    Array.from({ length: 9 }, (_, at) => `high${at}`),
  ];
  const bare = Object.fromEntries([...low, ...high].map((name) => [name, { owns: '{}' }]));
  const realm = createRealm(bare);
  const [last = '', tallest = ''] = [high.at(-1), low[0]];
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([
      { name: 'o', namespaces: ['o'] },
      { name: 'high0', path: 'h/high0', ...nothing },
    ]),
    ...scopeFiles(realm, 'o'),
    'mesh/o/delegations.yaml': realm.records([{ name: tallest, ...nothing }]),
    ...chain(low, 'o', realm),
    ...chain(high, 'h', realm),
  });
  const to = ['h', ...high].join('/');
  const path = ['s', ...high, tallest].join('.');
  await land(
    realm,
    'm',
    'g',
    {
      'mesh/o/delegations.yaml': realm.records([
        { name: tallest, path: null, ...nothing, more: `forward: ${path}` },
      ]),
      [`mesh/${to}/delegations.yaml`]: realm.records([{ name: tallest, ...nothing }]),
      ...without(chain(low, 'o', realm)),
      ...chain(low, to, realm),
    },
    [
      [
        ['o1', `${last}1`, `${tallest}1`],
        [
          { who: 'o', seq: 2, base: ['g', 'o'], next: ['m', 'o'] },
          { who: last, seq: 2, base: ['g', to], next: ['m', to] },
          { who: tallest, seq: 2, base: ['g', `o/${tallest}`], next: ['m', `${to}/${tallest}`] },
        ],
      ],
    ],
  );
  expect((await realm.scope('m', last)).hold).toMatchObject({
    rule: 'G17',
    reason: expect.stringContaining('it would stand 18 levels below the root; the cap is 16'),
  });
  expect(await realm.scope('m', tallest)).toMatchObject({ directory: `o/${tallest}`, seq: 1 });
});

test('who moves and reconfigures at once is held, and so is who takes it', async () => {
  const realm = family();
  const files = { ...moved(realm), 'mesh/n/a/scope.yaml': realm.yaml('a', { anchors: ['a1', 'a2', 'x'] }) };
  await land(realm, 'm', 'g', files, [[['o1', 'n1', 'a1'], group()]]);
  expect((await realm.scope('m', 'n')).hold?.reason).toContain('is not as it was accepted');
  expect(await standing(realm, 'm')).toEqual([
    's . 1',
    's.o o 1 Structural',
    's.o.a o/a 1 G18',
    's.o.a.d o/a/d 1 G18',
    's.n n 1 Structural',
  ]);
});

test('a name that was withdrawn before the genesis is that of no scope: it neither moves, nor ends, nor comes back', async () => {
  const realm = createRealm();
  const genesis = (spec: Parameters<Realm['records']>[0][number]) => ({
    'mesh/delegations.yaml': realm.records([spec]),
  });
  realm.commit('g', [], genesis({ name: 'a', more: 'status: withdrawn' }));
  const changes: readonly Parameters<Realm['records']>[0][number][] = [
    { name: 'b', uid: realm.uid('a'), path: 'a', more: 'status: withdrawn' },
    { name: 'a', path: 'b', more: 'status: withdrawn' },
    { name: 'a' },
    { name: 'a', more: 'tombstone: none' },
    { name: 'a', more: `tombstone: ${realm.uid('s')}` },
  ];
  for (const spec of changes) {
    await land(realm, 'm', 'g', genesis(spec), [
      [['s1'], [{ who: 's', seq: 2, base: ['g', ''], next: ['m', ''] }]],
    ]);
    const { seq, hold } = await realm.scope('m', 's');
    expect([seq, hold?.rule], JSON.stringify(spec)).toEqual([1, 'G19']);
  }
});
