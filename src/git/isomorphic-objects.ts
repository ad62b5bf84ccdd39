import { createHash } from 'node:crypto';
import * as git from 'isomorphic-git';
import type { Failure } from '../base/failure.ts';
import { type Commit, parseCommit } from './commit.ts';
import { objectCorrupt, objectMalformed, objectMissing, storeFailure } from './failures.ts';
import type { Files } from './files.ts';
import { Lru } from './lru.ts';
import type { ObjectId, Objects, TreeEntry } from './objects.ts';
import { parseTree } from './tree.ts';

/** An object's type and its bytes without git's header. */
type RawObject = { readonly type: string; readonly bytes: Uint8Array };

export interface StoredObjects extends Objects {
  /** Any object, hashed again. Throws `Failure` `object-missing`, `object-corrupt`, `store-unusable`. */
  raw(id: ObjectId): Promise<RawObject>;
}

/** Objects of the store at `gitdir`; isomorphic-git finds and inflates them, everything else is ours (G0, G1, G11). */
export function createObjects(files: Files, gitdir: string): StoredObjects {
  const fs = { promises: files };
  const commits = new Lru<ObjectId, Commit>(REMEMBERED_BYTES);
  const trees = new Lru<ObjectId, readonly TreeEntry[]>(REMEMBERED_BYTES);
  let cache = {};

  async function find(id: ObjectId): Promise<RawObject> {
    const { type, object } = await git.readObject({ fs, gitdir, oid: id, format: 'content', cache });
    if (!(object instanceof Uint8Array)) throw new TypeError('isomorphic-git gives content as bytes');
    return { type: String(type), bytes: object };
  }

  async function findAgain(id: ObjectId, error: unknown): Promise<RawObject> {
    if (error instanceof git.Errors.NotFoundError) throw error;
    cache = {}; // A `git gc` may have replaced the packs that the cache knows.
    return find(id);
  }

  async function raw(id: ObjectId): Promise<RawObject> {
    const found = await find(id)
      .catch((error: unknown) => findAgain(id, error))
      .catch((error: unknown) => Promise.reject(toFailure(error, id, gitdir)));
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

function toFailure(error: unknown, id: ObjectId, gitdir: string): Failure {
  if (error instanceof git.Errors.NotFoundError) return objectMissing(id, gitdir);
  return storeFailure(error, gitdir) ?? objectCorrupt(id, gitdir, error);
}
