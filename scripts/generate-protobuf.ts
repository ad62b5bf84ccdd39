/**
 * Envoy's protobuf messages, out of the `.proto` files that grpc-js-xds ships, as one ES module:
 * `src/generated/envoy.js` with `envoy.d.ts`. How it is used:
 *
 *     import root, { envoy, google } from '../generated/envoy.js';
 *     const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;          // a value: the message's codec …
 *     type Request = envoy.service.discovery.v3.DeltaDiscoveryRequest;       // … and its decoded type
 *     DeltaDiscoveryRequest.decode(bytes).resourceNamesSubscribe;            // camelCase, defaults filled in
 *     DeltaDiscoveryRequest.encode({ typeUrl, responseNonce: '' }).finish(); // any part of it -> Uint8Array
 *
 * The messages are reflected protobufjs types (`protobuf.Type`; their codecs are compiled at first use and as
 * fast as static code), so protobufjs/ext/protojson.js gives canonical proto3 JSON too (`translate/encode.ts`).
 * Services are not generated: a gRPC path and two codecs are all that a service definition needs. Only the
 * messages listed here, and what their fields reach, are kept; validation rules and other options go.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import protobuf from 'protobufjs';
import { descriptors, descriptorsModule } from './generate-descriptors.ts';
import { addNewerFields } from './newer-fields.ts';
import { declarations } from './protobuf-declarations.ts';

const root = path.join(import.meta.dirname, '..');
const modules = path.join(root, 'node_modules');
export const xdsProtos = path.join(modules, '@grpc/grpc-js-xds/deps');
/** Files that the package does not ship yet. */
export const ownProtos = path.join(root, 'scripts/protos');
export const generated = path.join(root, 'src/generated');

/** Where an import such as `validate/validate.proto` may stand; protobufjs brings Google's own. */
const includes = [
  ...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => path.join(xdsProtos, name)),
  path.join(modules, 'protobufjs'),
  ownProtos,
];

/** File of each package, and the messages wanted of it. A further message is one more name. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  'envoy/service/discovery/v3/discovery.proto': [
    'DiscoveryRequest',
    'DiscoveryResponse',
    'DeltaDiscoveryRequest',
    'DeltaDiscoveryResponse',
  ],
  'envoy/service/status/v3/csds.proto': ['ClientStatusRequest', 'ClientStatusResponse'],
  'envoy/config/bootstrap/v3/bootstrap.proto': ['Bootstrap'],
  'envoy/config/cluster/v3/cluster.proto': ['Cluster'],
  // What a newer field names (`newer-fields.ts`).
  'envoy/config/common/matcher/v3/matcher.proto': ['MatchPredicate'],
  'envoy/config/endpoint/v3/endpoint.proto': ['ClusterLoadAssignment'],
  'envoy/config/listener/v3/listener.proto': ['Listener'],
  'envoy/config/route/v3/route.proto': ['RouteConfiguration'],
  'envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto': ['ClusterConfig'],
  'envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.proto': ['FilterConfig'],
  'envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy.proto': [
    'FilterConfig',
  ],
  'envoy/config/trace/v3/datadog.proto': ['DatadogConfig'],
  'envoy/config/trace/v3/opentelemetry.proto': ['OpenTelemetryConfig'],
  'envoy/config/trace/v3/skywalking.proto': ['SkyWalkingConfig'],
  'envoy/config/trace/v3/zipkin.proto': ['ZipkinConfig'],
  'envoy/extensions/access_loggers/file/v3/file.proto': ['FileAccessLog'],
  'envoy/extensions/access_loggers/filters/cel/v3/cel.proto': ['ExpressionFilter'],
  'envoy/extensions/access_loggers/grpc/v3/als.proto': ['HttpGrpcAccessLogConfig', 'TcpGrpcAccessLogConfig'],
  'envoy/extensions/access_loggers/stats/v3/stats.proto': ['Config'],
  'envoy/extensions/access_loggers/stream/v3/stream.proto': ['StdoutAccessLog', 'StderrAccessLog'],
  'envoy/extensions/access_loggers/wasm/v3/wasm.proto': ['WasmAccessLog'],
  // Its Entry alone is reached, and a descriptor of a nested message needs the one around it.
  'envoy/extensions/common/ratelimit/v3/ratelimit.proto': ['RateLimitDescriptor'],
  'envoy/extensions/filters/http/cors/v3/cors.proto': ['Cors', 'CorsPolicy'],
  'envoy/extensions/filters/http/fault/v3/fault.proto': ['HTTPFault'],
  'envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto': ['LocalRateLimit'],
  'envoy/extensions/filters/http/router/v3/router.proto': ['Router'],
  'envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto': ['HttpInspector'],
  'envoy/extensions/filters/listener/original_dst/v3/original_dst.proto': ['OriginalDst'],
  'envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto': ['ProxyProtocol'],
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto': ['TlsInspector'],
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto': [
    'HttpConnectionManager',
  ],
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto': ['TcpProxy'],
  'envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.proto': [
    'PreserveCaseFormatterConfig',
  ],
  'envoy/extensions/request_id/uuid/v3/uuid.proto': ['UuidRequestIdConfig'],
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto': ['PreviousHostsPredicate'],
  'envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto': [
    'PreviousPrioritiesConfig',
  ],
  'envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector.proto': [
    'EnvironmentResourceDetectorConfig',
  ],
  'envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto': [
    'ProxyProtocolUpstreamTransport',
  ],
  'envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto': ['RawBuffer'],
  'envoy/extensions/transport_sockets/tls/v3/tls.proto': ['UpstreamTlsContext', 'DownstreamTlsContext'],
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto': ['HttpProtocolOptions'],
};

/** The services that the server offers, by file; only reflection knows them by name. */
const services: Readonly<Record<string, string>> = {
  'envoy/service/discovery/v3/ads.proto': 'envoy.service.discovery.v3.AggregatedDiscoveryService',
  'envoy/service/cluster/v3/cds.proto': 'envoy.service.cluster.v3.ClusterDiscoveryService',
  'envoy/service/endpoint/v3/eds.proto': 'envoy.service.endpoint.v3.EndpointDiscoveryService',
  'envoy/service/listener/v3/lds.proto': 'envoy.service.listener.v3.ListenerDiscoveryService',
  'envoy/service/route/v3/rds.proto': 'envoy.service.route.v3.RouteDiscoveryService',
  'envoy/service/status/v3/csds.proto': 'envoy.service.status.v3.ClientStatusDiscoveryService',
};

/** Writes `src/generated/envoy.js` and `envoy.d.ts`, and `descriptors.js` with its own. */
export async function generateProtobuf(): Promise<void> {
  const source = await loadProtos([...Object.keys(wanted), ...Object.keys(services)]);
  const types = Object.entries(wanted).flatMap(([file, names]) => {
    const scope = path.dirname(file).replaceAll('/', '.');
    return names.map((name) => source.lookupType(`${scope}.${name}`));
  });
  const kept = reachable(types);
  const descriptor = keep(source, kept);
  await mkdir(generated, { recursive: true });
  await writeFile(path.join(generated, 'envoy.js'), moduleText(descriptor));
  await writeFile(path.join(generated, 'envoy.d.ts'), declarations(source, kept));
  const shown = protobuf.Root.fromJSON({ nested: descriptor } as protobuf.INamespace);
  shown.resolveAll();
  const health = await healthRoot();
  const files = [
    ...descriptors(source, shown, Object.values(services)),
    ...descriptors(health, health, ['grpc.health.v1.Health']),
  ];
  await writeFile(path.join(generated, 'descriptors.js'), descriptorsModule(files));
  await writeFile(path.join(generated, 'descriptors.d.ts'), 'export const files: readonly string[];\n');
}

/** All that these `.proto` files and their imports say. */
export async function loadProtos(files: readonly string[]): Promise<protobuf.Root> {
  const source = new protobuf.Root();
  source.resolvePath = resolveImport;
  await source.load([...files]);
  addNewerFields(source);
  source.resolveAll();
  return source;
}

/** The package's own descriptors name the entries of a map in a way that Go refuses (`grpcurl`). */
async function healthRoot(): Promise<protobuf.Root> {
  const text = await readFile(path.join(modules, 'grpc-health-check/proto/health/v1/health.proto'), 'utf8');
  const { root: health } = protobuf.parse(text);
  health.resolveAll();
  for (const each of health.define('grpc.health.v1').nestedArray) {
    each.filename = 'grpc/health/v1/health.proto';
  }
  return health;
}

/** Protobufjs exposes only upper-case children as properties, so the packages' tree is built here. */
function moduleText(descriptor: Descriptor): string {
  return `// Generated by scripts/generate-protobuf.ts.
import protobuf from 'protobufjs/light.js';
const root = protobuf.Root.fromJSON({ nested: ${JSON.stringify(descriptor)} }).resolveAll();
const tree = (child) => {
  if (child instanceof protobuf.Type) return child;
  if (child instanceof protobuf.Enum) return child.values;
  return Object.fromEntries(child.nestedArray.map((inner) => [inner.name, tree(inner)]));
};
export default root;
export const { ${Object.keys(descriptor).join(', ')} } = tree(root);
`;
}

function resolveImport(_origin: string, target: string): string {
  if (protobuf.common.get(target) !== null) return target;
  const found = includes.map((folder) => path.join(folder, target)).find((file) => existsSync(file));
  return found ?? target;
}

/** Messages and everything that their fields reach. */
export function reachable(types: readonly protobuf.Type[]): ReadonlySet<protobuf.ReflectionObject> {
  const seen = new Set<protobuf.ReflectionObject>();
  const visit = (type: protobuf.Type | protobuf.Enum): void => {
    if (seen.has(type)) return;
    seen.add(type);
    if (!(type instanceof protobuf.Type)) return;
    for (const field of type.fieldsArray) if (field.resolvedType) visit(field.resolvedType);
  };
  for (const type of types) visit(type);
  return seen;
}

export type Descriptor = { [name: string]: unknown };

/** The kept part of a namespace, as protobufjs's JSON descriptor. */
export function keep(
  space: protobuf.NamespaceBase,
  kept: ReadonlySet<protobuf.ReflectionObject>,
): Descriptor {
  const nested: Descriptor = {};
  for (const child of space.nestedArray) {
    const inner = child instanceof protobuf.Namespace ? keep(child, kept) : {};
    const below = Object.keys(inner).length > 0 ? { nested: inner } : {};
    if (kept.has(child)) nested[child.name] = { ...describe(child), ...below };
    else if ('nested' in below) nested[child.name] = below;
  }
  return nested;
}

/** One message or enum without its nested ones; types are absolute, since pruning moves what a relative name means. */
function describe(child: protobuf.ReflectionObject): Descriptor {
  if (child instanceof protobuf.Enum) return { edition: 'proto3', values: child.values };
  if (!(child instanceof protobuf.Type)) throw new Error(`${child.fullName} is no message`);
  const oneofs = child.oneofsArray.map(({ name, oneof }) => [name, { oneof }]);
  return {
    edition: 'proto3',
    ...(oneofs.length > 0 ? { oneofs: Object.fromEntries(oneofs) } : {}),
    fields: Object.fromEntries(child.fieldsArray.map((field) => [field.name, describeField(field)])),
  };
}

function describeField(field: protobuf.Field): Descriptor {
  const { rule, id, protoName, keyType } = field.toJSON() as protobuf.IMapField & { protoName?: string };
  const optional = field.options?.proto3_optional === true ? { options: { proto3_optional: true } } : {};
  const known = { rule, keyType, type: field.resolvedType?.fullName ?? field.type, id, protoName };
  return {
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
    ...optional,
  };
}
