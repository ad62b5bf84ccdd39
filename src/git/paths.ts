import { indexesApart } from '../base/lists.ts';
import { nullIfMalformed } from './failures.ts';
import { Lru } from './lru.ts';
import type { ObjectId, Objects, TreeEntry } from './objects.ts';
import { DIRECTORY, FILE, shapeOf } from './tree.ts';

/**
 * The tree at `path` below the tree `root` (`.` or empty: `root` itself). Null when any step is absent, is not a
 * directory, or is named twice in its tree (attack 71: two readers would take two different ones).
 */
export async function subtree(objects: Objects, root: ObjectId, path: string): Promise<ObjectId | null> {
  let id: ObjectId = root;
  for (const key of keysOf(path)) {
    const entry = entryAt(await readIndex(objects, id), key);
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
  const name = segments(path).at(-1);
  const folder = name === undefined ? null : await subtree(objects, tree, path.slice(0, -1 - name.length));
  if (folder === null || name === undefined) return null;
  const entry = entryAt(await readIndex(objects, folder), keyOf(name));
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
  const apart = a.length === b.length ? alignedApart(a, b) : betweenEnds(a, b);
  return [...new Set(apart.map(({ name }) => Buffer.from(name, 'latin1').toString()))];
}

/** Of two lists of one length, the entries that differ from those at the same places. */
function alignedApart(left: readonly TreeEntry[], right: readonly TreeEntry[]): readonly TreeEntry[] {
  const indexes = indexesApart(left, right).filter((index) => !isSame(left[index], right[index]));
  return indexes.flatMap((index) => [left[index] ?? [], right[index] ?? []].flat());
}

/** What stands between the entries with which both begin and end. */
function betweenEnds(left: readonly TreeEntry[], right: readonly TreeEntry[]): readonly TreeEntry[] {
  const shorter = Math.min(left.length, right.length);
  let start = 0;
  while (start < shorter && isSame(left[start], right[start])) start += 1;
  let end = 0;
  while (end < shorter - start && isSame(left.at(-1 - end), right.at(-1 - end))) end += 1;
  return [...left.slice(start, left.length - end), ...right.slice(start, right.length - end)];
}

async function entriesOf(objects: Objects, tree: ObjectId | null): Promise<readonly TreeEntry[]> {
  return tree === null ? [] : ((await nullIfMalformed(objects.tree(tree))) ?? []);
}

function isSame(left: TreeEntry | undefined, right: TreeEntry | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  if (left === right) return true;
  return left.id === right.id && left.mode === right.mode && left.name === right.name;
}

function segments(path: string): string[] {
  return path === '.' || path === '' ? [] : path.split('/');
}

/** A tree's entries, and their places by the bytes of their names, one character each. Empty for what is no tree. */
type Index = { readonly entries: readonly TreeEntry[]; readonly places: Places };

/** -1 where a name stands twice. Trees of one shape share it. */
type Places = ReadonlyMap<string, number>;

const placesByShape = new WeakMap<object, Places>();

function placesIn(entries: readonly TreeEntry[]): Places {
  const places = new Map<string, number>();
  for (const [index, { name }] of entries.entries()) places.set(name, places.has(name) ? -1 : index);
  return places;
}

function entryAt({ entries, places }: Index, key: string): TreeEntry | undefined {
  const place = places.get(key);
  return place === undefined ? undefined : entries[place];
}

const known = new WeakMap<Objects, Lru<ObjectId, Index>>();

/** In bytes of memory, about. */
const REMEMBERED_BYTES = 48 * 1024 * 1024;
const ENTRY_BYTES = 200;
const SLOT_BYTES = 8;

function indexesOf(objects: Objects): Lru<ObjectId, Index> {
  const found = known.get(objects);
  if (found !== undefined) return found;
  const made = new Lru<ObjectId, Index>(REMEMBERED_BYTES);
  known.set(objects, made);
  return made;
}

async function readIndex(objects: Objects, id: ObjectId): Promise<Index> {
  const indexes = indexesOf(objects);
  const remembered = indexes.get(id);
  if (remembered !== undefined) return remembered;
  const entries = (await nullIfMalformed(objects.tree(id))) ?? [];
  const shape = shapeOf(entries);
  const shared = placesByShape.get(shape);
  const places = shared ?? placesIn(entries);
  placesByShape.set(shape, places);
  const index = { entries, places };
  indexes.set(id, index, (shared === undefined ? ENTRY_BYTES : SLOT_BYTES) * (1 + entries.length));
  return index;
}

/** The steps of a path. Few paths are asked for again and again. */
function keysOf(path: string): readonly string[] {
  const found = steps.get(path);
  if (found !== undefined) return found;
  const keys = segments(path).map(keyOf);
  steps.set(path, keys);
  return keys;
}

const steps = new Lru<string, readonly string[]>(10_000);

function keyOf(name: string): string {
  return ASCII.test(name) ? name : Buffer.from(name).toString('latin1');
}

const ASCII = /^[ -~]*$/;
