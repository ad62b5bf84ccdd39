import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { Resource, ScopeResources } from '../manifests/index.ts';
import { danglingOf } from './dangling.ts';
import { idlePolicies } from './effects.ts';
import { type JoinedGateways, joinGateways, strayBindings } from './gateways.ts';
import { type Attached, type Attachment, attachAll, claimsOf, type Routed, routeAll } from './http-routes.ts';
import { byPlace, type Part, readPart } from './part.ts';
import { claimOf, rivalRoutings, rivalServices, sharedAddresses } from './rivals.ts';
import type { DefinedRouting } from './routing.ts';
import {
  indexServices,
  Remembered,
  type ServiceIndex,
  type Services,
  sameItems,
  servicesOf,
} from './service-index.ts';
import type { Defined } from './services.ts';
import { danglingSlices, emptySubsets, withSlices } from './slices.ts';
import { applyRules } from './subsets.ts';
import type { Endpoint, Endpoints, Mesh, Owner, Routing } from './types.ts';
import { endpointsOf } from './workloads.ts';

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

/** One scope's share of a mesh, with all that it was made from. */
type Share = {
  readonly resources: readonly Resource[];
  readonly part: Part;
  /** Candidates that no other scope defines too. */
  readonly defined: readonly Defined[];
  readonly served: Remembered<Served>;
  readonly routings: readonly DefinedRouting[];
  readonly dangling: Remembered<readonly Problem[]>;
  readonly attached: Remembered<Attached>;
  /** Attachments that nothing contradicts. */
  readonly attachments: readonly Attachment[];
  readonly routed: Remembered<Routed>;
};

type Served = {
  readonly services: readonly Defined[];
  readonly endpoints: readonly (readonly [string, readonly Endpoint[]])[];
  readonly problems: readonly Problem[];
};

type Joined = {
  readonly owners: readonly Owner[];
  readonly shares: ReadonlyMap<readonly Resource[], Share>;
  readonly defined: ServiceIndex;
  readonly served: ServiceIndex;
  readonly services: Sorted<Defined>;
  readonly routings: Sorted<Routing>;
  readonly gateways: JoinedGateways;
  readonly built: Built;
};

function join(scopes: readonly ScopeResources[], before: Joined | null): Joined {
  const owners = readOwners(scopes, before?.owners ?? null);
  const known = before !== null && owners === before.owners ? before.shares : NO_SHARES;
  const parts = inOrder(scopes).map(({ resources }): Begun => {
    const old = known.get(resources) ?? null;
    return { resources, old, part: old?.part ?? readPart(resources, owners) };
  });
  const offered = joinServices(parts, before);
  const gateways = joinGateways(
    parts.map(({ part }) => part.gateways),
    before?.gateways ?? null,
  );
  const routed = joinRoutings(offered, { owners, gateways }, before);
  const { shares } = routed;
  const { services } = offered;
  const problems = shares.flatMap(({ part, served, dangling, attached, routed: byRoutes }) => [
    ...part.problems,
    ...served.value.problems,
    ...dangling.value,
    ...attached.value.problems,
    ...byRoutes.value.problems,
  ]);
  const mesh = {
    owners,
    services: services.items.map(({ service }) => service),
    routings: routed.routings.items,
    gateways: gateways.gateways,
  };
  const built: Built = {
    mesh,
    endpoints: new Map(shares.flatMap(({ served }) => served.value.endpoints)),
    problems: [...problems, ...offered.problems, ...routed.problems].sort(byPlace),
  };
  return {
    owners,
    shares: new Map(shares.map((share) => [share.resources, share])),
    defined: offered.defined,
    served: offered.served,
    services,
    routings: routed.routings,
    gateways,
    built,
  };
}

const NO_SHARES: Joined['shares'] = new Map();

type Begun = Pick<Share, 'resources' | 'part'> & { readonly old: Share | null };
type Offered = Begun & Pick<Share, 'defined' | 'served'>;

/** Services of all scopes, less those of which there are two. */
function joinServices(parts: readonly Begun[], before: Joined | null) {
  const twins = rivalServices(parts.flatMap(({ part }) => part.candidates));
  const kept = parts.map(({ resources, part, old }) => {
    const defined = without(part.candidates, twins.refused, (candidate) => candidate);
    return { resources, part, old, defined: same(old?.defined, defined) };
  });
  const all = kept.flatMap(({ defined }) => defined);
  const defined = indexServices(all, before?.defined ?? null);
  const rulesSee = servicesOf(defined);
  const shares = kept.map((each): Offered => {
    const { resources, part, old } = each;
    return { resources, part, old, defined: each.defined, served: serve(each, rulesSee) };
  });
  const services = sort(
    shares.flatMap(({ served }) => served.value.services),
    ({ service }) => `${service.host} ${service.id}`,
    before?.services ?? null,
  );
  const served = indexServices(services.items, before?.served ?? null);
  return { shares, defined, services, served, problems: [...twins.problems, ...sharedAddresses(all)] };
}

/** The rules of a scope and its workloads make services of what it defines. */
function serve({ part, defined, old }: Begun & Pick<Share, 'defined'>, all: Services): Share['served'] {
  if (old !== null && old.defined === defined && old.served.holds(all)) return old.served;
  const workloads = Map.groupBy(part.workloads, ({ namespace }) => namespace);
  return new Remembered(all, (services): Served => {
    const applied = applyRules(part.rules, defined, services);
    const found = applied.services.map((each) => {
      const { id, namespace } = each.service;
      return { id, ...endpointsFor(each, workloads.get(namespace) ?? [], part.slices) };
    });
    const dangling = danglingSlices(part.slices, defined);
    return {
      services: applied.services,
      endpoints: found.map(({ id, endpoints }) => [id, endpoints] as const),
      problems: [...applied.problems, ...dangling, ...found.flatMap(({ problems }) => problems)],
    };
  });
}

function endpointsFor(defined: Defined, workloads: Part['workloads'], slices: Part['slices']) {
  const found = endpointsOf(defined, workloads);
  const all = withSlices(defined, found.endpoints, slices);
  const problems = [
    ...found.problems,
    ...all.problems,
    ...emptySubsets(defined, all.endpoints),
    ...idlePolicies(defined, all.endpoints),
  ];
  return { endpoints: all.endpoints, problems };
}

/** Routings of all scopes, less those of which there are two, and what they name that is not there. */
function joinRoutings(
  offered: { readonly shares: readonly Offered[]; readonly served: ServiceIndex },
  { owners, gateways }: Pick<Joined, 'owners' | 'gateways'>,
  before: Joined | null,
) {
  const services = servicesOf(offered.served);
  const isSameEdge = gateways === before?.gateways;
  const claimed = offered.shares.map(
    (each): Claiming => ({ ...each, attached: attachRoutes(each, services) }),
  );
  const rivals = rivalRoutings(
    claimed.flatMap(({ part, attached }) => [...part.routings.map(claimOf), ...claimsOf(attached.value)]),
  );
  const shares = claimed.map(({ old, ...each }): Share => {
    const kept = without(each.part.routings, rivals.refused, ({ resource }) => resource);
    const free = without(each.attached.value.attachments, rivals.refused, ({ resource }) => resource);
    const routings = same(old?.routings, kept);
    const attachments = same(old?.attachments, free);
    const isSame = isSameEdge && old?.routings === routings && old.dangling.holds(services);
    const inspect = (all: Services) =>
      routings.flatMap((defined) => [
        ...danglingOf(defined, all, gateways.gateways),
        ...strayBindings(defined, gateways, owners),
      ]);
    const isRouted = old?.attachments === attachments && old.routed.holds(services);
    return {
      ...each,
      routings,
      dangling: isSame ? old.dangling : new Remembered(services, inspect),
      attachments,
      routed: isRouted ? old.routed : new Remembered(services, (all) => routeAll(attachments, all)),
    };
  });
  const routings = sort(
    shares.flatMap((share) => [
      ...share.routings.map(({ routing }) => routing),
      ...share.routed.value.routings,
    ]),
    ({ host, origin }) => [host, origin.file, place(origin.line), place(origin.column)].join(' '),
    before?.routings ?? null,
  );
  return { shares, routings, problems: rivals.problems };
}

type Claiming = Offered & Pick<Share, 'attached'>;

/** The parents of a scope's routes may be Services of another one. */
function attachRoutes({ old, part }: Offered, services: Services): Share['attached'] {
  if (old?.attached.holds(services)) return old.attached;
  return new Remembered(services, (all) => attachAll(part.routes, all));
}

/** A number as a text that sorts as it. */
function place(count: number): string {
  return String(count).padStart(9, '0');
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

/** `all` itself where nothing goes. */
function without<T, K>(all: readonly T[], refused: ReadonlySet<K>, keyOf: (one: T) => K): readonly T[] {
  if (refused.size === 0 || !all.some((one) => refused.has(keyOf(one)))) return all;
  return all.filter((one) => !refused.has(keyOf(one)));
}

function same<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  return before !== undefined && (before === now || sameItems(before, now)) ? before : now;
}

type Sorted<T> = {
  readonly items: readonly T[];
  readonly unsorted: readonly T[];
  /** Of the unsorted items. */
  readonly keys: readonly string[];
  readonly order: readonly number[];
};

/** By key. The same keys have the same order: that is most edits. */
function sort<T>(items: readonly T[], keyOf: (item: T) => string, before: Sorted<T> | null): Sorted<T> {
  const keys = items.map((item, index) => {
    return (item === before?.unsorted[index] ? before?.keys[index] : undefined) ?? keyOf(item);
  });
  const order =
    before !== null && sameItems(before.keys, keys)
      ? before.order
      : [...keys.keys()].sort((left, right) => byCodeUnit(keys[left] ?? '', keys[right] ?? ''));
  const sorted = order.map((index) => items[index]).filter((item) => item !== undefined);
  return { items: sorted, unsorted: items, keys, order };
}
