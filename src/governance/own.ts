import {
  fileAt,
  type ObjectId,
  type Objects,
  type OwnFile,
  subtree,
  type TreeDigests,
} from '../git/index.ts';
import { type Delegation, readDelegations } from './delegation.ts';
import type { Ruleset } from './ruleset.ts';

/** `own(S, x)` with the files behind it, or ⊥ and why. ⊥ equals nothing, not even itself. */
export type Own =
  | {
      readonly ok: true;
      readonly digest: string;
      readonly tree: ObjectId;
      readonly files: readonly OwnFile[];
    }
  | { readonly ok: false; readonly rule: string; readonly reason: string };

/** Reads scopes' own trees out of commits; a memo by tree id, on which no verdict depends. */
export interface ScopeTrees {
  /** Own tree of the scope at `directory` (within the mesh path) in the root tree `rootTree`. */
  own(rootTree: ObjectId, directory: string): Promise<Own>;
  /** The delegation records of a scope's tree; empty where there is no readable `delegations.yaml`. */
  delegations(tree: ObjectId): Promise<readonly Delegation[]>;
}

export function createScopeTrees(
  objects: Objects,
  digests: TreeDigests,
  meshPath: string,
  ruleset: Ruleset,
): ScopeTrees {
  const memo = new Map<ObjectId, Promise<Own>>();
  const absent: Own = { ok: false, rule: 'G18', reason: 'its directory is absent' };
  return {
    async own(rootTree, directory) {
      const tree = await subtree(objects, rootTree, joinPath(meshPath, directory));
      if (tree === null) return absent;
      const known = memo.get(tree);
      if (known !== undefined) return known;
      const reading = readOwn(objects, digests, tree, ruleset);
      memo.set(tree, reading);
      reading.catch(() => memo.delete(tree));
      return reading;
    },
    async delegations(tree) {
      const read = await readRecords(objects, tree, ruleset);
      return read.ok ? read.records : [];
    },
  };
}

/** Joins directories of a repository; `.` and the empty text are the place itself. */
export function joinPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '' && part !== '.').join('/');
}

async function readOwn(
  objects: Objects,
  digests: TreeDigests,
  tree: ObjectId,
  ruleset: Ruleset,
): Promise<Own> {
  const read = await readRecords(objects, tree, ruleset);
  if (!read.ok) return { ok: false, rule: 'G12', reason: `delegations.yaml: ${read.reason}` };
  const masked = read.records.flatMap(({ path }) => (path === null ? [] : [path]));
  const own = await digests.digest(tree, [...new Set(masked)].sort());
  if (!own.ok)
    return { ok: false, rule: own.rule, reason: own.path === '' ? own.reason : `${own.path}: ${own.reason}` };
  const bytes = own.files.reduce((sum, file) => sum + file.size, 0);
  if (own.files.length > ruleset.ownFiles || bytes > ruleset.ownBytes) {
    return { ok: false, rule: 'G17', reason: `${own.files.length} files of ${bytes} bytes are over the cap` };
  }
  return { ok: true, digest: own.digest, tree, files: own.files };
}

async function readRecords(objects: Objects, tree: ObjectId, ruleset: Ruleset) {
  const bytes = await fileAt(objects, tree, 'delegations.yaml');
  if (bytes === null && (await subtree(objects, tree, 'delegations.yaml')) !== null)
    return { ok: false as const, reason: 'is a directory' };
  return bytes === null ? { ok: true as const, records: [] } : readDelegations(bytes, ruleset);
}
