import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { Resource, ScopeResources } from '../manifests/index.ts';
import { type JoinedGateways, joinGateways } from './gateways.ts';
import { joinRoutings, type Routes } from './join-routings.ts';
import { joinServices, type Offers } from './join-services.ts';
import { byPlace, readPart } from './part.ts';
import { sameItems } from './service-index.ts';
import type { Begun, Share } from './share.ts';
import type { Endpoints, Mesh, Owner } from './types.ts';

export type Built = {
  readonly mesh: Mesh;
  readonly endpoints: Endpoints;
  readonly problems: readonly Problem[];
};

/**
 * One mesh out of what all scopes say. The order of the scopes does not matter. Problems are those of this room only,
 * by file and place; those of the manifests are with their scopes.
 */
export function build(scopes: readonly ScopeResources[]): Built {
  return createBuilder()(scopes);
}

/**
 * A `build` that keeps what does not change from one call to the next: resources of a scope that are the same object are
 * not read again, and what rules of one scope found in others is looked up again before it is used. Its result is
 * always that of `build`; parts that are equal are the same objects as before, so that later stages can do the same.
 */
export function createBuilder(): (scopes: readonly ScopeResources[]) => Built {
  let before: Joined | null = null;
  return (scopes) => {
    before = join(scopes, before);
    return before.built;
  };
}

type Joined = {
  readonly owners: readonly Owner[];
  readonly shares: readonly Share[];
  readonly byResources: ReadonlyMap<readonly Resource[], Share>;
  readonly offers: Offers;
  readonly routes: Routes;
  readonly gateways: JoinedGateways;
  readonly built: Built;
};

function join(scopes: readonly ScopeResources[], before: Joined | null): Joined {
  const owners = readOwners(scopes, before?.owners ?? null);
  const known = before !== null && owners === before.owners ? before.byResources : NO_SHARES;
  const parts = inOrder(scopes).map(({ resources }): Begun => {
    const old = known.get(resources) ?? null;
    return { resources, old, part: old?.part ?? readPart(resources, owners) };
  });
  const offered = joinServices(parts, before?.offers ?? null);
  const gateways = joinGateways(
    parts.map(({ part }) => part.gateways),
    before?.gateways ?? null,
  );
  const edge = { owners, gateways, isSame: gateways === before?.gateways };
  const routed = joinRoutings(offered.shares, offered.offers.served, edge, before?.routes ?? null);
  const { shares } = routed;
  const mesh = {
    owners,
    services: offered.offers.services,
    routings: routed.routes.sorted.items,
    gateways: gateways.gateways,
  };
  const own = shares.flatMap((share) => share.problems);
  const problems = [...own, ...offered.problems, ...routed.problems].sort(inReport);
  const built: Built = { mesh, endpoints: joinEndpoints(shares, before), problems };
  const byResources = new Map<readonly Resource[], Share>();
  for (const share of shares) byResources.set(share.resources, share);
  return { owners, shares, byResources, offers: offered.offers, routes: routed.routes, gateways, built };
}

const NO_SHARES: Joined['byResources'] = new Map();

/** What stands at one place is told in an order of its own, not in that of the work. */
function inReport(left: Problem, right: Problem): number {
  return byPlace(left, right) || byCodeUnit(left.code, right.code) || byCodeUnit(left.message, right.message);
}

/** Those of before but for the shares that are others; all anew where the services are not the same. */
function joinEndpoints(shares: readonly Share[], before: Joined | null): Endpoints {
  const old = before?.shares ?? [];
  const apart = shares.flatMap((share, at) => (share === old[at] ? [] : [{ share, former: old[at] }]));
  const isLike =
    old.length === shares.length && apart.every(({ share, former }) => haveSameServices(share, former));
  if (before !== null && isLike && apart.length === 0) return before.built.endpoints;
  const all = new Map(before !== null && isLike ? before.built.endpoints : []);
  for (const { served } of isLike ? apart.map(({ share }) => share) : shares) {
    for (const [id, list] of served.value.endpoints) all.set(id, list);
  }
  return all;
}

function haveSameServices(share: Share, former: Share | undefined): boolean {
  const [left, right] = [share.served.value.endpoints, former?.served.value.endpoints];
  return left.length === right?.length && left.every(([id], index) => id === right[index]?.[0]);
}

/** The list of `before` where nobody's authority changed. */
function readOwners(scopes: readonly ScopeResources[], before: readonly Owner[] | null): readonly Owner[] {
  const owners = scopes.map(({ scope }) => readOwner(scope));
  owners.sort((left, right) => byCodeUnit(left.path, right.path) || byCodeUnit(left.uid, right.uid));
  const unchanged = before !== null && before.length === owners.length && owners.every(isSame, before);
  return unchanged ? before : owners;
}

/** A scope that is the same object says the same. */
const read = new WeakMap<ScopeResources['scope'], Owner>();

function readOwner(scope: ScopeResources['scope']): Owner {
  const known = read.get(scope);
  if (known !== undefined) return known;
  const { uid, path, owns, granted } = scope;
  const given = { namespaces: granted.namespaces, hosts: lowerCase(granted.hosts) };
  const owner = { uid, path, namespaces: owns.namespaces, hosts: lowerCase(owns.hosts), granted: given };
  read.set(scope, owner);
  return owner;
}

function isSame(this: readonly Owner[], owner: Owner, index: number): boolean {
  const other = this[index];
  if (other === owner) return true;
  return (
    other?.uid === owner.uid &&
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

/** Scopes in an order that does not depend on how they came. */
function inOrder(scopes: readonly ScopeResources[]): readonly ScopeResources[] {
  return scopes.toSorted(
    ({ scope: left }, { scope: right }) =>
      byCodeUnit(left.directory, right.directory) || byCodeUnit(left.uid, right.uid),
  );
}
