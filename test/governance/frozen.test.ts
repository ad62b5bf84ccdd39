import { expect, test } from 'vitest';
import { createRealm, type Files, land, type Party, type Realm, scopeFiles, without } from './realm.ts';

/** What a stranger commits in one scope's tree, unsigned, against honest mutations of others at the same commit. */

const specs = { a: { owns: '{}' } };
const nothing = { namespaces: [] };
const forward = { name: 'a', path: null, ...nothing, more: 'forward: s.n.a' };

/** s has o and n, o has a. */
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
    ...scopeFiles(realm, 'a', 'o/a'),
    ...more(realm),
  });
  return realm;
}

const moved = (realm: Realm): Files => ({
  'mesh/o/delegations.yaml': realm.records([forward]),
  'mesh/n/delegations.yaml': realm.records([{ name: 'a', ...nothing }]),
  ...without(scopeFiles(realm, 'a', 'o/a')),
  ...scopeFiles(realm, 'a', 'n/a'),
});

const group = (base = 'g', next = 'm'): readonly Party[] => [
  { who: 'o', seq: 2, base: [base, 'o'], next: [next, 'o'] },
  { who: 'n', seq: 2, base: [base, 'n'], next: [next, 'n'] },
  { who: 'a', seq: 2, base: [base, 'o/a'], next: [next, 'n/a'] },
];

test.each(['o', 'n'])(
  'a path of %s that a stranger edits in the records above stops no move into or out of it',
  async (name) => {
    const realm = family();
    const edited = {
      'mesh/delegations.yaml': realm.records(
        ['o', 'n'].map((each) => ({ name: each, path: each === name ? 'elsewhere' : each })),
      ),
    };
    await land(realm, 'm', 'g', { ...moved(realm), ...edited }, [[['o1', 'n1', 'a1'], group()]]);
    expect(await realm.scope('m', 's')).toMatchObject({ seq: 1, hold: { rule: 'Structural' } });
    expect(await realm.scope('m', 'a')).toMatchObject({
      seq: 2,
      hold: null,
      directory: 'n/a',
      path: 's.n.a',
    });
    for (const each of ['o', 'n']) expect(await realm.scope('m', each)).toMatchObject({ seq: 2, hold: null });
  },
);

test('a withdrawn scope of the same name takes nothing that is forwarded to the live one', async () => {
  for (const order of [0, 1]) {
    const realm = family(
      (each) => {
        const pair = [
          { name: 'n', uid: each.uid('w'), path: 'w', ...nothing, more: 'status: withdrawn' },
          { name: 'n' },
        ];
        return {
          'mesh/delegations.yaml': each.records([{ name: 'o' }, ...(order === 0 ? pair : pair.toReversed())]),
        };
      },
      { w: { name: 'n', owns: '{}' } },
    );
    // At the genesis it was live; s withdrew it since.
    realm.commit('g', [], {
      'mesh/delegations.yaml': realm.records([
        { name: 'o' },
        { name: 'n', uid: realm.uid('w'), path: 'w', ...nothing },
      ]),
      ...scopeFiles(realm, 'o'),
      'mesh/n/scope.yaml': null,
      ...scopeFiles(realm, 'w'),
      'mesh/o/delegations.yaml': realm.records([{ name: 'a', ...nothing }]),
      ...scopeFiles(realm, 'a', 'o/a'),
    });
    const gone = { name: 'n', uid: realm.uid('w'), path: 'w', ...nothing, more: 'status: withdrawn' };
    const both = order === 0 ? [gone, { name: 'n' }] : [{ name: 'n' }, gone];
    const begun = {
      'mesh/delegations.yaml': realm.records([{ name: 'o' }, ...both]),
      ...scopeFiles(realm, 'n'),
    };
    await land(realm, 'b', 'g', begun, [
      [
        ['s1', 'n1', 'n2'],
        [
          { who: 's', seq: 2, base: ['g', ''], next: ['b', ''] },
          { who: 'n', seq: 1, base: 'none', next: ['b', 'n'] },
        ],
      ],
    ]);
    const taken = { 'mesh/w/delegations.yaml': realm.records([{ name: 'a', ...nothing }]) };
    const parties = group('b').map((party) => (party.who === 'n' ? { ...party, seq: 2 } : party));
    await land(realm, 'm', 'b', { ...moved(realm), ...taken }, [[['o1', 'n1', 'a1'], parties]]);
    expect((await realm.scope('m', 'w')).hold).not.toBeNull();
    expect(await realm.scope('m', 'a')).toMatchObject({ seq: 2, hold: null, directory: 'n/a' });
  }
});

test.each(['status: withdrawn', 'tombstone: none'])(
  'the pin of a genesis at which a second record speaks of a scope is refused: %s',
  async (more) => {
    const realm = family((each) => ({
      'mesh/n/delegations.yaml': each.records([{ name: 'a', path: 'x', ...nothing, more }]),
    }));
    await expect(realm.state('g')).rejects.toThrow('is named by two records');
  },
);

/** Each class has a threshold of its own: of several kinds at once the highest counts, and of one kind none but its own. */
test.each<[string, readonly string[], string, (realm: Realm) => Files, number]>([
  ['a withdrawal that lowers a floor', ['s1', 's2'], 'delegate', lowered, 1],
  ['a withdrawal that lowers a floor', ['s1', 's2', 's3'], 'delegate', lowered, 2],
  [
    'a withdrawal alone',
    ['s1', 's2'],
    'undelegate',
    (realm) => withA(realm, { more: `status: withdrawn, ${FLOOR}` }),
    2,
  ],
  ['a rename alone', ['s1', 's2', 'a1'], 'move', (realm) => renamed(realm), 2],
  ['a rename that lowers a floor', ['s1', 's2', 'a1'], 'delegate', (realm) => renamed(realm, ''), 1],
  ['a rename that lowers a floor', ['s1', 's2', 's3', 'a1'], 'delegate', (realm) => renamed(realm, ''), 2],
])('%s, by %s, is of class %s', async (_, signers, mutation, change, seq) => {
  const quorum = '{ threshold: 1, byClass: { delegate: 3, undelegate: 2, move: 2 } }';
  const realm = createRealm({ s: { anchors: ['s1', 's2', 's3'], quorum }, a: { owns: '{}' } });
  realm.commit('g', [], { ...withA(realm, { more: FLOOR }), ...scopeFiles(realm, 'a') });
  const root: Party = { who: 's', seq: 2, base: ['g', ''], next: ['m', ''] };
  const consent: readonly Party[] =
    mutation === 'move' || signers.includes('a1')
      ? [{ who: 'a', seq: 2, base: ['g', 'a'], next: ['g', 'a'] }]
      : [];
  await land(realm, 'm', 'g', change(realm), [[signers, [root, ...consent]]]);
  const scope = await realm.scope('m', 's');
  expect([scope.seq, scope.lineage.at(-1)?.class]).toEqual([seq, mutation]);
});

const FLOOR = 'floor: { threshold: 2 }';

function withA(realm: Realm, spec: { readonly name?: string; readonly more?: string }): Files {
  const forward = { name: 'a', path: null, ...nothing, more: 'forward: s.b' };
  const record = { name: 'a', uid: realm.uid('a'), path: 'a', ...nothing, ...spec };
  return { 'mesh/delegations.yaml': realm.records([record, ...(spec.name === undefined ? [] : [forward])]) };
}

function lowered(realm: Realm): Files {
  return withA(realm, { more: 'status: withdrawn' });
}

function renamed(realm: Realm, more = FLOOR): Files {
  return withA(realm, { name: 'b', more });
}

test('#90: what is created below a scope that moves counts its levels where that scope will be', async () => {
  const deep = Array.from({ length: 14 }, (_, at) => `n${at + 1}`);
  const names = [...deep, 'o', 'a', 'd', 'e'];
  const realm = createRealm(Object.fromEntries(names.map((name) => [name, { owns: '{}' }])));
  const record = (name: string) => ({ name, ...nothing });
  const files = deep.map((name, at): Files => {
    const directory = deep.slice(0, at + 1).join('/');
    const below = deep[at + 1];
    const records =
      below === undefined ? {} : { [`mesh/${directory}/delegations.yaml`]: realm.records([record(below)]) };
    return { ...scopeFiles(realm, name, directory), ...records };
  });
  const subtree = (directory: string): Files => ({
    ...scopeFiles(realm, 'a', directory),
    [`mesh/${directory}/delegations.yaml`]: realm.records([record('d')]),
    ...scopeFiles(realm, 'd', `${directory}/d`),
  });
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([record('n1'), record('o')]),
    ...Object.assign({}, ...files),
    ...scopeFiles(realm, 'o'),
    'mesh/o/delegations.yaml': realm.records([record('a')]),
    ...subtree('o/a'),
  });
  const taker = deep.join('/');
  const path = `s.${deep.join('.')}.a`;
  const change = {
    'mesh/o/delegations.yaml': realm.records([{ ...forward, more: `forward: ${path}` }]),
    [`mesh/${taker}/delegations.yaml`]: realm.records([record('a')]),
    ...without(subtree('o/a')),
    ...subtree(`${taker}/a`),
    [`mesh/${taker}/a/d/delegations.yaml`]: realm.records([record('e')]),
    ...scopeFiles(realm, 'e', `${taker}/a/d/e`),
  };
  await land(realm, 'm', 'g', change, [
    [
      ['o1', 'n141', 'a1'],
      [
        { who: 'o', seq: 2, base: ['g', 'o'], next: ['m', 'o'] },
        { who: 'n14', seq: 2, base: ['g', taker], next: ['m', taker] },
        { who: 'a', seq: 2, base: ['g', 'o/a'], next: ['m', `${taker}/a`] },
      ],
    ],
    [
      ['d1', 'e1', 'e2'],
      [
        { who: 'd', seq: 2, base: ['g', 'o/a/d'], next: ['m', `${taker}/a/d`] },
        { who: 'e', seq: 1, base: 'none', next: ['m', `${taker}/a/d/e`] },
      ],
    ],
  ]);
  expect(await realm.scope('m', 'a')).toMatchObject({ seq: 2, path });
  expect(await realm.scope('m', 'd')).toMatchObject({ seq: 1, hold: { rule: 'G17' } });
});

test('#77: a host name of a thousand thousand letters is no host name, and costs no more than its bytes', async () => {
  const long = Array.from({ length: 200_000 }, () => 'a').join('.');
  const realm = createRealm();
  realm.commit('m', ['g'], {
    'mesh/delegations.yaml': realm
      .records([{ name: 'a', more: 'floor: {}' }])
      .replace('] }', `], hosts: [${long}] }`),
    ...scopeFiles(realm, 'a'),
  });
  expect(await realm.scope('m', 's')).toMatchObject({ seq: 1, hold: { rule: 'G12' } });
  const owner = createRealm();
  owner.commit('m', ['g'], {
    'mesh/scope.yaml': owner.yaml('s', { owns: `{ namespaces: ["*"], hosts: ["*", ${long}] }` }),
  });
  expect(await owner.scope('m', 's')).toMatchObject({ seq: 1, hold: { rule: 'G12' } });
});

test.each([
  [
    'a key of a new field',
    (yaml: string) => `${yaml}"x)\\n2 of 2: s1, s2 signed\\e[2J": 1\n`,
    '(x)?2 of 2: s1, s2 signed?[2J)',
  ],
  ['a key that stands twice', (yaml: string) => `${yaml}"\\e[2J": 1\n"\\e[2J": 2\n`, 'the key ?[2J twice'],
] as const)(
  '#48: a reason shows what a stranger wrote on one line, without what moves a cursor: %s',
  async (_, change, shown) => {
    const realm = createRealm();
    realm.commit('m', ['g'], { 'mesh/scope.yaml': change(realm.yaml('s')) });
    const { hold } = await realm.scope('m', 's');
    expect(hold?.reason).toContain(shown);
    expect(hold?.reason).toMatch(/^[ -~]*$/);
  },
);
