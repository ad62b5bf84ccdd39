import type { Commit, ObjectId, Objects } from '../git/index.ts';

/** `tip` and everything below it, by id; not what is in `known`. */
export async function ancestors(
  objects: Objects,
  tip: ObjectId,
  known: ReadonlyMap<ObjectId, Commit> = new Map(),
): Promise<ReadonlyMap<ObjectId, Commit>> {
  const found = new Map<ObjectId, Commit>();
  const pending = [tip];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (found.has(id) || known.has(id)) continue;
    const commit = await objects.commit(id);
    found.set(id, commit);
    pending.push(...commit.parents);
  }
  return found;
}

/** What a merge of `theirs` into `ours` starts from, and the commits that it would bring in. */
export type Fork = { readonly bases: readonly ObjectId[]; readonly fresh: ReadonlyMap<ObjectId, Commit> };

/** The best common ancestors of two commits: those that are below no other one. */
export async function fork(objects: Objects, ours: ObjectId, theirs: ObjectId): Promise<Fork> {
  const old = await ancestors(objects, ours);
  const fresh = await ancestors(objects, theirs, old);
  const met = new Set([theirs, ...[...fresh.values()].flatMap(({ parents }) => parents)]);
  const common = [...met].filter((id) => old.has(id));
  if (common.length < 2) return { bases: common, fresh };
  const below = await Promise.all(common.map((id) => ancestors(objects, id)));
  const bases = common.filter((id, at) => !below.some((set, other) => other !== at && set.has(id)));
  return { bases, fresh };
}
