import {
  type ClientTls,
  type ConnectionPool,
  type ConsistentHash,
  durationMs,
  type Keepalive,
  type LoadBalancer,
  type OutlierDetection,
  type WrittenPolicy,
  type WrittenTunnel,
} from '../manifests/index.ts';
import type {
  Balancing,
  ClientSecurity,
  Connections,
  Ejection,
  HashKey,
  KeepAlive,
  RetryBudget,
  TrafficPolicy,
  Tunnel,
} from './policy-types.ts';
import { readTravel } from './travel.ts';
import type { Certificate, Origin, Port, Service, Subset } from './types.ts';

/** A policy as it is written, and where. */
export type PlacedPolicy = { readonly written: WrittenPolicy; readonly origin: Origin };

/** What a port may have of its own. */
type Parts = Pick<WrittenPolicy, 'loadBalancer' | 'connectionPool' | 'outlierDetection' | 'tls'>;

type WrittenBudget = NonNullable<WrittenPolicy['retryBudget']>;

/** What is the same at all ports. */
type Wholes = Pick<WrittenPolicy, 'tunnel' | 'proxyProtocol' | 'retryBudget'>;

/** The policy of a service's port, or of a subset's; null: the default in all. */
export function policyOf(
  service: Pick<Service, 'policies'>,
  subset: Pick<Subset, 'policies'> | null,
  port: number,
): TrafficPolicy | null {
  return (subset ?? service).policies.find((policy) => policy.port === port) ?? null;
}

/**
 * The policies by port out of the destination's and the subset's (Istio's merge): a part that the subset gives
 * replaces the destination's part; what either gives for a port replaces all that stood before, so that there the parts
 * that it leaves out have their defaults.
 */
export function readPolicies(
  destination: PlacedPolicy | null,
  subset: PlacedPolicy | null,
  ports: readonly Port[],
): readonly TrafficPolicy[] {
  const origins = [destination, subset].flatMap((placed) => (placed === null ? [] : [placed.origin]));
  const wholes = { ...wholesOf(destination?.written), ...wholesOf(subset?.written) };
  const { tunnel, proxyProtocol, retryBudget } = wholes;
  return ports.flatMap(({ number }) => {
    const base = atPort(destination?.written, number) ?? partsOf(destination?.written);
    const parts = atPort(subset?.written, number) ?? { ...base, ...partsOf(subset?.written) };
    const { loadBalancer, connectionPool, outlierDetection, tls } = parts;
    if (Object.keys(parts).length + Object.keys(wholes).length === 0) return [];
    return {
      port: number,
      balancing: loadBalancer === undefined ? null : readBalancing(loadBalancer),
      travel:
        loadBalancer?.localityLbSetting === undefined ? null : readTravel(loadBalancer.localityLbSetting),
      connections: connectionPool === undefined ? null : readConnections(connectionPool),
      ejection: outlierDetection === undefined ? null : readEjection(outlierDetection),
      security: tls === undefined ? null : readSecurity(tls),
      tunnel: tunnel === undefined ? null : readTunnel(tunnel),
      proxyProtocol: proxyProtocol === undefined ? null : (proxyProtocol.version ?? 'V1'),
      retryBudget: retryBudget === undefined ? null : readBudget(retryBudget),
      origins,
    };
  });
}

function atPort(written: WrittenPolicy | undefined, number: number): Parts | null {
  const settings = written?.portLevelSettings?.find(({ port }) => port.number === number);
  return settings === undefined ? null : partsOf(settings);
}

/** The parts that are there: an absent one must not hide another's. */
function partsOf({ loadBalancer, connectionPool, outlierDetection, tls }: Parts = {}): Parts {
  return {
    ...(loadBalancer === undefined ? {} : { loadBalancer }),
    ...(connectionPool === undefined ? {} : { connectionPool }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function wholesOf({ tunnel, proxyProtocol, retryBudget }: Wholes = {}): Wholes {
  return {
    ...(tunnel === undefined ? {} : { tunnel }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
    ...(retryBudget === undefined ? {} : { retryBudget }),
  };
}

function readBudget({ percent, minRetryConcurrency: least, budgetInterval }: WrittenBudget): RetryBudget {
  return { percent: percent ?? null, least: least ?? null, countsForMs: maybeMs(budgetInterval) };
}

function readTunnel({ protocol = 'CONNECT', targetHost, targetPort }: WrittenTunnel): Tunnel {
  return { method: protocol, host: targetHost, port: targetPort };
}

function readSecurity(tls: ClientTls): ClientSecurity | null {
  const { mode = 'DISABLE', credentialName, caCertificates, caCrl = null, subjectAltNames = [] } = tls;
  if (mode === 'DISABLE') return null;
  // It stands in the namespace of the client (Istio).
  const secret =
    credentialName === undefined
      ? null
      : ({ from: 'secret', namespace: null, name: credentialName } as const);
  const file = caCertificates === undefined ? null : ({ from: 'file', file: caCertificates } as const);
  return {
    shows: mode === 'MUTUAL' ? (secret ?? readFiles(tls)) : null,
    trusts:
      tls.insecureSkipVerify === true
        ? null
        : { authorities: secret ?? file, revoked: caCrl, names: subjectAltNames },
    sni: tls.sni ?? null,
  };
}

function readFiles({ clientCertificate: chain, privateKey: key }: ClientTls): Certificate | null {
  return chain === undefined || key === undefined ? null : { from: 'files', chain, key };
}

function readBalancing({
  simple,
  consistentHash,
  warmup,
  warmupDurationSecs,
}: LoadBalancer): Balancing | null {
  if (consistentHash !== undefined) return readHash(consistentHash);
  if (simple === 'RANDOM') return { how: 'random' };
  if (simple === 'PASSTHROUGH') return { how: 'original' };
  const how = simple === 'ROUND_ROBIN' ? 'in-turn' : 'least-requests';
  const durationText = warmup?.duration ?? warmupDurationSecs;
  if (durationText === undefined) return { how, warmup: null };
  const { minimumPercent = null, aggression = null } = warmup ?? {};
  return {
    how,
    warmup: { durationMs: durationMs(durationText), startPercent: minimumPercent, aggression },
  };
}

const defaultRing = 1024;
const defaultMaglev = 65537;

/** Null where nothing says what to hash, which the manifests refuse. */
function readHash(hash: ConsistentHash): Balancing | null {
  const key = readKey(hash);
  if (key === null) return null;
  const { maglev, ringHash, minimumRingSize } = hash;
  if (maglev !== undefined) {
    return { how: 'hash', key, table: 'maglev', size: maglev.tableSize || defaultMaglev };
  }
  return {
    how: 'hash',
    key,
    table: 'ring',
    size: ringHash?.minimumRingSize || minimumRingSize || defaultRing,
  };
}

function readKey({
  httpHeaderName,
  httpCookie,
  httpQueryParameterName,
  useSourceIp,
}: ConsistentHash): HashKey | null {
  if (httpHeaderName !== undefined) return { of: 'header', name: httpHeaderName };
  if (httpQueryParameterName !== undefined) return { of: 'query', name: httpQueryParameterName };
  if (httpCookie !== undefined) {
    const { name, path = null, ttl } = httpCookie;
    const attributes = (httpCookie.attributes ?? []).map(({ name: own, value = '' }) => ({
      name: own,
      value,
    }));
    return { of: 'cookie', name, path, ttlMs: maybeMs(ttl), attributes };
  }
  return useSourceIp === true ? { of: 'client-address' } : null;
}

const upgrades = { DEFAULT: null, DO_NOT_UPGRADE: 'declared', UPGRADE: 'http2' } as const;

/** What a connection pool says; one that is empty says nothing. */
export function readConnections({ tcp = {}, http = {} }: ConnectionPool): Connections {
  const { http2KeepAlive: pings, useClientProtocol, h2UpgradePolicy: upgrade = 'DEFAULT' } = http;
  return {
    connectTimeoutMs: maybeMs(tcp.connectTimeout),
    maxConnections: limit(tcp.maxConnections),
    maxPendingRequests: limit(http.http1MaxPendingRequests),
    maxRequests: limit(http.http2MaxRequests),
    maxRetries: limit(http.maxRetries),
    maxRequestsPerConnection: limit(http.maxRequestsPerConnection),
    maxStreamsPerConnection: limit(http.maxConcurrentStreams),
    maxAgeMs: maybeMs(tcp.maxConnectionDuration),
    idleMs: { http: maybeMs(http.idleTimeout ?? tcp.idleTimeout), tcp: maybeMs(tcp.idleTimeout) },
    keepAlive: tcp.tcpKeepalive === undefined ? null : readKeepAlive(tcp.tcpKeepalive),
    pings:
      pings === undefined
        ? null
        : { everyMs: durationMs(pings.interval), timeoutMs: durationMs(pings.timeout) },
    speak: useClientProtocol ? 'as-client' : upgrades[upgrade],
  };
}

export function readKeepAlive({ probes, time, interval }: Keepalive): KeepAlive {
  const seconds = (text: string | undefined) => (text === undefined ? null : durationMs(text) / 1000);
  return { probes: limit(probes), timeSeconds: seconds(time), intervalSeconds: seconds(interval) };
}

export function readEjection(detection: OutlierDetection): Ejection {
  const { splitExternalLocalOriginErrors, consecutiveLocalOriginFailures } = detection;
  return {
    serverErrors: detection.consecutive5xxErrors ?? null,
    gatewayErrors: detection.consecutiveGatewayErrors ?? null,
    localFailures: splitExternalLocalOriginErrors ? { errors: limit(consecutiveLocalOriginFailures) } : null,
    intervalMs: maybeMs(detection.interval),
    baseTimeMs: maybeMs(detection.baseEjectionTime),
    maxPercent: limit(detection.maxEjectionPercent),
    minHealthyPercent: detection.minHealthPercent ?? 0,
    errorStatuses: [...new Set(detection.outlierDetectionHttpErrorCodes)],
  };
}

function maybeMs(text: string | undefined): number | null {
  return text === undefined ? null : durationMs(text);
}

/** Istio cannot tell 0 from nothing said. */
function limit(count: number | undefined): number | null {
  return count === undefined || count === 0 ? null : count;
}
