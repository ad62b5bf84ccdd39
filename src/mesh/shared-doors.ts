import { bindingOf, type EncountersOf, foundOnce, NO_ENCOUNTERS } from './encounters.ts';
import { mayShare, openings } from './gateways.ts';
import type { Gateway, Routing } from './types.ts';

/** A gateway that some routings are bound to, and where it takes requests for them. */
type Door = { readonly gateway: Gateway; readonly openings: ReadonlyMap<string, number> };

/** Of doors and what is open at each, each with each. */
const most = 4_000_000;

/**
 * Where routings of one host, of different namespaces, meet at different gateways; null: there are too many of them. (A
 * gateway offers a host to the routings of a namespace once.)
 */
export function sharedDoors(
  group: readonly Routing[],
  gatewaysOf: (routing: Routing) => readonly Gateway[],
): EncountersOf | null {
  if (new Set(group.map(({ namespace }) => namespace)).size === 1) return () => NO_ENCOUNTERS;
  const bound = new Map(group.map((routing) => [bindingOf(routing), routing]));
  if (new Set([...bound.values()].flatMap(gatewaysOf)).size < 2) return () => NO_ENCOUNTERS;
  const doors = doorsOf(bound, gatewaysOf);
  const all = [...doors.values()].flat();
  const open = all.reduce((sum, { openings: { size } }) => sum + size, 0);
  if (all.length * open > most) return null;
  return foundOnce((left, right) => {
    if (left.namespace === right.namespace) return [];
    const others = doors.get(bindingOf(right)) ?? [];
    return (doors.get(bindingOf(left)) ?? []).flatMap((one) =>
      others.flatMap((other) =>
        sharedPorts(one, other).map((port) => ({ left: one.gateway.id, right: other.gateway.id, port })),
      ),
    );
  });
}

/** Those of each binding; each is looked at once for a namespace. */
function doorsOf(
  bound: ReadonlyMap<string, Routing>,
  gatewaysOf: (routing: Routing) => readonly Gateway[],
): ReadonlyMap<string, readonly Door[]> {
  const known = new Map<string, Door>();
  const doorOf = (gateway: Gateway, routing: Routing): Door => {
    const key = `${gateway.id} ${routing.namespace}`;
    const door = known.get(key) ?? { gateway, openings: openings(gateway, routing) };
    known.set(key, door);
    return door;
  };
  return new Map(
    Array.from(bound, ([binding, routing]) => [
      binding,
      gatewaysOf(routing).map((gateway) => doorOf(gateway, routing)),
    ]),
  );
}

/** Ports at which some proxy may have both, which offer one host there as closely: a request is for the routings of both. */
function sharedPorts(one: Door, other: Door): readonly number[] {
  if (one.gateway === other.gateway || !mayShare(one.gateway, other.gateway)) return [];
  const [few, many] = one.openings.size < other.openings.size ? [one, other] : [other, one];
  return [...few.openings].flatMap(([key, port]) => (many.openings.has(key) ? [port] : []));
}
