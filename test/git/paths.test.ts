import { expect, test } from 'vitest';
import { fileAt, subtree } from '../../src/git/index.ts';
import { Lru } from '../../src/git/lru.ts';
import { createMemory } from './memory.ts';

const memory = createMemory();
const blob = memory.blob('text');
const leaf = memory.tree([{ mode: '100644', name: 'scope.yaml', id: blob }]);
const other = memory.tree([]);
const payments = memory.tree([
  { mode: '40000', name: 'eu', id: leaf },
  { mode: '120000', name: 'link', id: blob },
  { mode: '100755', name: 'run.sh', id: blob },
]);
const root = memory.tree([
  { mode: '40000', name: 'broken', id: blob },
  { mode: '100644', name: 'folder', id: leaf },
  { mode: '40000', name: 'payments', id: payments },
  { mode: '40000', name: 'twin', id: leaf },
  { mode: '40000', name: 'twin', id: other },
]);

test.each([
  ['.', root],
  ['', root],
  ['payments', payments],
  ['payments/eu', leaf],
  ['payments/us', null],
  ['payments/eu/scope.yaml', null],
  ['payments/eu/scope.yaml/x', null],
  ['Payments', null],
  ['payments/', null],
  ['../payments', null],
  ['broken/x', null],
  ['twin', null],
])('subtree %j', async (path, id) => {
  expect(await subtree(memory.objects, root, path)).toBe(id);
});

test.each([
  ['payments/eu/scope.yaml', 'text'],
  ['payments/link', null],
  ['payments/run.sh', null],
  ['payments/eu', null],
  ['payments/none', null],
  ['folder', null],
  ['twin/scope.yaml', null],
  ['.', null],
])('fileAt %j', async (path, text) => {
  const bytes = await fileAt(memory.objects, root, path);
  expect(bytes && Buffer.from(bytes).toString()).toBe(text);
});

test('an object that is not here is a failure and no absence', async () => {
  const hole = createMemory();
  const tree = hole.tree([{ mode: '40000', name: 'a', id: '1'.repeat(40) }]);
  await expect(subtree(hole.objects, tree, 'a/b')).rejects.toMatchObject({ code: 'object-missing' });
  await expect(fileAt(hole.objects, '2'.repeat(40), 'a')).rejects.toMatchObject({ code: 'object-missing' });
});

test('a cache forgets what was not used of late, by weight', () => {
  const cache = new Lru<string, number>(20);
  cache.set('a', 1, 4);
  cache.set('b', 2, 4);
  cache.set('c', 3, 4);
  expect([cache.get('a'), cache.get('c')]).toEqual([1, 3]);
  cache.set('d', 4, 4);
  expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.get('d')]).toEqual([1, undefined, 3, 4]);
  cache.set('c', 5, 1);
  expect(cache.get('c')).toBe(5);
  cache.set('c', 6, 11);
  expect(cache.get('c')).toBeUndefined();
});

test('a cache never holds more than its limit, whatever comes', () => {
  const cache = new Lru<number, number>(1000);
  const keys = Array.from({ length: 5000 }, (_, at) => (at * 7919) % 997);
  for (const key of keys) cache.get(key) ?? cache.set(key, key, 1 + (key % 13));
  const held = Array.from({ length: 997 }, (_, key) => key).filter((key) => cache.get(key) !== undefined);
  // Asking moves things, so this counts no more than one walk through the cache can find.
  expect(held.reduce((sum, key) => sum + 1 + (key % 13), 0)).toBeLessThanOrEqual(1000);
  expect(held.length).toBeGreaterThan(10);
});
