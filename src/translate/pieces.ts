import type { Origin, Protocol } from '../mesh/index.ts';

/** `metadata` with the provenance that stays the same when a line moves (`formats.md`, "Provenance"). */
export function provenance(origin: Origin): object {
  return metadataOf(origin);
}

/** The same beside metadata by its own name. */
export function metadataOf({ scope, uid, document }: Origin, more: object = {}): object {
  return { filter_metadata: { fairlead: { scope, uid, source: document }, ...more } };
}

/** proto3 JSON of a duration. */
export function duration(ms: number): string {
  return `${Number((ms / 1000).toFixed(9))}s`;
}

/** A share of requests as exactly as Istio has it: 10,000ths of a percent. */
export function fraction(percent: number): object {
  return { numerator: Math.round(percent * 10_000), denominator: 'MILLION' };
}

export function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

/** `@type` first, as people read it. */
export function typed(message: string, fields: object): object {
  return { '@type': `type.googleapis.com/${message}`, ...fields };
}

/** Options of a cluster's HTTP connections: of all, of those of one version, of what requests say of their hosts, and of errors. */
export type HttpOptions = {
  readonly common?: object;
  readonly http1?: object;
  readonly http2?: object;
  readonly upstream?: object;
  readonly errors?: object;
};

/** What a cluster speaks to its hosts; nothing said is HTTP/1.1, or bytes. */
export function upstreamProtocol(
  protocol: Protocol,
  { common = {}, http1 = {}, http2 = {}, upstream = {}, errors = {} }: HttpOptions = {},
): object {
  const isDefault = protocol === 'http' || protocol === 'tcp' || protocol === 'tls';
  const more = {
    ...(Object.keys(common).length === 0 ? {} : { common_http_protocol_options: common }),
    ...(Object.keys(upstream).length === 0 ? {} : { upstream_http_protocol_options: upstream }),
    ...(Object.keys(errors).length === 0 ? {} : { outlier_detection: errors }),
  };
  const own = protocol === 'tcp' || protocol === 'tls' ? {} : http1;
  if (isDefault && Object.keys(more).length + Object.keys(own).length === 0) return {};
  const options = { ...httpConfig(protocol, own, http2), ...more };
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return { typed_extension_protocol_options: { [name]: typed(name, options) } };
}

function httpConfig(protocol: Protocol, http1: object, http2: object): object {
  const explicit = (options: object) => ({ explicit_http_config: options });
  if (protocol === 'http2') return explicit({ http2_protocol_options: http2 });
  if (protocol !== 'undeclared') return explicit({ http_protocol_options: http1 });
  return { use_downstream_protocol_config: { http_protocol_options: http1, http2_protocol_options: http2 } };
}

const most = 4294967295;

/** What a cluster takes at once. Envoy's own defaults would shed load at 1024; Istio's are unlimited. */
export function thresholds(
  limits: Readonly<Record<string, number | null | undefined>> = {},
  budget: object = {},
): object {
  const { max_connections, max_pending_requests, max_requests, max_retries } = limits;
  return {
    thresholds: [
      {
        max_connections: max_connections ?? most,
        max_pending_requests: max_pending_requests ?? most,
        max_requests: max_requests ?? most,
        max_retries: max_retries ?? most,
        track_remaining: true,
        ...budget,
      },
    ],
  };
}

const preserveCase = 'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig';

/** Names of headers of HTTP/1 keep their letters: both ends of a proxy have to say so. */
export const keptLetters = {
  header_key_format: {
    stateful_formatter: {
      name: 'envoy.http.stateful_header_formatters.preserve_case',
      typed_config: typed(preserveCase, {}),
    },
  },
};
