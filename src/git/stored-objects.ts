import { createHash } from 'node:crypto';
import { type Commit, parseCommit } from './commit.ts';
import { objectCorrupt, objectMalformed, objectMissing } from './failures.ts';
import { Lru } from './lru.ts';
import type { ObjectId, Objects, TreeEntry } from './objects.ts';
import { parseTree } from './tree.ts';

/** An object's type and its bytes without git's header. */
export type RawObject = { readonly type: string; readonly bytes: Uint8Array };

/** Finds and inflates an object; nothing is believed of it. Throws `Failure` as `StoredObjects.raw` does. */
export type ReadRaw = (id: ObjectId) => Promise<RawObject>;

export interface StoredObjects extends Objects {
  /** Any object, hashed again. Throws `Failure` `object-missing`, `object-corrupt`, `store-unusable`. */
  raw(id: ObjectId): Promise<RawObject>;
}

/** Objects of the store at `gitdir`: whoever finds and inflates them, everything else is ours (G0, G1, G11). */
export function createStoredObjects(find: ReadRaw, gitdir: string): StoredObjects {
  const commits = new Lru<ObjectId, Commit>(REMEMBERED_BYTES);
  const trees = new Lru<ObjectId, readonly TreeEntry[]>(REMEMBERED_BYTES);

  async function raw(id: ObjectId): Promise<RawObject> {
    if (!/^[0-9a-f]{40}$/.test(id)) throw objectMissing(id, gitdir);
    const found = await find(id);
    if (nameOf(found) !== id) throw objectCorrupt(id, gitdir);
    return found;
  }

  async function read(id: ObjectId, type: 'commit' | 'tree' | 'blob'): Promise<Uint8Array> {
    const object = await raw(id);
    if (object.type !== type) throw objectMalformed(id, type);
    return object.bytes;
  }

  return {
    raw,
    commit: async (id) => commits.get(id) ?? keep(commits, id, parseCommit, await read(id, 'commit')),
    tree: async (id) => trees.get(id) ?? keep(trees, id, parseTree, await read(id, 'tree')),
    blob: (id) => read(id, 'blob'),
  };
}

/** Of raw bytes; what is parsed from them is some times as large. */
const REMEMBERED_BYTES = 16 * 1024 * 1024;

function keep<Value>(
  cache: Lru<ObjectId, Value>,
  id: ObjectId,
  parse: (id: ObjectId, bytes: Uint8Array) => Value,
  bytes: Uint8Array,
): Value {
  const value = parse(id, bytes);
  cache.set(id, value, bytes.length);
  return value;
}

function nameOf({ type, bytes }: RawObject): ObjectId {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
}
