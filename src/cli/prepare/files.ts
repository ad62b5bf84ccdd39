import { fileAt, type ObjectId, subtree } from '../../git/index.ts';
import type { ScopeState } from '../../governance/index.ts';
import type { Clone } from '../clone.ts';
import { editRecords, type RecordEdit } from '../records-file.ts';
import { repositoryPath } from '../repository-path.ts';
import type { Edit } from './edit.ts';
import type { Start } from './prepare.ts';

/** A file of the main line; `path` is relative to the directory that was asked for. */
export type Standing = { readonly path: string; readonly blob: ObjectId };

/** A path of the repository, within the mesh. */
export function meshPath({ pin }: Clone, ...parts: readonly string[]): string {
  return repositoryPath(pin.path, ...parts);
}

/** Everything below a directory of the mesh, with what other scopes have there. */
export async function filesBelow({ clone, state }: Start, directory: string): Promise<readonly Standing[]> {
  const { tree } = await clone.backend.commit(state.tip);
  const place = await subtree(clone.backend, tree, meshPath(clone, directory));
  return place === null ? [] : walk(clone, place, '');
}

async function walk(clone: Clone, tree: ObjectId, above: string): Promise<readonly Standing[]> {
  const entries = await clone.backend.tree(tree);
  const found = entries.map(async ({ mode, name, id }) => {
    const path = repositoryPath(above, name);
    return mode === '40000' ? walk(clone, id, path) : [{ path, blob: id }];
  });
  return (await Promise.all(found)).flat();
}

/** The scope's own files, without those of its children. */
export async function ownFiles(
  { clone, state }: Start,
  { directory }: ScopeState,
): Promise<readonly Standing[]> {
  const { tree } = await clone.backend.commit(state.tip);
  const own = await clone.line.owns.own(tree, directory);
  return own.ok ? own.files : [];
}

/** Files taken from one directory of the mesh to another one, or away. */
export function moved(
  clone: Clone,
  files: readonly Standing[],
  from: string,
  to: ((path: string) => string) | null,
): readonly Edit[] {
  return files.flatMap(({ path, blob }): readonly Edit[] => {
    const gone = { path: meshPath(clone, from, path), gone: true } as const;
    return to === null ? [gone] : [gone, { path: meshPath(clone, to(path)), blob }];
  });
}

/** The edit of a scope's `delegations.yaml`. */
export async function recordsEdit(
  { clone, state }: Start,
  { directory, name }: ScopeState,
  edits: readonly RecordEdit[],
): Promise<Edit> {
  const { tree } = await clone.backend.commit(state.tip);
  const path = meshPath(clone, directory, 'delegations.yaml');
  const bytes = await fileAt(clone.backend, tree, path);
  return { path, bytes: editRecords(bytes === null ? null : Buffer.from(bytes).toString(), name, edits) };
}
