import { isDeepStrictEqual } from 'node:util';
import { sameItems } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { inheritedClasses, none } from './gateway-classes.ts';
import { lineOf } from './root.ts';
import { defaultSettings, inherited } from './settings.ts';
import type { Owner } from './types.ts';

/** What scopes inherit from those above that are not among them, and the uids of the roots of all repositories in their order. */
export type Inheritance = Pick<Owner, 'settings' | 'gatewayClasses'> & { readonly roots: readonly string[] };

/** Nobody above says anything. */
export const noInheritance: Inheritance = { settings: defaultSettings, gatewayClasses: none, roots: [] };

/** The list of `before` where nobody's authority changed. What scopes of two roots claim is of the former root's. */
export function readOwners(
  scopes: readonly ScopeResources[],
  before: readonly Owner[] | null,
  above: Inheritance,
): readonly Owner[] {
  const byUid = new Map(scopes.map((one) => [one.scope.uid, one]));
  const ranks = new Map(above.roots.map((uid, rank) => [uid, rank]));
  const owners = scopes.map((one): Owner => {
    const line = lineOf(one, ({ scope: { parent } }) => byUid.get(parent ?? ''));
    const { uid: root } = (line.at(-1) ?? one).scope;
    return {
      ...readOwner(one.scope),
      root,
      rank: ranks.get(root) ?? above.roots.length,
      settings: inherited(line, above.settings),
      gatewayClasses: inheritedClasses(line, above.gatewayClasses),
    };
  });
  owners.sort((left, right) => byCodeUnit(left.path, right.path) || byCodeUnit(left.uid, right.uid));
  const unchanged =
    before !== null &&
    before.length === owners.length &&
    owners.every((owner, index) => isLike(owner, before[index]));
  return unchanged ? before : owners;
}

/** A scope that is the same object says the same. */
type Authority = Omit<Owner, 'root' | 'rank' | 'settings' | 'gatewayClasses'>;

const read = new WeakMap<ScopeResources['scope'], Authority>();

function readOwner(scope: ScopeResources['scope']): Authority {
  const known = read.get(scope);
  if (known !== undefined) return known;
  const { uid, parent, path, owns, granted } = scope;
  const given = { namespaces: granted.namespaces, hosts: lowerCase(granted.hosts) };
  const owner = {
    uid,
    parent,
    path,
    namespaces: owns.namespaces,
    hosts: lowerCase(owns.hosts),
    granted: given,
  };
  read.set(scope, owner);
  return owner;
}

/** Whether both scopes have the same place and authority. */
export function sameAuthority(left: ScopeResources['scope'], right: ScopeResources['scope']): boolean {
  return left.directory === right.directory && isSame(readOwner(left), readOwner(right));
}

function isLike(owner: Owner, other: Owner | undefined): boolean {
  if (other === undefined || !isSame(owner, other)) return false;
  const said = ({ root, rank, settings, gatewayClasses }: Owner) => ({
    root,
    rank,
    settings,
    gatewayClasses,
  });
  return isDeepStrictEqual(said(owner), said(other));
}

function isSame(owner: Authority, other: Authority): boolean {
  if (other === owner) return true;
  return (
    other.uid === owner.uid &&
    other.parent === owner.parent &&
    other.path === owner.path &&
    sameNames(other, owner) &&
    sameNames(other.granted, owner.granted)
  );
}

function sameNames(left: Owner['granted'], right: Owner['granted']): boolean {
  return sameItems(left.namespaces, right.namespaces) && sameItems(left.hosts, right.hosts);
}

function lowerCase(hosts: readonly string[]): readonly string[] {
  return hosts.map((host) => host.toLowerCase());
}
