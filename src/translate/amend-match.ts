import { type EnvoyMatch, fitsRegex } from '../manifests/index.ts';
import type { Change } from '../mesh/index.ts';
import type { Fields } from './merge-message.ts';
import { VIRTUAL_INBOUND, VIRTUAL_OUTBOUND } from './names.ts';
import type { Proxy } from './types.ts';

/** Which side of a proxy something is of, in Istio's words. */
export type Context = 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY';

type ListenerMatch = NonNullable<EnvoyMatch['listener']>;
type ApplyTo = Change['says']['applyTo'];

export function contextOf({ type }: Proxy, isInbound: boolean): Context {
  if (type === 'router') return 'GATEWAY';
  return isInbound ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND';
}

export function isIn({ says: { match } }: Change, context: Context): boolean {
  const wanted = match?.context ?? 'ANY';
  return wanted === 'ANY' || wanted === context;
}

/** Whether a change is for a proxy, by what the proxy says of itself. */
export function isForProxy({ says: { match } }: Change, { type, metadata }: Proxy): boolean {
  const { context = 'ANY', proxy = {} } = match ?? {};
  if (context === 'WAYPOINT') return false;
  if (context !== 'ANY' && (context === 'GATEWAY') !== (type === 'router')) return false;
  const { proxyVersion, metadata: wanted = {} } = proxy;
  const version = metadata.ISTIO_VERSION;
  if (proxyVersion !== undefined && (version === undefined || !fitsRegex(proxyVersion, version)))
    return false;
  return Object.entries(wanted).every(([name, value]) => metadata[name] === value);
}

/** Keys of a proxy's metadata that decide whether a change is for it. */
export function metadataAsked({ says: { match } }: Change): readonly string[] {
  const { proxyVersion, metadata = {} } = match?.proxy ?? {};
  return [...(proxyVersion === undefined ? [] : ['ISTIO_VERSION']), ...Object.keys(metadata)];
}

/**
 * Whether a listener is meant. Where inbound traffic is not captured, each port has a listener of its own in place of the
 * chains of `virtualInbound`, and is meant by that name, too. The ports of captured traffic are those of the chains.
 */
export function isListener(applyTo: ApplyTo, match: ListenerMatch | undefined, listener: Fields): boolean {
  const { name, portNumber } = match ?? {};
  const isInbound = listener.traffic_direction === 'INBOUND';
  if (name !== undefined && name !== listener.name && !(isInbound && name === VIRTUAL_INBOUND)) return false;
  if (portNumber === undefined || (applyTo !== 'LISTENER' && isVirtual(listener))) return true;
  return portOf(listener) === portNumber;
}

function isVirtual({ name }: Fields): boolean {
  return name === VIRTUAL_INBOUND || name === VIRTUAL_OUTBOUND;
}

function portOf({ address }: Fields): unknown {
  return (address as { socket_address?: Fields } | undefined)?.socket_address?.port_value;
}

/** Whether a chain of a listener is meant. */
export function isChain(match: ListenerMatch | undefined, listener: Fields, chain: Fields): boolean {
  const { portNumber, filterChain = {} } = match ?? {};
  const told = (chain.filter_chain_match ?? {}) as {
    readonly destination_port?: number;
    readonly server_names?: readonly string[];
    readonly transport_protocol?: string;
    readonly application_protocols?: readonly string[];
  };
  if (portNumber !== undefined && isVirtual(listener) && told.destination_port !== portNumber) return false;
  const { name, sni, transportProtocol, applicationProtocols, destinationPort } = filterChain;
  const asked = applicationProtocols?.split(',').map((protocol) => protocol.trim()) ?? [];
  return (
    (name === undefined || name === chain.name) &&
    (sni === undefined || (told.server_names ?? []).includes(sni)) &&
    (transportProtocol === undefined || transportProtocol === told.transport_protocol) &&
    asked.every((protocol) => told.application_protocols?.includes(protocol) ?? false) &&
    (destinationPort === undefined || destinationPort === (told.destination_port ?? portOf(listener)))
  );
}

/** Names that Envoy gave up, which manifests still say. */
const former: Readonly<Record<string, string>> = {
  'envoy.http_connection_manager': 'envoy.filters.network.http_connection_manager',
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
  'envoy.router': 'envoy.filters.http.router',
  'envoy.cors': 'envoy.filters.http.cors',
  'envoy.fault': 'envoy.filters.http.fault',
  'envoy.listener.tls_inspector': 'envoy.filters.listener.tls_inspector',
  'envoy.listener.http_inspector': 'envoy.filters.listener.http_inspector',
  'envoy.listener.original_dst': 'envoy.filters.listener.original_dst',
};

/** Whether a filter bears the name, or the one that it once had; no name is all of them. */
export function isNamed(name: string | undefined, filter: Fields): boolean {
  return name === undefined || filter.name === (former[name] ?? name) || filter.name === name;
}
