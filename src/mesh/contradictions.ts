import { must } from '../base/must.ts';
import type { Problem } from '../base/problem.ts';
import type { Path, VirtualServiceResource } from '../manifests/index.ts';
import { overlap } from './conflicts.ts';
import { anyConnection, anyRequest, connectionsMeet, requestsMeet } from './disjoint.ts';
import { type Encounter, type EncountersOf, foundOnce } from './encounters.ts';
import { MESH } from './gateways.ts';
import { type Piece, partsOf } from './merge-routings.ts';
import { createSpots, mistake, originOf, placesOf, type Spot, type Spots } from './mistake.ts';
import { areApart } from './private.ts';
import type { DefinedRouting } from './routing.ts';
import { sharedDoors } from './shared-doors.ts';
import type { Gateway, Match, Routing, Rule, StreamRule } from './types.ts';

/**
 * The routings of one scope without those that contradict each other. Several may be for one host, where no request fits two
 * of them and one at most is for the rest: which of them comes first is then all the same. Where it is not, neither is
 * honoured: git does not know which is older.
 */
export function withoutContradictions(
  all: readonly DefinedRouting[],
  problems: Problem[],
): readonly DefinedRouting[] {
  return consistent(all, problems, () => sameEntrances());
}

/**
 * The same for those that are bound to different gateways, once all gateways are known: of two that open one port of a
 * proxy for one host, each to routings of other namespaces.
 */
export function apartAtGateways(all: readonly DefinedRouting[], gateways: readonly Gateway[]): Apart {
  const problems: Problem[] = [];
  const byId = Map.groupBy(gateways, ({ id }) => id);
  const gatewaysOf = ({ entrances }: Routing) => [...new Set(entrances)].flatMap((id) => byId.get(id) ?? []);
  const routings = consistent(all, problems, (group) => sharedDoors(group, gatewaysOf));
  return { routings, problems };
}

export type Apart = { readonly routings: readonly DefinedRouting[]; readonly problems: readonly Problem[] };

/** Where those of one host meet; null: at so many places that they are not compared. */
type Meeting = (group: readonly Routing[]) => EncountersOf | null;

function sameEntrances(): EncountersOf {
  const among = (left: readonly string[], right: readonly string[]): readonly Encounter[] => {
    const others = new Set(right);
    const both = left.filter((entrance) => others.has(entrance));
    return both.map((entrance) => ({ left: entrance, right: entrance, port: null }));
  };
  const together = foundOnce((left, right) => among(left.entrances, right.entrances));
  const apart = foundOnce((left, right) => {
    return among(
      left.entrances.filter((entrance) => entrance !== MESH),
      right.entrances,
    );
  });
  return (left, right) => (areApart(left, right) ? apart : together)(left, right);
}

function consistent(
  all: readonly DefinedRouting[],
  problems: Problem[],
  meeting: Meeting,
): readonly DefinedRouting[] {
  const shared = [...Map.groupBy(all, ({ routing }) => routing.host).values()].filter(
    ({ length }) => length > 1,
  );
  const refused = new Set<VirtualServiceResource>();
  for (const group of shared) {
    const found = contradictionsOf(group, meeting);
    for (const { resource } of found) refused.add(resource);
    problems.push(...found.map(({ problem }) => problem));
  }
  return refused.size === 0 ? all : all.filter(({ resource }) => !refused.has(resource));
}

/** So many matches of one host are compared with each other, each with each. */
const MOST = 2000;

type Found = { readonly resource: VirtualServiceResource; readonly problem: Problem };

function contradictionsOf(group: readonly DefinedRouting[], meeting: Meeting): readonly Found[] {
  if (sizeOf(group) > MOST) return tooMany(group, `with more than ${MOST} matches in all`);
  const encountersOf = meeting(group.map(({ routing }) => routing));
  if (encountersOf === null) return tooMany(group, 'through too many gateways and servers');
  return contradictionsAmong(group, encountersOf);
}

/** What another scope says of a step does not count, however much it is: only the step does. A match counts for each gateway that it names. */
function sizeOf(group: readonly DefinedRouting[]): number {
  const all = group.map(({ routing }) => partsOf(routing));
  const lists = all.flatMap(({ rules, streams }) => [rules.some, rules.rest, streams.some, streams.rest]);
  const reaches = lists.flatMap((pieces) => distinct<Reaching>(pieces));
  return reaches.reduce((sum, { reach }) => {
    const all = reach.map(({ entrances }) => Math.max(entrances.length, 1));
    return sum + all.reduce((size, each) => size + each, reach.length === 0 ? 1 : 0);
  }, 0);
}

type Reaching = { readonly reach: readonly Pick<Match, 'entrances'>[] };

/** Those of one step of another scope's once. */
function distinct<P extends { readonly reach: readonly unknown[] }>(pieces: readonly P[]): readonly P[] {
  return pieces.filter(({ reach }, index) => reach !== pieces[index - 1]?.reach);
}

function tooMany(group: readonly DefinedRouting[], why: string): readonly Found[] {
  const spots = new Map(group.map((one) => [one, spotOfHost(one)]));
  return group.map((one) => {
    const places = placesOf(group.flatMap((other) => (other === one ? [] : (spots.get(other) ?? []))));
    const message = `${one.routing.host} is also routed at ${places}, ${why}: they are not compared`;
    return { resource: one.resource, problem: mistake(one.resource, hostPath(one), 'FL3202', message) };
  });
}

/** A rule that contradicts others, at the end a problem that names some of them. */
type Contrary = { readonly spot: Spot; readonly rivals: Spots };

function contradictionsAmong(group: readonly DefinedRouting[], encountersOf: EncountersOf): readonly Found[] {
  const contrary = group.map(() => new Map<Either, Contrary>());
  const at = (index: number, rule: Either): Contrary => {
    const rules = must(contrary[index]);
    const known = rules.get(rule) ?? { spot: spotOf(must(group[index]), rule), rivals: createSpots() };
    rules.set(rule, known);
    return known;
  };
  for (const [left, one] of group.entries()) {
    for (let right = left + 1; right < group.length; right += 1) {
      const other = group[right];
      const pair = other === undefined ? null : contradiction(one.routing, other.routing, encountersOf);
      if (pair === null) continue;
      const [ours, theirs] = [at(left, pair.one), at(right, pair.other)];
      ours.rivals.add(theirs.spot);
      theirs.rivals.add(ours.spot);
    }
  }
  return group.flatMap((one, index) =>
    Array.from(contrary[index] ?? [], ([rule, { rivals }]) => told(one, rule, rivals)),
  );
}

type Either = Rule | StreamRule;

/** A rule of each that something fits both of. */
function contradiction(
  left: Routing,
  right: Routing,
  encountersOf: EncountersOf,
): { readonly one: Either; readonly other: Either } | null {
  if (!overlap(left, right)) return null;
  const encounters = encountersOf(left, right);
  if (encounters.isEmpty) return null;
  const [a, b] = [partsOf(left), partsOf(right)];
  for (const which of ['some', 'rest'] as const) {
    const found =
      firstPair(a.rules[which], b.rules[which], anyRequest, (one, other) =>
        requestsMeet(one, other, encounters),
      ) ??
      firstPair(a.streams[which], b.streams[which], anyConnection, (one, other) =>
        connectionsMeet(one, other, encounters),
      );
    if (found !== null) return found;
  }
  return null;
}

function firstPair<M, R extends Either>(
  left: readonly Piece<R, M>[],
  right: readonly Piece<R, M>[],
  any: M,
  meet: (one: M, other: M) => boolean,
): { readonly one: R; readonly other: R } | null {
  const others = distinct(right);
  for (const one of distinct(left)) {
    const found = others.find(({ rule, reach }) => {
      if ('of' in rule && 'of' in one.rule && rule.of !== one.rule.of) return false;
      return orAny(one.reach, any).some((match) => orAny(reach, any).some((other) => meet(match, other)));
    });
    if (found !== undefined) return { one: one.rule, other: found.rule };
  }
  return null;
}

function orAny<M>(reach: readonly M[], any: M): readonly M[] {
  return reach.length === 0 ? [any] : reach;
}

function told(one: DefinedRouting, rule: Either, rivals: Spots): Found {
  const what = 'of' in rule ? 'connections to' : 'requests for';
  const message = `${what} ${one.routing.host} that fit it also fit ${rivals.text()}, and nothing says which comes first`;
  const fix =
    'write both into one VirtualService, in the order in which they count, or matches of which none fits both; until then neither is honoured';
  return {
    resource: one.resource,
    problem: mistake(one.resource, pathOf(one, rule), 'FL3202', message, fix),
  };
}

/** Where a rule is written; that of a delegate, where the host is. */
function pathOf(defined: DefinedRouting, rule: Either): Path {
  const { resource, routing, handedTo } = defined;
  const { http = [], tls = [] } = resource.spec;
  if ('of' in rule) {
    const at = routing.streams.indexOf(rule);
    return rule.of === 'tls' ? ['spec', 'tls', at] : ['spec', 'tcp', at - tls.length];
  }
  const isOwn = handedTo.length === 0 && http.length === routing.rules.length;
  return isOwn ? ['spec', 'http', routing.rules.indexOf(rule)] : hostPath(defined);
}

function hostPath({ index }: DefinedRouting): Path {
  return ['spec', 'hosts', index];
}

function spotOfHost(defined: DefinedRouting): Spot {
  return { ...originOf(defined.resource), ...defined.resource.at(hostPath(defined)) };
}

function spotOf(defined: DefinedRouting, rule: Either): Spot {
  return { ...originOf(defined.resource), ...defined.resource.at(pathOf(defined, rule)) };
}
