import { createHash } from 'node:crypto';
import type { Commit, ObjectId, Objects, TreeEntry } from '../git/index.ts';

/** A repository in which a merge that nobody has made can be read. Nothing is written anywhere. */
export type Preview = { readonly objects: Objects; readonly commit: ObjectId };

type Sides = {
  readonly base: ObjectId | null;
  readonly ours: ObjectId | null;
  readonly theirs: ObjectId | null;
};

const DIRECTORY = '40000';

/**
 * The merge of `theirs` into `ours` as an unsigned commit: each file from the side that changed it since `base`, and ours where
 * both did. It is no merge of texts: of a scope that both sides changed its result says nothing.
 */
export async function previewMerge(
  objects: Objects,
  base: ObjectId,
  ours: ObjectId,
  theirs: ObjectId,
): Promise<Preview> {
  const made = new Map<ObjectId, readonly TreeEntry[]>();
  const [from, left, right] = await Promise.all([base, ours, theirs].map((id) => objects.commit(id)));
  const sides = { base: from?.tree ?? null, ours: left?.tree ?? null, theirs: right?.tree ?? null };
  const tree = (await mergeTrees(objects, made, sides)) ?? keep(made, []);
  const id = objectId('commit', Buffer.from(`tree ${tree}\nparent ${ours}\nparent ${theirs}\n\n`));
  const about = { author: '', message: new Uint8Array(), signature: null, refusal: null };
  const commit: Commit = { id, tree, parents: [ours, theirs], ...about };
  return {
    commit: id,
    objects: {
      commit: async (wanted) => (wanted === id ? commit : objects.commit(wanted)),
      tree: async (wanted) => made.get(wanted) ?? objects.tree(wanted),
      blob: (wanted) => objects.blob(wanted),
    },
  };
}

/** Null where no entry is left: git has no empty directories. */
async function mergeTrees(
  objects: Objects,
  made: Map<ObjectId, readonly TreeEntry[]>,
  { base, ours, theirs }: Sides,
): Promise<ObjectId | null> {
  const [from, left, right] = await Promise.all([base, ours, theirs].map((id) => entriesOf(objects, id)));
  const names = new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])]);
  const entries: TreeEntry[] = [];
  for (const name of names) {
    const [old, mine, other] = [from, left, right].map((side) => side?.get(name));
    const merged = await mergeEntry(objects, made, name, [old, mine, other]);
    if (merged !== undefined) entries.push(merged);
  }
  return entries.length === 0 ? null : keep(made, entries);
}

type Three = readonly (TreeEntry | undefined)[];

async function mergeEntry(
  objects: Objects,
  made: Map<ObjectId, readonly TreeEntry[]>,
  name: string,
  [base, ours, theirs]: Three,
): Promise<TreeEntry | undefined> {
  if (same(base, theirs)) return ours;
  if (same(base, ours)) return theirs;
  if (ours?.mode !== DIRECTORY || theirs?.mode !== DIRECTORY) return ours ?? theirs;
  const from = base?.mode === DIRECTORY ? base.id : null;
  const id = await mergeTrees(objects, made, { base: from, ours: ours.id, theirs: theirs.id });
  return id === null ? undefined : { mode: DIRECTORY, name, id };
}

function same(left: TreeEntry | undefined, right: TreeEntry | undefined): boolean {
  return left?.id === right?.id && left?.mode === right?.mode;
}

async function entriesOf(objects: Objects, tree: ObjectId | null): Promise<ReadonlyMap<string, TreeEntry>> {
  const entries = tree === null ? [] : await objects.tree(tree);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

function keep(made: Map<ObjectId, readonly TreeEntry[]>, entries: readonly TreeEntry[]): ObjectId {
  const key = ({ name, mode }: TreeEntry) => Buffer.from(mode === DIRECTORY ? `${name}/` : name, 'latin1');
  const sorted = [...entries].sort((left, right) => Buffer.compare(key(left), key(right)));
  const bytes = sorted.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`, 'latin1'), Buffer.from(id, 'hex')]),
  );
  const id = objectId('tree', Buffer.concat(bytes));
  made.set(id, sorted);
  return id;
}

function objectId(type: string, bytes: Uint8Array): ObjectId {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
}
