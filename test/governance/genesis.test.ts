import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { makePin, openLine, type Pin } from '../../src/governance/index.ts';
import { ruleset1 } from '../../src/policy/index.ts';
import { createRealm, type Files } from './realm.ts';

/** A pin is the approval of what stands at the genesis: it holds, or nothing is believed. */
const realm = createRealm();
const commit = (name: string, files: Files) => {
  realm.commit(name, [], files);
  return realm.world.ids.get(name) ?? '';
};
const make = (id: string, ruleset = ruleset1) =>
  makePin(realm.world.objects, createTreeDigests(realm.world.objects), id, 'mesh', ruleset);
const child = (name: string, folder = name): Files => ({ [`mesh/${folder}/scope.yaml`]: realm.yaml(name) });
const records = (...specs: Parameters<typeof realm.records>[0]) => realm.records(specs);

const whole = commit('whole', {
  'mesh/delegations.yaml': records({ name: 'a' }),
  ...child('a'),
  'mesh/a/delegations.yaml': records({ name: 'b', namespaces: [] }),
  'mesh/a/b/scope.yaml': realm.yaml('b', { owns: '{ namespaces: [] }' }),
});

test('a pin holds every live scope of its genesis, by uid', async () => {
  const made = await make(whole);
  if (!made.ok) throw new Error(made.reason);
  expect([...made.state.scopes.values()].map(({ path, unproven }) => [path, unproven])).toEqual([
    ['s', ['s1', 's2']],
    ['s.a', ['a1', 'a2']],
    ['s.a.b', ['b1', 'b2']],
  ]);
  expect(Object.keys(made.pin.digests)).toEqual([...made.state.scopes.keys()]);
});

test('any main-line commit can be the genesis: a child that was renamed has the name of its record', async () => {
  const renamed = {
    'mesh/delegations.yaml': records({ name: 'x', uid: realm.uid('a'), namespaces: ['a'] }),
    ...child('a', 'x'),
  };
  const made = await make(commit('renamed', renamed));
  if (!made.ok) throw new Error(made.reason);
  const [, scope] = made.state.scopes.values();
  expect(scope).toMatchObject({ uid: realm.uid('a'), name: 'x', path: 's.x', directory: 'x' });
});

test.each<readonly [string, (pin: Pin) => Pin]>([
  ['another root', (pin) => ({ ...pin, uid: 'f'.repeat(64) })],
  ['a scope less', (pin) => ({ ...pin, digests: Object.fromEntries(Object.entries(pin.digests).slice(1)) })],
  ['a scope more', (pin) => ({ ...pin, digests: { ...pin.digests, ['f'.repeat(64)]: 'f'.repeat(64) } })],
  ['other bytes', (pin) => ({ ...pin, digests: { ...pin.digests, [pin.uid]: 'f'.repeat(64) } })],
])('a genesis that has not what the pin says is no line: %s', async (_, change) => {
  const made = await make(whole);
  if (!made.ok) throw new Error(made.reason);
  const { objects } = realm.world;
  const line = openLine(objects, createTreeDigests(objects), change(made.pin));
  expect(await line.state(whole)).toMatchObject({ ok: false, rule: 'Line' });
});

test('a uid that the bytes of the genesis do not make is one only for a scope that goes on counting', async () => {
  const { objects } = realm.world;
  const digests = createTreeDigests(objects);
  const uid = 'f'.repeat(64);
  const made = await makePin(objects, digests, whole, 'mesh', ruleset1, uid);
  if (!made.ok) throw new Error(made.reason);
  const at = (seq: number) => openLine(objects, digests, { ...made.pin, seq }).state(whole);
  expect(await at(1)).toMatchObject({ ok: false, rule: 'Line' });
  expect(await at(2)).toMatchObject({ ok: true });
});

test.each<readonly [string, Files, string, string]>([
  ['no scope at all', { 'mesh/scope.yaml': null, 'mesh/x.yaml': 'x' }, 'G12', 'the root scope: '],
  [
    'a child that is not there',
    { 'mesh/delegations.yaml': records({ name: 'a' }) },
    'G18',
    'a: its directory is absent',
  ],
  [
    'a child that owns more than it is granted',
    { 'mesh/delegations.yaml': records({ name: 'a', namespaces: [] }), ...child('a') },
    'Scope',
    'a: it owns the namespace a, which its parent does not grant',
  ],
  [
    'a uid that stands twice (G19)',
    {
      'mesh/delegations.yaml': records({ name: 'a' }),
      ...child('a'),
      'mesh/a/delegations.yaml': records({ name: 'b', uid: realm.uid('a'), namespaces: [] }),
      'mesh/a/b/scope.yaml': realm.yaml('b', { owns: '{ namespaces: [] }' }),
    },
    'G19',
    'is introduced twice',
  ],
])('a genesis is refused: %s', async (name, files, rule, reason) => {
  const made = await make(commit(name, files));
  expect(made).toMatchObject({ ok: false, rule });
  expect(made.ok ? '' : made.reason).toContain(reason);
});

test('G17: nothing is delegated more deeply than the ruleset says', async () => {
  expect(await make(whole, { ...ruleset1, delegationDepth: 2 })).toMatchObject({ ok: true });
  const made = await make(whole, { ...ruleset1, delegationDepth: 1 });
  expect(made).toMatchObject({ ok: false, rule: 'G17', reason: 'a/b is delegated too deeply' });
});

test('what is withdrawn, ended or elsewhere is no scope of the genesis, and masks its place', async () => {
  const made = await make(
    commit('dead', {
      'mesh/delegations.yaml': records(
        { name: 'a', more: 'status: withdrawn' },
        { name: 'b', more: 'tombstone: none' },
      ),
      'mesh/a/anything.yaml': 'a',
    }),
  );
  expect(made.ok && [...made.state.scopes.values()].map(({ path }) => path)).toEqual(['s']);
});
