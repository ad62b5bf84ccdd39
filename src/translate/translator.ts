import type { Endpoints, Mesh } from '../mesh/index.ts';
import { translate } from './translate.ts';
import type { Proxy, Snapshot } from './types.ts';

type Translate = (mesh: Mesh, endpoints: Endpoints, proxy: Proxy) => Snapshot;

/** What was translated of one mesh. */
type Made = {
  readonly mesh: Mesh;
  readonly endpoints: Endpoints;
  readonly addresses: ReadonlySet<string>;
  readonly snapshots: Map<string, Snapshot>;
};

/**
 * A `translate` that gives proxies that differ in name only one snapshot, for as long as mesh and endpoints are the same
 * objects. Its result is always that of `translate`.
 */
export function createTranslator(): Translate {
  let made: Made | null = null;
  return (mesh, endpoints, proxy) => {
    if (made === null || made.mesh !== mesh || made.endpoints !== endpoints) {
      made = { mesh, endpoints, addresses: addressesOf(endpoints), snapshots: new Map() };
    }
    const key = likeness(proxy, made.addresses);
    const known = made.snapshots.get(key);
    if (known !== undefined) return known;
    const snapshot = translate(mesh, endpoints, proxy);
    made.snapshots.set(key, snapshot);
    return snapshot;
  };
}

/**
 * All that `translate` can tell two proxies apart by. Nothing is made of an id or a name; an address counts where a
 * workload of the mesh has it, or where it is the loopback, and else only its family.
 */
function likeness({ id: _id, name: _name, ip, ips, ...facts }: Proxy, known: ReadonlySet<string>): string {
  const places = [ip, ...ips].map((address) => {
    if (known.has(address) || address === '127.0.0.1' || address === '::1') return address;
    return address.includes(':') ? 'IPv6' : 'IPv4';
  });
  return JSON.stringify({ ...facts, places }, (_key, value: unknown) => {
    return value instanceof Set ? [...value].sort() : value;
  });
}

function addressesOf(endpoints: Endpoints): ReadonlySet<string> {
  return new Set([...endpoints.values()].flatMap((list) => list.map(({ address }) => address)));
}
