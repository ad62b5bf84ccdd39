import { must } from '../base/must.ts';
import {
  type Anchor,
  allAnchors,
  badOwnership,
  CLASSES,
  type Delegation,
  type MutationClass,
  materialsOf,
  type Own,
  type Policy,
  type PolicyRead,
  recordsByUid,
  type ScopeTrees,
  threshold,
} from '../policy/index.ts';
import type { AnchorKey } from '../signatures/index.ts';
import type { ScopeState } from './types.ts';

type Scopes = ReadonlyMap<string, ScopeState>;

/**
 * Enforces G6: the policy that a reconfigure proposes, or why it would not work: it cannot be read or reached, changes what is
 * fixed, owns what is not granted, gives up what is granted on, or falls below a floor. Records are those of s(i-1).
 */
export async function proposedPolicy(
  owns: ScopeTrees,
  scopes: Scopes,
  scope: ScopeState,
  own: Own & { readonly ok: true },
): Promise<PolicyRead> {
  const read = await owns.policy(own);
  if (!read.ok) return read;
  const records = await recordsAbove(owns, scopes, scope);
  const { policy } = read;
  const reason =
    changedForever(scopes, scope, policy) ??
    badOwnership(policy.owns, records[0] ?? null, await owns.delegations(own.tree)) ??
    belowFloor(records, scope.policy, policy);
  return reason === null ? read : { ok: false, rule: 'G6', reason };
}

/** The delegation records of the scope and of those above it, the nearest first, as the parents' accepted trees have them. */
export async function recordsAbove(
  owns: ScopeTrees,
  scopes: Scopes,
  { uid, parent }: ScopeState,
): Promise<readonly Delegation[]> {
  const above = parent === null ? undefined : scopes.get(parent);
  if (above === undefined) return [];
  const records = await owns.delegations(above.accepted.tree);
  const record = recordsByUid(records).get(uid);
  // None yet in the scope that would take it.
  return [...(record === undefined ? [] : [record]), ...(await recordsAbove(owns, scopes, above))];
}

function changedForever(scopes: Scopes, scope: ScopeState, next: Policy): string | null {
  if (next.salt !== scope.policy.salt) return 'salt is fixed: it makes the uid unique';
  const inherited = scope.parent === null ? null : trustDomainOf(scopes, scope.parent);
  const before = scope.policy.trustDomain ?? inherited;
  if ((next.trustDomain ?? inherited) === before) return null;
  return `the trust domain is fixed at the genesis: ${before ?? 'none'}`;
}

/** The trust domain that a scope has, or inherits. */
export function trustDomainOf(scopes: Scopes, uid: string): string | null {
  const { policy, parent } = must(scopes.get(uid));
  return policy.trustDomain ?? (parent === null ? null : trustDomainOf(scopes, parent));
}

/**
 * The first floor that the policy falls below, except as far as the old one already did: raising one freezes nobody.
 * `old` null: a first policy, which meets them all.
 */
export function belowFloor(records: readonly Delegation[], old: Policy | null, next: Policy): string | null {
  for (const { name, floor } of records) {
    for (const mutation of CLASSES) {
      const least = Math.min(floor.threshold, old === null ? Infinity : threshold(old, mutation));
      const given = threshold(next, mutation);
      if (given < least)
        return `${mutation} needs ${given} anchors; the floor of ${name} is ${floor.threshold}`;
      for (const { type, atLeast } of floor.require) {
        const sure = certain(next, mutation, type);
        if (sure >= Math.min(atLeast, old === null ? Infinity : certain(old, mutation, type))) continue;
        return `${mutation} can do with ${sure} of type ${type}; the floor of ${name} is ${atLeast}`;
      }
    }
  }
  return null;
}

/** How many anchors of a type are in every quorum of a class: what the policy requires, or what arithmetic leaves. */
function certain(policy: Policy, mutation: MutationClass, type: Anchor['type']): number {
  const listed = policy.require.filter((each) => each.type === type).map(({ atLeast }) => atLeast);
  const others = policy.anchors.filter((anchor) => anchor.type !== type).length;
  return Math.max(0, ...listed, threshold(policy, mutation) - others);
}

/** Possession: the keys of `next`, recovery's among them, that are new (raw public key; OpenPGP: primary fingerprint). */
export function addedKeys(
  old: Policy | null,
  next: Policy,
): readonly { readonly anchor: string; readonly key: AnchorKey }[] {
  const known = new Set(
    keysOf(old).flatMap(({ key }) => [
      ...materialsOf(key),
      ...(key.format === 'ssh' ? [] : [key.fingerprint]),
    ]),
  );
  return keysOf(next).filter(({ key }) => !known.has(key.format === 'ssh' ? key.material : key.fingerprint));
}

function keysOf(policy: Policy | null) {
  const anchors = policy === null ? [] : allAnchors(policy);
  return anchors.flatMap(({ name, keys }) => keys.map((key) => ({ anchor: name, key })));
}
