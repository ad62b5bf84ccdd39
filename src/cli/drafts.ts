import type { ObjectId } from '../git/index.ts';
import { asIfAccepted, type LineState } from '../governance/index.ts';
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
 * The mesh as it is served, and as it would be with all at the head that could be accepted. The draft never leaves the
 * plan: nothing else gets manifests that no quorum signed.
 */
export async function draftMeshes({ line, backend }: Clone, state: LineState, head: ObjectId) {
  const served = await line.scopes(state);
  return { served: meshOf(served), drafted: meshOf(await asIfAccepted(line, backend, state, head)) };
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
  const mode = {
    type: 'sidecar',
    extensions: null,
    capture: 'ports',
    httpProxyPort: 15080,
    credentials: null,
  } as const;
  const xds = { services: 'ads', protocol: 'delta' } as const;
  const { resources } = translate(mesh, endpoints, { id: `plan.${namespace}`, ...about, ...mode, xds });
  const all = [...resources].flatMap(([typeUrl, byName]) =>
    [...byName].map(([name, resource]) => [`${typeUrl} ${name}`, resource] as const),
  );
  return new Map(all);
}
