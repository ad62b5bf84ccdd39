import { sha256 } from '../base/digest.ts';
import { CAPS, isGovernanceFile } from './caps.ts';
import { Lru } from './lru.ts';
import { maskOf } from './mask.ts';
import type { ObjectId, Objects } from './objects.ts';
import { createOwnTrees, maskedKey, type OwnTree, type TreeRefusal } from './own-tree.ts';

/** A file that counts in the own digest: its path within the scope, its blob, and what the blob holds. */
export type OwnFile = {
  readonly path: string;
  readonly blob: ObjectId;
  /** SHA-256 of the blob's bytes, in hex. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
};

/** `own(S, x)`: the digest and its files in byte order of their paths, or ⊥ with the rule that the tree breaks. */
type TreeDigest =
  | { readonly ok: true; readonly digest: string; readonly files: readonly OwnFile[] }
  | TreeRefusal;

export interface TreeDigests {
  /**
   * The own digest (formats.md "Own digest") of tree `id`. `masked` are paths within it whose directories are left out.
   * Throws what `Objects` throws about its store; whatever the bytes themselves say is a value.
   */
  digest(tree: ObjectId, masked: readonly string[]): Promise<TreeDigest>;
}

/** Digests that remember: a directory that was read once (same tree id, same mask below it) is not read again. */
export function createTreeDigests(objects: Objects): TreeDigests {
  const trees = createOwnTrees(objects);
  const known = new Lru<string, TreeDigest>(REMEMBERED_FILES);
  return {
    async digest(tree, masked) {
      const mask = maskOf(masked);
      const key = maskedKey(tree, mask);
      const remembered = known.get(key);
      if (remembered !== undefined) return remembered;
      const own = await trees.read(tree, mask);
      const result = 'ok' in own ? own : digestOf(own);
      known.set(key, result, 1 + (result.ok ? result.files.length : 0));
      return result;
    },
  };
}

const REMEMBERED_FILES = 200_000;

function digestOf(own: OwnTree): TreeDigest {
  const files = [...flatten(own, '')];
  const large = files.find(({ path, size }) => isGovernanceFile(path) && size > CAPS.governanceFileBytes);
  if (large !== undefined) {
    const reason = `has ${large.size} bytes; a governance file may have ${CAPS.governanceFileBytes}`;
    return { ok: false, rule: 'G17', reason, path: large.path };
  }
  const lines = files.map((file) => `100644 ${file.path}\0${file.sha256}\n`);
  return { ok: true, digest: sha256('fairlead-own-1\0', lines.join('')), files };
}

/** Git's tree order, walked depth first, is the byte order of full paths. */
function* flatten(own: OwnTree, prefix: string): Generator<OwnFile> {
  for (const child of own.children) {
    const path = `${prefix}${child.name}`;
    if (child.kind === 'directory') yield* flatten(child.tree, `${path}/`);
    else yield { path, blob: child.blob, sha256: child.sha256, size: child.size };
  }
}
