import { must } from '../base/must.ts';
import {
  fileAt,
  fileIdAt,
  Lru,
  namesApart,
  type ObjectId,
  type Objects,
  type OwnFile,
  subtree,
  type TreeDigests,
} from '../git/index.ts';
import { type Delegation, type DelegationsRead, readDelegations } from './delegation.ts';
import { type PolicyRead, readPolicy } from './policy.ts';
import type { Ruleset } from './ruleset.ts';

/** `own(S, x)` with the files behind it. */
export type Readable = {
  readonly ok: true;
  readonly digest: string;
  readonly tree: ObjectId;
  readonly files: readonly OwnFile[];
};

/** What can be read, or ⊥ and why. ⊥ equals nothing, not even itself. */
export type Own = Readable | { readonly ok: false; readonly rule: string; readonly reason: string };

/** The own tree of what was accepted: it was readable then, and the same bytes still are. */
export function readable(own: Own): Readable {
  if (!own.ok) throw new Error(`a bug: an accepted tree cannot be read again: ${own.reason}`);
  return own;
}

/** Reads scopes' own trees out of commits; a memo by tree id, on which no verdict depends. */
export interface ScopeTrees {
  readonly ruleset: Ruleset;
  /** The tree of the scope at `directory` (within the mesh path) in the root tree `rootTree`; null where it is absent. */
  place(rootTree: ObjectId, directory: string): Promise<ObjectId | null>;
  /** Those of `directories` at which two root trees may differ; `directories` has the ones above each too. */
  apart(left: ObjectId, right: ObjectId, directories: ReadonlySet<string>): Promise<readonly string[]>;
  /** Own tree of a scope's tree; null, which is absent, is ⊥. */
  read(tree: ObjectId | null): Promise<Own>;
  /** `read` of `place`. */
  own(rootTree: ObjectId, directory: string): Promise<Own>;
  /** The delegation records of a scope's tree; empty where there is no readable `delegations.yaml`. */
  delegations(tree: ObjectId): Promise<readonly Delegation[]>;
  /** Who decides over a scope, as its own tree says it. */
  policy(own: Readable): Promise<PolicyRead>;
}

export function createScopeTrees(
  objects: Objects,
  digests: TreeDigests,
  meshPath: string,
  ruleset: Ruleset,
): ScopeTrees {
  const owns = createMemo<Own>(REMEMBERED);
  const policies = createMemo<PolicyRead>(REMEMBERED);
  const records = createRecords(objects, ruleset);
  const comparisons = createComparisons();
  const paths = new Map<string, string>();
  const pathOf = (directory: string) => {
    const path = paths.get(directory) ?? joinPath(meshPath, directory);
    paths.set(directory, path);
    return path;
  };
  const absent: Own = { ok: false, rule: 'G18', reason: 'its directory is absent' };
  const trees: ScopeTrees = {
    ruleset,
    place: (rootTree, directory) => subtree(objects, rootTree, pathOf(directory)),
    apart: (left, right, directories) =>
      comparisons(directories)(`${left} ${right}`, async () => {
        const [a, b] = [await trees.place(left, ''), await trees.place(right, '')];
        return placesApart(objects, { directory: '', left: a, right: b }, directories);
      }),
    async read(tree) {
      return tree === null ? absent : owns(tree, () => readOwn(records, digests, tree));
    },
    own: async (rootTree, directory) => trees.read(await trees.place(rootTree, directory)),
    async delegations(tree) {
      const read = await records(tree);
      return read.ok ? read.records : [];
    },
    policy: (own) => policies(own.tree, () => readPolicy(objects, own.tree, own.files, ruleset)),
  };
  return trees;
}

/** Own trees of many scopes in a few versions; the files of a large one are kept by `TreeDigests` alone. */
const REMEMBERED = 4_000;

type Memo<Value> = (name: string, read: () => Promise<Value>) => Promise<Value>;

/** Remembers what was read by a name, at most `limit` of it; a failure to read is not remembered. */
function createMemo<Value>(limit: number): Memo<Value> {
  const known = new Lru<string, Promise<Value>>(limit);
  return (name, read) => {
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const reading = read();
    known.set(name, reading);
    reading.catch(() => known.delete(name));
    return reading;
  };
}

type Comparisons = (directories: ReadonlySet<string>) => Memo<readonly string[]>;

/** The same two trees are compared to read ahead, to sort votes and to judge; structure, and so the set of places, seldom changes. */
function createComparisons(): Comparisons {
  let last: ReadonlySet<string> | null = null;
  let memo = createMemo<readonly string[]>(REMEMBERED);
  return (directories) => {
    if (directories !== last) memo = createMemo(REMEMBERED);
    last = directories;
    return memo;
  };
}

type Pair = { readonly directory: string; readonly left: ObjectId | null; readonly right: ObjectId | null };

async function placesApart(
  objects: Objects,
  { directory, left, right }: Pair,
  directories: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (left === right) return [];
  const found = [directory];
  for (const name of await namesApart(objects, left, right)) {
    const below = joinPath(directory, name);
    // An entry named `.` or nothing at all (G10 refuses it) is a place of no scope, and would lead back here for ever.
    if (below === directory || !directories.has(below)) continue;
    const [a, b] = [left, right].map((tree) => (tree === null ? null : subtree(objects, tree, name)));
    const pair = { directory: below, left: (await a) ?? null, right: (await b) ?? null };
    found.push(...(await placesApart(objects, pair, directories)));
  }
  return found;
}

/** Joins directories of a repository; `.` and the empty text are the place itself. */
export function joinPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '' && part !== '.').join('/');
}

/** A directory and all above it. */
export function withThoseAbove(directory: string): readonly string[] {
  const names = directory.split('/');
  return names.map((_, depth) => names.slice(0, depth + 1).join('/'));
}

async function readOwn(records: Records, digests: TreeDigests, tree: ObjectId): Promise<Own> {
  const read = await records(tree);
  if (!read.ok) return { ok: false, rule: 'G12', reason: `delegations.yaml: ${read.reason}` };
  const own = await digests.digest(tree, maskedBy(read.records));
  if (!own.ok)
    return { ok: false, rule: own.rule, reason: own.path === '' ? own.reason : `${own.path}: ${own.reason}` };
  return { ok: true, digest: own.digest, tree, files: own.files };
}

/** Enforces G7: where other scopes are, which is masked; one list for one list of records, by which `TreeDigests` knows it again. */
function maskedBy(records: readonly Delegation[]): readonly string[] {
  const known = masks.get(records);
  if (known !== undefined) return known;
  const paths = records.flatMap(({ path }) => (path === null ? [] : [path]));
  masks.set(records, paths);
  return paths;
}

const masks = new WeakMap<readonly Delegation[], readonly string[]>();

/** The delegation records of a scope's tree; the same bytes are parsed once. */
type Records = (tree: ObjectId) => Promise<DelegationsRead>;

function createRecords(objects: Objects, ruleset: Ruleset): Records {
  const memo = createMemo<DelegationsRead>(REMEMBERED);
  return async (tree) => {
    const blob = await fileIdAt(objects, tree, 'delegations.yaml');
    if (blob !== null) return memo(blob, () => readRecords(objects, tree, ruleset));
    const folder = await subtree(objects, tree, 'delegations.yaml');
    return folder === null ? NO_RECORDS : { ok: false, reason: 'is a directory' };
  };
}

const NO_RECORDS: DelegationsRead = { ok: true, records: [] };

async function readRecords(objects: Objects, tree: ObjectId, ruleset: Ruleset): Promise<DelegationsRead> {
  return readDelegations(must(await fileAt(objects, tree, 'delegations.yaml')), ruleset);
}
