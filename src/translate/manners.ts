import type { CertificateHeader, Incoming, Manners } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import { has } from './http.ts';
import { duration, keptLetters, typed } from './pieces.ts';
import { LISTENER } from './types.ts';
import type { View } from './view.ts';

type Filter = { readonly name: string; readonly typed_config: object };
type Chain = { readonly filters: readonly Filter[] };
type Listener = {
  readonly traffic_direction?: string;
  readonly listener_filters?: readonly object[];
  readonly filter_chains?: readonly Chain[];
  readonly default_filter_chain?: Chain;
};

/** Who sends what comes in at a listener: those outside, other workloads, or the workload itself. */
type Side = 'gateway' | 'inbound' | 'outbound';

/** Listeners with what the settings of the scope say of all requests that come in there. */
export function mannered(view: View, { drafts, skipped }: Bound): Bound {
  const { manners } = view.settings;
  const all = drafts.map((draft) => {
    if (draft.typeUrl !== LISTENER) return draft;
    const listener = draft.json as Listener;
    const side = sideOf(view, listener);
    const http = requestFields(manners, side);
    const own = listenerFields(view, side, listener);
    const hasNoMore = manners.ownHeaders === 'said' && manners.letters === 'small';
    if (Object.keys(http).length + Object.keys(own).length === 0 && hasNoMore) return draft;
    return { ...draft, json: withFields(listener, own, (filter) => inManager(filter, http, manners)) };
  });
  return { drafts: all, skipped };
}

function sideOf({ proxy }: View, { traffic_direction: direction }: Listener): Side {
  if (proxy.type === 'router') return 'gateway';
  return direction === 'INBOUND' ? 'inbound' : 'outbound';
}

function withFields(listener: Listener, own: object, inside: (filter: Filter) => Filter): object {
  const { filter_chains: chains, default_filter_chain: last, ...json } = listener;
  const inChain = (chain: Chain) => ({ ...chain, filters: chain.filters.map(inside) });
  return {
    ...json,
    ...own,
    ...(chains === undefined ? {} : { filter_chains: chains.map(inChain) }),
    ...(last === undefined ? {} : { default_filter_chain: inChain(last) }),
  };
}

const proxyProtocol = {
  name: 'envoy.filters.listener.proxy_protocol',
  typed_config: typed('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', {}),
};

function listenerFields({ settings: { manners }, proxy }: View, side: Side, listener: Listener): object {
  const { before, incoming } = manners;
  const isBegun = side === 'gateway' && before.speaks !== null && has(proxy, proxyProtocol);
  return {
    ...(isBegun ? { listener_filters: [proxyProtocol, ...(listener.listener_filters ?? [])] } : {}),
    ...(incoming.bufferBytes === null ? {} : { per_connection_buffer_limit_bytes: incoming.bufferBytes }),
  };
}

type Manager = { readonly http_filters?: readonly Filter[]; readonly http_protocol_options?: object };

function inManager(filter: Filter, fields: object, { letters, ownHeaders }: Manners): Filter {
  if (filter.name !== 'envoy.filters.network.http_connection_manager') return filter;
  const config = filter.typed_config as Manager;
  const { http_filters: filters = [], http_protocol_options: http1 } = config;
  return {
    ...filter,
    typed_config: {
      ...config,
      ...fields,
      ...(letters === 'as-sent' ? { http_protocol_options: { ...http1, ...keptLetters } } : {}),
      ...(ownHeaders === 'said' ? {} : { http_filters: filters.map(silent) }),
    },
  };
}

/** The router without what it says of its own work. */
function silent(filter: Filter): Filter {
  if (filter.name !== 'envoy.filters.http.router') return filter;
  return { ...filter, typed_config: { ...filter.typed_config, suppress_envoy_headers: true } };
}

/** Of a manager, in the place of what every one has. */
function requestFields(manners: Manners, side: Side): object {
  const { server, requestIds, port, before } = manners;
  return {
    ...pathFields(manners.paths),
    ...(server.says === 'application' ? { server_header_transformation: 'PASS_THROUGH' } : {}),
    ...(server.says === 'proxy' && server.name !== null ? { server_name: server.name } : {}),
    ...(requestIds === 'made' ? {} : { generate_request_id: false }),
    ...(port === 'said' ? { append_x_forwarded_port: true } : {}),
    ...(side === 'gateway' && before.trusted > 0 ? { xff_num_trusted_hops: before.trusted } : {}),
    ...certificateFields(manners.certificates, side),
    ...incomingFields(manners.incoming),
  };
}

function pathFields({ isNormal, mergesSlashes, escapedSlashes }: Manners['paths']): object {
  return {
    ...(isNormal ? {} : { normalize_path: false }),
    ...(mergesSlashes ? { merge_slashes: true } : {}),
    ...(escapedSlashes === 'kept' ? {} : { path_with_escaped_slashes_action: escapes[escapedSlashes] }),
  };
}

const escapes = {
  refused: 'REJECT_REQUEST',
  redirected: 'UNESCAPE_AND_REDIRECT',
  decoded: 'UNESCAPE_AND_FORWARD',
} as const;

function certificateFields({ inbound, gateway, parts }: Manners['certificates'], side: Side): object {
  const said = side === 'gateway' ? gateway : side === 'inbound' ? inbound : null;
  if (said === null) return {};
  const isSet = said === 'appended-if-mutual' || said === 'replaced-if-mutual';
  return {
    forward_client_cert_details: certificates[said],
    ...(isSet ? { set_current_client_cert_details: parts } : {}),
  };
}

const certificates = {
  removed: 'SANITIZE',
  'kept-if-mutual': 'FORWARD_ONLY',
  'appended-if-mutual': 'APPEND_FORWARD',
  'replaced-if-mutual': 'SANITIZE_SET',
  kept: 'ALWAYS_FORWARD_ONLY',
} as const satisfies Record<CertificateHeader, string>;

function incomingFields(incoming: Incoming): object {
  const time = (name: string, ms: number | null) => (ms === null ? {} : { [name]: duration(ms) });
  const count = (name: string, value: number | null) => (value === null ? {} : { [name]: value });
  const { underscores } = incoming;
  const common = {
    ...time('idle_timeout', incoming.idleMs),
    ...time('max_connection_duration', incoming.maxAgeMs),
    ...time('max_stream_duration', incoming.streamMs),
    ...(underscores === null ? {} : { headers_with_underscores_action: actions[underscores] }),
  };
  const http2 = {
    ...count('max_concurrent_streams', incoming.maxStreams),
    ...count('initial_stream_window_size', incoming.streamWindowBytes),
    ...count('initial_connection_window_size', incoming.connectionWindowBytes),
  };
  return {
    ...(Object.keys(common).length === 0 ? {} : { common_http_protocol_options: common }),
    ...(Object.keys(http2).length === 0 ? {} : { http2_protocol_options: http2 }),
    ...time('drain_timeout', incoming.drainMs),
    ...time('request_timeout', incoming.requestMs),
    ...time('request_headers_timeout', incoming.headersMs),
    ...time('stream_idle_timeout', incoming.streamIdleMs),
  };
}

const actions = { allowed: 'ALLOW', refused: 'REJECT_REQUEST', dropped: 'DROP_HEADER' } as const;
