import { fileAt, type ObjectId, type Objects } from '../git/index.ts';
import { asIfAccepted, type LineState, type Proposal, type VerifiedScope } from '../governance/index.ts';
import { meshOf } from '../pipeline.ts';
import { type SnapshotResource, translate } from '../translate/index.ts';
import type { Clone } from './clone.ts';

/** What a resource of one namespace's sidecars becomes if the head is accepted. */
export type Difference = {
  readonly namespace: string;
  readonly type: string;
  readonly name: string;
  readonly change: 'added' | 'changed' | 'removed';
};

/**
 * The mesh as it is served, and as it would be with the head's manifests in place of the accepted ones. The draft
 * never leaves the plan: nothing else gets manifests that no quorum signed.
 */
export async function draftMeshes(
  clone: Clone,
  state: LineState,
  proposals: readonly Proposal[],
  head: ObjectId,
) {
  const accepted = await clone.line.scopes(state);
  const { tree } = await clone.backend.commit(head);
  const drafts: VerifiedScope[] = [];
  for (const scope of accepted) {
    const proposal = proposals.find((each) => each.scope.uid === scope.uid);
    drafts.push(await draft(clone.backend, clone.pin.path, tree, scope, proposal));
  }
  return { served: meshOf(accepted), drafted: meshOf(drafts) };
}

async function draft(
  objects: Objects,
  meshPath: string,
  tree: ObjectId,
  scope: VerifiedScope,
  proposal: Proposal | undefined,
): Promise<VerifiedScope> {
  if (proposal?.outcome.kind !== 'candidate' || proposal.outcome.refusal !== null) return scope;
  const { candidate, policy } = proposal.outcome;
  if (policy !== null) return asIfAccepted(scope, candidate.next, scope.files, policy.owns);
  const files = new Map(scope.files.map((file) => [file.path, file]));
  for (const { path, change } of proposal.outcome.changes) {
    files.delete(path);
    if (change === 'removed') continue;
    const bytes = await fileAt(objects, tree, repositoryPath(meshPath, scope.directory, path));
    if (bytes !== null) files.set(path, { path, bytes });
  }
  return asIfAccepted(scope, candidate.next, [...files.values()], scope.owns);
}

/** A scope's file as a path from the repository's root. */
export function repositoryPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '' && part !== '.').join('/');
}

type Meshed = ReturnType<typeof meshOf>;

/** How the snapshot of a sidecar in each namespace differs, by namespace, type and name. */
export function differences(served: Meshed, drafted: Meshed): readonly Difference[] {
  return namespaces(served, drafted).flatMap((namespace) => {
    const before = snapshot(served, namespace);
    const after = snapshot(drafted, namespace);
    const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
    return keys.flatMap((key) => difference(namespace, before.get(key), after.get(key)));
  });
}

function difference(
  namespace: string,
  before: SnapshotResource | undefined,
  after: SnapshotResource | undefined,
): readonly Difference[] {
  const either = after ?? before;
  if (either === undefined || before?.version === after?.version) return [];
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ namespace, type: either.typeUrl.split('.').at(-1) ?? '', name: either.name, change }];
}

/** Every namespace that has a service or a workload, in either mesh. */
function namespaces(...meshes: readonly Meshed[]): readonly string[] {
  const all = meshes.flatMap(({ resources }) => resources.flatMap((scope) => scope.resources));
  return [...new Set(all.map(({ namespace }) => namespace))].sort();
}

function snapshot({ mesh, endpoints }: Meshed, namespace: string): ReadonlyMap<string, SnapshotResource> {
  const dnsDomain = `${namespace}.svc.cluster.local`;
  const ip = '127.0.0.1';
  const place = { namespace, dnsDomain, locality: '' };
  const about = { ip, ips: [ip], name: 'plan', ...place, labels: {}, serviceAccount: null };
  const mode = { type: 'sidecar', extensions: null, capture: 'ports', httpProxyPort: 15080 } as const;
  const xds = { services: 'ads', protocol: 'delta' } as const;
  const { resources } = translate(mesh, endpoints, { id: `plan.${namespace}`, ...about, ...mode, xds });
  const all = [...resources].flatMap(([typeUrl, byName]) =>
    [...byName].map(([name, resource]) => [`${typeUrl} ${name}`, resource] as const),
  );
  return new Map(all);
}
