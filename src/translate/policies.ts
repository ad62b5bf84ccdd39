import type {
  Balancing,
  Connections,
  Ejection,
  HashKey,
  Manners,
  Protocol,
  RetryBudget,
  Settings,
  TrafficPolicy,
  Tunnel,
  Warmup,
} from '../mesh/index.ts';
import { hasShares } from './localities.ts';
import { duration, keptLetters, thresholds, upstreamProtocol } from './pieces.ts';
import { namesOfRequests, type TlsClient, transport } from './upstream-tls.ts';

/** When a cluster leaves a host alone, without a policy never, and whether its localities have shares. */
export function spreading(policy: TrafficPolicy | null, client: Parameters<typeof hasShares>[1]): object {
  const ejection = policy?.ejection ?? null;
  const common = {
    // Envoy's panic at 50 % would send requests to hosts that were just found to fail.
    ...(ejection === null ? {} : { healthy_panic_threshold: { value: ejection.minHealthyPercent } }),
    ...(hasShares(policy, client) ? { locality_weighted_lb_config: {} } : {}),
  };
  return {
    ...(ejection === null ? {} : { outlier_detection: outlierDetection(ejection) }),
    ...(Object.keys(common).length === 0 ? {} : { common_lb_config: common }),
  };
}

/** What of a policy a cluster's connections depend on. */
type Connecting = Partial<Pick<TrafficPolicy, 'connections' | 'security' | 'retryBudget' | 'ejection'>>;

/** How a cluster connects, and how much it takes. `protocol`: what the port declares. */
export function connecting(
  policy: Connecting | null,
  protocol: Protocol,
  { connectTimeoutMs, manners }: Pick<Settings, 'connectTimeoutMs' | 'manners'>,
): object {
  const { connections = null, security = null, retryBudget = null, ejection = null } = policy ?? {};
  const limits = {
    max_connections: connections?.maxConnections,
    max_pending_requests: connections?.maxPendingRequests,
    max_requests: connections?.maxRequests,
    max_retries: connections?.maxRetries,
  };
  const speaks = spoken(connections, protocol);
  const isHttp = protocol !== 'tcp' && protocol !== 'tls';
  return {
    connect_timeout: duration(connections?.connectTimeoutMs ?? connectTimeoutMs),
    circuit_breakers: thresholds(limits, budgetOf(retryBudget)),
    ...keepAlive(connections),
    ...buffering(manners),
    ...upstreamProtocol(speaks, {
      common: options(connections),
      http1: lettersOf(manners),
      http2: streams(connections),
      upstream: isHttp ? namesOfRequests(security) : {},
      errors: isHttp ? errorsOf(ejection) : {},
    }),
  };
}

/** How a cluster's connections are wrapped. */
export function wrapping(policy: TrafficPolicy | null, protocol: Protocol, client: TlsClient): object {
  if (policy === null) return {};
  const { security, proxyProtocol, connections } = policy;
  return transport(security, proxyProtocol, spoken(connections, protocol), client);
}

function budgetOf(budget: RetryBudget | null): object {
  if (budget === null) return {};
  const { percent, least, countsForMs } = budget;
  const retry_budget = {
    ...(percent === null ? {} : { budget_percent: { value: percent } }),
    ...(least === null ? {} : { min_retry_concurrency: least }),
    ...(countsForMs === null ? {} : { budget_interval: duration(countsForMs) }),
  };
  return { retry_budget };
}

/** What has a request stick to its host; empty where nothing does. For the routes to the cluster, not the cluster. */
export function hashPolicy(policy: TrafficPolicy | null): readonly object[] {
  const how = policy?.balancing;
  return how?.how === 'hash' ? [hashOn(how.key)] : [];
}

/** The same for bytes, of which only the client's address is known, with what limits their connections. */
export function tcpPolicy(policy: TrafficPolicy | null): object {
  const how = policy?.balancing;
  const sticks = how?.how === 'hash' && how.key.of === 'client-address';
  const idleMs = policy?.connections?.idleMs.tcp ?? null;
  const maxAgeMs = policy?.connections?.maxAgeMs ?? null;
  return {
    ...(sticks ? { hash_policy: [{ source_ip: {} }] } : {}),
    ...(idleMs === null ? {} : { idle_timeout: duration(idleMs) }),
    ...(maxAgeMs === null ? {} : { max_downstream_connection_duration: duration(maxAgeMs) }),
    ...(policy === null || policy.tunnel === null ? {} : tunneling(policy.tunnel)),
  };
}

function tunneling({ method, host, port }: Tunnel): object {
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    tunneling_config: { hostname: `${name}:${port}`, ...(method === 'POST' ? { use_post: true } : {}) },
  };
}

/** How a cluster spreads requests; without a policy as Istio does. */
export function balancer(how: Balancing | null): object {
  if (how === null) return { lb_policy: 'LEAST_REQUEST' };
  switch (how.how) {
    case 'least-requests':
      return { lb_policy: 'LEAST_REQUEST', ...warmup('least_request_lb_config', how.warmup) };
    case 'in-turn':
      return { lb_policy: 'ROUND_ROBIN', ...warmup('round_robin_lb_config', how.warmup) };
    case 'random':
      return { lb_policy: 'RANDOM' };
    case 'original':
      return { lb_policy: 'CLUSTER_PROVIDED' };
    case 'hash':
      return how.table === 'ring'
        ? { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: `${how.size}` } }
        : { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: `${how.size}` } };
  }
}

function warmup(field: string, warming: Warmup | null): object {
  if (warming === null) return {};
  const { durationMs, startPercent, aggression } = warming;
  const slow_start_config = {
    slow_start_window: duration(durationMs),
    ...(startPercent === null ? {} : { min_weight_percent: { value: startPercent } }),
    ...(aggression === null
      ? {}
      : { aggression: { default_value: aggression, runtime_key: 'fairlead.warmup.aggression' } }),
  };
  return { [field]: { slow_start_config } };
}

/** Errors in a row alone count, as in Istio; how the hosts compare with each other does not. */
function outlierDetection(ejection: Ejection): object {
  const { serverErrors, gatewayErrors, localFailures, intervalMs, baseTimeMs, maxPercent } = ejection;
  return {
    enforcing_success_rate: 0,
    ...(serverErrors === null
      ? {}
      : { consecutive_5xx: serverErrors, enforcing_consecutive_5xx: enforced(serverErrors) }),
    ...(gatewayErrors === null
      ? {}
      : {
          consecutive_gateway_failure: gatewayErrors,
          enforcing_consecutive_gateway_failure: enforced(gatewayErrors),
        }),
    ...(localFailures === null
      ? {}
      : {
          split_external_local_origin_errors: true,
          enforcing_local_origin_success_rate: 0,
          ...(localFailures.errors === null
            ? {}
            : { consecutive_local_origin_failure: localFailures.errors }),
        }),
    ...(intervalMs === null ? {} : { interval: duration(intervalMs) }),
    ...(baseTimeMs === null ? {} : { base_ejection_time: duration(baseTimeMs) }),
    ...(maxPercent === null ? {} : { max_ejection_percent: maxPercent }),
  };
}

function enforced(errors: number): number {
  return errors > 0 ? 100 : 0;
}

/** Bytes that are kept for a connection. */
export function buffering({ outgoingBufferBytes: bytes }: Manners): object {
  return bytes === null ? {} : { per_connection_buffer_limit_bytes: bytes };
}

/** Options of HTTP/1. */
export function lettersOf({ letters }: Manners): object {
  return letters === 'as-sent' ? keptLetters : {};
}

function keepAlive(connections: Connections | null): object {
  if (connections === null || connections.keepAlive === null) return {};
  const { probes, timeSeconds, intervalSeconds } = connections.keepAlive;
  const tcp_keepalive = {
    ...(probes === null ? {} : { keepalive_probes: probes }),
    ...(timeSeconds === null ? {} : { keepalive_time: timeSeconds }),
    ...(intervalSeconds === null ? {} : { keepalive_interval: intervalSeconds }),
  };
  return { upstream_connection_options: { tcp_keepalive } };
}

/** What `undeclared` stands for in `upstreamProtocol` is just what a client's own protocol needs. */
function spoken(connections: Connections | null, protocol: Protocol): Protocol {
  if (connections === null || connections.speak === null || connections.speak === 'declared') return protocol;
  return connections.speak === 'http2' ? 'http2' : 'undeclared';
}

function options(connections: Connections | null): object {
  if (connections === null) return {};
  const { idleMs, maxRequestsPerConnection, maxAgeMs } = connections;
  return {
    ...(idleMs.http === null ? {} : { idle_timeout: duration(idleMs.http) }),
    ...(maxRequestsPerConnection === null ? {} : { max_requests_per_connection: maxRequestsPerConnection }),
    ...(maxAgeMs === null ? {} : { max_connection_duration: duration(maxAgeMs) }),
  };
}

function streams(connections: Connections | null): object {
  const most = connections?.maxStreamsPerConnection ?? null;
  const pings = connections?.pings ?? null;
  return {
    ...(most === null ? {} : { max_concurrent_streams: most }),
    ...(pings === null
      ? {}
      : {
          connection_keepalive: { interval: duration(pings.everyMs), timeout: duration(pings.timeoutMs) },
        }),
  };
}

/** Which answers are errors of their host; empty: those from 500 on. */
function errorsOf(ejection: Ejection | null): object {
  const rules = (ejection?.errorStatuses ?? []).map((status) => ({
    http_response_headers_match: { headers: [{ name: ':status', string_match: { exact: String(status) } }] },
  }));
  if (rules.length === 0) return {};
  return { error_matcher: rules.length === 1 ? rules[0] : { or_match: { rules } } };
}

function hashOn(key: HashKey): object {
  switch (key.of) {
    case 'header':
      return { header: { header_name: key.name } };
    case 'query':
      return { query_parameter: { name: key.name } };
    case 'client-address':
      return { connection_properties: { source_ip: true } };
    case 'cookie':
      return {
        cookie: {
          name: key.name,
          ...(key.path === null ? {} : { path: key.path }),
          ...(key.ttlMs === null ? {} : { ttl: duration(key.ttlMs) }),
          ...(key.attributes.length === 0 ? {} : { attributes: key.attributes }),
        },
      };
  }
}
