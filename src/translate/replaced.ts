import { isDeepStrictEqual } from 'node:util';
import { indexesApart } from '../base/lists.ts';
import {
  carriesHttp,
  type Endpoint,
  type Endpoints,
  MESH,
  type Mesh,
  type Routing,
  type Service,
} from '../mesh/index.ts';
import { secretOf } from './upstream-tls.ts';

/** What a snapshot is made of, beside its proxy. */
export type World = { readonly mesh: Mesh; readonly endpoints: Endpoints };

/** What stands in the place of what was in the mesh before, where nothing comes or goes with it. */
export type Replaced = {
  /** Of the same host, for the same clients and entrances. */
  readonly routings: ReadonlyMap<Routing, Routing>;
  /** With other subsets or policies, the same in all else. */
  readonly services: ReadonlyMap<Service, Service>;
  /** By id of the service, since namespaces may have services of one host: its endpoints before and now. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  /** Whose routes may be others. */
  readonly hosts: readonly string[];
};

/** The host in the id of a service. */
export function hostOf(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}

/** Null where the worlds differ in anything else. */
export function replacedIn(now: World, before: World): Replaced | null {
  if (!isLikeElse(now.mesh, before.mesh)) return null;
  const routings = replacedItems(now.mesh.routings, before.mesh.routings, isLikeRouting);
  const shared = routings !== null && routings.size > 0 ? sharedHosts(now.mesh.routings) : new Set();
  const services = replacedItems(now.mesh.services, before.mesh.services, isLikeService);
  const endpoints = replacedEndpoints(now, before);
  if (routings === null || services === null || endpoints === null) return null;
  if ([...routings.keys()].some(({ host }) => shared.has(host))) return null;
  const leading = leadingTo(new Set([...services.values()].map(({ host }) => host)), now.mesh.routings);
  if (leading === null) return null;
  const hosts = [...routings.values(), ...services.values(), ...leading].map(({ host }) => host);
  return { routings, services, endpoints, hosts: [...new Set(hosts)] };
}

/** Whatever else a mesh will have: only that it is the same object says that it says the same. */
function isLikeElse(now: Mesh, before: Mesh): boolean {
  const { routings: _routings, services: _services, ...rest } = now;
  const others: Readonly<Record<string, unknown>> = before;
  return Object.entries(rest).every(([part, value]) => others[part] === value);
}

function replacedItems<T>(
  now: readonly T[],
  before: readonly T[],
  isLike: (one: T, other: T) => boolean,
): ReadonlyMap<T, T> | null {
  if (now.length !== before.length) return null;
  const replaced = new Map<T, T>();
  for (const at of indexesApart(now, before)) {
    const [one, old] = [now[at], before[at]];
    if (one === undefined || old === undefined || !isLike(one, old)) return null;
    replaced.set(old, one);
  }
  return replaced;
}

/** Hosts of the mesh that several routings are for, which are merged. */
function sharedHosts(routings: readonly Routing[]): ReadonlySet<string> {
  const [seen, shared] = [new Set<string>(), new Set<string>()];
  for (const { host, role, entrances } of routings) {
    if (role === 'consumer' || !entrances.includes(MESH)) continue;
    if (seen.has(host)) shared.add(host);
    seen.add(host);
  }
  return shared;
}

/** What rules for connections say stands in listeners; a wildcard is for hosts that it does not name. */
function isLikeRouting(now: Routing, old: Routing): boolean {
  if (now.streams.length + old.streams.length > 0 || now.host.startsWith('*')) return false;
  const places = ({ host, role, namespace, entrances, visibility }: Routing) => {
    return { host, role, namespace, entrances, visibility };
  };
  return isDeepStrictEqual(places(now), places(old));
}

/** Listeners say something of the policies of all ports but those that are declared to carry HTTP. */
function isLikeService(now: Service, old: Service): boolean {
  const isPlain = now.ports.every((port) => carriesHttp(port) && port.protocol !== 'undeclared');
  if (!isPlain || needsSecrets(now) || needsSecrets(old)) return false;
  const rest = ({ subsets: _subsets, policies: _policies, ...others }: Service) => others;
  return isDeepStrictEqual(rest(now), rest(old));
}

function needsSecrets({ policies, subsets }: Service): boolean {
  const all = [...policies, ...subsets.flatMap((subset) => subset.policies)];
  return all.some(({ security }) => secretOf(security) !== null);
}

function replacedEndpoints(now: World, before: World): Replaced['endpoints'] | null {
  const replaced = new Map<string, readonly Endpoint[]>();
  if (now.endpoints === before.endpoints) return replaced;
  if (now.endpoints.size !== before.endpoints.size) return null;
  for (const [id, list] of now.endpoints) {
    const old = before.endpoints.get(id);
    if (old === undefined) return null;
    if (old !== list) replaced.set(id, [...old, ...list]);
  }
  // Who has a virtual address depends on the scopes that have a workload there.
  const moved = new Set([...replaced.values()].flatMap((list) => list.map(({ address }) => address)));
  const isClaimed = now.mesh.services.some(({ addresses }) => addresses.some((each) => moved.has(each)));
  return isClaimed ? null : replaced;
}

/** Routings with a destination among these hosts; null where one of them is more than the routes of one host. */
function leadingTo(hosts: ReadonlySet<string>, routings: readonly Routing[]): readonly Routing[] | null {
  if (hosts.size === 0) return [];
  const leading = routings.filter((routing) => destinationsOf(routing).some((host) => hosts.has(host)));
  return leading.some(({ host, streams }) => host.startsWith('*') || streams.length > 0) ? null : leading;
}

/** Hosts that a routing sends anything to. */
export function destinationsOf({ rules, streams }: Routing): readonly string[] {
  return [
    ...rules.flatMap(({ action }) =>
      action.does === 'forward' ? [...action.destinations, ...action.mirrors].map(({ host }) => host) : [],
    ),
    ...streams.flatMap(({ destinations }) => destinations.map(({ host }) => host)),
  ];
}
