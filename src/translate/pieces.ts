import type { Origin, Protocol } from '../mesh/index.ts';

/** `metadata` with the provenance that stays the same when a line moves (`formats.md`, "Provenance"). */
export function provenance({ scope, uid, document }: Origin): object {
  return { filter_metadata: { fairlead: { scope, uid, source: document } } };
}

/** proto3 JSON of a duration. */
export function duration(ms: number): string {
  return `${Number((ms / 1000).toFixed(9))}s`;
}

export function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

/** `@type` first, as people read it. */
export function typed(message: string, fields: object): object {
  return { '@type': `type.googleapis.com/${message}`, ...fields };
}

/** What a cluster speaks to its hosts; nothing said is HTTP/1.1, or bytes. */
export function upstreamProtocol(protocol: Protocol): object {
  if (protocol === 'http' || protocol === 'tcp') return {};
  const options =
    protocol === 'http2'
      ? { explicit_http_config: { http2_protocol_options: {} } }
      : { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } };
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return { typed_extension_protocol_options: { [name]: typed(name, options) } };
}

/** Envoy's own defaults would shed load at 1024; Istio's are unlimited. */
export const unlimited = {
  thresholds: [
    {
      max_connections: 4294967295,
      max_pending_requests: 4294967295,
      max_requests: 4294967295,
      max_retries: 4294967295,
      track_remaining: true,
    },
  ],
};
