import { policyOf, type Service, type Target, type TrafficPolicy } from '../mesh/index.ts';
import { BLACK_HOLE, outboundCluster } from './names.ts';
import { hashPolicy } from './policies.ts';

/** The services that a client sees, by host. */
export type Seen = { get(host: string): Service | undefined };

/** A cluster, and what has a request stick to one of its hosts. */
type Found = { readonly name: string; readonly hash: readonly object[] };

const nowhere: Found = { name: BLACK_HOLE, hash: [] };

/** What the client cannot see, or what does not exist, is answered 503 instead of going anywhere else. */
export function clusterFor(target: Target, asked: number, services: Seen): Found {
  const found = placeOf(target, asked, services);
  if (found === null) return nowhere;
  const hash = hashPolicy(policyFor(target, asked, services));
  return { name: outboundCluster(found.port, target.subset, target.host), hash };
}

/** How a client treats a target; null: by the defaults, or not at all. */
export function policyFor(target: Target, asked: number, services: Seen): TrafficPolicy | null {
  const found = placeOf(target, asked, services);
  return found === null ? null : policyOf(found.service, found.part, found.port);
}

function placeOf({ host, subset, port }: Target, asked: number, services: Seen) {
  const service = services.get(host);
  if (service === undefined) return null;
  const [only, ...others] = service.ports;
  const number = port ?? (others.length === 0 ? only?.number : undefined) ?? asked;
  const hasPort = service.ports.some((candidate) => candidate.number === number);
  const part = service.subsets.find(({ name }) => name === subset) ?? null;
  return !hasPort || (subset !== null && part === null) ? null : { service, part, port: number };
}

/** A request does not know yet which destination it gets: it is hashed by what any of them wants, each once. */
export function sticking(hashes: readonly (readonly object[])[]): object {
  const distinct = new Map(hashes.flat().map((hash) => [JSON.stringify(hash), hash]));
  return distinct.size === 0 ? {} : { hash_policy: [...distinct.values()] };
}
