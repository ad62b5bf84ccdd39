import type { Collector, Reports, SpanReporter, SpanTag } from '../mesh/index.ts';
import { outboundCluster } from './names.ts';
import { duration, typed } from './pieces.ts';
import type { Proxy } from './types.ts';
import type { View } from './view.ts';

type Spans = NonNullable<Reports['spans']>;

/** Cluster of the service that takes reports; null: the proxy does not see it. Hosts may leave out the mesh's domain. */
export function clusterOfCollector(
  { host, namespace, port }: Collector,
  { targets }: Pick<View, 'targets'>,
): string | null {
  for (const full of [host, `${host}.svc.cluster.local`]) {
    const service = targets.get(full);
    if (service === undefined || (namespace !== null && service.namespace !== namespace)) continue;
    if (service.ports.some(({ number }) => number === port)) return outboundCluster(port, null, full);
  }
  return null;
}

const tracers = {
  zipkin: 'envoy.tracers.zipkin',
  'otlp-grpc': 'envoy.tracers.opentelemetry',
  'otlp-http': 'envoy.tracers.opentelemetry',
  datadog: 'envoy.tracers.datadog',
  skywalking: 'envoy.tracers.skywalking',
} as const satisfies Record<SpanReporter['speaks'], string>;

/** How requests are traced; null: the proxy does not speak what the collector understands. */
export function tracingOf(
  { to, percent, tags, maxPathLength, stopsHere }: Spans,
  cluster: string,
  proxy: Proxy,
): object | null {
  const name = tracers[to.speaks];
  if (proxy.extensions !== null && !proxy.extensions.has(name)) return null;
  return {
    client_sampling: { value: 100 },
    random_sampling: { value: percent },
    overall_sampling: { value: 100 },
    ...(tags.length === 0 ? {} : { custom_tags: tags.map(tagOf) }),
    ...(maxPathLength === null ? {} : { max_path_tag_length: maxPathLength }),
    ...(stopsHere ? { no_context_propagation: true } : {}),
    provider: { name, typed_config: tracerOf(to, cluster, proxy) },
  };
}

/** How requests get their ids, for those who trace them; empty: as Envoy does it. */
export function requestIds({ goesByRequestId }: Spans): object {
  if (goesByRequestId) return {};
  const message = 'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig';
  return {
    request_id_extension: { typed_config: typed(message, { use_request_id_for_trace_sampling: false }) },
  };
}

function tracerOf(to: SpanReporter, cluster: string, proxy: Proxy): object {
  switch (to.speaks) {
    case 'zipkin':
      return zipkin(to, cluster);
    case 'otlp-grpc':
    case 'otlp-http':
      return otlp(to, cluster, proxy);
    case 'datadog':
      return typed('envoy.config.trace.v3.DatadogConfig', {
        collector_cluster: cluster,
        collector_hostname: to.host,
        service_name: serviceName(proxy),
      });
    case 'skywalking':
      return typed('envoy.config.trace.v3.SkyWalkingConfig', {
        grpc_service: grpcService(to, cluster),
        ...(to.token === null ? {} : { client_config: { backend_token: to.token } }),
      });
  }
}

function zipkin({ host, path, hasLongIds }: SpanReporter, cluster: string): object {
  return typed('envoy.config.trace.v3.ZipkinConfig', {
    collector_cluster: cluster,
    collector_endpoint: path ?? '/api/v2/spans',
    collector_endpoint_version: 'HTTP_JSON',
    collector_hostname: host,
    trace_id_128bit: hasLongIds,
    shared_span_context: false,
  });
}

function otlp(to: SpanReporter, cluster: string, proxy: Proxy): object {
  const exporter =
    to.speaks === 'otlp-grpc'
      ? { grpc_service: grpcService(to, cluster) }
      : { http_service: httpService(to, cluster) };
  return typed('envoy.config.trace.v3.OpenTelemetryConfig', {
    ...exporter,
    service_name: serviceName(proxy),
    ...(to.detects === null ? {} : { resource_detectors: [environment] }),
  });
}

const detector = 'envoy.extensions.tracers.opentelemetry.resource_detectors.v3';
const environment = {
  name: 'envoy.tracers.opentelemetry.resource_detectors.environment',
  typed_config: typed(`${detector}.EnvironmentResourceDetectorConfig`, {}),
};

function grpcService({ host, headers, timeoutMs: limitMs }: SpanReporter, cluster: string): object {
  return {
    envoy_grpc: { cluster_name: cluster, authority: host },
    ...(limitMs === null ? {} : { timeout: duration(limitMs) }),
    ...(headers.length === 0 ? {} : { initial_metadata: headers.map(valued) }),
  };
}

/** As it is: in headers that are added, `%` would begin something. */
function valued({ name, value }: { readonly name: string; readonly value: string }): object {
  return { key: name, value: value.replaceAll('%', '%%') };
}

const timeoutMs = 10_000;

function httpService({ host, port, path, headers, ...to }: SpanReporter, cluster: string): object {
  const http_uri = {
    uri: `http://${host}:${port}${path ?? '/v1/traces'}`,
    cluster,
    timeout: duration(to.timeoutMs ?? timeoutMs),
  };
  const added = headers.map((header) => ({ header: valued(header) }));
  return { http_uri, ...(added.length === 0 ? {} : { request_headers_to_add: added }) };
}

/** Who sends the spans, by the labels that say it (Istio, "canonical service"). */
function serviceName({ labels, namespace, type }: Proxy): string {
  const name =
    labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels.app ?? type;
  return `${name}.${namespace}`;
}

function tagOf(tag: SpanTag): object {
  switch (tag.from) {
    case 'literal':
      return { tag: tag.name, literal: { value: tag.value } };
    case 'header':
      return { tag: tag.name, request_header: { name: tag.key, default_value: tag.otherwise } };
    case 'format':
      return { tag: tag.name, value: tag.text };
    case 'environment':
      return { tag: tag.name, environment: { name: tag.key, default_value: tag.otherwise } };
  }
}
