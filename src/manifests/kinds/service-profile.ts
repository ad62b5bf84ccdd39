import {
  type ProfileCondition,
  type ProfileDestination,
  type ProfileResponse,
  type ProfileRoute,
  type ServiceProfileManifest,
  validateServiceProfile,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkDurations } from './durations.ts';
import { defineKind } from './kind.ts';
import { checkRegex } from './regex.ts';

/** Linkerd ServiceProfile: retries, timeouts and splits of requests for the service of its name. */
export const serviceProfile = defineKind({
  name: 'ServiceProfile',
  apiVersions: ['linkerd.io/v1alpha2'],
  validate: validateServiceProfile,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'ServiceProfile', spec }),
});

function* check({ metadata, spec }: ServiceProfileManifest): Generator<Finding> {
  const { routes = [], dstOverrides = [] } = spec;
  if (!metadata.name.includes('.')) {
    const message = `a ServiceProfile has the name of a host in full, which ${metadata.name} is not`;
    yield {
      code: 'FL2213',
      message,
      path: ['metadata', 'name'],
      fix: `write ${metadata.name}.${metadata.namespace ?? 'default'}.svc.cluster.local`,
    };
  }
  for (const [index, route] of routes.entries()) yield* checkRoute(route, ['spec', 'routes', index]);
  yield* checkBudget(spec);
  yield* checkConsumer(metadata, spec);
  yield* checkSplit(dstOverrides);
}

/** So many matches at most a condition may come to, when it is written as a list of alternatives. */
const maxMatches = 64;

function* checkRoute(route: ProfileRoute, path: Path): Generator<Finding> {
  const { condition, responseClasses = [], timeout, isRetryable = false } = route;
  yield* checkExpressions(condition, [...path, 'condition']);
  const count = alternatives(condition, 'holds');
  if (count > maxMatches) {
    const message = `the condition comes to more than ${maxMatches} alternatives`;
    yield { code: 'FL2109', message, path: [...path, 'condition'], fix: 'write several routes' };
  }
  for (const [index, each] of responseClasses.entries())
    yield* checkResponse(each.condition, [...path, 'responseClasses', index, 'condition']);
  if (responseClasses.length > 0 && !isRetryable) {
    const message = 'a proxy asks what a failure is only to try again, and this route is not retried';
    yield { code: 'FL2281', message, path: [...path, 'responseClasses'], on: 'key' };
  }
  yield* checkDurations({ timeout }, path, { timeout: 'or-zero' });
}

function* checkExpressions(condition: ProfileCondition, path: Path): Generator<Finding> {
  const { pathRegex, all = [], any = [], not } = condition;
  yield* checkRegex(pathRegex, [...path, 'pathRegex']);
  for (const [name, list] of Object.entries({ all, any })) {
    for (const [index, each] of list.entries()) yield* checkExpressions(each, [...path, name, index]);
  }
  if (not !== undefined) yield* checkExpressions(not, [...path, 'not']);
}

/** How many lists of simple conditions a condition is, of which one has to hold; or its opposite. */
function alternatives(
  { pathRegex, method, all = [], any = [], not }: ProfileCondition,
  which: 'holds' | 'fails',
): number {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const product = (counts: readonly number[]) => counts.reduce((total, count) => total * count, 1);
  const opposite = which === 'holds' ? 'fails' : 'holds';
  const [every, some] = which === 'holds' ? [product, sum] : [sum, product];
  return every([
    ...(pathRegex === undefined ? [] : [1]),
    ...(method === undefined ? [] : [1]),
    ...(all.length === 0 ? [] : [every(all.map((each) => alternatives(each, which)))]),
    ...(any.length === 0 ? [] : [some(any.map((each) => alternatives(each, which)))]),
    ...(not === undefined ? [] : [alternatives(not, opposite)]),
  ]);
}

function* checkResponse(
  { status, all = [], any = [], not }: ProfileResponse,
  path: Path,
): Generator<Finding> {
  const { min = 100, max = 599 } = status ?? {};
  if (min > max) {
    const message = `no status is from ${min} to ${max}`;
    yield { code: 'FL2109', message, path: [...path, 'status'], fix: `write a max of at least ${min}` };
  }
  for (const [name, list] of Object.entries({ all, any })) {
    for (const [index, each] of list.entries()) yield* checkResponse(each, [...path, name, index]);
  }
  if (not !== undefined) yield* checkResponse(not, [...path, 'not']);
}

function* checkBudget({ retryBudget }: ServiceProfileManifest['spec']): Generator<Finding> {
  if (retryBudget === undefined) return;
  const path = ['spec', 'retryBudget'];
  const { minRetriesPerSecond: least, ttl } = retryBudget;
  yield* checkDurations({ ttl }, path);
  const rate = `Envoy knows no retries per second: there may be ${least} at once, whatever the ratio`;
  yield { code: 'FL2281', message: rate, path: [...path, 'minRetriesPerSecond'], on: 'key' };
}

/** A budget is of all who call a service: its own namespace says it. */
function* checkConsumer(
  { name, namespace = 'default' }: ServiceProfileManifest['metadata'],
  { retryBudget }: ServiceProfileManifest['spec'],
): Generator<Finding> {
  const [, own] = /\.([^.]+)\.svc(?:\.|$)/.exec(name) ?? [];
  if (retryBudget === undefined || own === namespace) return;
  yield {
    code: 'FL2281',
    message: `clients in ${namespace} have no budget of their own for ${name}`,
    path: ['spec', 'retryBudget'],
    on: 'key',
    fix: 'write it into the ServiceProfile of the namespace of the service, or into a DestinationRule here',
  };
}

function* checkSplit(destinations: readonly ProfileDestination[]): Generator<Finding> {
  for (const [index, { authority }] of destinations.entries()) {
    const [, port = '1'] = authority.split(':');
    if (Number(port) <= 65_535) continue;
    yield {
      code: 'FL2111',
      message: `${port} is no port`,
      path: ['spec', 'dstOverrides', index, 'authority'],
    };
  }
  if (destinations.length === 0 || destinations.some(({ weight }) => !/^[0.]+m?$/.test(`${weight}`))) return;
  yield { code: 'FL2201', message: 'no destination has a weight', path: ['spec', 'dstOverrides'] };
}
