import type { ProxyStatus } from '../xds/index.ts';

/** Connected streams by what became of one revision. */
export type Distributed = {
  readonly connected: number;
  readonly acked: number;
  /** Something of it was refused, by name or as a whole, and nothing is on its way any more. */
  readonly rejected: number;
};

export function distribution(proxies: readonly ProxyStatus[], revision: string): Distributed {
  const acked = proxies.filter((proxy) => hasAcked(proxy, revision)).length;
  const rejected = proxies.filter((proxy) => !hasAcked(proxy, revision) && hasRejected(proxy)).length;
  return { connected: proxies.length, acked, rejected };
}

/** Did the proxy reject a resource that a manifest of this scope is a source of? */
export function isRejectedBy(proxy: ProxyStatus, uid: string): boolean {
  return proxy.rejected.some(({ sources }) => sources.some((source) => source.uid === uid));
}

function hasAcked(proxy: ProxyStatus, revision: string): boolean {
  return proxy.fullyAcked?.revision === revision;
}

function hasRejected({ rejected, types }: ProxyStatus): boolean {
  return rejected.length > 0 && types.every(({ state }) => state !== 'STALE');
}
