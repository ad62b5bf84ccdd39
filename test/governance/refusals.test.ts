import { expect, test } from 'vitest';
import { createRealm, type Files, type Realm } from './realm.ts';

/** Records that ask for what cannot be, whoever signs: the asking scope is held, with the reason, and nothing else happens. */
type Row = readonly [
  what: string,
  genesis: (realm: Realm) => Files,
  change: (realm: Realm) => Files,
  rule: string,
  reason: string,
  who?: string,
];

const none = () => ({});
const folder = (realm: Realm, name: string, place = name): Files => ({
  [`mesh/${place}/scope.yaml`]: realm.yaml(name),
  [`mesh/${place}/v.yaml`]: name,
});
const gone = (place: string): Files => ({
  [`mesh/${place}/scope.yaml`]: null,
  [`mesh/${place}/v.yaml`]: null,
});
const list = (realm: Realm, ...specs: Parameters<Realm['records']>[0]): Files => ({
  'mesh/delegations.yaml': realm.records(specs),
});
const withA = (realm: Realm): Files => ({ ...list(realm, { name: 'a' }), ...folder(realm, 'a') });
const withAB = (realm: Realm): Files => ({
  ...list(realm, { name: 'a' }, { name: 'b' }),
  ...folder(realm, 'a'),
  ...folder(realm, 'b'),
});
const own = (genesis = '0', seq = 1) =>
  `repository: { urls: [https://git.example/a.git], branch: main, path: mesh, genesis: "sha1:${genesis.repeat(40)}", digest: ${'d'.repeat(64)}, seq: ${seq} }`;
const listed = (realm: Realm): Files => list(realm, { name: 'a', path: null, more: own() });

const rows: readonly Row[] = [
  // Records, by themselves.
  [
    'a child that is born withdrawn',
    none,
    (r) => ({ ...list(r, { name: 'a', more: 'status: withdrawn' }), ...folder(r, 'a') }),
    'Class',
    'a new record is neither withdrawn nor a tombstone',
  ],
  ['a record that is taken away (#82)', withA, (r) => list(r), 'Class', 'a record is never removed'],
  [
    'a tombstone that comes back to life',
    (r) => list(r, { name: 'a', more: 'tombstone: none' }),
    (r) => ({ ...list(r, { name: 'a' }), ...folder(r, 'a') }),
    'Class',
    'a tombstone stays what it is',
  ],
  [
    'a tombstone under another name',
    withA,
    (r) => ({ ...list(r, { name: 'b', uid: r.uid('a'), path: 'a', more: 'tombstone: none' }), ...gone('a') }),
    'Class',
    'a tombstone keeps name and path',
  ],
  [
    'an end for a scope that lives elsewhere',
    listed,
    (r) => list(r, { name: 'a', path: null, more: `${own()}, tombstone: none` }),
    'Class',
    'it lives in a repository of its own: withdraw it',
  ],
  [
    'another genesis for a scope that lives elsewhere',
    listed,
    (r) => list(r, { name: 'a', path: null, more: own('1') }),
    'Class',
    'are fixed',
  ],
  [
    'another name for a scope that lives elsewhere',
    listed,
    (r) => list(r, { name: 'x', uid: r.uid('a'), namespaces: ['a'], path: null, more: own() }),
    'Class',
    'are fixed',
  ],
  [
    'a place here for a scope that lives elsewhere',
    listed,
    (r) => ({ ...list(r, { name: 'a' }), ...folder(r, 'a') }),
    'Class',
    'are fixed',
  ],
  [
    'a move elsewhere under another name',
    withA,
    (r) => ({
      ...list(r, { name: 'x', uid: r.uid('a'), namespaces: ['a'], path: null, more: own('0', 2) }),
      ...gone('a'),
    }),
    'Class',
    'under its name, and live',
  ],
  [
    'a move elsewhere with another digest',
    withA,
    (r) => ({ ...list(r, { name: 'a', path: null, more: own('0', 2) }), ...gone('a') }),
    'Structural',
    'its record must say digest',
  ],
  [
    'a forward that nobody left',
    withA,
    (r) =>
      list(
        r,
        { name: 'a' },
        { name: 'x', uid: r.uid('a'), path: null, namespaces: [], more: 'forward: s.a' },
      ),
    'Class',
    'x: a forward stands only where a scope has left',
  ],
  // Births.
  [
    'a child whose scope.yaml says nothing',
    none,
    (r) => ({ ...list(r, { name: 'a' }), ...folder(r, 'a'), 'mesh/a/scope.yaml': 'x' }),
    'G12',
    '',
  ],
  ['a child that is not there', none, (r) => list(r, { name: 'a' }), 'G18', 'its directory is absent'],
  [
    'a child with another name',
    none,
    (r) => ({ ...list(r, { name: 'x', uid: r.uid('a'), namespaces: ['a'] }), ...folder(r, 'a', 'x') }),
    'Scope',
    "it calls itself a, and its parent's record says x",
  ],
  [
    'a child that owns more than it is granted',
    none,
    (r) => ({ ...list(r, { name: 'a', namespaces: [] }), ...folder(r, 'a') }),
    'Grants',
    'it owns the namespace a',
  ],
  [
    'a child below its floor (#89)',
    none,
    (r) => ({ ...list(r, { name: 'a', more: 'floor: { threshold: 2 }' }), ...folder(r, 'a') }),
    'G6',
    '',
  ],
  [
    'a child that delegates already (#126)',
    none,
    (r) => ({
      ...list(r, { name: 'a' }),
      ...folder(r, 'a'),
      'mesh/a/delegations.yaml': r.records([{ name: 'b', namespaces: [] }]),
      ...folder(r, 'b', 'a/b'),
    }),
    'Structural',
    'it delegates itself',
  ],
  [
    'a child under a uid that its scope.yaml does not make',
    none,
    (r) => ({ ...list(r, { name: 'a', uid: 'f'.repeat(64) }), ...folder(r, 'a') }),
    'G19',
    'and its scope.yaml makes',
  ],
  [
    'a uid that was in use (#86, G19)',
    (r) => ({ ...list(r, { name: 'a', more: 'tombstone: none' }, { name: 'b' }), ...folder(r, 'b') }),
    (r) => ({
      'mesh/b/delegations.yaml': r.records([{ name: 'a', namespaces: [] }]),
      'mesh/b/a/scope.yaml': r.yaml('a'),
    }),
    'G19',
    'is or was in use here',
    'b',
  ],
  [
    'a listed uid that lives here',
    withA,
    (r) => list(r, { name: 'a' }, { name: 'x', uid: r.uid('s'), namespaces: [], path: null, more: own() }),
    'G19',
    'is or was in use here',
  ],
  [
    'a uid that two records introduce at once (#107)',
    withAB,
    (r) => ({
      'mesh/a/d/scope.yaml': r.yaml('d'),
      'mesh/a/delegations.yaml': r.records([{ name: 'd', namespaces: [] }]),
      'mesh/b/d/scope.yaml': r.yaml('d'),
      'mesh/b/delegations.yaml': r.records([{ name: 'd', namespaces: [] }]),
    }),
    'G19',
    'two records introduce the uid',
    'a',
  ],
  // Ends.
  [
    'an end of what never lived here',
    (r) => list(r, { name: 'a', more: 'status: withdrawn' }),
    (r) => list(r, { name: 'a', more: 'tombstone: none' }),
    'G19',
    'no such scope lives here',
  ],
  [
    'an end that leaves its files',
    withA,
    (r) => list(r, { name: 'a', more: 'tombstone: none' }),
    'Structural',
    'a',
  ],
  [
    'an end whose place becomes a file',
    withA,
    (r) => ({ ...list(r, { name: 'a', more: 'tombstone: none' }), ...gone('a'), 'mesh/a': 'x' }),
    'Structural',
    '',
  ],
  [
    'a merge into nobody',
    withA,
    (r) => ({ ...list(r, { name: 'a', more: `tombstone: ${'e'.repeat(64)}` }), ...gone('a') }),
    'Structural',
    'its successor is neither this scope nor a live one beside it',
  ],
  [
    'a merge into one that changes its own files too',
    withAB,
    (r) => ({
      ...list(r, { name: 'a', more: `tombstone: ${r.uid('b')}` }, { name: 'b' }),
      ...gone('a'),
      'mesh/b/v.yaml': 'other',
      'mesh/b/a.yaml': 'a',
    }),
    'Structural',
    'b changes by more than the files that enter it',
  ],
  [
    'a merge that brings in what nobody had',
    withAB,
    (r) => ({
      ...list(r, { name: 'a', more: `tombstone: ${r.uid('b')}` }, { name: 'b' }),
      ...gone('a'),
      'mesh/b/a.yaml': 'stolen',
    }),
    'Class',
    '',
  ],
  [
    'a restore of what never lived here',
    (r) => list(r, { name: 'a', more: 'status: withdrawn' }),
    (r) => list(r, { name: 'a' }),
    'G19',
    'no such scope lives in this repository',
  ],
  // Moves.
  [
    'a root that is moved',
    withA,
    (r) => ({
      'mesh/a/delegations.yaml': r.records([{ name: 's', uid: r.uid('s'), path: 'x', namespaces: [] }]),
      'mesh/a/x/scope.yaml': r.yaml('s'),
    }),
    'Structural',
    'a root does not move',
    'a',
  ],
  [
    'a scope that is taken and not let go (#115)',
    withAB,
    (r) => ({
      'mesh/b/delegations.yaml': r.records([{ name: 'a', namespaces: [] }]),
      ...folder(r, 'a', 'b/a'),
    }),
    'Structural',
    'does not let it go',
    'b',
  ],
  [
    'a scope that is let go and not taken',
    withA,
    (r) => ({ ...list(r, { name: 'a', path: null, namespaces: [], more: 'forward: s.b.a' }), ...gone('a') }),
    'Structural',
    'it is forwarded, and no scope takes it',
  ],
  [
    'a rename without a forward',
    withA,
    (r) => ({
      ...list(r, { name: 'b', uid: r.uid('a'), path: 'b', namespaces: ['a'] }),
      ...gone('a'),
      ...folder(r, 'a', 'b'),
    }),
    'Structural',
    'there is no record that forwards to s.b',
  ],
  [
    'a rename that changes the scope too',
    withA,
    (r) => ({
      ...list(
        r,
        { name: 'b', uid: r.uid('a'), path: 'b', namespaces: ['a'] },
        { name: 'a', path: null, namespaces: [], more: 'forward: s.b' },
      ),
      ...gone('a'),
      ...folder(r, 'a', 'b'),
      'mesh/b/v.yaml': 'other',
    }),
    'Structural',
    'is not as it was accepted',
  ],
  [
    'a place that a move leaves full',
    withA,
    (r) => ({
      ...list(
        r,
        { name: 'b', uid: r.uid('a'), path: 'b', namespaces: ['a'] },
        { name: 'a', path: null, namespaces: [], more: 'forward: s.b' },
      ),
      ...folder(r, 'a', 'b'),
    }),
    'Structural',
    '',
  ],
  [
    'a forward that is taken away',
    (r) => ({
      ...list(
        r,
        { name: 'b', uid: r.uid('a'), path: 'b', namespaces: ['a'] },
        { name: 'a', path: null, uid: r.uid('a'), namespaces: [], more: 'forward: s.b' },
      ),
      ...folder(r, 'a', 'b'),
      'mesh/b/scope.yaml': r.yaml('a', { name: 'b' }),
    }),
    (r) => list(r, { name: 'b', uid: r.uid('a'), path: 'b', namespaces: ['a'] }),
    'Class',
    'its forward is gone',
  ],
  [
    'a scope that two take at once',
    (r) => ({ ...withAB(r), ...list(r, { name: 'a' }, { name: 'b' }, { name: 'c' }), ...folder(r, 'c') }),
    (r) => ({
      ...list(
        r,
        { name: 'b' },
        { name: 'c' },
        { name: 'a', path: null, namespaces: [], more: 'forward: s.b.a' },
      ),
      ...gone('a'),
      'mesh/b/delegations.yaml': r.records([{ name: 'a', namespaces: [] }]),
      ...folder(r, 'a', 'b/a'),
      'mesh/c/delegations.yaml': r.records([{ name: 'a', namespaces: [] }]),
      ...folder(r, 'a', 'c/a'),
    }),
    'Structural',
    '',
  ],
  [
    'a move into another trust domain',
    (r) => ({
      ...list(r, { name: 'a' }, { name: 'b' }),
      ...folder(r, 'a'),
      'mesh/a/scope.yaml': r.yaml('a', { owns: '{ namespaces: [] }' }),
      'mesh/b/scope.yaml': r.yaml('b', { more: 'identity: { trustDomain: b.example }' }),
    }),
    (r) => ({
      ...list(r, { name: 'b' }, { name: 'a', path: null, namespaces: [], more: 'forward: s.b.a' }),
      ...gone('a'),
      'mesh/b/delegations.yaml': r.records([{ name: 'a', namespaces: [] }]),
      'mesh/b/a/scope.yaml': r.yaml('a', { owns: '{ namespaces: [] }' }),
      'mesh/b/a/v.yaml': 'a',
    }),
    'Structural',
    'its trust domain would change',
    'b',
  ],
];

const named = rows.map(([what, genesis, change, rule, reason, who = 's']) => ({
  what,
  genesis,
  change,
  rule,
  reason,
  who,
}));

test.each(named)('$what', async ({ genesis, change, rule, reason, who }) => {
  const realm = createRealm({ d: { owns: '{ namespaces: [] }' } });
  realm.commit('g', [], genesis(realm));
  realm.commit('m', ['g'], change(realm));
  const scope = await realm.scope('m', who);
  expect(scope.hold).toMatchObject({ rule });
  expect(scope.hold?.reason).toContain(reason);
  expect(scope.seq).toBe(1);
});

/** What the parent alone decides: one of its anchors signs, and nobody else. */
test.each<readonly [string, (realm: Realm) => Files, (realm: Realm) => Files, string]>([
  ['a child in a repository of its own is listed', none, listed, 'delegate'],
  [
    'its URLs are edited',
    listed,
    (r) => list(r, { name: 'a', path: null, more: own().replace('git.example', 'git.other') }),
    'delegate',
  ],
  [
    'it is withdrawn',
    listed,
    (r) => list(r, { name: 'a', path: null, more: `${own()}, status: withdrawn` }),
    'undelegate',
  ],
  [
    'it is listed again',
    (r) => list(r, { name: 'a', path: null, more: `${own()}, status: withdrawn` }),
    listed,
    'delegate',
  ],
  [
    'a child here is withdrawn',
    withA,
    (r) => list(r, { name: 'a', more: 'status: withdrawn' }),
    'undelegate',
  ],
])('by the parent alone: %s', async (_, genesis, change, mutation) => {
  const realm = createRealm();
  realm.commit('g', [], genesis(realm));
  realm.commit('p', ['g'], change(realm));
  const said = await realm.words([{ who: 's', seq: 2, base: ['g', ''], next: ['p', ''] }]);
  realm.commit('m', ['g', realm.signed('p', ['s1'], said)], change(realm));
  const { hold, seq, lineage } = await realm.scope('m', 's');
  expect({ hold, seq, mutation: lineage.at(-1)?.class }).toEqual({ hold: null, seq: 2, mutation });
});

/** A withdrawn child, of which the record is live again: it has to stand as it was accepted, and to agree. */
test.each([
  ['as it was accepted', {}, { hold: null, seq: 3 }],
  ['changed meanwhile', { 'mesh/a/v.yaml': 'other' }, { hold: { rule: 'Structural' }, seq: 2 }],
] as const)('a child that is delegated again, %s', async (_, changed, expected) => {
  const realm = createRealm();
  realm.commit('g', [], withA(realm));
  const withdrawn = list(realm, { name: 'a', more: 'status: withdrawn' });
  realm.commit('w', ['g'], withdrawn);
  const first = await realm.words([{ who: 's', seq: 2, base: ['g', ''], next: ['w', ''] }]);
  realm.commit('m', ['g', realm.signed('w', ['s1'], first)], withdrawn);
  realm.commit('p', ['m'], { ...withA(realm), ...changed });
  const said = await realm.words([
    { who: 's', seq: 3, base: ['m', ''], next: ['p', ''] },
    { who: 'a', seq: 2, base: ['g', 'a'], next: ['p', 'a'] },
  ]);
  realm.commit('n', ['m', realm.signed('p', ['s1', 'a1'], said)], { ...withA(realm), ...changed });
  expect(await realm.scope('n', 's')).toMatchObject(expected);
});

test('a scope may take another name and stay where it is', async () => {
  const realm = createRealm();
  realm.commit('g', [], withA(realm));
  const renamed = list(
    realm,
    { name: 'b', uid: realm.uid('a'), path: 'a', namespaces: ['a'] },
    { name: 'a', path: null, namespaces: [], more: 'forward: s.b' },
  );
  realm.commit('p', ['g'], renamed);
  const said = await realm.words([
    { who: 's', seq: 2, base: ['g', ''], next: ['p', ''] },
    { who: 'a', seq: 2, base: ['g', 'a'], next: ['p', 'a'] },
  ]);
  realm.commit('m', ['g', realm.signed('p', ['s1', 'a2'], said)], renamed);
  const scope = await realm.scope('m', 'a');
  expect(scope).toMatchObject({ path: 's.b', directory: 'a', seq: 2, hold: null });
  expect(scope.places).toHaveLength(1);
});
