import { type Ends, endOfTls } from './downstream-tls.ts';
import { tcpProxy } from './http.ts';
import { BLACK_HOLE, inboundCluster } from './names.ts';
import { type Served, servedByServices } from './served.ts';
import type { Skipped } from './types.ts';
import type { View } from './view.ts';

type Chain = { readonly filters: readonly object[] };

/** The chain of a port behind the end of TLS that its Sidecar says; nobody is served who should not read plain text. */
export function behindTls<C extends Chain>(
  chain: C,
  { security }: Served,
  view: Ends,
  carried: 'requests' | 'bytes',
): C {
  if (security === null) return chain;
  const ending = endOfTls(view, security, carried === 'requests' ? ['h2', 'http/1.1'] : []);
  if ('reason' in ending) return { ...chain, filters: [tcpProxy(BLACK_HOLE)] };
  return { ...chain, transport_socket: ending.socket };
}

/** Ports of the workload whose TLS its proxy cannot end. */
export function withoutCertificates(view: View): readonly Skipped[] {
  const { proxy, limits } = view;
  const { ingress, origins } = limits;
  const ended = (ingress ?? []).filter(({ security }) => security !== null);
  if (ended.length === 0 || servedByServices(view, proxy.ips).size === 0) return [];
  return ended.flatMap(({ port, security }): readonly Skipped[] => {
    const ending = security === null ? null : endOfTls(view, security, []);
    if (ending === null || !('reason' in ending)) return [];
    const sources = origins.slice(0, 1).map(({ scope, uid, file, line, column }) => {
      return { scope, uid, file, line, column };
    });
    return [{ address: inboundCluster(port.number), reason: ending.reason, sources }];
  });
}
