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

/** Did the proxy reject a resource that a manifest of this scope is a source of? */
export function isRejectedBy(proxy: ProxyStatus, uid: string): boolean {
  return proxy.rejected.some(({ sources }) => sources.some((source) => source.uid === uid));
}

function hasAcked({ fullyAcked }: ProxyStatus, push: number): boolean {
  return fullyAcked !== null && fullyAcked.push >= push;
}

function hasRejected({ rejected, types }: ProxyStatus): boolean {
  return rejected.length > 0 && types.every(({ state }) => state !== 'STALE');
}
