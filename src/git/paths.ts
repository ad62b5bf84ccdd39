import { nullIfMalformed } from './failures.ts';
import type { ObjectId, Objects, TreeEntry } from './objects.ts';
import { DIRECTORY, FILE } from './tree.ts';

/**
 * The tree at `path` below the tree `root` (`.` or empty: `root` itself). Null when any step is absent, is not a
 * directory, or is named twice in its tree (attack 71: two readers would take two different ones).
 */
export async function subtree(objects: Objects, root: ObjectId, path: string): Promise<ObjectId | null> {
  let id: ObjectId = root;
  for (const name of segments(path)) {
    const entry = await find(objects, id, name);
    if (entry?.mode !== DIRECTORY) return null;
    id = entry.id;
  }
  return id;
}

/** The bytes of the plain file at `path` below `tree`; null when it is absent or anything else. Unbounded: cap it. */
export async function fileAt(objects: Objects, tree: ObjectId, path: string): Promise<Uint8Array | null> {
  const id = await fileIdAt(objects, tree, path);
  return id === null ? null : nullIfMalformed(objects.blob(id));
}

/** The blob of the plain file at `path` below `tree`; null when it is absent or anything else. */
export async function fileIdAt(objects: Objects, tree: ObjectId, path: string): Promise<ObjectId | null> {
  const names = segments(path);
  const name = names.pop();
  const folder = name === undefined ? null : await subtree(objects, tree, names.join('/'));
  if (folder === null || name === undefined) return null;
  const entry = await find(objects, folder, name);
  return entry?.mode === FILE ? entry.id : null;
}

/**
 * Names of entries that two directories may not share; all that differ are among them. Null is a directory that is not
 * there. Trees that differ in a few neighbouring entries are told apart without a look at the others.
 */
export async function namesApart(
  objects: Objects,
  left: ObjectId | null,
  right: ObjectId | null,
): Promise<readonly string[]> {
  const [a, b] = [await entriesOf(objects, left), await entriesOf(objects, right)];
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && isSame(a[start], b[start])) start += 1;
  let end = 0;
  while (end < shorter - start && isSame(a.at(-1 - end), b.at(-1 - end))) end += 1;
  const apart = [...a.slice(start, a.length - end), ...b.slice(start, b.length - end)];
  return [...new Set(apart.map(({ name }) => Buffer.from(name).toString()))];
}

async function entriesOf(objects: Objects, tree: ObjectId | null): Promise<readonly TreeEntry[]> {
  return tree === null ? [] : ((await nullIfMalformed(objects.tree(tree))) ?? []);
}

function isSame(left: TreeEntry | undefined, right: TreeEntry | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  return left.id === right.id && left.mode === right.mode && Buffer.compare(left.name, right.name) === 0;
}

function segments(path: string): string[] {
  return path === '.' || path === '' ? [] : path.split('/');
}

async function find(objects: Objects, id: ObjectId, name: string): Promise<TreeEntry | null> {
  const entries = await nullIfMalformed(objects.tree(id));
  if (entries === null) return null;
  return indexOf(entries).get(Buffer.from(name).toString('latin1')) ?? null;
}

/** Entries by the bytes of their names, null where a name stands twice; kept as long as the entries are. */
const indexes = new WeakMap<readonly TreeEntry[], ReadonlyMap<string, TreeEntry | null>>();

function indexOf(entries: readonly TreeEntry[]): ReadonlyMap<string, TreeEntry | null> {
  const known = indexes.get(entries);
  if (known !== undefined) return known;
  const index = new Map<string, TreeEntry | null>();
  for (const entry of entries) {
    const key = Buffer.from(entry.name).toString('latin1');
    index.set(key, index.has(key) ? null : entry);
  }
  indexes.set(entries, index);
  return index;
}
