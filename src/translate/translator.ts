import type { Endpoints, Mesh } from '../mesh/index.ts';
import { metadataAsked } from './amend-match.ts';
import { asksForNode } from './localities.ts';
import { type Replaced, replacedIn, type World } from './replaced.ts';
import { translate, translateAgain } from './translate.ts';
import type { Proxy, Snapshot } from './types.ts';

type Translate = (mesh: Mesh, endpoints: Endpoints, proxy: Proxy) => Snapshot;

/** What was translated of one world. */
type Made = {
  readonly world: World;
  readonly addresses: ReadonlySet<string>;
  /** Whether some service treats the clients of one node in its own way. */
  readonly hasNodes: boolean;
  /** What of a proxy's metadata may tell it apart. */
  readonly metadata: readonly string[];
  readonly snapshots: Map<string, Snapshot>;
  /** Snapshots of the world before, where `replaced` says all that this one differs in. */
  readonly former: ReadonlyMap<string, Snapshot>;
  readonly replaced: Replaced | null;
};

/**
 * A `translate` that gives proxies that differ in name only one snapshot, for as long as mesh and endpoints are the same
 * objects, and that makes of a snapshot the next one where only some routings, services or endpoints changed. Its result is
 * always that of `translate`.
 */
export function createTranslator(): Translate {
  let made: Made | null = null;
  return (mesh, endpoints, proxy) => {
    if (made === null || made.world.mesh !== mesh || made.world.endpoints !== endpoints) {
      made = madeOf({ mesh, endpoints }, made);
    }
    const key = likeness(proxy, made);
    const known = made.snapshots.get(key);
    if (known !== undefined) return known;
    const { former, replaced, world } = made;
    const before = former.get(key);
    const again = before === undefined || replaced === null ? null : translateAgain(world, before, replaced);
    const snapshot = again ?? translate(mesh, endpoints, proxy);
    made.snapshots.set(key, snapshot);
    return snapshot;
  };
}

function madeOf(world: World, before: Made | null): Made {
  const isLike = before !== null && before.world.endpoints === world.endpoints;
  const addresses = isLike ? before.addresses : addressesOf(world.endpoints);
  const replaced = before && replacedIn(world, before.world);
  const former = before === null || replaced === null ? new Map<string, Snapshot>() : before.snapshots;
  const { services, amendments } = world.mesh;
  const hasNodes = services.some(asksForNode);
  const metadata = [...new Set(amendments.flatMap(({ changes }) => changes.flatMap(metadataAsked)))];
  return { world, addresses, hasNodes, metadata, snapshots: new Map(), former, replaced };
}

/**
 * All that `translate` can tell two proxies apart by. Nothing is made of an id or a name; an address counts where a
 * workload of the mesh has it, or where it is the loopback, and else only its family; a node counts where a service asks.
 */
function likeness(
  proxy: Proxy,
  { addresses: known, hasNodes, metadata: asked }: Pick<Made, 'addresses' | 'hasNodes' | 'metadata'>,
): string {
  const { ip, ips, node, metadata } = proxy;
  const places = [ip, ...ips].map((address) => {
    if (known.has(address) || address === '127.0.0.1' || address === '::1') return address;
    return address.includes(':') ? 'IPv6' : 'IPv4';
  });
  const told = asked.map((name) => metadata[name] ?? null);
  return `${factsOf(proxy)} ${JSON.stringify([places, told, hasNodes ? node : null])}`;
}

/** What never changes of a proxy that is connected. */
const facts = new WeakMap<Proxy, string>();

function factsOf(proxy: Proxy): string {
  const known = facts.get(proxy);
  if (known !== undefined) return known;
  const { id: _id, name: _name, ip: _ip, ips: _ips, node: _node, metadata: _metadata, ...rest } = proxy;
  const text = JSON.stringify(rest, (_key, value: unknown) => {
    return value instanceof Set ? [...value].sort() : value;
  });
  facts.set(proxy, text);
  return text;
}

function addressesOf(endpoints: Endpoints): ReadonlySet<string> {
  return new Set([...endpoints.values()].flatMap((list) => list.map(({ address }) => address)));
}
