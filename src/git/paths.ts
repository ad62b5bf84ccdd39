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
  const names = segments(path);
  const name = names.pop();
  const folder = name === undefined ? null : await subtree(objects, tree, names.join('/'));
  if (folder === null || name === undefined) return null;
  const entry = await find(objects, folder, name);
  return entry?.mode === FILE ? nullIfMalformed(objects.blob(entry.id)) : null;
}

function segments(path: string): string[] {
  return path === '.' || path === '' ? [] : path.split('/');
}

async function find(objects: Objects, id: ObjectId, name: string): Promise<TreeEntry | null> {
  const wanted = Buffer.from(name);
  const found = (await nullIfMalformed(objects.tree(id)))?.filter((entry) => wanted.equals(entry.name)) ?? [];
  return found.length === 1 ? (found[0] ?? null) : null;
}
