import { covers, isIpAddress, namespaceOfHost } from './hosts.ts';
import type { Mesh, Owner, Visibility } from './types.ts';

type Claim = { readonly owner: Owner; readonly pattern: string };

/**
 * The scope that owns a namespace, or null: of all scopes whose `owns` covers the name and who do not grant it on, the
 * deepest below the root with the lowest rank. Two that are equal cancel out, and so do two roots of one rank: nobody takes
 * a name from another repository by claiming it more closely.
 */
export function ownerOfNamespace(owners: readonly Owner[], namespace: string): Owner | null {
  return deepest(claimsOf(owners, 'namespaces', namespace));
}

/**
 * The scope that owns a host or a pattern of hosts, or null. Hosts of the cluster, and names that read as their short
 * forms (`cart.shop` where a scope names `shop` its own), belong to the namespace's owner. A single label is nobody's:
 * whoever owned it would own a short name in every namespace. So is an address, by which clients may ask for any service.
 */
export function ownerOfHost(owners: readonly Owner[], host: string): Owner | null {
  if (isIpAddress(host)) return null;
  const namespace = namespaceOfHost(host) ?? shortFormNamespace(owners, host);
  if (namespace !== null) return ownerOfNamespace(owners, namespace);
  return host.includes('.') || host === '*' ? deepest(claimsOf(owners, 'hosts', host)) : null;
}

/** The one with this uid, if it is there. */
export function ownerOfScope(owners: readonly Owner[], uid: string): Owner | null {
  const known = byUid.get(owners) ?? new Map(owners.map((owner) => [owner.uid, owner]));
  byUid.set(owners, known);
  return known.get(uid) ?? null;
}

/** Made once for a list of owners: each of many scopes looks for its own. */
const byUid = new WeakMap<readonly Owner[], ReadonlyMap<string, Owner>>();

/** Other scopes that own hosts within the wildcard `pattern`, so that it would speak for them too. */
export function ownersWithin(owners: readonly Owner[], pattern: string, uid: string): readonly Owner[] {
  if (!pattern.startsWith('*')) return [];
  const reachesNamespaces =
    namespaceOfHost(pattern) === null && covers(pattern, 'any.namespace.svc.cluster.local');
  return owners.filter((owner) => {
    if (owner.uid === uid) return false;
    const hosts = owner.hosts.filter((inner) => inner !== '*' && covers(pattern, inner));
    return (
      hosts.some((inner) => ownerOfHost(owners, inner) === owner) ||
      (reachesNamespaces && hasNamespace(owners, owner))
    );
  });
}

/** Whether clients in a namespace may see it. */
export function isVisible(mesh: Pick<Mesh, 'owners'>, visibility: Visibility, namespace: string): boolean {
  if (visibility.to === 'everybody') return true;
  if (visibility.to === 'namespaces') return visibility.names.includes(namespace);
  return ownerOfNamespace(mesh.owners, namespace)?.uid === visibility.uid;
}

function hasNamespace(owners: readonly Owner[], owner: Owner): boolean {
  return owner.namespaces.some((name) => name !== '*' && ownerOfNamespace(owners, name) === owner);
}

function shortFormNamespace(owners: readonly Owner[], host: string): string | null {
  const [, namespace] = /^[^.*]+\.([^.]+)$/.exec(host) ?? [];
  const { owned, granted } = claimsByPattern(owners).namespaces;
  return namespace !== undefined && (owned.has(namespace) || granted.has(namespace)) ? namespace : null;
}

function claimsOf(owners: readonly Owner[], what: 'namespaces' | 'hosts', name: string): readonly Claim[] {
  const { owned, granted } = claimsByPattern(owners)[what];
  const patterns = [...patternsOver(name)];
  const claims = patterns.flatMap((pattern) => owned.get(pattern) ?? []);
  if (claims.length === 0) return claims;
  const granting = new Set(
    patterns.flatMap((pattern) => granted.get(pattern) ?? []).map(({ owner }) => owner),
  );
  return granting.size === 0 ? claims : claims.filter(({ owner }) => !granting.has(owner));
}

/** All patterns that can cover `name`. */
function patternsOver(name: string): ReadonlySet<string> {
  const patterns = new Set(['*', name]);
  for (let dot = name.indexOf('.', 1); dot > 0; dot = name.indexOf('.', dot + 1)) {
    patterns.add(`*${name.slice(dot)}`);
  }
  return patterns;
}

type Claims = ReadonlyMap<string, readonly Claim[]>;
type ClaimsByPattern = Readonly<
  Record<'namespaces' | 'hosts', { readonly owned: Claims; readonly granted: Claims }>
>;

/** Made once for a list of owners: a mesh of many scopes asks for each of its resources. */
const indexes = new WeakMap<readonly Owner[], ClaimsByPattern>();

function claimsByPattern(owners: readonly Owner[]): ClaimsByPattern {
  const known = indexes.get(owners);
  if (known !== undefined) return known;
  const index = { namespaces: groupClaims(owners, 'namespaces'), hosts: groupClaims(owners, 'hosts') };
  indexes.set(owners, index);
  return index;
}

function groupClaims(owners: readonly Owner[], what: 'namespaces' | 'hosts'): ClaimsByPattern['hosts'] {
  const group = (patterns: (owner: Owner) => readonly string[]) =>
    Map.groupBy(
      owners.flatMap((owner) => patterns(owner).map((pattern) => ({ owner, pattern }))),
      ({ pattern }) => pattern,
    );
  return { owned: group((owner) => owner[what]), granted: group((owner) => owner.granted[what]) };
}

/** The deepest scope's claim, then the longest pattern; null when two scopes are still equal, or roots are. */
function deepest(claims: readonly Claim[]): Owner | null {
  const lowest = Math.min(...claims.map(({ owner }) => owner.rank));
  const ranked = claims
    .filter(({ owner }) => owner.rank === lowest)
    .sort((left, right) => closeness(right) - closeness(left));
  const [first] = ranked;
  if (first === undefined) return null;
  const { owner } = first;
  const rival = ranked.find((claim) => {
    return (
      claim.owner.root !== owner.root || (claim.owner !== owner && closeness(claim) === closeness(first))
    );
  });
  return rival === undefined ? owner : null;
}

function closeness({ owner, pattern }: Claim): number {
  return owner.path.split('.').length * 1024 + pattern.length;
}
