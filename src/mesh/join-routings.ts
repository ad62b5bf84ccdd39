import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '../manifests/index.ts';
import type { ClientRule } from './client-rules.ts';
import { type Apart, apartAtGateways } from './contradictions.ts';
import { danglingOf } from './dangling.ts';
import { type JoinedGateways, strayBindings } from './gateways.ts';
import { attachAll, claimsOf, routeAll } from './http-routes.ts';
import { type Groups, groupLists, placesApart, type Sorted, sortLists } from './joined-lists.ts';
import { eitherOf, patched } from './places.ts';
import { claimOfProfile, danglingProfile, type Profiled } from './profiles.ts';
import { claimOf, type Entering, enteringOf, rivalRoutings } from './rivals.ts';
import type { DefinedRouting } from './routing.ts';
import { placesAsking, Remembered, type ServiceIndex, type Services, servicesOf } from './service-index.ts';
import { type Offered, type Scopes, type Share, same, without } from './share.ts';
import type { Owner, Routing } from './types.ts';

/** What the routings of all scopes come to. */
export type Routes = { readonly entering: Groups<Entering>; readonly sorted: Sorted<Routing> };

/** `isSame`: the gateways and the rules are those of before. */
export type Edge = {
  readonly owners: readonly Owner[];
  readonly gateways: JoinedGateways;
  readonly clientRules: readonly ClientRule[];
  readonly isSame: boolean;
};

/** Services as they are now, and before. */
type Indexes = { readonly index: ServiceIndex; readonly former: ServiceIndex | null };

type Claiming = Offered & Pick<Share, 'attached' | 'apart' | 'entering'>;

/** Routings of all scopes, less those of which there are two, and what they name that is not there. */
export function joinRoutings(
  offered: Scopes<Offered>,
  { index, former }: Indexes,
  edge: Edge,
  before: Routes | null,
) {
  const { all, olds, asks } = offered;
  const services = servicesOf(index);
  const changed = eitherOf(offered.places, placesAsking(index, former, asks));
  const asking = edge.isSame ? changed : null;
  const claimed = patched<Offered, Claiming>(offered.shares, { all, places: asking }, (each, place) =>
    claim(each, olds[place] ?? null, { edge, index, services }),
  );
  const entering = groupLists(
    patched(before?.entering.lists, { all: claimed, places: asking }, (each) => each.entering),
    ({ key }) => key,
    before?.entering ?? null,
  );
  const rivals = rivalRoutings(entering);
  const meeting = eitherOf(asking, placesApart(entering, before?.entering ?? null));
  const shares = patched<Claiming, Share>(offered.shares, { all: claimed, places: meeting }, (each, place) =>
    route(each, olds[place] ?? null, rivals.refused, { edge, index, services }),
  );
  const sorted = sortLists(
    patched(before?.sorted.lists, { all: shares, places: meeting }, ({ routes }) => routes),
    ({ host, entrances, origin }) =>
      [host, origin.file, place(origin.line), place(origin.column), ...entrances].join(' '),
    before?.sorted ?? null,
  );
  const routes: Routes = { entering, sorted };
  return { shares, places: meeting, routes, problems: rivals.problems };
}

type Claims = { readonly edge: Edge; readonly index: ServiceIndex; readonly services: Services };

/** The parents of a scope's routes may be Services of another one. */
function claim(offered: Offered, old: Share | null, { edge, index, services }: Claims): Claiming {
  const { resources, part, defined, addresses, served } = offered;
  const { owners, gateways } = edge;
  const apart = apartOf(part.routings, old, edge);
  const isLike =
    old?.part.routings === part.routings &&
    old.apart.routings === apart.routings &&
    old.part.profiles === part.profiles &&
    old.part.routes === part.routes;
  const isEdge = edge.isSame || part.routes.length === 0;
  const isSame = isLike && isEdge && old.attached.holds(index);
  const attached = isSame
    ? old.attached
    : new Remembered(services, (all) => attachAll(part.routes, { services: all, gateways, owners }));
  const entering = isSame
    ? old.entering
    : enteringOf([
        ...apart.routings.map(claimOf),
        ...part.profiles.map(claimOfProfile),
        ...claimsOf(attached.value),
      ]);
  return { resources, part, defined, addresses, served, attached, apart, entering };
}

/** The gateways may be of other scopes. */
function apartOf(all: readonly DefinedRouting[], old: Share | null, { gateways, isSame }: Edge): Apart {
  if (old !== null && isSame && old.part.routings === all) return old.apart;
  const apart = apartAtGateways(all, gateways.gateways);
  return old !== null && isDeepStrictEqual(apart.problems, old.apart.problems) && old.part.routings === all
    ? old.apart
    : apart;
}

function route(
  claiming: Claiming,
  old: Share | null,
  refused: ReadonlySet<Resource>,
  { edge, index, services }: Claims,
): Share {
  const { resources, part, defined, addresses, served, attached, apart, entering } = claiming;
  const routings = same(
    old?.routings,
    without(apart.routings, refused, ({ resource }) => resource),
  );
  const profiles = same(
    old?.profiles,
    without(part.profiles, refused, ({ resource }) => resource),
  );
  const attachments = same(
    old?.attachments,
    without(attached.value.attachments, refused, ({ resource }) => resource),
  );
  const isLike = old?.routings === routings && old.profiles === profiles;
  const isKnown = isLike && edge.isSame && old.dangling.holds(index);
  const dangling = isKnown ? old.dangling : inspect(routings, profiles, edge, services);
  const isEdge = edge.isSame || attachments.length === 0;
  const isRouted = isEdge && old?.attachments === attachments && old.routed.holds(index);
  const { grants } = edge.gateways;
  const routed = isRouted
    ? old.routed
    : new Remembered(services, (all) => routeAll(attachments, all, grants));
  if (isLike && old.routed === routed) {
    const isRead = old.served === served && old.apart === apart;
    const isOld = isRead && old.attached === attached && old.dangling === dangling;
    if (isOld && old.defined === defined && old.part === part && old.resources === resources) return old;
  }
  const made = {
    resources,
    part,
    defined,
    addresses,
    served,
    attached,
    apart,
    entering,
    routings,
    profiles,
    attachments,
  };
  const routes = [...[...routings, ...profiles].map(({ routing }) => routing), ...routed.value.routings];
  const problems = [
    ...part.problems,
    ...served.value.problems,
    ...apart.problems,
    ...dangling.value,
    ...attached.value.problems,
    ...routed.value.problems,
  ];
  return { ...made, dangling, routed, routes: same(old?.routes, routes), problems };
}

function inspect(
  routings: readonly DefinedRouting[],
  profiles: readonly Profiled[],
  { gateways, clientRules, owners }: Edge,
  services: Services,
): Share['dangling'] {
  return new Remembered(services, (all) => [
    ...routings.flatMap((defined) => [
      ...danglingOf(defined, all, gateways.gateways, clientRules),
      ...strayBindings(defined, routings, gateways, owners),
    ]),
    ...profiles.flatMap((profiled) => danglingProfile(profiled, all)),
  ]);
}

/** A number as a text that sorts as it. */
function place(count: number): string {
  return String(count).padStart(9, '0');
}
