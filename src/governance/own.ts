import {
  fileAt,
  fileIdAt,
  type ObjectId,
  type Objects,
  type OwnFile,
  subtree,
  type TreeDigests,
} from '../git/index.ts';
import { type Delegation, type DelegationsRead, readDelegations } from './delegation.ts';
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
  const records = createRecords(objects, ruleset);
  const places = createPlaces(objects);
  const absent: Own = { ok: false, rule: 'G18', reason: 'its directory is absent' };
  return {
    async own(rootTree, directory) {
      const tree = await places(rootTree, joinPath(meshPath, directory));
      if (tree === null) return absent;
      const known = memo.get(tree);
      if (known !== undefined) return known;
      const reading = readOwn(records, digests, tree, ruleset);
      memo.set(tree, reading);
      reading.catch(() => memo.delete(tree));
      return reading;
    },
    async delegations(tree) {
      const read = await records(tree);
      return read.ok ? read.records : [];
    },
  };
}

/** Trees at places of commits. A commit that changes one scope asks for all of them, most in one folder: that is kept. */
function createPlaces(objects: Objects): (rootTree: ObjectId, path: string) => Promise<ObjectId | null> {
  const folders = new Map<string, Promise<ObjectId | null>>();
  const folder = (rootTree: ObjectId, path: string): Promise<ObjectId | null> => {
    const key = `${rootTree} ${path}`;
    const known = folders.get(key);
    if (known !== undefined) return known;
    if (folders.size >= REMEMBERED_FOLDERS) folders.clear();
    const finding = subtree(objects, rootTree, path);
    folders.set(key, finding);
    finding.catch(() => folders.delete(key));
    return finding;
  };
  return async (rootTree, path) => {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return subtree(objects, rootTree, path);
    const parent = await folder(rootTree, path.slice(0, slash));
    return parent === null ? null : subtree(objects, parent, path.slice(slash + 1));
  };
}

const REMEMBERED_FOLDERS = 1_000;

/** Joins directories of a repository; `.` and the empty text are the place itself. */
export function joinPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '' && part !== '.').join('/');
}

async function readOwn(
  records: Records,
  digests: TreeDigests,
  tree: ObjectId,
  ruleset: Ruleset,
): Promise<Own> {
  const read = await records(tree);
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

/** The delegation records of a scope's tree; the same bytes are parsed once. */
type Records = (tree: ObjectId) => Promise<DelegationsRead>;

function createRecords(objects: Objects, ruleset: Ruleset): Records {
  const memo = new Map<ObjectId, Promise<DelegationsRead>>();
  return async (tree) => {
    const blob = await fileIdAt(objects, tree, 'delegations.yaml');
    if (blob === null) {
      const folder = await subtree(objects, tree, 'delegations.yaml');
      return folder === null ? { ok: true, records: [] } : { ok: false, reason: 'is a directory' };
    }
    const known = memo.get(blob);
    if (known !== undefined) return known;
    const reading = readRecords(objects, tree, ruleset);
    if (memo.size >= REMEMBERED_RECORDS) memo.clear();
    memo.set(blob, reading);
    reading.catch(() => memo.delete(blob));
    return reading;
  };
}

/** A few versions for each of many scopes; a table of records may be large. */
const REMEMBERED_RECORDS = 1_000;

async function readRecords(objects: Objects, tree: ObjectId, ruleset: Ruleset): Promise<DelegationsRead> {
  const bytes = await fileAt(objects, tree, 'delegations.yaml');
  return bytes === null ? { ok: true, records: [] } : readDelegations(bytes, ruleset);
}
