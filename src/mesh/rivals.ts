import type { Problem } from '../base/problem.ts';
import type { Path, Resource } from '../manifests/index.ts';
import { conflictsOf, type Seen } from './conflicts.ts';
import { MESH } from './gateways.ts';
import { type Groups, sharedKeys } from './joined-lists.ts';
import { mistake, originOf, placesOf } from './mistake.ts';
import type { DefinedRouting } from './routing.ts';
import type { Defined } from './services.ts';
import type { Routing, StreamMatch } from './types.ts';

/** What several scopes claim for the same clients; nobody is first. */
export type Rivals<T> = { readonly refused: ReadonlySet<T>; readonly problems: readonly Problem[] };

/** Hosts that two manifests define for the same clients are served by neither. `candidates` by host. */
export function rivalServices(candidates: Groups<Defined>): Rivals<Defined> {
  const conflicts = conflictsOf(sharedKeys(candidates), ({ service }) => service);
  const problems = [...conflicts].map(([{ resource, service }, others]) => {
    const path = resource.kind === 'Service' ? ['metadata', 'name'] : ['spec', 'hosts'];
    const places = placesOf(others.map((other) => other.service.origin));
    return mistake(resource, path, 'FL3201', `${service.host} is also defined at ${places}`);
  });
  return { refused: new Set(conflicts.keys()), problems };
}

/** A virtual address that a service wants. */
export type Addressed = { readonly defined: Defined; readonly address: string };

export function addressesOf(services: readonly Defined[]): readonly Addressed[] {
  return services.flatMap((defined) => defined.service.addresses.map((address) => ({ defined, address })));
}

/** An address has no owner: which service it names depends on the client (`translate`, "nearest"). By address. */
export function sharedAddresses(wanted: Groups<Addressed>): readonly Problem[] {
  const conflicts = conflictsOf(sharedKeys(wanted), ({ defined: { service }, address }) => ({
    ...service,
    host: address,
  }));
  return [...conflicts].map(([{ defined, address }, others]) => {
    const places = placesOf(others.map((other) => other.defined.service.origin));
    const path = ['spec', defined.resource.kind === 'Service' ? 'clusterIP' : 'addresses'];
    const message = `${address} is also claimed at ${places}: it names the service nearest to the client, or neither`;
    return mistake(defined.resource, path, 'FL3106', message);
  });
}

/** A routing of a host for its clients, and the places that say so. */
export type Claimed = {
  readonly routing: Seen & Pick<Routing, 'entrances'>;
  readonly places: readonly { readonly resource: Resource; readonly path: Path }[];
  /** All connections at these entrances, `edge/a 9000`: nothing else of them is known. */
  readonly whole?: readonly string[];
};

/** The claim of a VirtualService. */
export function claimOf({ routing, resource, index }: DefinedRouting): Claimed {
  const places = [{ resource, path: ['spec', 'hosts', index] }];
  // Its hosts are of one mind.
  return { routing, places, whole: index > 0 ? [] : wholeOf(routing) };
}

type Place = Pick<StreamMatch, 'ranges' | 'port' | 'entrances'>;

/** What a routing says of all connections at the ports of gateways. */
function wholeOf({ entrances, streams }: Routing): readonly string[] {
  const any = { ranges: [], port: null, entrances: [] };
  const all = streams
    .filter(({ of }) => of === 'tcp')
    .flatMap(({ matches }): readonly Place[] => (matches.length === 0 ? [any] : matches));
  const keys = all.flatMap(({ ranges, port, entrances: own }) => {
    const gateways = (own.length === 0 ? entrances : own).filter((entrance) => entrance !== MESH);
    return ranges.length > 0 ? [] : gateways.map((gateway) => `${gateway} ${port ?? 'any port'}`);
  });
  return [...new Set(keys)];
}

/** A claim at one of its entrances. */
export type Entering = { readonly claimed: Claimed; readonly key: string };

export function enteringOf(claims: readonly Claimed[]): readonly Entering[] {
  return claims.flatMap((claimed) => {
    const { host, entrances } = claimed.routing;
    const named = entrances.map((entrance) => ({ claimed, key: `${entrance} ${host}` }));
    return [...named, ...(claimed.whole ?? []).map((key) => ({ claimed, key: `connections ${key}` }))];
  });
}

/**
 * An error leaves out its whole manifest, not only the host that it names. A consumer's routing has no rival: it is its
 * own clients' alone, and beats what is for everybody. `candidates` by entrance and host.
 */
export function rivalRoutings(candidates: Groups<Entering>): Rivals<Resource> {
  const conflicts = routedTwice(candidates);
  const problems = [...conflicts].flatMap(([{ routing, places }, others]) => {
    const elsewhere = others.flatMap((other) => other.places.map(({ resource }) => originOf(resource)));
    const message = `${routing.host} is also routed at ${placesOf(elsewhere)}`;
    return places.map(({ resource, path }) => mistake(resource, path, 'FL3202', message));
  });
  const refused = [...conflicts.keys()].flatMap(({ places }) => places.map(({ resource }) => resource));
  return { refused: new Set(refused), problems };
}

/** For each claim, the others of its host at one of its entrances. */
function routedTwice(candidates: Groups<Entering>): ReadonlyMap<Claimed, readonly Claimed[]> {
  const conflicts = conflictsOf(sharedKeys(candidates), ({ claimed: { routing }, key }) => ({
    ...routing,
    host: key,
  }));
  const found = new Map<Claimed, readonly Claimed[]>();
  for (const [entering, together] of conflicts) {
    const { claimed } = entering;
    const others = together.filter((other) => !areMerged(entering, other));
    if (others.length === 0) continue;
    const all = [...(found.get(claimed) ?? []), ...others.map((other) => other.claimed)];
    found.set(claimed, [...new Set(all)]);
  }
  return found;
}

/** VirtualServices of one scope for one host have been compared with each other (`contradictions`). */
function areMerged(one: Entering, other: Entering): boolean {
  const isVirtual = ({ claimed }: Entering) =>
    claimed.places.every(({ resource }) => resource.kind === 'VirtualService');
  const [left, right] = [one.claimed.routing, other.claimed.routing];
  return left.host === right.host && left.origin.uid === right.origin.uid && [one, other].every(isVirtual);
}
