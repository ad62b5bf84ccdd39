import type { LineReporter, Reports, SendingReporter } from '../mesh/index.ts';
import { typed } from './pieces.ts';
import { clusterOfCollector } from './spans.ts';
import type { View } from './view.ts';

/** What of a view takes part. */
type Seeing = Pick<View, 'proxy' | 'targets'>;

type FileReporter = Exclude<LineReporter, SendingReporter>;

const file = 'envoy.access_loggers.file';

/** An output of the proxy itself is written to as it is: it may be a socket, which no path opens. */
const streams: Readonly<Record<string, { readonly name: string; readonly message: string }>> = {
  '/dev/stdout': { name: 'envoy.access_loggers.stdout', message: 'StdoutAccessLog' },
  '/dev/stderr': { name: 'envoy.access_loggers.stderr', message: 'StderrAccessLog' },
};
const cel = 'envoy.access_loggers.extension_filters.cel';

/** Istio's line, field by field: in JSON the name of each, in a text as it stands there. */
const fields: readonly (readonly [string, string, string?])[] = [
  ['start_time', '%START_TIME%', '[%START_TIME%]'],
  ['method', '%REQ(:METHOD)%', '"%REQ(:METHOD)%'],
  ['path', '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%'],
  ['protocol', '%PROTOCOL%', '%PROTOCOL%"'],
  ['response_code', '%RESPONSE_CODE%'],
  ['response_flags', '%RESPONSE_FLAGS%'],
  ['response_code_details', '%RESPONSE_CODE_DETAILS%'],
  ['connection_termination_details', '%CONNECTION_TERMINATION_DETAILS%'],
  [
    'upstream_transport_failure_reason',
    '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%"',
  ],
  ['bytes_received', '%BYTES_RECEIVED%'],
  ['bytes_sent', '%BYTES_SENT%'],
  ['duration', '%DURATION%'],
  ['upstream_service_time', '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%'],
  ['x_forwarded_for', '%REQ(X-FORWARDED-FOR)%', '"%REQ(X-FORWARDED-FOR)%"'],
  ['user_agent', '%REQ(USER-AGENT)%', '"%REQ(USER-AGENT)%"'],
  ['request_id', '%REQ(X-REQUEST-ID)%', '"%REQ(X-REQUEST-ID)%"'],
  ['authority', '%REQ(:AUTHORITY)%', '"%REQ(:AUTHORITY)%"'],
  ['upstream_host', '%UPSTREAM_HOST%', '"%UPSTREAM_HOST%"'],
  ['upstream_cluster', '%UPSTREAM_CLUSTER_RAW%'],
  ['upstream_local_address', '%UPSTREAM_LOCAL_ADDRESS%'],
  ['downstream_local_address', '%DOWNSTREAM_LOCAL_ADDRESS%'],
  ['downstream_remote_address', '%DOWNSTREAM_REMOTE_ADDRESS%'],
  ['requested_server_name', '%REQUESTED_SERVER_NAME%'],
  ['route_name', '%ROUTE_NAME%'],
];

const defaultText = fields.map(([, operator, text = operator]) => text).join(' ');
const defaultFields = Object.fromEntries(fields.map(([name, operator]) => [name, operator]));

/** An access log; none where the proxy cannot write it, or cannot tell which lines it is asked for. */
export function logOf({ to, condition }: Reports['lines'][number], view: Seeing): readonly object[] {
  const { extensions } = view.proxy;
  const made = to.writes === 'file' ? writing(to) : sending(to, view);
  if (made === null) return [];
  const { name, typed_config } = made;
  const needed = [name, ...(condition === null ? [] : [cel])];
  if (extensions !== null && !needed.every((each) => extensions.has(each))) return [];
  const filter = {
    extension_filter: {
      name: cel,
      typed_config: typed('envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', {
        expression: condition,
      }),
    },
  };
  return [{ name, ...(condition === null ? {} : { filter }), typed_config }];
}

type Made = { readonly name: string; readonly typed_config: object };

function writing(to: FileReporter): Made {
  const stream = streams[to.path];
  const log_format = { ...formatOf(to), ...(to.empty === 'left-out' ? { omit_empty_values: true } : {}) };
  const typed_config =
    stream === undefined
      ? typed('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: to.path, log_format })
      : typed(`envoy.extensions.access_loggers.stream.v3.${stream.message}`, { log_format });
  return { name: stream?.name ?? file, typed_config };
}

const services = {
  requests: {
    name: 'envoy.access_loggers.http_grpc',
    message: 'HttpGrpcAccessLogConfig',
    log: 'http_envoy_accesslog',
  },
  connections: {
    name: 'envoy.access_loggers.tcp_grpc',
    message: 'TcpGrpcAccessLogConfig',
    log: 'tcp_envoy_accesslog',
  },
} as const;

/** Null: the proxy does not see the collector. */
function sending(to: SendingReporter, view: Seeing): Made | null {
  const cluster = clusterOfCollector(to, view);
  if (cluster === null) return null;
  const { name, message, log } = services[to.writes];
  const { states, requestHeaders, responseHeaders, responseTrailers } = to.more;
  const list = (field: string, items: readonly string[]) => (items.length === 0 ? {} : { [field]: items });
  const common_config = {
    log_name: to.logName ?? log,
    grpc_service: { envoy_grpc: { cluster_name: cluster, authority: to.host } },
    transport_api_version: 'V3',
    ...list('filter_state_objects_to_log', states),
  };
  const typed_config = typed(`envoy.extensions.access_loggers.grpc.v3.${message}`, {
    common_config,
    ...list('additional_request_headers_to_log', requestHeaders),
    ...list('additional_response_headers_to_log', responseHeaders),
    ...list('additional_response_trailers_to_log', responseTrailers),
  });
  return { name, typed_config };
}

/** A line ends with its text (Istio), or with its object. */
function formatOf({ format }: FileReporter): object {
  if (format.how === 'json') return { json_format: format.fields ?? defaultFields };
  const text = format.text ?? defaultText;
  return { text_format_source: { inline_string: text.endsWith('\n') ? text : `${text}\n` } };
}
