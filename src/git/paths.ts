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
