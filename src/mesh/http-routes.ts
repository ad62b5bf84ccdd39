import type { Problem } from '../base/problem.ts';
import { type Attaching, type Attachment, attach, type Parent, type Surroundings } from './attach.ts';
import type { Grant } from './grants.ts';
import { danglingBackends, resolver } from './http-route-backends.ts';
import { matchKey } from './http-route-order.ts';
import { readHttpRule } from './http-route-rule.ts';
import { mistake, originOf, placesOf, type Spot, spotsOf } from './mistake.ts';
import { consumedBy } from './profiles.ts';
import type { Claimed } from './rivals.ts';
import { byRank, type RouteResource, rulesOf } from './route-rules.ts';
import { writtenAt } from './rule-places.ts';
import type { Services } from './service-index.ts';
import type { Routing, Rule } from './types.ts';

/** The routings that attachments make up, and what is wrong with their backends. */
export type Routed = {
  readonly routings: readonly Routing[];
  readonly dangling: ReadonlyMap<RouteResource, readonly Problem[]>;
  readonly problems: readonly Problem[];
};

/**
 * Attaches the routes of a scope, less those that contradict each other. All routes of one host for the same clients are
 * of one scope: its owner's, or the one that owns the namespace of the clients.
 */
export function attachAll(routes: readonly RouteResource[], around: Surroundings): Attaching {
  const read = routes.map((route) => attach(route, around));
  const all = read.flatMap(({ attachments }) => attachments);
  const groups = grouped(all);
  const mixed = groups.flatMap(mixedKinds);
  const clashing = groups.flatMap((group) => [...clashes(group)]);
  const refused = new Set([...mixed, ...clashing].map(([{ resource }]) => resource));
  const spotOf = spotsOf<Attachment>(({ resource, path }) => [resource, path]);
  const problems = [
    ...read.flatMap((one) => one.problems),
    ...mixed.map(([one, others]) => {
      const message = `routes of another kind for ${one.host}`;
      return rivalProblem(one, [others, spotOf], 'FL3337', (places) => `${places} has ${message}`);
    }),
    ...clashing.map(([one, others]) =>
      rivalProblem(
        one,
        [others, spotOf],
        'FL3310',
        (places) => `${places} has the same match for ${one.host}`,
      ),
    ),
  ];
  return {
    attachments: all.filter(({ resource }) => !refused.has(resource)),
    parents: read.flatMap((one) => one.parents).map((one) => conflicted(one, refused)),
    problems,
  };
}

function conflicted(parent: Parent, refused: ReadonlySet<RouteResource>): Parent {
  if (parent.reason !== 'Accepted' || !refused.has(parent.resource)) return parent;
  return { ...parent, reason: 'Conflicted', message: 'another route contradicts it: neither is in force' };
}

/** What routes claim: producers' for all clients, consumers' for their own. */
export function claimsOf({ attachments }: Pick<Attaching, 'attachments'>): readonly Claimed[] {
  return grouped(attachments).flatMap((places): readonly Claimed[] => {
    const [first] = places;
    if (first === undefined) return [];
    const { host, resource, role, visibility } = first;
    const entrance = role === 'producer' ? first.entrance : consumedBy(resource.namespace);
    return [{ routing: { host, entrances: [entrance], visibility, origin: resource.source }, places }];
  });
}

export function routeAll(
  attachments: readonly Attachment[],
  services: Services,
  grants: readonly Grant[],
): Routed {
  const resources = new Set(attachments.map(({ resource }) => resource));
  const dangling = new Map(
    Array.from(resources, (resource) => [resource, danglingBackends(resource, services, grants)] as const),
  );
  return {
    dangling,
    routings: grouped(attachments).flatMap((group) => routingOfGroup(group, services, grants) ?? []),
    problems: [...dangling.values()].flat(),
  };
}

/** Attachments that make up one routing: of one host at one entrance, for everybody or for the clients of one namespace. */
function grouped(attachments: readonly Attachment[]): readonly (readonly Attachment[])[] {
  const key = ({ host, role, resource, entrance }: Attachment) =>
    `${host} ${entrance} ${role === 'producer' ? '' : resource.namespace}`;
  return [...Map.groupBy(attachments, key).values()];
}

type Rivalry = readonly [Attachment, ReadonlySet<Attachment>];

/** HTTPRoutes and GRPCRoutes of one host, which nothing ranks. */
function mixedKinds(group: readonly Attachment[]): readonly Rivalry[] {
  const byKind = Map.groupBy(group, ({ resource }) => resource.kind);
  if (byKind.size === 1) return [];
  const others = (kind: RouteResource['kind']) =>
    new Set(group.filter(({ resource }) => resource.kind !== kind));
  return [...byKind].flatMap(([kind, own]) => {
    const rivals = others(kind);
    return own.map((one): Rivalry => [one, rivals]);
  });
}

/**
 * Routes of a group with one and the same match for one port: which of them came first nobody knows, so that neither
 * counts. The attachments in question, each with others of them: one for each match.
 */
function clashes(group: readonly Attachment[]): ReadonlyMap<Attachment, ReadonlySet<Attachment>> {
  const byKey = Map.groupBy(
    group.flatMap((attachment) => keysOf(attachment).map((key) => ({ key, attachment }))),
    ({ key }) => key,
  );
  const clashing = new Map<Attachment, Set<Attachment>>();
  for (const same of byKey.values()) {
    for (const { attachment: one } of same) {
      const rival = same.find(
        ({ attachment }) => attachment.resource !== one.resource && sharePort(one, attachment),
      );
      if (rival !== undefined) clashing.set(one, (clashing.get(one) ?? new Set()).add(rival.attachment));
    }
  }
  return clashing;
}

function sharePort(left: Attachment, right: Attachment): boolean {
  return left.port === null || right.port === null || left.port === right.port;
}

function rivalProblem(
  one: Attachment,
  [others, spotOf]: readonly [ReadonlySet<Attachment>, (one: Attachment) => Spot],
  code: 'FL3310' | 'FL3337',
  say: (places: string) => string,
): Problem {
  const message = say(placesOf(Array.from(others, spotOf)));
  return mistake(one.resource, one.path, code, message);
}

function keysOf({ resource, port }: Attachment): readonly string[] {
  const keys = rulesOf(resource, port).flatMap(({ matches }) => matches.map(({ match }) => matchKey(match)));
  return [...new Set(keys)];
}

/** The routing of a group, its rules in the order in which they are tried. */
function routingOfGroup(
  group: readonly Attachment[],
  services: Services,
  grants: readonly Grant[],
): Routing | null {
  const [first] = group;
  if (first === undefined) return null;
  const ports = group.map(({ port }) => port);
  const known = ports.filter((port) => port !== null);
  return {
    host: first.host,
    role: first.role,
    ports: known.length < ports.length ? null : [...new Set(known)].sort((left, right) => left - right),
    namespace: first.resource.namespace,
    entrances: [first.entrance],
    rules: group
      .flatMap((attachment) => ranked(attachment, services, grants))
      .sort(byRank)
      .map(({ rule }) => rule),
    streams: [],
    visibility: first.visibility,
    origin: originOf(first.resource),
  };
}

/** A rule with one match, as it is ranked. */
type Ranked = { readonly rule: Rule; readonly rank: readonly number[]; readonly route: string };

function ranked(
  { resource, port }: Attachment,
  services: Services,
  grants: readonly Grant[],
): readonly Ranked[] {
  const origin = originOf(resource);
  const resolve = resolver(resource, services, grants);
  return rulesOf(resource, port).flatMap(({ written, matches }, at) => {
    const rule = writtenAt(readHttpRule(written, resolve, origin), resource, ['spec', 'rules', at]);
    return matches.map(({ match, rank }): Ranked => {
      return { rule: { ...rule, matches: [match] }, rank, route: `${resource.namespace}/${resource.name}` };
    });
  });
}
