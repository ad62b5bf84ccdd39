import { createHash } from 'node:crypto';
import { Failure } from '../../../src/base/failure.ts';
import {
  createTreeDigests,
  type ObjectId,
  type Objects,
  parseCommit,
  parseTree,
} from '../../../src/git/index.ts';
import { makePin, type Pin } from '../../../src/governance/index.ts';
import { makeToken, putTree, rawCommit, signed, signer, sshKey } from '../world.ts';
import type { Commit, Files } from './history.ts';
import { states } from './line.ts';
import { keyOf } from './policy.ts';
import type { State } from './state.ts';

type Entry = {
  readonly parents: readonly string[];
  readonly files: Files;
  /** Name of the key that signs. */
  readonly by?: string | null;
  readonly message?: string;
};

/** One repository twice: real git objects with real signatures, and the plain data of the second implementation. */
export type Repository = {
  readonly objects: Objects;
  readonly commits: ReadonlyMap<string, Commit>;
  /** What the second implementation found already, by tip. */
  readonly known: Map<string, readonly State[]>;
  /** The same entry is the same commit. */
  commit(entry: Entry): string;
  /** A detached statement of these lines, or one that the key of that name signed for something else. */
  token(lines: readonly string[], by: string, namespace?: 'fairlead' | 'git'): string;
  readonly signerOfToken: (token: string) => string | null;
  /** What a commit was made of. */
  entryOf(id: string): Entry;
  pin(genesis: string): Promise<Pin>;
};

export function createRepository(): Repository {
  const store = new Map<ObjectId, { readonly type: string; readonly bytes: Uint8Array }>();
  const commits = new Map<string, Commit>();
  const entries = new Map<string, Entry>();
  const tokens = new Map<string, string>();
  const trees = new WeakMap<Files, ObjectId>();
  const put = (type: string, bytes: Uint8Array): ObjectId => {
    const id = createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
    store.set(id, { type, bytes });
    return id;
  };
  const get = (id: ObjectId, type: string): Uint8Array => {
    const found = store.get(id);
    if (found?.type !== type) throw new Failure('object-missing', `${type} ${id} is missing`, 'fetch it');
    return found.bytes;
  };
  const objects: Objects = {
    commit: async (id) => parseCommit(id, get(id, 'commit')),
    tree: async (id) => parseTree(id, get(id, 'tree')),
    blob: async (id) => get(id, 'blob'),
  };
  const treeOf = (files: Files): ObjectId => {
    const tree = trees.get(files) ?? putTree(put, Object.fromEntries(files));
    trees.set(files, tree);
    return tree;
  };
  return {
    objects,
    commits,
    known: new Map(),
    commit(entry) {
      const { parents, files, by = null, message = '' } = entry;
      const raw = rawCommit(treeOf(files), parents, message, 0);
      const id = put('commit', by === null ? raw : signed(raw, signer(by)));
      const key = by === null ? null : keyOf(sshKey(by));
      entries.set(id, entry);
      commits.set(id, { id, parents, files, signer: key, message });
      return id;
    },
    token(lines, by, namespace = 'fairlead') {
      const token = makeToken(lines, by, namespace);
      if (namespace === 'fairlead') tokens.set(token, keyOf(sshKey(by)));
      return token;
    },
    signerOfToken: (token) => tokens.get(token) ?? null,
    entryOf(id) {
      const entry = entries.get(id);
      if (entry === undefined) throw new Error(`no commit ${id}`);
      return entry;
    },
    async pin(genesis) {
      const made = await makePin(objects, createTreeDigests(objects), genesis, 'mesh');
      if (!made.ok) throw new Error(made.reason);
      return made.pin;
    },
  };
}

/** s(0) … s(tip) as the second implementation says it. */
export function naiveStates(repository: Repository, genesis: string, tip: string): readonly State[] {
  return states({ ...repository, genesis }, tip, repository.known);
}
