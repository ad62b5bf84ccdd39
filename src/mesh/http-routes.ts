import type { Problem } from '../base/problem.ts';
import type { HTTPRouteResource, Path } from '../manifests/index.ts';
import { MESH } from './gateways.ts';
import { danglingBackends, hostOf, resolver, serviceOf } from './http-route-backends.ts';
import { byPrecedence, matchKey, type Ranked } from './http-route-order.ts';
import { readHttpMatch, readHttpRule } from './http-route-rule.ts';
import { mistake, originOf, placeOf } from './mistake.ts';
import { carriesHttp } from './protocol.ts';
import type { Claimed } from './rivals.ts';
import type { Services } from './service-index.ts';
import { hint } from './subsets.ts';
import type { Match, Routing } from './types.ts';

/** One parent of an HTTPRoute that is there: the Service whose requests it routes. */
export type Attachment = {
  readonly resource: HTTPRouteResource;
  /** Where the parent is written. */
  readonly path: Path;
  readonly host: string;
  /** Null: all. */
  readonly port: number | null;
  readonly role: Routing['role'];
};

/** What the routes of one scope are for, less those that contradict each other. */
export type Attached = {
  readonly attachments: readonly Attachment[];
  readonly problems: readonly Problem[];
};

/** The routings that attachments make up, and what is wrong with their backends. */
export type Routed = { readonly routings: readonly Routing[]; readonly problems: readonly Problem[] };

/**
 * Attaches the routes of a scope. All routes of one Service for the same clients are of one scope: its owner's, or the
 * one that owns the namespace of the clients.
 */
export function attachAll(routes: readonly HTTPRouteResource[], services: Services): Attached {
  const read = routes.map((route) => attach(route, services));
  const all = read.flatMap(({ attachments }) => attachments);
  const clashing = grouped(all).flatMap((group) => [...clashes(group)]);
  const refused = new Set(clashing.map(([{ resource }]) => resource));
  return {
    attachments: all.filter(({ resource }) => !refused.has(resource)),
    problems: [
      ...read.flatMap(({ problems }) => problems),
      ...clashing.map(([one, others]) => clashProblem(one, others)),
    ],
  };
}

/** What producers' routes claim. */
export function claimsOf({ attachments }: Attached): readonly Claimed[] {
  return grouped(attachments.filter(({ role }) => role === 'producer')).flatMap(
    (places): readonly Claimed[] => {
      const [first] = places;
      if (first === undefined) return [];
      const { host, resource } = first;
      const routing = {
        host,
        entrances: [MESH],
        visibility: { to: 'everybody' },
        origin: resource.source,
      } as const;
      return [{ routing, places }];
    },
  );
}

export function routeAll(attachments: readonly Attachment[], services: Services): Routed {
  const resources = [...new Set(attachments.map(({ resource }) => resource))];
  return {
    routings: grouped(attachments).flatMap((group) => routingOfGroup(group, services) ?? []),
    problems: resources.flatMap((resource) => danglingBackends(resource, services)),
  };
}

/** Finds the parents of a route. One that is not there gets no requests, and is a problem. */
function attach(resource: HTTPRouteResource, services: Services): Attached {
  const problems: Problem[] = [];
  const attachments = resource.spec.parentRefs.flatMap((parent, index): readonly Attachment[] => {
    const path = ['spec', 'parentRefs', index];
    const host = hostOf(parent, resource.namespace);
    const found = serviceOf(host, services);
    const port = parent.port ?? null;
    if (found === null) {
      const message = `there is no Service ${host}${hint(host, services)}: the route is for none of its requests`;
      problems.push(mistake(resource, [...path, 'name'], 'FL3301', message));
      return [];
    }
    if (port !== null && !found.service.ports.some(({ number }) => number === port)) {
      const message = `${host} has no port ${port}: the route is for none of its requests`;
      problems.push(mistake(resource, [...path, 'port'], 'FL3303', message));
      return [];
    }
    const asked = found.service.ports.filter(({ number }) => port === null || number === port);
    if (!asked.some(carriesHttp)) {
      const message = `${host} speaks no HTTP here: the route is for none of its requests`;
      problems.push(mistake(resource, path, 'FL3312', message));
    }
    const role = found.service.namespace === resource.namespace ? 'producer' : 'consumer';
    return [{ resource, path, host, port, role }];
  });
  return { attachments, problems };
}

/** Attachments that make up one routing: of one host, for everybody or for the clients of one namespace. */
function grouped(attachments: readonly Attachment[]): readonly (readonly Attachment[])[] {
  const key = ({ host, role, resource }: Attachment) =>
    `${host} ${role === 'producer' ? '' : resource.namespace}`;
  return [...Map.groupBy(attachments, key).values()];
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

function clashProblem(one: Attachment, others: ReadonlySet<Attachment>): Problem {
  const places = [...others].map(({ resource, path }) =>
    placeOf({ ...resource.source, ...resource.at(path) }),
  );
  const message = `${places.join(', ')} has the same match for ${one.host}`;
  return mistake(one.resource, one.path, 'FL3310', message);
}

function keysOf({ resource, port }: Attachment): readonly string[] {
  const keys = resource.spec.rules.flatMap((rule) => matchesOfRule(rule.matches, port).map(matchKey));
  return [...new Set(keys)];
}

function matchesOfRule(
  matches: HTTPRouteResource['spec']['rules'][number]['matches'] = [],
  port: number | null,
): readonly Match[] {
  return (matches.length === 0 ? [{}] : matches).map((match) => readHttpMatch(match, port));
}

/** The routing of a group, its rules in the order in which they are tried. */
function routingOfGroup(group: readonly Attachment[], services: Services): Routing | null {
  const [first] = group;
  if (first === undefined) return null;
  const ports = group.map(({ port }) => port);
  const known = ports.filter((port) => port !== null);
  const { namespace } = first.resource;
  return {
    host: first.host,
    role: first.role,
    ports: known.length < ports.length ? null : [...new Set(known)].sort((left, right) => left - right),
    namespace,
    entrances: [MESH],
    rules: group
      .flatMap((attachment) => ranked(attachment, services))
      .sort(byPrecedence)
      .map(({ rule }) => rule),
    streams: [],
    visibility: first.role === 'producer' ? { to: 'everybody' } : { to: 'namespaces', names: [namespace] },
    origin: originOf(first.resource),
  };
}

function ranked(attachment: Attachment, services: Services): readonly Ranked[] {
  const { resource, port } = attachment;
  const origin = originOf(resource);
  const resolve = resolver(resource, services);
  return resource.spec.rules.flatMap((written) => {
    const rule = readHttpRule(written, resolve, origin);
    return matchesOfRule(written.matches, port).map((match): Ranked => {
      return { rule: { ...rule, matches: [match] }, match, route: resource.name };
    });
  });
}
