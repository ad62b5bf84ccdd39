import type { LineFormat, Reports } from '../mesh/index.ts';
import { typed } from './pieces.ts';
import type { Proxy } from './types.ts';

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
export function logOf({ to, condition }: Reports['lines'][number], { extensions }: Proxy): readonly object[] {
  const stream = streams[to.path];
  const name = stream?.name ?? file;
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
  const log_format = formatOf(to.format);
  const typed_config =
    stream === undefined
      ? typed('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: to.path, log_format })
      : typed(`envoy.extensions.access_loggers.stream.v3.${stream.message}`, { log_format });
  return [{ name, ...(condition === null ? {} : { filter }), typed_config }];
}

/** A line ends with its text (Istio), or with its object. */
function formatOf(format: LineFormat): object {
  if (format.how === 'json') return { json_format: format.fields ?? defaultFields };
  const text = format.text ?? defaultText;
  return { text_format_source: { inline_string: text.endsWith('\n') ? text : `${text}\n` } };
}
