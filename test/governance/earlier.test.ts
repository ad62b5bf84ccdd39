import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { createRealm, land } from './realm.ts';
import { createWorld } from './world.ts';

/** `earlier`: what the lineage of a scope had accepted before. */

async function versions(world: ReturnType<typeof createWorld>, tip: string, path = 's') {
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  const verdict = await line.state(tip);
  if (!verdict.ok) throw new Error(verdict.reason);
  const now = (await line.scopes(verdict.state)).find((scope) => scope.path === path);
  if (now === undefined) throw new Error(`no scope ${path}`);
  const found = [];
  for (const { read } of line.earlier(verdict.state, now))
    found.push((await read()) ?? expect.fail('it is there'));
  return { now, found };
}

const text = (files: readonly { readonly path: string; readonly bytes: Uint8Array }[]) =>
  files.map(({ path, bytes }) => `${path}=${Buffer.from(bytes)}`).join(' ');

test('newest first, each once, with the authority of now; what was only held is not among them', async () => {
  const world = createWorld({ threshold: 1 });
  world.add('g', { S: 'one' });
  world.add('a', { parents: ['g'], S: 'two', by: 'x' });
  world.add('back', { parents: ['a'], S: 'one', by: 'y' });
  world.add('b', { parents: ['back'], S: 'three', by: 'z' });
  const tip = world.add('held', { parents: ['b'], S: 'stolen' });
  const { now, found } = await versions(world, tip);
  expect(text(now.files)).toBe('v.yaml=three');
  expect(found.map(({ seq, files }) => `${seq} ${text(files)}`)).toEqual(['3 v.yaml=one', '2 v.yaml=two']);
  expect(found.map(({ signers, commit }) => [signers, commit])).toEqual([
    [['y'], world.ids.get('back')],
    [['x'], world.ids.get('a')],
  ]);
  for (const { owns, granted, directory } of found)
    expect({ owns, granted, directory }).toEqual({
      owns: now.owns,
      granted: now.granted,
      directory: now.directory,
    });
});

test('another scope has its own', async () => {
  const world = createWorld({ threshold: 1 });
  world.add('g', { S: 'one', C: 'first' });
  world.add('a', { parents: ['g'], S: 'two', by: 'x' });
  world.add('b', { parents: ['a'], C: 'second', by: 'x' });
  world.add('approved', { parents: ['b'], by: 'y' });
  const tip = world.add('merged', { parents: ['a', 'approved'], C: 'second' });
  expect((await versions(world, tip, 's.c')).found.map(({ files }) => text(files))).toEqual(['v.yaml=first']);
  expect((await versions(world, tip)).found.map(({ files }) => text(files))).toEqual(['v.yaml=one']);
});

test('what its lineage does not lead to any more is not there', async () => {
  const world = createWorld({ threshold: 1 });
  const genesis = world.add('g', { S: 'one' });
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  const verdict = await line.state(genesis);
  if (!verdict.ok) throw new Error(verdict.reason);
  const [now] = await line.scopes(verdict.state);
  const scope = verdict.state.scopes.get(now?.uid ?? '');
  if (now === undefined || scope === undefined) throw new Error('no scope');
  const [entry] = scope.lineage;
  if (entry === undefined) throw new Error('no genesis');
  const others = ['f'.repeat(64), null].map((next) => ({ ...entry, next }));
  const doctored = {
    ...scope,
    lineage: [...others, { ...entry, event: 'held' as const, next: 'e'.repeat(64) }],
  };
  const state = { ...verdict.state, scopes: new Map([[scope.uid, doctored]]) };
  const found = line.earlier(state, now).toArray();
  expect(found.map(({ digest }) => digest)).toEqual(['f'.repeat(64)]);
  expect(await found[0]?.read()).toBe(null);
});

test('what stood elsewhere before a rename', async () => {
  const realm = createRealm();
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a' }]),
    'mesh/a/scope.yaml': realm.yaml('a'),
    'mesh/a/v.yaml': 'one',
  });
  realm.commit('u', ['g'], { 'mesh/a/v.yaml': 'two' }, { by: 'a1' });
  const changes = {
    'mesh/delegations.yaml': realm.records([
      { name: 'b', uid: realm.uid('a'), path: 'b', namespaces: ['a'] },
      { name: 'a', path: null, namespaces: [], more: 'forward: s.b' },
    ]),
    'mesh/a/scope.yaml': null,
    'mesh/a/v.yaml': null,
    'mesh/b/scope.yaml': realm.yaml('a'),
    'mesh/b/v.yaml': 'two',
  };
  const parties = [
    { who: 's', seq: 2, base: ['u', ''], next: ['m', ''] },
    { who: 'a', seq: 3, base: ['u', 'a'], next: ['m', 'b'] },
  ] as const;
  await land(realm, 'm', 'u', changes, [[['s1', 'a1'], parties]]);
  realm.commit('n', ['m'], { 'mesh/b/v.yaml': 'three' }, { by: 'a2' });
  const tip = realm.world.ids.get('n') ?? expect.fail('no commit');
  const { now, found } = await versions(realm.world, tip, 's.b');
  expect([now.seq, now.directory, text(now.files)]).toEqual([4, 'b', 'v.yaml=three']);
  expect(found.map(({ seq, directory, files }) => [seq, directory, text(files)])).toEqual([
    [3, 'b', 'v.yaml=two'],
    [1, 'b', 'v.yaml=one'],
  ]);
});

test('of a long lineage no more is walked than is asked for', async () => {
  const world = createWorld({ threshold: 1 });
  const genesis = world.add('g', { S: 'one' });
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  const verdict = await line.state(genesis);
  if (!verdict.ok) throw new Error(verdict.reason);
  const [now] = await line.scopes(verdict.state);
  const scope = verdict.state.scopes.get(now?.uid ?? '');
  const [entry] = scope?.lineage ?? [];
  if (now === undefined || scope === undefined || entry === undefined) throw new Error('no scope');
  let walked = 0;
  const accepted = (_: unknown, at: number): typeof entry => ({
    ...entry,
    get next() {
      walked += 1;
      return at.toString(16).padStart(64, '0');
    },
  });
  const long = { ...scope, lineage: Array.from({ length: 10_000 }, accepted) };
  const state = { ...verdict.state, scopes: new Map([[scope.uid, long]]) };
  const [first, second] = line.earlier(state, now).take(2);
  expect([first, second].map((each) => Number.parseInt(each?.digest ?? '', 16))).toEqual([9_999, 9_998]);
  expect(walked).toBeLessThan(10);
});
