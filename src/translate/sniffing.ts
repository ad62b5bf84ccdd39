import { duration, typed } from './pieces.ts';
import type { View } from './view.ts';

const inspector = 'envoy.filters.listener';

/** Tells TLS, its SNI and its ALPN, by the first bytes. */
export const tlsInspector = {
  name: `${inspector}.tls_inspector`,
  typed_config: typed('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
};

/** Tells HTTP/1.1 and HTTP/2 by the first bytes. */
export const httpInspector = {
  name: `${inspector}.http_inspector`,
  typed_config: typed('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
};

/** Finds where a redirected connection wanted to go. */
export const originalDestination = {
  name: `${inspector}.original_dst`,
  typed_config: typed('envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}),
};

/**
 * Waits for the first bytes as long as it takes (Istio), unless the mesh limits it: a client may connect long before it
 * asks. Where the server speaks first, its port has to be declared.
 */
export function patience({ settings }: Pick<View, 'settings'>): object {
  const listener_filters_timeout = duration(settings.detectionMs);
  return { listener_filters_timeout, continue_on_listener_filters_timeout: true };
}

/** Filter chain match of a connection that carries HTTP in plain text. */
export const isHttp = { transport_protocol: 'raw_buffer', application_protocols: ['http/1.1', 'h2c'] };

/** `httpInspector` for these ports only: any other server may be the first to speak. */
export function httpInspectorAt(ports: readonly number[]): object {
  return { ...httpInspector, filter_disabled: { not_match: anyOf(ports) } };
}

/** The same for all but these. */
export function httpInspectorBut(ports: readonly number[]): object {
  return ports.length === 0 ? httpInspector : { ...httpInspector, filter_disabled: anyOf(ports) };
}

function anyOf(ports: readonly number[]): object | undefined {
  const rules = ports.map((port) => ({ destination_port_range: { start: port, end: port + 1 } }));
  const [only, ...others] = rules;
  return others.length === 0 ? only : { or_match: { rules } };
}
