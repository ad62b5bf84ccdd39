import type { ProxyStatus } from '../xds/index.ts';

/** Connected proxies by what became of one push. */
export type Distributed = {
  readonly connected: number;
  readonly acked: number;
  /** Something of it was refused, by name or as a whole, and nothing is on its way any more. */
  readonly rejected: number;
};

export function distribution(proxies: readonly ProxyStatus[], push: number): Distributed {
  const acked = proxies.filter((proxy) => hasAcked(proxy, push)).length;
  const rejected = proxies.filter((proxy) => !hasAcked(proxy, push) && hasRejected(proxy)).length;
  return { connected: proxies.length, acked, rejected };
}

/** By uid of a scope: how many proxies rejected a resource that a manifest of it is a source of. */
export function rejections(proxies: readonly ProxyStatus[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { rejected } of proxies) {
    const uids = new Set(rejected.flatMap(({ sources }) => sources.map(({ uid }) => uid)));
    for (const uid of uids) counts.set(uid, (counts.get(uid) ?? 0) + 1);
  }
  return counts;
}

function hasAcked({ fullyAcked }: ProxyStatus, push: number): boolean {
  return fullyAcked !== null && fullyAcked.push >= push;
}

function hasRejected({ rejected, types }: ProxyStatus): boolean {
  return rejected.length > 0 && types.every(({ state }) => state !== 'STALE');
}
