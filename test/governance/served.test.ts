import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { createRealm, type Files, land, type Party, type Realm, scopeFiles, without } from './realm.ts';

/** What of a state is served, and with which authority: s has a and b, a has c. */
function family(
  specs: Parameters<typeof createRealm>[0] = {},
  namespaces: readonly string[] = ['a', 'c'],
): Realm {
  const realm = createRealm({ a: { owns: '{ namespaces: [a, c] }' }, ...specs });
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a', namespaces }, { name: 'b' }]),
    ...scopeFiles(realm, 'a'),
    ...scopeFiles(realm, 'b'),
    'mesh/a/delegations.yaml': realm.records([{ name: 'c' }]),
    ...scopeFiles(realm, 'c', 'a/c'),
  });
  return realm;
}

/** Path, and the namespaces that it owns, of each scope that is served; one line for all tips, as a server has it. */
async function served(realm: Realm, ...tips: readonly string[]): Promise<readonly (readonly string[])[]> {
  const { objects, ids, pin } = realm.world;
  const line = openLine(objects, createTreeDigests(objects), await pin());
  const found: string[][] = [];
  for (const tip of tips) {
    const verdict = await line.state(ids.get(tip) ?? tip);
    if (!verdict.ok) throw new Error(verdict.reason);
    const scopes = await line.scopes(verdict.state);
    found.push(scopes.map(({ path, owns }) => `${path}: ${owns.namespaces.join(' ')}`));
  }
  return found;
}

const root = (next: string, base = 'g', seq = 2): Party => ({
  who: 's',
  seq,
  base: [base, ''],
  next: [next, ''],
});
const records = (realm: Realm, more: string, namespaces = ['a', 'c']): Files => ({
  'mesh/delegations.yaml': realm.records([{ name: 'a', namespaces, more }, { name: 'b' }]),
});
const all = ['s: *', 's.a: a c', 's.a.c: c', 's.b: b'];

test('G7: of a scope that is withdrawn, and of all below it, nothing is served until it is delegated again', async () => {
  const realm = family();
  await land(realm, 'w', 'g', records(realm, 'status: withdrawn'), [[['s1'], [root('w')]]]);
  const consent: Party = { who: 'a', seq: 2, base: ['g', 'a'], next: ['g', 'a'] };
  await land(realm, 'm', 'w', records(realm, ''), [
    [
      ['s1', 'a1'],
      [root('m', 'w', 3), consent],
    ],
  ]);
  expect(await served(realm, 'g', 'w', 'm')).toEqual([all, ['s: *', 's.b: b'], all]);
  // The same without what the line remembers of other tips.
  expect(await served(realm, 'w')).toEqual([['s: *', 's.b: b']]);
});

test('a tombstone is shown and serves nothing', async () => {
  const realm = family({ a: { owns: '{ namespaces: [a, c] }' } });
  const change = {
    'mesh/a/delegations.yaml': realm.records([{ name: 'c', more: 'tombstone: none' }]),
    ...without(scopeFiles(realm, 'c', 'a/c')),
  };
  const parties: readonly Party[] = [
    { who: 'a', seq: 2, base: ['g', 'a'], next: ['m', 'a'] },
    { who: 'c', seq: 2, base: ['g', 'a/c'], next: 'gone' },
  ];
  await land(realm, 'm', 'g', change, [[['a1', 'c1'], parties]]);
  expect(await served(realm, 'g', 'm')).toEqual([all, ['s: *', 's.a: a c', 's.b: b']]);
  expect((await realm.state('m')).scopes.get(realm.uid('c'))?.status).toBe('Tombstone');
});

test('Grants: never less than what the live child owns: it gives that up, or is withdrawn first', async () => {
  const realm = family();
  await land(realm, 'm', 'g', records(realm, '', ['a']), [[['s1', 's2'], [root('m')]]]);
  expect((await realm.scope('m', 's')).hold).toMatchObject({
    rule: 'Grants',
    reason: 'a: it owns the namespace c, which its parent does not grant',
  });
});

test('Grants: two mutations of one commit know nothing of each other, and still no two scopes own a name', async () => {
  const realm = createRealm();
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a', namespaces: ['a', 'x'] }, { name: 'b' }]),
    ...scopeFiles(realm, 'a'),
    ...scopeFiles(realm, 'b'),
  });
  // s takes x from a, who does not own it yet, and gives it to b; a takes it at the same commit.
  const change = {
    'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'b', namespaces: ['b', 'x'] }]),
    'mesh/a/scope.yaml': realm.yaml('a', { owns: '{ namespaces: [a, x] }' }),
  };
  await land(realm, 'm', 'g', change, [
    [['s1'], [root('m')]],
    [['a1'], [{ who: 'a', seq: 2, base: ['g', 'a'], next: ['m', 'a'] }]],
  ]);
  const state = await realm.state('m');
  expect([...state.scopes.values()].map(({ seq, hold }) => [seq, hold])).toEqual([
    [2, null],
    [2, null],
    [1, null],
  ]);
  expect(await served(realm, 'g', 'm')).toEqual([
    ['s: *', 's.a: a', 's.b: b'],
    ['s: *', 's.a: a', 's.b: b'],
  ]);
  await land(realm, 'n', 'm', { 'mesh/b/scope.yaml': realm.yaml('b', { owns: '{ namespaces: [b, x] }' }) }, [
    [['b1'], [{ who: 'b', seq: 2, base: ['m', 'b'], next: ['n', 'b'] }]],
  ]);
  expect(await served(realm, 'n')).toEqual([['s: *', 's.a: a', 's.b: b x']]);
  // Given back, a has what its own bytes said all the time: what the line remembers of a is not asked.
  const back = {
    'mesh/delegations.yaml': realm.records([{ name: 'a', namespaces: ['a', 'x'] }, { name: 'b' }]),
  };
  await land(realm, 'p', 'm', back, [[['s1'], [root('p', 'm', 3)]]]);
  expect(await served(realm, 'm', 'p')).toEqual([
    ['s: *', 's.a: a', 's.b: b'],
    ['s: *', 's.a: a x', 's.b: b'],
  ]);
});

test('a scope in a repository of its own is listed by its parent alone, and only where it is may change freely', async () => {
  const where = (url: string, genesis = '1', more = '') =>
    `repository: { urls: ["${url}"], branch: main, path: mesh, genesis: "sha1:${genesis.repeat(40)}", digest: ${'a'.repeat(64)} }${more}`;
  const realm = family();
  const listed = (text: string) => ({
    'mesh/delegations.yaml': realm.records([
      { name: 'a', namespaces: ['a', 'c'] },
      { name: 'b' },
      { name: 'web', path: null, more: text },
    ]),
  });
  await land(realm, 'm', 'g', listed(where('https://one.example')), [[['s1'], [root('m')]]]);
  expect((await realm.scope('m', 's')).lineage.at(-1)).toMatchObject({
    class: 'delegate',
    group: null,
    seq: 2,
  });
  await land(realm, 'n', 'm', listed(where('https://two.example')), [[['s2'], [root('n', 'm', 3)]]]);
  expect((await realm.scope('n', 's')).seq).toBe(3);
  for (const text of [
    where('https://two.example', '3'),
    `tombstone: none, ${where('https://two.example')}`,
  ]) {
    await land(realm, 'o', 'n', listed(text), [[['s1', 's2'], [root('o', 'n', 4)]]]);
    expect((await realm.scope('o', 's')).hold).toMatchObject({ rule: 'Class' });
  }
  await land(realm, 'p', 'n', listed(where('https://two.example', '1', ', status: withdrawn')), [
    [['s1'], [root('p', 'n', 4)]],
  ]);
  expect((await realm.scope('p', 's')).lineage.at(-1)).toMatchObject({ class: 'undelegate', seq: 4 });
});
