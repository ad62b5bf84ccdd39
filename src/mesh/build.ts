import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { type Amendment, orderOf } from './amendments.ts';
import { type ApiStatus, statusesOf } from './api-status.ts';
import { type AllDelegates, idleDelegates, isUpToDate, joinDelegates } from './delegates-elsewhere.ts';
import { type JoinedGateways, joinGateways } from './gateways.ts';
import type { Interception } from './interceptions.ts';
import { joinRoutings, type Routes } from './join-routings.ts';
import { joinServices, type Offers } from './join-services.ts';
import { type Groups, groupLists, type Sorted, sortLists } from './joined-lists.ts';
import { byPlace } from './mistake.ts';
import { editedScopes, inOrder, type Ordered } from './order.ts';
import { type Inheritance, noInheritance, readOwners } from './owners.ts';
import { partLike, readPart } from './part.ts';
import { type Places, patched } from './places.ts';
import type { Quota } from './quotas.ts';
import type { Reporting } from './report-types.ts';
import { type Begun, hostsAsked, type Scopes, type Share } from './share.ts';
import type { Endpoints, Mesh, Owner, Sidecar } from './types.ts';

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

/** What one scope comes to by itself, if the scopes above it said `above`. */
export function buildAlone(scope: ScopeResources, above: Inheritance): Built {
  return join([scope], null, above).built;
}

/**
 * A `build` that keeps what does not change from one call to the next: resources of a scope that are the same object are
 * not read again, and what rules of one scope found in others is looked up again before it is used. Its result is
 * always that of `build`; parts that are equal are the same objects as before, so that later stages can do the same.
 * `roots`: uids of the roots of several repositories, the first of which go before the others (`Owner.rank`).
 */
export function createBuilder(roots: readonly string[] = []): (scopes: readonly ScopeResources[]) => Built {
  let before: Joined | null = null;
  return (scopes) => {
    before = join(scopes, before, { ...noInheritance, roots });
    made.set(before.built, before);
    return before.built;
  };
}

const made = new WeakMap<object, Joined>();
const told = new WeakMap<object, readonly ApiStatus[]>();

/** The status of every resource of the Gateway API in a mesh that was built here; made when somebody asks. */
export function apiStatuses(built: Pick<Built, 'mesh'>): readonly ApiStatus[] {
  const joined = made.get(built);
  const statuses =
    told.get(built) ?? (joined === undefined ? [] : statusesOf(joined.shares, joined.gateways));
  told.set(built, statuses);
  return statuses;
}

type Joined = {
  readonly ordered: Ordered;
  readonly owners: readonly Owner[];
  readonly shares: readonly Share[];
  /** Hosts that the shares looked up. */
  readonly asks: Groups<string>;
  readonly offers: Offers;
  readonly routes: Routes;
  readonly gateways: JoinedGateways;
  readonly sidecars: Sorted<Sidecar>;
  readonly amendments: Sorted<Amendment>;
  readonly reportings: Sorted<Reporting>;
  readonly delegates: AllDelegates;
  readonly interceptions: Sorted<Interception>;
  readonly quotas: Sorted<Quota>;
  readonly built: Built;
  /** Places of shares with problems. */
  readonly troubled: readonly number[];
};

function join(scopes: readonly ScopeResources[], before: Joined | null, above: Inheritance): Joined {
  const edited = before && editedScopes(scopes, before.ordered);
  const owners = edited ? before.owners : readOwners(scopes, before?.owners ?? null, above);
  const resources = scopes.map((one) => one.resources);
  const delegates = joinDelegates(resources, owners, before?.delegates ?? null);
  const begun = edited
    ? beginAgain(edited.edits, delegates, before)
    : begin(scopes, owners, delegates, before);
  const { offered, offers, problems } = joinServices(begun, owners, before?.offers ?? null);
  const gateways = joinGateways(
    patched(before?.gateways.parts, begun, ({ part }) => part.gateways),
    before?.gateways ?? null,
  );
  const clientRules = offers.clientRules.items;
  const isSame = gateways === before?.gateways && clientRules === before.offers.clientRules.items;
  const edge = { owners, gateways, clientRules, isSame };
  const indexes = { index: offers.served, former: before?.offers.served ?? null };
  const sidecars = sortLists(
    patched(before?.sidecars.lists, begun, ({ part }) => part.sidecars),
    ({ namespace, origin }) => `${namespace} ${origin.document}`,
    before?.sidecars ?? null,
  );
  const amendments = sortLists(
    patched(before?.amendments.lists, begun, ({ part }) => part.amendments),
    orderOf,
    before?.amendments ?? null,
  );
  const reportings = sortLists(
    patched(before?.reportings.lists, begun, ({ part }) => part.reportings),
    ({ namespace, origin }) => `${namespace} ${origin.document}`,
    before?.reportings ?? null,
  );
  const interceptions = sortLists(
    patched(before?.interceptions.lists, begun, ({ part }) => part.interceptions),
    ({ host, origin }) => `${host} ${origin.document} ${origin.line}`,
    before?.interceptions ?? null,
  );
  const quotas = sortLists(
    patched(before?.quotas.lists, begun, ({ part }) => part.quotas),
    ({ id }) => id,
    before?.quotas ?? null,
  );
  const routed = joinRoutings(offered, indexes, edge, before?.routes ?? null);
  const { shares, routes } = routed;
  const { services } = offers;
  const mesh = meshLike(before?.built.mesh, {
    ...{ owners, services, clientRules, routings: routes.sorted.items },
    ...{ gateways: gateways.gateways, sidecars: sidecars.items, reportings: reportings.items },
    ...{ amendments: amendments.items, quotas: quotas.items },
    interceptions: interceptions.items,
  });
  const troubled = troubledAt(shares, routed.places, before);
  const own = troubled.flatMap((place) => shares[place]?.problems ?? []);
  const idle = idleDelegates(begun.all.map(({ part }) => part));
  const all = [...own, ...problems, ...routed.problems, ...idle];
  const built: Built = {
    mesh,
    endpoints: joinEndpoints(shares, routed.places, before),
    problems: all.sort(inReport).filter(isAnother),
  };
  const asks = groupLists(
    patched(before?.asks.lists, { all: shares, places: routed.places }, hostsAsked),
    (host) => host,
    before?.asks ?? null,
  );
  const ordered = edited ? edited.ordered : inOrder(scopes).ordered;
  const sorted = { sidecars, reportings, amendments, interceptions, quotas };
  const parts = { owners, shares, asks, offers, routes, gateways, delegates, ...sorted };
  return { ...parts, ordered, built, troubled };
}

/** The mesh before where all of it is the same objects: nobody has to look at it again. */
function meshLike(before: Mesh | undefined, now: Mesh): Mesh {
  const parts: Readonly<Record<string, unknown>> = { ...before };
  return before !== undefined && Object.entries(now).every(([part, value]) => parts[part] === value)
    ? before
    : now;
}

/** Reads all of what is not the same resources as before, under the same owners. */
function begin(
  scopes: readonly ScopeResources[],
  owners: readonly Owner[],
  delegates: AllDelegates,
  before: Joined | null,
): Scopes<Begun> {
  const isKnown = owners === before?.owners;
  const known = new Map(isKnown ? before.shares.map((share) => [share.resources, share]) : []);
  const { scopes: order } = inOrder(scopes);
  const olds = order.map(({ resources }) => known.get(resources) ?? null);
  const all = order.map(({ resources }, place) => {
    const known = olds[place]?.part;
    const isKnown = known !== undefined && isUpToDate(known, delegates);
    return { resources, part: isKnown ? known : readPart(resources, owners, delegates.all) };
  });
  return { all, places: null, olds, shares: [], asks: null };
}

/** Reads the edited scopes only, and those that hand on to what was edited. */
function beginAgain(
  edits: ReadonlyMap<number, ScopeResources>,
  delegates: AllDelegates,
  { shares, owners, asks, delegates: former }: Joined,
): Scopes<Begun> {
  const all: Begun[] = shares.slice();
  const isStale = (place: number) => {
    const share = shares[place];
    return share !== undefined && !isUpToDate(share.part, delegates);
  };
  const stale = delegates === former ? [] : [...shares.keys()].filter(isStale);
  const places = new Set([...edits.keys(), ...stale]);
  for (const place of places) {
    const share = shares[place];
    const { resources } = edits.get(place) ?? share ?? { resources: [] };
    if (resources === share?.resources && !stale.includes(place)) continue;
    all[place] = { resources, part: partLike(readPart(resources, owners, delegates.all), share?.part) };
  }
  return { all, places, olds: shares, shares, asks };
}

/** What stands at one place is told in an order of its own, not in that of the work. */
function inReport(left: Problem, right: Problem): number {
  return byPlace(left, right) || byCodeUnit(left.code, right.code) || byCodeUnit(left.message, right.message);
}

/** What several find at one place is told once, such as a delegate's mistake by all who delegate to it. */
function isAnother(problem: Problem, index: number, all: readonly Problem[]): boolean {
  const before = all[index - 1];
  return before === undefined || inReport(before, problem) !== 0;
}

/** Where shares have problems, mostly few. */
function troubledAt(shares: readonly Share[], places: Places, before: Joined | null): readonly number[] {
  const has = (place: number) => (shares[place]?.problems.length ?? 0) > 0;
  if (before === null || places === null) return [...shares.keys()].filter(has);
  const others = before.troubled.filter((place) => !places.has(place));
  return [...others, ...[...places].filter(has)];
}

/** Those of before but for the shares at `places`; all anew where the services are not the same. */
function joinEndpoints(shares: readonly Share[], places: Places, before: Joined | null): Endpoints {
  const old = before?.shares ?? [];
  const apart = [...(places ?? [])].filter((place) => shares[place]?.served !== old[place]?.served);
  apart.sort((left, right) => left - right);
  const isLike = places !== null && apart.every((place) => haveSameServices(shares[place], old[place]));
  const isSame = isLike && apart.every((place) => haveSameEndpoints(shares[place], old[place]));
  if (before !== null && isSame) return before.built.endpoints;
  const all = new Map(before !== null && isLike ? before.built.endpoints : []);
  const others = isLike ? apart.flatMap((place) => shares[place] ?? []) : shares;
  for (const { served } of others) for (const [id, list] of served.value.endpoints) all.set(id, list);
  return all;
}

/** Of shares with the same services. */
function haveSameEndpoints(now: Share | undefined, former: Share | undefined): boolean {
  const lists = former?.served.value.endpoints ?? [];
  return (now?.served.value.endpoints ?? []).every(([, list], index) => list === lists[index]?.[1]);
}

function haveSameServices(now: Share | undefined, former: Share | undefined): boolean {
  const [left, right] = [now?.served.value.endpoints ?? [], former?.served.value.endpoints ?? []];
  return left.length === right.length && left.every(([id], index) => id === right[index]?.[0]);
}
