import * as git from 'isomorphic-git';
import type { Failure } from '../base/failure.ts';
import { objectCorrupt, objectMissing, storeFailure } from './failures.ts';
import type { Files } from './files.ts';
import type { ObjectId } from './objects.ts';
import type { RawObject, Reader } from './stored-objects.ts';

/** Objects by isomorphic-git. */
export function createIsomorphicReader(files: Files, gitdir: string): Reader {
  const fs = { promises: files };
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

  return {
    read: (id) =>
      find(id)
        .catch((error: unknown) => findAgain(id, error))
        .catch((error: unknown) => Promise.reject(toFailure(error, id, gitdir))),
    close: async () => {},
  };
}

function toFailure(error: unknown, id: ObjectId, gitdir: string): Failure {
  if (error instanceof git.Errors.NotFoundError) return objectMissing(id, gitdir);
  return storeFailure(error, gitdir) ?? objectCorrupt(id, gitdir, error);
}
