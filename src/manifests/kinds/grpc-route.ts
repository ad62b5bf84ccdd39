import {
  type GRPCMethodMatch,
  type GRPCRouteManifest,
  type GRPCRouteMatch,
  type GRPCRouteRule,
  validateGRPCRoute,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkNamed, checkSession, checkShares, checkWeighted } from './http-route.ts';
import { checkFilters } from './http-route-filters.ts';
import { defineKind, gatewayApi } from './kind.ts';
import { checkRegex } from './regex.ts';
import { checkParents } from './route-parents.ts';

/** Gateway API GRPCRoute: how gRPC requests at a Gateway or for a Service are routed. */
export const grpcRoute = defineKind({
  name: 'GRPCRoute',
  apiVersions: gatewayApi,
  validate: validateGRPCRoute,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'GRPCRoute', spec }),
});

function* check({ spec, metadata }: GRPCRouteManifest): Generator<Finding> {
  yield* checkParents(spec, metadata.namespace ?? 'default');
  for (const [index, rule] of (spec.rules ?? []).entries()) yield* checkRule(rule, ['spec', 'rules', index]);
}

function* checkRule(rule: GRPCRouteRule, path: Path) {
  const { matches = [], filters = [], backendRefs = [] } = rule;
  for (const [index, match] of matches.entries()) yield* checkMatch(match, [...path, 'matches', index]);
  yield* checkFilters({ filters }, path);
  for (const [index, backend] of backendRefs.entries())
    yield* checkWeighted(backend, [...path, 'backendRefs', index]);
  yield* checkShares(rule, path);
  yield* checkSession(rule, path);
}

function* checkMatch({ method, headers }: GRPCRouteMatch, path: Path): Generator<Finding> {
  if (method !== undefined) yield* checkMethod(method, [...path, 'method']);
  yield* checkNamed(headers, [...path, 'headers'], (name) => name.toLowerCase());
}

const services = /^(?:[A-Za-z_][A-Za-z0-9_]*)(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const methods = /^[A-Za-z_][A-Za-z0-9_]*$/;

const forms = {
  service: 'write its name in full, such as shop.v1.Cart',
  method: 'write letters, digits and underscores, such as Add',
};

function* checkMethod({ type, service, method }: GRPCMethodMatch, path: Path): Generator<Finding> {
  if (service === undefined && method === undefined)
    yield { code: 'FL2106', message: 'neither a service nor a method is named', path };
  for (const [field, text, pattern] of [
    ['service', service, services],
    ['method', method, methods],
  ] as const) {
    if (text === undefined) continue;
    if (type === 'RegularExpression') yield* checkRegex(text, [...path, field]);
    else if (!pattern.test(text))
      yield {
        code: 'FL2109',
        message: `${text} is no ${field} of gRPC`,
        path: [...path, field],
        fix: forms[field],
      };
  }
}
