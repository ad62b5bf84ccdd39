import { type Command, Option } from 'commander';
import type { Problem } from '../../base/problem.ts';
import type { ScopeResources } from '../../manifests/index.ts';
import { type Decision, decisionOf, type Endpoints, type Mesh } from '../../mesh/index.ts';
import { servedMesh } from '../../pipeline.ts';
import { type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { several } from '../output.ts';
import { readFolder } from './mesh.ts';

export type SourceFlags = CloneFlags & { readonly filename?: readonly string[]; readonly tip?: string };

/** A mesh without a server. */
export type OfflineMesh = {
  readonly mesh: Mesh;
  readonly endpoints: Endpoints;
  readonly problems: readonly Problem[];
  readonly resources: readonly ScopeResources[];
  /** Empty where nobody has accepted it. */
  readonly evidence: readonly Decision[];
};

/** Which manifests an offline command reads: files, or what a clone's main line has accepted. */
export function sourceOptions(command: Command): Command {
  const files = new Option(
    '-f, --filename <path>',
    'a file or folder in place of a clone; - for standard input; may be repeated',
  ).argParser(several);
  return cloneOptions(
    command.addOption(files).option('--tip <ref>', 'of the clone (default: the main line)'),
  );
}

export async function readSource(context: Context, flags: SourceFlags): Promise<OfflineMesh> {
  if (flags.filename !== undefined) {
    const { mesh, endpoints, problems, resources } = await readFolder(context, flags.filename);
    return { mesh, endpoints, problems, resources, evidence: [] };
  }
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  const { mesh, endpoints, problems, resources } = await servedMesh(clone.line, state);
  const evidence = resources.map(({ scope }) => decisionOf(scope));
  return { mesh, endpoints, problems, resources, evidence };
}
