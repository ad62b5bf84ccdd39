import type { ClientRule } from './client-rules.ts';
import { idlePolicies } from './effects.ts';
import { type Groups, groupLists, placesApart, type Sorted, sortLists } from './joined-lists.ts';
import type { Part } from './part.ts';
import { eitherOf, patched } from './places.ts';
import { type Addressed, addressesOf, rivalServices, sharedAddresses } from './rivals.ts';
import {
  indexServices,
  placesAsking,
  Remembered,
  type ServiceIndex,
  type Services,
  servicesOf,
} from './service-index.ts';
import type { Defined } from './services.ts';
import {
  type Begun,
  type Offered,
  type Scopes,
  type Served,
  type Share,
  same,
  servedLike,
  without,
} from './share.ts';
import { danglingSlices, emptySubsets, withSlices } from './slices.ts';
import { applyRules } from './subsets.ts';
import type { Owner, Service } from './types.ts';
import { endpointsOf, fromManifest, type Workload } from './workloads.ts';

/** What the services of all scopes come to. */
export type Offers = {
  readonly candidates: Groups<Defined>;
  readonly addresses: Groups<Addressed>;
  readonly defined: ServiceIndex;
  readonly served: ServiceIndex;
  readonly sorted: Sorted<Defined>;
  readonly services: readonly Service[];
  readonly clientRules: Sorted<ClientRule>;
};

/** Services of all scopes, less those of which there are two. Only places that may be others are looked at. */
export function joinServices(begun: Scopes<Begun>, owners: readonly Owner[], before: Offers | null) {
  const { all, olds, asks } = begun;
  const candidates = groupLists(
    patched(before?.candidates.lists, begun, ({ part }) => part.candidates),
    ({ service }) => service.host,
    before?.candidates ?? null,
  );
  const twins = rivalServices(candidates);
  const meeting = eitherOf(begun.places, placesApart(candidates, before?.candidates ?? null));
  const kept = patched(before?.defined.groups.lists, { all, places: meeting }, ({ part }, place) => {
    const own = without(part.candidates, twins.refused, (candidate) => candidate);
    return same(olds[place]?.defined, own);
  });
  const defined = indexServices(kept, before?.defined ?? null);
  const rulesSee = servicesOf(defined);
  const places = eitherOf(meeting, placesAsking(defined, before?.defined ?? null, asks));
  const shares = patched<Begun, Offered>(begun.shares, { all, places }, ({ resources, part }, place) => {
    const [old, own = []] = [olds[place], kept[place]];
    const addresses = old?.defined === own ? old.addresses : addressesOf(own);
    const isSame = old?.defined === own && isMadeOf(old.part, part) && old.served.holds(defined);
    const served = isSame
      ? old.served
      : serve(part, own, { rulesSee, owners, old: old?.served.value ?? null });
    return { resources, part, defined: own, addresses, served };
  });
  const offered: Scopes<Offered> = { ...begun, all: shares, places };
  const addresses = groupLists(
    patched(before?.addresses.lists, offered, (share) => share.addresses),
    ({ address }) => address,
    before?.addresses ?? null,
  );
  const lists = patched(before?.served.groups.lists, offered, ({ served }) => served.value.services);
  const sorted = sortLists(lists, ({ service }) => `${service.host} ${service.id}`, before?.sorted ?? null);
  const services = same(
    before?.services,
    sorted === before?.sorted ? before.services : sorted.items.map(({ service }) => service),
  );
  const served = indexServices(lists, before?.served ?? null);
  const clientRules = sortLists(
    patched(before?.clientRules.lists, offered, (share) => share.served.value.clientRules),
    ({ host, namespace, origin }) => `${host} ${namespace} ${origin.document}`,
    before?.clientRules ?? null,
  );
  const offers: Offers = { candidates, addresses, defined, served, sorted, services, clientRules };
  return { offered, offers, problems: [...twins.problems, ...sharedAddresses(addresses)] };
}

function isMadeOf(old: Part, part: Part): boolean {
  return (
    old.rules === part.rules &&
    old.workloads === part.workloads &&
    old.pods === part.pods &&
    old.slices === part.slices
  );
}

/** The rules of a scope and its workloads make services of what it defines. */
function serve(part: Part, defined: readonly Defined[], { rulesSee, owners, old }: Serving): Share['served'] {
  const all = [...part.workloads.map(fromManifest), ...part.pods.workloads];
  const workloads = Map.groupBy(all, ({ namespace }) => namespace);
  // Slices say which Pods serve.
  const entries = Map.groupBy(
    all.filter(({ pod }) => pod === null),
    ({ namespace }) => namespace,
  );
  return new Remembered(rulesSee, (services): Served => {
    const applied = applyRules(part.rules, defined, services, owners);
    const found = applied.services.map((each) => {
      const { id, namespace } = each.service;
      return {
        id,
        ...endpointsFor(each, (part.slices.has(id) ? entries : workloads).get(namespace) ?? [], part),
      };
    });
    const dangling = danglingSlices(part.slices, defined);
    const served: Served = {
      services: applied.services,
      clientRules: applied.clientRules,
      endpoints: found.map(({ id, endpoints }) => [id, endpoints] as const),
      problems: [...applied.problems, ...dangling, ...found.flatMap(({ problems }) => problems)],
    };
    return old === null ? served : servedLike(served, old);
  });
}

type Serving = {
  readonly rulesSee: Services;
  readonly owners: readonly Owner[];
  readonly old: Served | null;
};

function endpointsFor(defined: Defined, workloads: readonly Workload[], { slices, pods }: Part) {
  const found = endpointsOf(defined, workloads);
  const all = withSlices(defined, found.endpoints, slices, pods);
  const problems = [
    ...found.problems,
    ...all.problems,
    ...emptySubsets(defined, all.endpoints),
    ...idlePolicies(defined, all.endpoints),
  ];
  return { endpoints: all.endpoints, problems };
}
