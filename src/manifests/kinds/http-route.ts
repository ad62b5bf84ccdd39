import {
  type HTTPNamedMatch,
  type HTTPRouteManifest,
  type HTTPRouteMatch,
  type HTTPRouteRule,
  type HTTPWeightedBackend,
  validateHTTPRoute,
} from '../../generated/schemas/index.ts';
import { durationMs } from '../duration.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkDurations } from './durations.ts';
import { checkBackend, checkFilters } from './http-route-filters.ts';
import { defineKind, gatewayApi } from './kind.ts';
import { checkRegex } from './regex.ts';
import { checkParents } from './route-parents.ts';

/** Gateway API HTTPRoute: how HTTP requests at a Gateway, or for a Service (GAMMA), are routed. */
export const httpRoute = defineKind({
  name: 'HTTPRoute',
  apiVersions: gatewayApi,
  validate: validateHTTPRoute,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'HTTPRoute', spec }),
});

function* check({ spec, metadata }: HTTPRouteManifest): Generator<Finding> {
  yield* checkParents(spec, metadata.namespace ?? 'default');
  for (const [index, rule] of (spec.rules ?? []).entries()) yield* checkRule(rule, ['spec', 'rules', index]);
}

function* checkRule(rule: HTTPRouteRule, path: Path): Generator<Finding> {
  const { matches = [], backendRefs = [], timeouts = {}, retry } = rule;
  for (const [index, match] of matches.entries()) yield* checkMatch(match, [...path, 'matches', index]);
  yield* checkFilters(rule, path);
  for (const [index, backend] of backendRefs.entries())
    yield* checkWeighted(backend, [...path, 'backendRefs', index]);
  yield* checkShares(rule, path);
  const { request, backendRequest } = timeouts;
  if (request !== undefined && backendRequest !== undefined && isLonger(backendRequest, request)) {
    const at = [...path, 'timeouts', 'backendRequest'];
    const message = `${backendRequest} is longer than the request's ${request}`;
    yield { code: 'FL2109', message, path: at, fix: `write at most ${request}` };
  }
  yield* checkDurations({ backoff: retry?.backoff }, [...path, 'retry']);
  yield* checkSession(rule, path);
}

/** Nothing forbids it, and it may be meant. */
export function* checkShares(
  { backendRefs = [] }: Pick<HTTPRouteRule, 'backendRefs'>,
  path: Path,
): Generator<Finding> {
  if (backendRefs.length === 0 || backendRefs.some(({ weight = 1 }) => weight > 0)) return;
  const message = 'no backend has a weight: requests for the rule are answered 500';
  const fix = 'give at least one backend a weight above 0';
  yield { code: 'FL2210', message, path: [...path, 'backendRefs'], fix };
}

/** Requests go where they would go without it. */
export function* checkSession(
  { sessionPersistence }: Pick<HTTPRouteRule, 'sessionPersistence'>,
  path: Path,
): Generator<Finding> {
  if (sessionPersistence === undefined) return;
  const message =
    'Fairlead knows sessionPersistence, but does not honour it yet: each request goes to any endpoint';
  const fix =
    'use consistentHash in a DestinationRule of the Service, if sessions are to stay with an endpoint';
  yield { code: 'FL2285', message, path: [...path, 'sessionPersistence'], on: 'key', fix };
}

/** 0s is no limit. */
function isLonger(inner: string, outer: string): boolean {
  const [innerMs, outerMs] = [durationMs(inner), durationMs(outer)];
  return outerMs !== 0 && (innerMs === 0 || innerMs > outerMs);
}

function* checkMatch({ path: uri, headers, queryParams }: HTTPRouteMatch, path: Path): Generator<Finding> {
  const { type = 'PathPrefix', value = '/' } = uri ?? {};
  const at = [...path, 'path', 'value'];
  if (type === 'RegularExpression') yield* checkRegex(value, at);
  else if (!value.startsWith('/') || /\/\/|\/\.{1,2}(\/|$)|[?#\s]/.test(value)) {
    const fix = 'write a path that begins with /, without //, . and .. as its steps, ?, # and spaces';
    yield { code: 'FL2109', message: `${value} is no normal path`, path: at, fix };
  }
  yield* checkNamed(headers, [...path, 'headers'], (name) => name.toLowerCase());
  yield* checkNamed(queryParams, [...path, 'queryParams'], (name) => name);
}

/** Names of headers or parameters, each once. */
export function* checkNamed(
  named: readonly HTTPNamedMatch[] = [],
  path: Path,
  key: (name: string) => string,
): Generator<Finding> {
  const seen = new Set<string>();
  for (const [index, { name, type, value }] of named.entries()) {
    if (seen.has(key(name)))
      yield { code: 'FL2212', message: `${name} is given twice`, path: [...path, index, 'name'] };
    seen.add(key(name));
    if (type === 'RegularExpression') yield* checkRegex(value, [...path, index, 'value']);
  }
}

/** A backend with what happens to its share of the requests. */
export function* checkWeighted(backend: HTTPWeightedBackend, path: Path): Generator<Finding> {
  yield* checkBackend(backend, path);
  yield* checkFilters({ filters: backend.filters ?? [] }, path, 'backend');
}
