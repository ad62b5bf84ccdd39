import {
  type HTTPNamedMatch,
  type HTTPRouteManifest,
  type HTTPRouteMatch,
  type HTTPRouteParent,
  type HTTPRouteRule,
  type HTTPWeightedBackend,
  validateHTTPRoute,
} from '../../generated/schemas/index.ts';
import { durationMs } from '../duration.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkDurations } from './durations.ts';
import { checkBackend, checkFilters } from './http-route-filters.ts';
import { defineKind } from './kind.ts';
import { checkRegex } from './regex.ts';

/** Gateway API HTTPRoute whose parents are Services (GAMMA): how HTTP requests for them are routed. */
export const httpRoute = defineKind({
  name: 'HTTPRoute',
  apiVersions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'],
  validate: validateHTTPRoute,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'HTTPRoute', spec }),
});

function* check({ spec, metadata }: HTTPRouteManifest): Generator<Finding> {
  const { parentRefs, hostnames = [], rules } = spec;
  yield* checkParents(parentRefs, metadata.namespace ?? 'default');
  if (hostnames.length > 0) {
    const message = 'hostnames say nothing about requests to a Service';
    yield { code: 'FL2230', message, path: ['spec', 'hostnames'], on: 'key' };
  }
  for (const [index, rule] of rules.entries()) yield* checkRule(rule, ['spec', 'rules', index]);
}

function* checkParents(parents: readonly HTTPRouteParent[], namespace: string): Generator<Finding> {
  for (const [index, parent] of parents.entries()) {
    const path = ['spec', 'parentRefs', index];
    const { group = 'gateway.networking.k8s.io', kind = 'Gateway', name } = parent;
    if (group !== '' || kind !== 'Service') {
      const message = `Fairlead knows parents such as a ${kind} of ${group === '' ? 'the core group' : group}, but honours only Services yet`;
      yield {
        code: 'FL2104',
        message,
        path,
        fix: 'write group: "" and kind: Service, or leave the parent out',
      };
    }
    const same = parents.slice(0, index).some((other) => {
      const isSame =
        other.name === name && (other.namespace ?? namespace) === (parent.namespace ?? namespace);
      return isSame && (other.port === undefined || parent.port === undefined || other.port === parent.port);
    });
    if (same) yield { code: 'FL2212', message: `parent ${name} is given twice`, path };
  }
}

function* checkRule(rule: HTTPRouteRule, path: Path): Generator<Finding> {
  const { matches = [], backendRefs = [], timeouts = {}, retry } = rule;
  for (const [index, match] of matches.entries()) yield* checkMatch(match, [...path, 'matches', index]);
  yield* checkFilters(rule, path);
  for (const [index, backend] of backendRefs.entries())
    yield* checkWeighted(backend, [...path, 'backendRefs', index]);
  const { request, backendRequest } = timeouts;
  if (request !== undefined && backendRequest !== undefined && isLonger(backendRequest, request)) {
    const at = [...path, 'timeouts', 'backendRequest'];
    yield { code: 'FL2109', message: `${backendRequest} is longer than the request's ${request}`, path: at };
  }
  yield* checkDurations({ backoff: retry?.backoff }, [...path, 'retry']);
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
    yield { code: 'FL2109', message: `${value} is no normal path`, path: at };
  }
  yield* checkNamed(headers, [...path, 'headers'], (name) => name.toLowerCase());
  yield* checkNamed(queryParams, [...path, 'queryParams'], (name) => name);
}

function* checkNamed(
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

function* checkWeighted(backend: HTTPWeightedBackend, path: Path): Generator<Finding> {
  yield* checkBackend(backend, path);
  for (const [index, { type }] of (backend.filters ?? []).entries()) {
    if (type === 'RequestHeaderModifier' || type === 'ResponseHeaderModifier') continue;
    const message = `Fairlead knows ${type} of a backend, but honours only header modifiers yet`;
    yield { code: 'FL2104', message, path: [...path, 'filters', index, 'type'] };
  }
  yield* checkFilters({ filters: backend.filters ?? [] }, path);
}
