import type { Delegation } from './delegation.ts';
import type { Owned, Policy } from './types.ts';

/** Why a scope may not own this: more than its parent's record grants, or less than it grants on itself; or null. */
export function badOwnership(
  owns: Owned,
  record: Delegation | null,
  records: readonly Delegation[],
): string | null {
  return overGrant(owns, record?.grants ?? null) ?? badGrants(records, owns);
}

/** The first scope that owns, as of s(i-1), what its record no longer grants: first withdraw, or let it give that up. */
export function grantedLess(
  records: readonly Delegation[],
  scopes: ReadonlyMap<string, { readonly policy: Policy }>,
): string | null {
  for (const { live, path, uid, name, grants } of records) {
    const child = live && path !== null ? scopes.get(uid) : undefined;
    const reason = child === undefined ? null : overGrant(child.policy.owns, grants);
    if (reason !== null) return `${name}: ${reason}`;
  }
  return null;
}

/** What of `owns` the other covers; `owns` itself where that is all of it. */
export function within(owns: Owned, other: Owned): Owned {
  const given = setsOf(other);
  const namespaces = owns.namespaces.filter(
    (name) => given.namespaces.has('*') || given.namespaces.has(name),
  );
  const hosts = owns.hosts.filter((host) => isCovered(given.hosts, host));
  const isWhole = namespaces.length === owns.namespaces.length && hosts.length === owns.hosts.length;
  return isWhole ? owns : { namespaces, hosts };
}

/** A root has no grant: it owns what it says, `*` included. */
export function overGrant(owns: Owned, grant: Owned | null): string | null {
  if (grant === null) return null;
  const given = setsOf(grant);
  const namespace = owns.namespaces.find((name) => name === '*' || !given.namespaces.has(name));
  if (namespace !== undefined) return `it owns the namespace ${namespace}, which its parent does not grant`;
  const host = owns.hosts.find((pattern) => pattern === '*' || !isCovered(given.hosts, pattern));
  return host === undefined ? null : `it owns the host ${host}, which its parent does not grant`;
}

/** Why live grants are not disjoint, or not within what the granting scope itself owns; or null. */
export function badGrants(records: readonly Delegation[], owns: Owned): string | null {
  const live = records.filter((record) => record.live);
  const twice = firstOverlap(live);
  const { namespaces, hosts } = setsOf(owns);
  for (const [place, { name, grants }] of live.entries()) {
    const namespace = grants.namespaces.find((given) => !namespaces.has('*') && !namespaces.has(given));
    if (namespace !== undefined)
      return `${name} is granted the namespace ${namespace}, which is not owned here`;
    const host = grants.hosts.find((given) => !isCovered(hosts, given));
    if (host !== undefined) return `${name} is granted the host ${host}, which is not owned here`;
    if (twice?.[0] === place) return `${name} and ${live[twice[1]]?.name} are granted the same names`;
  }
  return null;
}

/** The first two records, by place, that are granted the same name. By name, since large meshes grant many. */
function firstOverlap(records: readonly Delegation[]): readonly [number, number] | null {
  const granted = new Map<string, number[]>();
  for (const [place, { grants }] of records.entries()) {
    for (const name of new Set([...grants.namespaces.map(asNamespace), ...grants.hosts])) {
      const others = granted.get(name);
      if (others === undefined) granted.set(name, [place]);
      else if (others.length < 2) others.push(place);
    }
  }
  let first: readonly [number, number] | null = null;
  for (const [place, { grants }] of records.entries()) {
    const names = [...grants.namespaces.map(asNamespace), ...grants.hosts.flatMap(coverings)];
    for (const other of names.flatMap((name) => granted.get(name) ?? [])) {
      const pair = [Math.min(place, other), Math.max(place, other)] as const;
      if (
        pair[0] < pair[1] &&
        (first === null || pair[0] < first[0] || (pair[0] === first[0] && pair[1] < first[1]))
      )
        first = pair;
    }
  }
  return first;
}

type Sets = { readonly namespaces: ReadonlySet<string>; readonly hosts: ReadonlySet<string> };

/** Of what has no more names than this, sets are made as fast as they are found; most scopes are such, and there are many. */
const FEW = 16;

/** The names as sets. Each child of a scope asks for those of its parent. */
function setsOf(owned: Owned): Sets {
  const known = large.get(owned);
  if (known !== undefined) return known;
  const sets = { namespaces: new Set(owned.namespaces), hosts: new Set(owned.hosts) };
  if (sets.namespaces.size + sets.hosts.size > FEW) large.set(owned, sets);
  return sets;
}

const large = new WeakMap<Owned, Sets>();

/** No host has a space. */
function asNamespace(name: string): string {
  return `namespace ${name}`;
}

function isCovered(outer: ReadonlySet<string>, inner: string): boolean {
  return coverings(inner).some((pattern) => outer.has(pattern));
}

/** Every pattern that covers all hosts of this one: `b.a` is covered by itself, `*.a` and `*`; `*.b.a` too. */
function coverings(pattern: string): readonly string[] {
  const labels = pattern.replace(/^\*\./, '').split('.');
  return ['*', pattern, ...labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`)];
}
