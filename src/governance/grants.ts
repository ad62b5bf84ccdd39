import type { Delegation } from './delegation.ts';
import type { Policy } from './types.ts';

type Owned = Policy['owns'];

/** Why a scope may not own this: more than its parent's record grants, or less than it grants on itself; or null. */
export function badOwnership(
  owns: Owned,
  record: Delegation | null,
  records: readonly Delegation[],
): string | null {
  return overGrant(owns, record?.grants ?? null) ?? badGrants(records, owns);
}

/** A root has no grant: it owns what it says, `*` included. */
function overGrant(owns: Owned, grant: Owned | null): string | null {
  if (grant === null) return null;
  const namespace = owns.namespaces.find((name) => name === '*' || !grant.namespaces.includes(name));
  if (namespace !== undefined) return `it owns the namespace ${namespace}, which its parent does not grant`;
  const host = owns.hosts.find(
    (pattern) => pattern === '*' || !grant.hosts.some((given) => coversHost(given, pattern)),
  );
  return host === undefined ? null : `it owns the host ${host}, which its parent does not grant`;
}

/** Why live grants are not disjoint, or not within what the granting scope itself owns; or null. */
function badGrants(records: readonly Delegation[], owns: Owned): string | null {
  const live = records.filter((record) => record.live);
  for (const [place, { name, grants }] of live.entries()) {
    const namespace = grants.namespaces.find(
      (given) => !owns.namespaces.includes('*') && !owns.namespaces.includes(given),
    );
    if (namespace !== undefined)
      return `${name} is granted the namespace ${namespace}, which is not owned here`;
    const host = grants.hosts.find((given) => !owns.hosts.some((own) => coversHost(own, given)));
    if (host !== undefined) return `${name} is granted the host ${host}, which is not owned here`;
    const twice = live.slice(place + 1).find((other) => overlap(grants, other.grants));
    if (twice !== undefined) return `${name} and ${twice.name} are granted the same names`;
  }
  return null;
}

function overlap(left: Owned, right: Owned): boolean {
  if (left.namespaces.some((name) => right.namespaces.includes(name))) return true;
  return left.hosts.some((a) => right.hosts.some((b) => coversHost(a, b) || coversHost(b, a)));
}

/** Whether every host of pattern `inner` is one of `outer`: `*` covers all, `*.a` covers `b.a` and `*.b.a`. */
function coversHost(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  return (
    outer.startsWith('*.') && inner.replace(/^\*/, '').endsWith(outer.slice(1)) && inner !== outer.slice(2)
  );
}
