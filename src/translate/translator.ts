import type { Endpoints, Mesh } from '../mesh/index.ts';
import { AlikeSnapshots, type Heard, isAlike, watched } from './alike.ts';
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
  readonly snapshots: AlikeSnapshots;
  /** Those of the world before, and all that this one differs in; null where that is more than what is replaced. */
  readonly former: { readonly snapshots: AlikeSnapshots; readonly replaced: Replaced } | null;
};

/**
 * A `translate` that gives proxies that differ in nothing that it looks at one snapshot, for as long as mesh and endpoints
 * are the same objects and somebody has that snapshot, and that makes of a snapshot the next one where only some routings,
 * services or endpoints changed. Its result is always that of `translate`.
 */
export function createTranslator(): Translate {
  let made: Made | null = null;
  return (mesh, endpoints, proxy) => {
    if (made === null || made.world.mesh !== mesh || made.world.endpoints !== endpoints) {
      made = madeOf({ mesh, endpoints }, made);
    }
    const like = likeness(proxy, made);
    const known = made.snapshots.get(like, proxy);
    if (known !== null) return known.snapshot;
    const heard = heardAgain(made, like, proxy) ?? heardAnew(made, proxy);
    made.snapshots.set(like, heard);
    return heard.snapshot;
  };
}

function heardAnew({ world }: Made, proxy: Proxy): Heard {
  const { proxy: client, asked } = watched(proxy);
  return { proxy, asked, snapshot: translate(world.mesh, world.endpoints, client) };
}

/** Null where it cannot be made of the one before, or is not for this proxy. */
function heardAgain({ world, former }: Made, like: string, proxy: Proxy): Heard | null {
  const before = former?.snapshots.get(like, proxy);
  if (former === null || !before) return null;
  // Of the proxy for which that one was made more may be asked now.
  const snapshot = translateAgain(world, before.snapshot, former.replaced);
  return snapshot === null || !isAlike(before, proxy) ? null : { ...before, snapshot };
}

function madeOf(world: World, before: Made | null): Made {
  const isLike = before !== null && before.world.endpoints === world.endpoints;
  const addresses = isLike ? before.addresses : addressesOf(world.endpoints);
  const replaced = before && replacedIn(world, before.world);
  const former = before === null || replaced === null ? null : { snapshots: before.snapshots, replaced };
  const { services, amendments } = world.mesh;
  const hasNodes = services.some(asksForNode);
  const metadata = [...new Set(amendments.flatMap(({ changes }) => changes.flatMap(metadataAsked)))];
  return { world, addresses, hasNodes, metadata, snapshots: new AlikeSnapshots(), former };
}

/**
 * All that `translate` can tell two proxies apart by, but labels. Nothing is made of an id, a name or an account; an address
 * counts where a workload of the mesh has it, or where it is the loopback, and else only its family; a node counts where a
 * service asks.
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
  const { id: _id, name: _name, ip: _ip, ips: _ips, node: _node, metadata: _metadata, ...others } = proxy;
  const { labels: _labels, dnsDomain: _domain, serviceAccount: _account, ...rest } = others;
  const text = JSON.stringify(rest, (_key, value: unknown) => {
    return value instanceof Set ? [...value].sort() : value;
  });
  facts.set(proxy, text);
  return text;
}

function addressesOf(endpoints: Endpoints): ReadonlySet<string> {
  return new Set([...endpoints.values()].flatMap((list) => list.map(({ address }) => address)));
}
