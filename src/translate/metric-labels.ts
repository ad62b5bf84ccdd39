import type { Side } from '../mesh/index.ts';
import type { Proxy } from './types.ts';

/** A label of a metric, and the operators that it is made of. */
export type MetricLabel = { readonly name: string; readonly format: string };

/** What metadata of clusters says of the service, and metadata of endpoints of the workload. */
export const SERVICE_METADATA = 'fairlead.service';
export const WORKLOAD_METADATA = 'fairlead.workload';

const unknown = 'unknown';

type Labels = Readonly<Record<string, string>>;

/** What labels of a workload say (Istio, "canonical service"). */
export function workloadFacts(
  labels: Labels,
): Readonly<Record<'app' | 'version' | 'canonical' | 'revision', string>> {
  const { app = unknown, version = unknown } = labels;
  return {
    app,
    version,
    canonical: labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? app,
    revision:
      labels['service.istio.io/canonical-revision'] ??
      labels['app.kubernetes.io/version'] ??
      labels.version ??
      'latest',
  };
}

/** Istio's labels, in its order, of what one end reports; a peer that nobody knows is `unknown` there, too. */
export function metricLabels(
  side: Side,
  carried: 'requests' | 'bytes',
  proxy: Proxy,
): readonly MetricLabel[] {
  const own = ownEnd(proxy);
  const [source, destination] = side === 'client' ? [own, calledEnd] : [callingEnd, own];
  return [
    fixed('reporter', side === 'client' ? 'source' : 'destination'),
    ...[
      'workload',
      'canonical_service',
      'canonical_revision',
      'workload_namespace',
      'principal',
      'app',
      'version',
      'cluster',
    ].map((name) => ({ ...(source[name] ?? fixed('', unknown)), name: `source_${name}` })),
    ...['workload', 'workload_namespace', 'principal', 'app', 'version'].map((name) => ({
      ...(destination[name] ?? fixed('', unknown)),
      name: `destination_${name}`,
    })),
    ofService('destination_service', 'host'),
    ...['canonical_service', 'canonical_revision'].map((name) => ({
      ...(destination[name] ?? fixed('', unknown)),
      name: `destination_${name}`,
    })),
    ofService('destination_service_name', 'name'),
    ofService('destination_service_namespace', 'namespace'),
    fixed('destination_cluster', unknown),
    ...(carried === 'requests' ? ofRequests : [fixed('request_protocol', 'tcp')]),
    { name: 'response_flags', format: '%RESPONSE_FLAGS%' },
    side === 'client'
      ? fixed('connection_security_policy', unknown)
      : { name: 'connection_security_policy', format: firstOf(['CEL', security], 'none') },
  ];
}

const security = "connection.mtls ? 'mutual_tls' : 'none'";
const protocol = "request.headers['content-type'].startsWith('application/grpc') ? 'grpc' : 'http'";

const ofRequests: readonly MetricLabel[] = [
  { name: 'request_protocol', format: firstOf(['CEL', protocol], 'http') },
  { name: 'response_code', format: '%RESPONSE_CODE%' },
  { name: 'grpc_response_status', format: '%GRPC_STATUS_NUMBER%' },
];

type End = Readonly<Record<string, MetricLabel>>;

/** Only what all replicas of a workload have in common stands in the text, so that they hear the same. */
function ownEnd({ namespace, labels }: Proxy): End {
  const { app, version, canonical, revision } = workloadFacts(labels);
  const workload = { name: '', format: firstOf(['CEL', "xds.node.metadata['WORKLOAD_NAME']"]) };
  return {
    workload,
    canonical_service: canonical === unknown ? workload : fixed('', canonical),
    canonical_revision: fixed('', revision),
    workload_namespace: fixed('', namespace),
    app: fixed('', app),
    version: fixed('', version),
  };
}

/** Of the endpoint that was chosen. */
const calledEnd: End = {
  workload: ofEndpoint('name'),
  canonical_service: ofEndpoint('canonical'),
  canonical_revision: ofEndpoint('revision'),
  workload_namespace: ofEndpoint('namespace'),
  app: ofEndpoint('app'),
  version: ofEndpoint('version'),
};

/** Whoever has no certificate does not say who it is. */
const callingEnd: End = { principal: { name: '', format: firstOf(['DOWNSTREAM_PEER_URI_SAN', '']) } };

function ofEndpoint(field: string): MetricLabel {
  return { name: '', format: firstOf(['UPSTREAM_METADATA', `${WORKLOAD_METADATA}:${field}`]) };
}

function ofService(name: string, field: string): MetricLabel {
  return { name, format: firstOf(['CLUSTER_METADATA', `${SERVICE_METADATA}:${field}`]) };
}

function fixed(name: string, text: string): MetricLabel {
  return { name, format: text.replaceAll('%', '%%') };
}

/** An operator of Envoy's access logs with its argument. */
type Operator = readonly [command: string, param: string];

/** What it finds, or else a text. A % in it must not end the operator around it. */
export function firstOf([command, param]: Operator, otherwise = unknown): string {
  const operators = [
    { command, param },
    { command: 'CEL', param: `'${otherwise}'` },
  ];
  return `%COALESCE(${JSON.stringify({ operators }).replaceAll('%', '\\u0025')})%`;
}
