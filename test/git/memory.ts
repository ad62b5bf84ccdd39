import { createHash } from 'node:crypto';
import { Failure } from '../../src/base/failure.ts';
import { type ObjectId, type Objects, parseCommit, parseTree } from '../../src/git/index.ts';

export type Entry = { readonly mode: string; readonly name: string | Uint8Array; readonly id: ObjectId };

/** Objects in memory with real names, for trees that git refuses to write. `reads` are the ids asked for so far. */
export function createMemory() {
  const stored = new Map<ObjectId, { readonly type: string; readonly bytes: Uint8Array }>();
  const reads: ObjectId[] = [];

  function store(type: 'commit' | 'tree' | 'blob', bytes: Uint8Array): ObjectId {
    const id = createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
    stored.set(id, { type, bytes });
    return id;
  }

  async function read(type: string, id: ObjectId): Promise<Uint8Array> {
    reads.push(id);
    const object = stored.get(id);
    if (object === undefined) throw new Failure('object-missing', id, '');
    if (object.type !== type) throw new Failure('object-malformed', id, '');
    return object.bytes;
  }

  const objects: Objects = {
    commit: async (id) => parseCommit(id, await read('commit', id)),
    tree: async (id) => parseTree(id, await read('tree', id)),
    blob: (id) => read('blob', id),
  };
  return {
    objects,
    reads,
    forget: (id: ObjectId) => stored.delete(id),
    blob: (content: string | Uint8Array) => store('blob', Buffer.from(content)),
    /** The entries exactly in the order given. */
    tree: (entries: readonly Entry[]) =>
      store(
        'tree',
        Buffer.concat(
          entries.flatMap(({ mode, name, id }) => [
            Buffer.from(`${mode} `),
            Buffer.from(name),
            Buffer.from([0]),
            Buffer.from(id, 'hex'),
          ]),
        ),
      ),
    raw: store,
  };
}
