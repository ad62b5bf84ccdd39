import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { asIfAccepted, openLine, propose } from '../../src/governance/index.ts';
import { createRealm, type Files } from './realm.ts';

/** What a commit would propose is said of every scope, always against what is accepted (G8). */
async function proposals(changes: (realm: ReturnType<typeof createRealm>) => Files) {
  const realm = createRealm();
  const a = { 'mesh/a/scope.yaml': realm.yaml('a'), 'mesh/a/v.yaml': 'a' };
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a' }]),
    'mesh/x.yaml': 'x',
    ...a,
  });
  // Main is dirty already: the proposal starts from the accepted state all the same.
  realm.commit('dirty', ['g'], { 'mesh/x.yaml': 'dirty' });
  realm.commit('p', ['dirty'], { 'mesh/x.yaml': 'x', ...changes(realm) });
  const { objects } = realm.world;
  const line = openLine(objects, createTreeDigests(objects), await realm.world.pin());
  const found = await propose(line, objects, await realm.state('dirty'), realm.world.ids.get('p') ?? '');
  return found.map(({ scope: { path, seq }, outcome }) => ({ path, seq, ...outcome }));
}

test('nothing: every scope is clean', async () => {
  expect(await proposals(() => ({}))).toMatchObject([
    { path: 's', kind: 'clean' },
    { path: 's.a', kind: 'clean' },
  ]);
});

test('an update of one scope, with what changes', async () => {
  expect(await proposals(() => ({ 'mesh/a/v.yaml': 'b' }))).toMatchObject([
    { path: 's', kind: 'clean' },
    {
      ...{ path: 's.a', kind: 'candidate', group: null, refusal: null, policy: null },
      candidate: { class: 'update', seq: 2 },
      changes: [{ path: 'v.yaml', change: 'changed' }],
    },
  ]);
});

test('a reconfigure, with the policy that it would put in force', async () => {
  const [, child] = await proposals((realm) => ({
    'mesh/a/scope.yaml': realm.yaml('a', { quorum: '{ threshold: 2 }' }),
  }));
  expect(child).toMatchObject({ candidate: { class: 'reconfigure' }, policy: { threshold: 2 } });
});

test('what cannot be read, and why', async () => {
  expect(await proposals(() => ({ 'mesh/a/CON': 'x' }))).toMatchObject([
    { kind: 'clean' },
    { path: 's.a', kind: 'unreadable', rule: 'G10' },
  ]);
});

test('a split: both scopes, with the group that every vote has to name; the new one is of seq 0', async () => {
  const found = await proposals((realm) => ({
    'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'b' }]),
    'mesh/x.yaml': null,
    'mesh/b/scope.yaml': realm.yaml('b'),
    'mesh/b/x.yaml': 'x',
  }));
  expect(found).toMatchObject([
    { path: 's', kind: 'candidate', candidate: { class: 'split', seq: 2 }, refusal: null },
    { path: 's.a', kind: 'clean' },
    { path: 's.b', seq: 0, kind: 'candidate', candidate: { seq: 1, base: 'none' }, refusal: null },
  ]);
  const [root, , child] = found;
  expect(
    root?.kind === 'candidate' && child?.kind === 'candidate' && root.group?.digest === child.group?.digest,
  ).toBe(true);
});

/** Path and files of every scope as it would be served if all that can be accepted were. */
async function drafts(changes: (realm: ReturnType<typeof createRealm>) => Files) {
  const realm = createRealm();
  const a = { 'mesh/a/scope.yaml': realm.yaml('a'), 'mesh/a/v.yaml': 'a' };
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a' }]),
    'mesh/x.yaml': 'x',
    ...a,
  });
  realm.commit('p', ['g'], changes(realm));
  const { objects } = realm.world;
  const line = openLine(objects, createTreeDigests(objects), await realm.world.pin());
  const found = await asIfAccepted(line, objects, await realm.state('g'), realm.world.ids.get('p') ?? '');
  return found.map(({ path, files }) => [
    path,
    ...files.map((file) => `${file.path}=${Buffer.from(file.bytes)}`),
  ]);
}

test('a draft has what a quorum could accept, and nothing that none could', async () => {
  expect(await drafts(() => ({ 'mesh/x.yaml': 'y' }))).toEqual([
    ['s', 'x.yaml=y'],
    ['s.a', 'v.yaml=a'],
  ]);
  expect(
    await drafts((realm) => ({
      'mesh/x.yaml': 'y',
      'mesh/a/scope.yaml': realm.yaml('a', { quorum: '{ threshold: 9 }' }),
    })),
  ).toEqual([
    ['s', 'x.yaml=y'],
    ['s.a', 'v.yaml=a'],
  ]);
});

test('a draft has scopes that would be, and none that would end', async () => {
  const split = await drafts((realm) => ({
    'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'b' }]),
    'mesh/x.yaml': null,
    'mesh/b/scope.yaml': realm.yaml('b'),
    'mesh/b/x.yaml': 'x',
  }));
  expect(split).toEqual([['s'], ['s.a', 'v.yaml=a'], ['s.b', 'x.yaml=x']]);
  const ended = await drafts((realm) => ({
    'mesh/delegations.yaml': realm.records([{ name: 'a', more: 'tombstone: none' }]),
    'mesh/a/scope.yaml': null,
    'mesh/a/v.yaml': null,
  }));
  expect(ended).toEqual([['s', 'x.yaml=x']]);
});

test('a draft of a reconfigure owns what its new policy says', async () => {
  const found = await drafts((realm) => ({
    'mesh/a/scope.yaml': realm.yaml('a', { quorum: '{ threshold: 2 }' }),
  }));
  expect(found).toEqual([
    ['s', 'x.yaml=x'],
    ['s.a', 'v.yaml=a'],
  ]);
});
