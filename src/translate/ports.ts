import { type Bound, bind } from './bindings.ts';
import { apart, boundEgress } from './bound-egress.ts';
import { inboundBindings } from './inbound.ts';
import { listenerName, ownPorts } from './names.ts';
import { httpProxyListener, tcpBindings } from './outbound.ts';
import type { View } from './view.ts';
import { httpProxyRoutes } from './virtual-hosts.ts';

/** Capture mode `ports`: an HTTP proxy and TCP listeners on the loopback, inbound listeners on the workload's address. */
export function portsListeners(view: View): Bound {
  const inbound = inboundBindings(view);
  const reserved = reservedBy(view, inbound);
  const egress = apart(boundEgress(view), reserved);
  const bound = bind(view, [...inbound, ...tcpBindings(view)], new Map([...reserved, ...egress.names]));
  const drafts = [httpProxyListener(view), httpProxyRoutes(view), ...egress.drafts, ...bound.drafts];
  return { drafts, skipped: [...egress.skipped, ...bound.skipped] };
}

/** Loopback addresses that are taken: of the proxy, and of the application behind the inbound listeners. */
function reservedBy(
  { proxy: { httpProxyPort }, limits: { ingress } }: View,
  inbound: readonly { readonly port: number }[],
): ReadonlyMap<string, string> {
  const places =
    ingress?.flatMap(({ to }) => (to.at === 'port' && to.address === '127.0.0.1' ? [to.port] : [])) ??
    inbound.map(({ port }) => port);
  const application = places.map(
    (port) => [listenerName('127.0.0.1', port), 'the application listens there'] as const,
  );
  return new Map([
    ...ownPorts.map((port) => [listenerName('127.0.0.1', port), 'the proxy itself listens there'] as const),
    ...application,
    [listenerName('127.0.0.1', httpProxyPort), 'the HTTP proxy listens there'],
  ]);
}
