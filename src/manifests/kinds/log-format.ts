import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** What an operator takes between parentheses. */
type Argument = 'none' | 'header' | 'time' | 'key' | 'status' | 'spaces';

const header = /^:?[A-Za-z0-9!#$&'*+.^_`|~-]+(\?:?[A-Za-z0-9!#$&'*+.^_`|~-]+)?$/;
const argument: Readonly<Record<Exclude<Argument, 'none'>, RegExp>> = {
  header,
  time: /^[^()]{1,256}$/,
  key: /^[A-Za-z0-9_.-]+(:[A-Za-z0-9_./-]+)*$/,
  status: /^(CAMEL_STRING|SNAKE_STRING|NUMBER)$/,
  spaces: /^ALLOW_WHITESPACES$/,
};

/** Whether the argument may be left out. */
const optional: ReadonlySet<Argument> = new Set<Argument>(['none', 'time', 'status', 'spaces']);

function each(kind: Argument, names: string): readonly (readonly [string, Argument])[] {
  return names.split(' ').map((name) => [name, kind]);
}

/** The operators of Envoy's lines that say something of a proxy with our listeners (Envoy, "Access logging"). */
const operators: ReadonlyMap<string, Argument> = new Map([
  ...each('header', 'REQ REQUEST_HEADER RESP RESPONSE_HEADER TRAILER RESPONSE_TRAILER'),
  ...each('time', 'START_TIME START_TIME_LOCAL EMIT_TIME EMIT_TIME_LOCAL'),
  ...each('key', 'DYNAMIC_METADATA CLUSTER_METADATA UPSTREAM_METADATA'),
  ...each('status', 'GRPC_STATUS'),
  ...each('spaces', 'RESPONSE_CODE_DETAILS'),
  ...each('none', 'BYTES_RECEIVED BYTES_SENT BYTES_RETRANSMITTED PACKETS_RETRANSMITTED PROTOCOL DURATION'),
  ...each('none', 'REQUEST_DURATION REQUEST_TX_DURATION RESPONSE_DURATION RESPONSE_TX_DURATION'),
  ...each('none', 'DOWNSTREAM_HANDSHAKE_DURATION ROUNDTRIP_DURATION RESPONSE_CODE GRPC_STATUS_NUMBER'),
  ...each(
    'none',
    'CONNECTION_TERMINATION_DETAILS RESPONSE_FLAGS RESPONSE_FLAGS_LONG ROUTE_NAME CONNECTION_ID',
  ),
  ...each(
    'none',
    'REQUESTED_SERVER_NAME HOSTNAME FILTER_CHAIN_NAME VIRTUAL_CLUSTER_NAME UNIQUE_ID STREAM_ID',
  ),
  ...each('none', 'LOCAL_REPLY_BODY ACCESS_LOG_TYPE TRACE_ID SPAN_ID PATH QUERY_PARAMS CUSTOM_FLAGS'),
  ...each('none', 'REQUEST_HEADERS_BYTES RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES'),
  ...each('none', 'TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT UPSTREAM_PROTOCOL UPSTREAM_REQUEST_ATTEMPT_COUNT'),
  ...each('none', 'UPSTREAM_HOST UPSTREAM_HOST_NAME UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_CONNECTION_ID'),
  ...each('none', 'UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_PORT'),
  ...each('none', 'UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_PORT'),
  ...each(
    'none',
    'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_TLS_CIPHER',
  ),
  ...each('none', 'UPSTREAM_TLS_VERSION UPSTREAM_TLS_SESSION_ID UPSTREAM_PEER_ISSUER UPSTREAM_PEER_CERT'),
  ...each('none', 'UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN'),
  ...each('none', 'UPSTREAM_WIRE_BYTES_SENT UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT'),
  ...each('none', 'UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_DETECTED_CLOSE_TYPE'),
  ...each(
    'none',
    'DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_TLS_VERSION',
  ),
  ...each('none', 'DOWNSTREAM_WIRE_BYTES_SENT DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT'),
  ...each('none', 'DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_PORT'),
  ...each(
    'none',
    'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_REMOTE_PORT',
  ),
  ...each('none', 'DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_TLS_CIPHER'),
  ...each('none', 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT'),
  ...each('none', 'DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_PEER_DNS_SAN'),
  ...each(
    'none',
    'DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_LOCAL_DNS_SAN',
  ),
  ...each(
    'none',
    'DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_CERT',
  ),
  ...each('none', 'DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_FINGERPRINT_1'),
  ...each('none', 'DOWNSTREAM_PEER_SERIAL'),
]);

/** `%NAME(argument):length%`; a `%` that is none is written `%%`. */
const command = /^%([A-Z0-9_]+)(?:\(([^()]*)\))?(:[0-9]{1,5})?%/;

/** A line's format that Envoy would refuse, and with it every listener that writes such lines. */
export function* checkLogFormat(text: string, path: Path): Generator<Finding> {
  let rest = text.slice(Math.max(text.indexOf('%'), 0));
  while (rest.includes('%')) {
    rest = rest.slice(rest.indexOf('%'));
    if (rest.startsWith('%%')) {
      rest = rest.slice(2);
      continue;
    }
    const found = command.exec(rest);
    const reason = found === null ? 'it is not ended' : wrongCommand(found[1] ?? '', found[2], found[3]);
    if (found === null || reason !== null) {
      const what = found?.[0] ?? rest.slice(0, 40);
      yield { code: 'FL2287', message: `${what} says nothing of a request: ${reason}`, path };
      return;
    }
    rest = rest.slice(found[0].length);
  }
}

function wrongCommand(name: string, given: string | undefined, length: string | undefined): string | null {
  const kind = operators.get(name);
  if (kind === undefined) return `${name} is no operator that Fairlead knows`;
  if (length !== undefined && kind !== 'header') return 'it takes no length';
  if (given === undefined || given === '')
    return optional.has(kind) && given === undefined ? null : 'its argument is missing';
  if (kind === 'none') return 'it takes no argument';
  return argument[kind].test(given) ? null : 'its argument is malformed';
}

/** The same of the texts of an object, which is written as a line of JSON. */
export function* checkLogFields(fields: Readonly<Record<string, unknown>>, path: Path): Generator<Finding> {
  for (const [name, value] of Object.entries(fields)) {
    const at = [...path, name];
    if (typeof value === 'string') yield* checkLogFormat(value, at);
    else if (isFields(value)) yield* checkLogFields(value, at);
    else if (value === null || Array.isArray(value))
      yield { code: 'FL2107', message: `${name} is neither text nor an object`, path: at };
  }
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
