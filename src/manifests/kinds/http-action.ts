import type { HttpFault, HttpRoute, Retries } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkDurations } from './durations.ts';
import { checkHeaders, hostChanges } from './http-headers.ts';
import { checkText } from './http-match.ts';
import { checkRegex, checkSubstitution } from './regex.ts';

const actions = ['route', 'redirect', 'directResponse', 'delegate'] as const;

/** What only a request that is forwarded can have. */
const forwardOnly = [
  'rewrite',
  'timeout',
  'retries',
  'fault',
  'mirror',
  'mirrors',
  'mirrorPercentage',
  'mirrorPercent',
  'mirror_percent',
] as const;

/** Rules between the fields of one step of `spec.http`. */
export function* checkAction(route: HttpRoute, path: Path): Generator<Finding> {
  const given = actions.filter((action) => route[action] !== undefined);
  const [action, ...others] = given;
  if (action === undefined) yield { code: 'FL2106', message: 'route is missing', path };
  for (const other of others) {
    const message = `${other} beside ${action}: a step has one of them`;
    yield { code: 'FL2220', message, path: [...path, other], on: 'key' };
  }
  if (action === 'redirect' || action === 'directResponse') yield* checkAnswer(route, action, path);
  yield* checkPrefixRewrite(route, [...path, 'redirect', 'prefixRewrite']);
  yield* checkRewrite(route, path);
  yield* checkAllHeaders(route, path);
  yield* checkRetries(route.retries, [...path, 'retries']);
  yield* checkMirrors(route, path);
  yield* checkFault(route.fault, [...path, 'fault']);
  yield* checkCors(route, [...path, 'corsPolicy']);
}

function* checkAnswer(route: HttpRoute, action: string, path: Path): Generator<Finding> {
  for (const field of forwardOnly) {
    if (route[field] === undefined) continue;
    yield withoutEffect(`${field} beside ${action}`, [...path, field]);
  }
  if (route.headers?.request !== undefined)
    yield withoutEffect(`headers.request beside ${action}`, [...path, 'headers', 'request']);
  const { redirect } = route;
  if (redirect === undefined) return;
  const { uri, prefixRewrite, authority, scheme, port, derivePort } = redirect;
  if ([uri, prefixRewrite, authority, scheme, port, derivePort].every((field) => field === undefined)) {
    yield { code: 'FL2222', message: 'the redirect changes nothing', path: [...path, 'redirect'] };
  }
  if (port !== undefined && derivePort !== undefined) {
    const at = [...path, 'redirect', 'derivePort'];
    yield { code: 'FL2220', message: 'derivePort beside port', path: at, on: 'key' };
  }
}

/** It takes the place of a prefix, which each match has to name then (Istio). */
function* checkPrefixRewrite({ redirect, match = [] }: HttpRoute, path: Path): Generator<Finding> {
  if (redirect?.prefixRewrite === undefined) return;
  if (redirect.uri !== undefined)
    yield { code: 'FL2220', message: 'prefixRewrite beside uri', path, on: 'key' };
  const other = match.find(({ uri }) => uri !== undefined && uri.prefix === undefined);
  if (other === undefined) return;
  yield withoutEffect(
    `prefixRewrite where ${Object.keys(other.uri ?? {})[0]} and no prefix is matched`,
    path,
  );
}

function* checkRewrite({ rewrite }: HttpRoute, path: Path): Generator<Finding> {
  const regex = rewrite?.uriRegexRewrite;
  if (regex === undefined) return;
  const at = [...path, 'rewrite', 'uriRegexRewrite'];
  if (rewrite?.uri !== undefined)
    yield { code: 'FL2220', message: 'uriRegexRewrite beside uri', path: at, on: 'key' };
  yield* checkRegex(regex.match, [...at, 'match']);
  yield* checkSubstitution(regex.match, regex.rewrite, [...at, 'rewrite']);
}

function* checkAllHeaders({ headers, rewrite, route = [] }: HttpRoute, path: Path): Generator<Finding> {
  yield* checkHeaders(headers, [...path, 'headers']);
  const own = hostChanges(headers, [...path, 'headers']);
  const above = own.length > 0 || rewrite?.authority !== undefined;
  for (const place of rewrite?.authority === undefined ? [] : own) yield hostTwice(place);
  for (const [index, destination] of route.entries()) {
    const at = [...path, 'route', index, 'headers'];
    yield* checkHeaders(destination.headers, at);
    for (const place of above ? hostChanges(destination.headers, at) : []) yield hostTwice(place);
  }
}

function hostTwice(path: Path): Finding {
  return { code: 'FL2212', message: 'the host is rewritten twice', path, on: 'key' };
}

const conditions: readonly string[] = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'refused-stream',
  'retriable-4xx',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

/** Rules between the fields of retries. */
export function* checkRetries(retries: Retries | undefined, path: Path): Generator<Finding> {
  if (retries === undefined) return;
  const { attempts, ...rest } = retries;
  for (const field of attempts === 0 ? Object.keys(rest) : [])
    yield withoutEffect(`${field} beside no attempts`, [...path, field]);
  const { perTryTimeout, backoff } = retries;
  yield* checkDurations({ perTryTimeout, backoff }, path, { perTryTimeout: 'or-zero' });
  const named = (retries.retryOn ?? '').split(',').map((condition) => condition.trim());
  for (const condition of named) {
    if (condition === '' || conditions.includes(condition) || /^[1-5][0-9]{2}$/.test(condition)) continue;
    const message = `retryOn cannot be ${condition}`;
    const fix = `write HTTP status codes, or some of ${conditions.join(', ')}`;
    yield { code: 'FL2108', message, path: [...path, 'retryOn'], fix };
  }
}

function* checkMirrors(route: HttpRoute, path: Path): Generator<Finding> {
  const shares = (['mirrorPercentage', 'mirrorPercent', 'mirror_percent'] as const).filter(
    (field) => route[field] !== undefined,
  );
  for (const field of shares.slice(1)) yield twice(field, shares[0] ?? field, path);
  if (route.mirrors !== undefined && route.mirror !== undefined) yield twice('mirrors', 'mirror', path);
  const [share] = shares;
  if (share === undefined || route.mirror !== undefined) return;
  yield withoutEffect(`${share} without mirror`, [...path, share]);
}

function* checkFault(fault: HttpFault | undefined, path: Path): Generator<Finding> {
  if (fault === undefined) return;
  const { delay, abort } = fault;
  if (delay !== undefined) {
    const at = [...path, 'delay'];
    yield* checkDurations({ fixedDelay: delay.fixedDelay }, at);
    if (delay.percentage === undefined && delay.percent === undefined) yield noShare('delay', at);
    if (delay.percentage !== undefined && delay.percent !== undefined)
      yield twice('percent', 'percentage', at);
  }
  if (abort !== undefined) {
    const at = [...path, 'abort'];
    const { httpStatus, grpcStatus, percentage } = abort;
    if (httpStatus === undefined && grpcStatus === undefined)
      yield { code: 'FL2106', message: 'httpStatus is missing', path: at };
    if (httpStatus !== undefined && grpcStatus !== undefined)
      yield {
        code: 'FL2220',
        message: 'grpcStatus beside httpStatus',
        path: [...at, 'grpcStatus'],
        on: 'key',
      };
    if (percentage === undefined) yield noShare('abort', at);
  }
}

function* checkCors({ corsPolicy }: HttpRoute, path: Path): Generator<Finding> {
  if (corsPolicy === undefined) return;
  const { allowOrigins, allowOrigin, maxAge } = corsPolicy;
  if (allowOrigins !== undefined && allowOrigin !== undefined)
    yield twice('allowOrigin', 'allowOrigins', path);
  yield* checkDurations({ maxAge }, path, { maxAge: 'or-zero' });
  for (const [index, origin] of (allowOrigins ?? []).entries())
    yield* checkText(origin, [...path, 'allowOrigins', index]);
}

function withoutEffect(what: string, path: Path): Finding {
  return { code: 'FL2221', message: `${what} has no effect`, path, on: 'key' };
}

function twice(field: string, other: string, path: Path): Finding {
  return { code: 'FL2212', message: `${field} beside ${other}`, path: [...path, field], on: 'key' };
}

function noShare(what: string, path: Path): Finding {
  return { code: 'FL2224', message: `the ${what} has no percentage: it is for no request`, path };
}
