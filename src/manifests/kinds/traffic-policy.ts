import type {
  ConnectionPool,
  ConsistentHash,
  Keepalive,
  LoadBalancer,
  OutlierDetection,
  TrafficPolicy,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkClientTls } from './client-tls.ts';
import { checkDurations } from './durations.ts';
import { checkLocality } from './locality.ts';

/** What a schema cannot say about how the clients of a host treat it, at one of its levels and at its ports. */
export function* checkPolicy(policy: TrafficPolicy | undefined, path: Path): Generator<Finding> {
  if (policy === undefined) return;
  yield* checkParts(policy, path);
  const { tunnel, proxyProtocol, retryBudget } = policy;
  yield* checkOne({ tunnel, proxyProtocol }, path);
  const { budgetInterval } = retryBudget ?? {};
  yield* checkDurations({ budgetInterval }, [...path, 'retryBudget'], { budgetInterval: 'or-zero' });
  const seen = new Set<number>();
  for (const [index, settings] of (policy.portLevelSettings ?? []).entries()) {
    const inside = [...path, 'portLevelSettings', index];
    const { number } = settings.port;
    if (seen.has(number)) {
      yield { code: 'FL2204', message: `port ${number} is given twice`, path: [...inside, 'port', 'number'] };
    }
    seen.add(number);
    yield* checkParts(settings, inside);
  }
}

type Parts = Pick<TrafficPolicy, 'loadBalancer' | 'connectionPool' | 'outlierDetection' | 'tls'>;

function* checkParts({ loadBalancer, connectionPool, outlierDetection, tls }: Parts, path: Path) {
  if (loadBalancer !== undefined) yield* checkBalancer(loadBalancer, [...path, 'loadBalancer']);
  if (connectionPool !== undefined) yield* checkPool(connectionPool, [...path, 'connectionPool']);
  if (outlierDetection !== undefined) yield* checkEjection(outlierDetection, [...path, 'outlierDetection']);
  if (tls !== undefined) yield* checkClientTls(tls, [...path, 'tls']);
}

function* checkBalancer(balancer: LoadBalancer, path: Path): Generator<Finding> {
  const { simple, consistentHash, warmup, warmupDurationSecs, localityLbSetting } = balancer;
  yield* checkOne({ simple, consistentHash }, path);
  yield* checkOne({ warmup, warmupDurationSecs }, path);
  yield* checkDurations({ warmupDurationSecs }, path);
  yield* checkDurations({ duration: warmup?.duration }, [...path, 'warmup']);
  if (consistentHash !== undefined) yield* checkHash(consistentHash, [...path, 'consistentHash']);
  if (localityLbSetting !== undefined)
    yield* checkLocality(localityLbSetting, [...path, 'localityLbSetting']);
  const [field] = present({ warmup, warmupDurationSecs });
  const canWarmUp = consistentHash === undefined && simple !== 'RANDOM' && simple !== 'PASSTHROUGH';
  if (field === undefined || canWarmUp) return;
  const name = consistentHash === undefined ? simple : 'consistentHash';
  yield { code: 'FL2243', message: `${name} cannot warm up`, path: [...path, field], on: 'key' };
}

function* checkHash(hash: ConsistentHash, path: Path): Generator<Finding> {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName } = hash;
  const keys = { httpHeaderName, httpCookie, useSourceIp: useSourceIp || undefined, httpQueryParameterName };
  if (present(keys).length === 0) {
    yield { code: 'FL2241', message: 'nothing says what to hash', path, on: 'key' };
  }
  yield* checkOne(keys, path);
  const { ringHash, maglev, minimumRingSize } = hash;
  yield* checkOne({ ringHash, maglev, minimumRingSize }, path);
  yield* checkDurations({ ttl: httpCookie?.ttl }, [...path, 'httpCookie'], { ttl: 'or-zero' });
  const { tableSize = 0 } = maglev ?? {};
  if (tableSize === 0 || isPrime(tableSize)) return;
  yield { code: 'FL2242', message: `${tableSize} is not prime`, path: [...path, 'maglev', 'tableSize'] };
}

export function* checkPool({ tcp = {}, http = {} }: ConnectionPool, path: Path): Generator<Finding> {
  const { connectTimeout, maxConnectionDuration, idleTimeout, tcpKeepalive } = tcp;
  const durations = { connectTimeout, maxConnectionDuration, idleTimeout };
  yield* checkDurations(durations, [...path, 'tcp'], { idleTimeout: 'or-zero' });
  yield* checkKeepalive(tcpKeepalive, [...path, 'tcp', 'tcpKeepalive']);
  yield* checkDurations({ idleTimeout: http.idleTimeout }, [...path, 'http'], { idleTimeout: 'or-zero' });
  const { interval: every, timeout } = http.http2KeepAlive ?? {};
  yield* checkDurations({ interval: every, timeout }, [...path, 'http', 'http2KeepAlive']);
  if (http.useClientProtocol !== true || http.h2UpgradePolicy !== 'UPGRADE') return;
  const message = "useClientProtocol keeps the client's protocol: nothing is upgraded";
  yield { code: 'FL2244', message, path: [...path, 'http', 'h2UpgradePolicy'] };
}

export function* checkKeepalive({ time, interval }: Keepalive = {}, path: Path): Generator<Finding> {
  yield* checkDurations({ time, interval }, path, { time: 'keep-alive', interval: 'keep-alive' });
}

export function* checkEjection(detection: OutlierDetection, path: Path): Generator<Finding> {
  const { interval, baseEjectionTime, consecutiveLocalOriginFailures } = detection;
  yield* checkDurations({ interval, baseEjectionTime }, path);
  if (consecutiveLocalOriginFailures === undefined || detection.splitExternalLocalOriginErrors) return;
  const message = 'failures are only told apart with splitExternalLocalOriginErrors: true';
  yield { code: 'FL2244', message, path: [...path, 'consecutiveLocalOriginFailures'], on: 'key' };
}

/** Of fields of which one counts, all but the first that is there are a mistake. */
function* checkOne(fields: Readonly<Record<string, unknown>>, path: Path): Generator<Finding> {
  const [first, ...others] = present(fields);
  for (const name of others) {
    const message = `${name} and ${first} exclude each other`;
    yield { code: 'FL2240', message, path: [...path, name], on: 'key' };
  }
}

function present(fields: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(fields).filter((name) => fields[name] !== undefined);
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
}
