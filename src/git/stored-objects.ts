import { createHash } from 'node:crypto';
import { CAPS } from './caps.ts';
import { type Commit, parseCommit } from './commit.ts';
import { objectCorrupt, objectMalformed, objectMissing } from './failures.ts';
import { Lru } from './lru.ts';
import type { ObjectId, Objects, TreeEntry } from './objects.ts';
import { type ParsedTree, parseLike, shapeOf } from './tree.ts';

/** An object's type and its bytes without git's header. */
export type RawObject = { readonly type: string; readonly bytes: Uint8Array };

/** In place of the type, without bytes: a tree, blob or tag that is larger than all files of a scope may be (G17). */
export const OVERSIZE = 'oversize';

/** What no cap allows is not kept; that it is what its name says is all that has to be known of it. */
export async function oversize(
  id: ObjectId,
  type: string,
  size: number,
  giveTo: (take: (part: Uint8Array) => void) => Promise<unknown>,
): Promise<RawObject> {
  const name = hashing(type, size);
  await giveTo(name.take);
  return { type: name.end() === id ? OVERSIZE : type, bytes: new Uint8Array() };
}

/** The name of an object that comes in parts; throws if they are more or fewer than its size. */
export function hashing(type: string, size: number) {
  const hash = createHash('sha1').update(`${type} ${size}\0`);
  let left = size;
  const wrong = () => new Error(`is not ${size} bytes long`);
  return {
    take(part: Uint8Array): void {
      left -= part.length;
      if (left < 0) throw wrong();
      hash.update(part);
    },
    end(): ObjectId {
      if (left > 0) throw wrong();
      return hash.digest('hex');
    },
  };
}

/** Where objects come from. Nothing is believed of it. */
export interface Reader {
  /** Finds and inflates an object; `type` is the one that is wanted, or `any`. Throws as `StoredObjects.raw` does. */
  read(id: ObjectId, type: string): Promise<RawObject>;
  close(): Promise<void>;
}

export interface StoredObjects extends Objects {
  /** Any object, hashed again. Throws `Failure` `object-missing`, `object-corrupt`, `store-unusable`. */
  raw(id: ObjectId): Promise<RawObject>;
}

/** Objects of the store at `gitdir`: whoever finds and inflates them, everything else is ours. Enforces G11: a blob is its bytes. */
export function createStoredObjects(reader: Reader, gitdir: string): StoredObjects {
  const commits = new Lru<ObjectId, Commit>(REMEMBERED_BYTES);
  const trees = new Lru<ObjectId, readonly TreeEntry[]>(REMEMBERED_BYTES);
  /** Large trees that were read last, of different lengths: the next one is mostly like one of them. */
  const large = new Map<number, ParsedTree>();

  async function checked(id: ObjectId, type: string): Promise<RawObject> {
    if (!/^[0-9a-f]{40}$/.test(id)) throw objectMissing(id, gitdir);
    const found = await reader.read(id, type);
    if (found.type === OVERSIZE) return found;
    if (nameOf(found) !== id) throw objectCorrupt(id, gitdir);
    return found;
  }

  async function read(id: ObjectId, type: 'commit' | 'tree' | 'blob'): Promise<Uint8Array> {
    const object = await checked(id, type);
    const isOversize = type !== 'commit' && object.bytes.length > CAPS.ownBytes;
    if (object.type !== type || isOversize) throw objectMalformed(id, type);
    return object.bytes;
  }

  return {
    raw: (id) => checked(id, 'any'),
    commit: shared(async (id) => {
      const known = commits.get(id);
      if (known !== undefined) return known;
      const bytes = await read(id, 'commit');
      const commit = parseCommit(id, bytes);
      commits.set(id, commit, COMMIT_BYTES + 3 * bytes.length);
      return commit;
    }),
    tree: shared(async (id) => {
      const known = trees.get(id);
      if (known !== undefined) return known;
      const bytes = await read(id, 'tree');
      const parsed = parseLike(id, bytes, large.get(bytes.length) ?? null);
      const { entries } = parsed;
      if (entries.length >= LARGE) {
        large.delete(bytes.length);
        large.set(bytes.length, parsed);
        for (const [length] of large) if (large.size > LARGE_KEPT) large.delete(length);
      }
      trees.set(id, entries, weightOf(entries));
      return entries;
    }),
    blob: shared((id) => read(id, 'blob')),
  };
}

/** `read`, once for all who ask for the same object while it is under way. */
function shared<Value>(read: (id: ObjectId) => Promise<Value>): (id: ObjectId) => Promise<Value> {
  const underWay = new Map<ObjectId, Promise<Value>>();
  return (id) => {
    const known = underWay.get(id);
    if (known !== undefined) return known;
    const reading = read(id).finally(() => underWay.delete(id));
    underWay.set(id, reading);
    return reading;
  };
}

/** Bytes of memory, about. A tree that is like another one has most of its entries from there. */
function weightOf(entries: readonly TreeEntry[]): number {
  return (shapeOf(entries) === entries ? ENTRY_BYTES : SHARED_BYTES) * (1 + entries.length);
}

/** Bytes of memory for each cache, about; and what one commit, and one entry of a tree, take beside their bytes. */
const REMEMBERED_BYTES = 32 * 1024 * 1024;
const COMMIT_BYTES = 1024;
/** Entries of a tree that is worth comparing, and how many such trees are kept for that. */
const LARGE = 128;
const LARGE_KEPT = 8;
const ENTRY_BYTES = 290;
const SHARED_BYTES = 16;

/** Enforces G15: every object is hashed again before it is believed. */
export function nameOf({ type, bytes }: RawObject): ObjectId {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
}
