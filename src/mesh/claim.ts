import type { Problem } from '../base/problem.ts';
import type { Path, Resource } from '../manifests/index.ts';
import { mistake } from './mistake.ts';
import { ownerOfHost, ownerOfNamespace, ownersWithin } from './ownership.ts';
import { settingsFor } from './root.ts';
import type { Owner, Visibility } from './types.ts';

/** Whether a manifest may speak for a host, and to whom. `visibility` null: it may not. */
export type Claim = {
  readonly host: string;
  readonly visibility: Visibility | null;
  readonly problems: readonly Problem[];
};

/** Whether the scope of `resource` may define or route `host`: its own, or one that nobody owns, for itself only. */
export function claimHost(resource: Resource, host: string, path: Path, owners: readonly Owner[]): Claim {
  const { scope, uid } = resource.source;
  const refuse = (problem: Problem): Claim => ({ host, visibility: null, problems: [problem] });
  const owner = ownerOfHost(owners, host);
  if (owner !== null && owner.uid !== uid) {
    const named = nameFor(scope, owner);
    const message = `${host} is owned by ${named}, not by ${scope}`;
    const fix = `ask ${named} for it: propose the change in its own files, for its anchors to sign; or use a host that ${scope} owns`;
    return refuse(mistake(resource, path, 'FL3102', message, fix));
  }
  const within = ownersWithin(owners, host, uid).map((other) => nameFor(scope, other));
  if (within.length > 0) {
    return refuse(
      mistake(resource, path, 'FL3103', `${host} of ${scope} covers hosts of ${within.join(', ')}`),
    );
  }
  const wanted = exportOf(resource, owners);
  if (owner !== null) return { host, visibility: asWritten(resource, wanted), problems: [] };
  const message = `nobody owns ${host}: only the namespaces of ${scope} see it`;
  return {
    host,
    visibility: ownOnly(resource, wanted, owners),
    problems: wanted.includes('.') ? [] : [mistake(resource, path, 'FL3104', message)],
  };
}

/** What an owner is called where it speaks to a scope, which may have the same path in another repository. */
export function nameFor(scope: string, { path }: Owner): string {
  return path === scope ? `${path} of another repository` : path;
}

/** Who may see what a resource says, whoever owns its hosts. */
export function visibilityOf(resource: Resource, owners: readonly Owner[]): Visibility {
  return asWritten(resource, exportOf(resource, owners));
}

/** What it says itself, or else what its scope says of its kind. */
function exportOf({ kind, spec, namespace }: Resource, owners: readonly Owner[]): readonly string[] {
  const exportTo = spec !== null && 'exportTo' in spec ? spec.exportTo : undefined;
  if (exportTo !== undefined && exportTo.length > 0) return exportTo;
  const { services, routings, rules } = settingsFor({ owners }, namespace).exportTo;
  if (kind === 'DestinationRule') return rules;
  return kind === 'VirtualService' ? routings : services;
}

/** `*` everybody, `.` the own namespace, `~` nobody (Istio's exportTo). */
function asWritten(resource: Resource, wanted: readonly string[]): Visibility {
  if (wanted.includes('*')) return { to: 'everybody' };
  const names = wanted
    .filter((name) => name !== '~')
    .map((name) => (name === '.' ? resource.namespace : name));
  return { to: 'namespaces', names: [...new Set(names)].sort() };
}

function ownOnly(resource: Resource, wanted: readonly string[], owners: readonly Owner[]): Visibility {
  const { uid } = resource.source;
  const visibility = asWritten(resource, wanted);
  if (visibility.to !== 'namespaces') return { to: 'scope', uid };
  const names = visibility.names.filter((name) => ownerOfNamespace(owners, name)?.uid === uid);
  return { to: 'namespaces', names };
}
