import type { Problem } from '../../base/problem.ts';
import { type OtherManifest, readOffline, type ScopeResources } from '../../manifests/index.ts';
import { advise } from '../../mesh/index.ts';
import { stages } from '../../pipeline.ts';
import type { Context } from '../context.ts';
import { idleChanges } from './idle-changes.ts';
import { type FolderScopes, folderScopes } from './scopes.ts';

/** What a folder comes to, whoever has accepted it. */
export type FolderMesh = ReturnType<typeof stages.build> &
  FolderScopes & {
    readonly problems: readonly Problem[];
    readonly resources: readonly ScopeResources[];
    /** Documents that no mesh reads. */
    readonly others: readonly OtherManifest[];
  };

/** Reads manifests of this machine. Throws Failure path-unreadable. */
export async function readFolder(context: Context, paths: readonly string[]): Promise<FolderMesh> {
  const { manner, scopes } = await folderScopes(context, paths);
  const read = scopes.map((scope) => readOffline(scope, manner));
  const resources = read.map((one) => one.resources);
  const workloads = read.flatMap((one) => one.workloads);
  const built = stages.build(resources);
  const advice = advise({ ...built, scopes: resources, workloads });
  const problems = [...resources.flatMap((one) => one.problems), ...built.problems, ...advice];
  return { ...built, manner, scopes, resources, problems, others: read.flatMap((one) => one.others) };
}

/** The same with what only its translation shows, which takes longer. Throws Failure path-unreadable. */
export async function inspectFolder(context: Context, paths: readonly string[]): Promise<FolderMesh> {
  const folder = await readFolder(context, paths);
  return { ...folder, problems: [...folder.problems, ...idleChanges(folder, folder.resources)] };
}
