import { policyOf, type Service, type Target } from '../mesh/index.ts';
import { BLACK_HOLE, outboundCluster } from './names.ts';
import { hashPolicy } from './policies.ts';

/** The services that a client sees, by host. */
export type Seen = { get(host: string): Service | undefined };

/** A cluster, and what has a request stick to one of its hosts. */
type Found = { readonly name: string; readonly hash: readonly object[] };

const nowhere: Found = { name: BLACK_HOLE, hash: [] };

/** What the client cannot see, or what does not exist, is answered 503 instead of going anywhere else. */
export function clusterFor({ host, subset, port }: Target, asked: number, services: Seen): Found {
  const service = services.get(host);
  if (service === undefined) return nowhere;
  const [only, ...others] = service.ports;
  const number = port ?? (others.length === 0 ? only?.number : undefined) ?? asked;
  const hasPort = service.ports.some((candidate) => candidate.number === number);
  const part = service.subsets.find(({ name }) => name === subset) ?? null;
  if (!hasPort || (subset !== null && part === null)) return nowhere;
  const hash = hashPolicy(policyOf(service, part, number));
  return { name: outboundCluster(number, subset, host), hash };
}

/** A request does not know yet which destination it gets: it is hashed by what any of them wants, each once. */
export function sticking(hashes: readonly (readonly object[])[]): object {
  const distinct = new Map(hashes.flat().map((hash) => [JSON.stringify(hash), hash]));
  return distinct.size === 0 ? {} : { hash_policy: [...distinct.values()] };
}
