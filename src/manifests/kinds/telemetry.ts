import {
  type AccessLogging,
  type MetricSelector,
  type Metrics,
  type SpanTag,
  type TagOverride,
  type TelemetryManifest,
  validateTelemetry,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkCel } from './cel.ts';
import { defineKind } from './kind.ts';
import { checkLogFormat } from './log-format.ts';
import { checkTagValue } from './tag-values.ts';

/** Istio Telemetry: what the proxies of some workloads tell of their traffic. */
export const telemetry = defineKind({
  name: 'Telemetry',
  apiVersions: ['v1', 'v1alpha1'].map((version) => `telemetry.istio.io/${version}`),
  validate: validateTelemetry,
  check,
  resource: ({ spec = {} }, about) => ({ ...about, kind: 'Telemetry', spec }),
});

function* check({ spec = {}, metadata }: TelemetryManifest): Generator<Finding> {
  const { selector, targetRef, targetRefs, accessLogging = [], tracing = [], metrics = [] } = spec;
  const targets = Object.entries({ selector, targetRef, targetRefs }).filter(
    ([, value]) => value !== undefined,
  );
  for (const [name] of targets.slice(1)) {
    const message = `${name} beside ${targets[0]?.[0]}`;
    yield { code: 'FL2220', message, path: ['spec', name], on: 'key' };
  }
  for (const [index, { namespace }] of (targetRefs ?? [targetRef])
    .flatMap((target) => target ?? [])
    .entries()) {
    if (namespace === undefined || namespace === (metadata.namespace ?? 'default')) continue;
    const path = ['spec', ...(targetRef === undefined ? ['targetRefs', index] : ['targetRef']), 'namespace'];
    yield { code: 'FL2104', message: 'a Gateway of another namespace is not reached from here', path };
  }
  for (const [index, logging] of accessLogging.entries())
    yield* checkLogging(logging, ['spec', 'accessLogging', index]);
  for (const [index, { customTags }] of tracing.entries())
    yield* checkTags(customTags, ['spec', 'tracing', index, 'customTags']);
  for (const [index, each] of metrics.entries()) yield* checkMetrics(each, ['spec', 'metrics', index]);
}

function* checkLogging({ filter }: AccessLogging, path: Path): Generator<Finding> {
  const expression = filter?.expression ?? '';
  if (expression !== '') yield* checkCel(expression, [...path, 'filter', 'expression']);
}

/** Tags of spans: each has one way to its value. */
export function* checkTags(tags: Readonly<Record<string, SpanTag>> = {}, path: Path): Generator<Finding> {
  for (const [name, tag] of Object.entries(tags)) {
    const [first, ...others] = Object.keys(tag);
    if (first === undefined)
      yield {
        code: 'FL2106',
        message: `the tag ${name} has neither literal, environment, header nor formatter`,
        path: [...path, name],
      };
    if (tag.formatter !== undefined)
      yield* checkLogFormat(tag.formatter.value, [...path, name, 'formatter', 'value']);
    for (const other of others)
      yield { code: 'FL2220', message: `${other} beside ${first}`, path: [...path, name, other], on: 'key' };
  }
}

/** What an Envoy cannot count, or not as it is said, and tags. */
function* checkMetrics({ overrides = [], reportingInterval }: Metrics, path: Path): Generator<Finding> {
  if (reportingInterval !== undefined) {
    const message = 'proxies count a request or a connection when it ends';
    yield { code: 'FL2282', message, path: [...path, 'reportingInterval'], on: 'key' };
  }
  for (const [index, { match = {}, tagOverrides = {} }] of overrides.entries()) {
    const at = [...path, 'overrides', index];
    yield* checkMetric(match, [...at, 'match']);
    for (const [name, override] of Object.entries(tagOverrides))
      yield* checkTag(name, override, [...at, 'tagOverrides', name]);
  }
}

function* checkMetric({ metric, customMetric }: MetricSelector, path: Path): Generator<Finding> {
  if (metric !== undefined && customMetric !== undefined)
    yield {
      code: 'FL2220',
      message: 'customMetric beside metric',
      path: [...path, 'customMetric'],
      on: 'key',
    };
  if (customMetric !== undefined) {
    const message = `no proxy counts ${customMetric}: nothing is overridden`;
    yield { code: 'FL2282', message, path: [...path, 'customMetric'] };
  }
  if (metric?.startsWith('GRPC_')) {
    const message = 'no proxy counts the messages of gRPC: nothing is overridden';
    yield { code: 'FL2282', message, path: [...path, 'metric'] };
  }
}

function* checkTag(name: string, { operation, value = '' }: TagOverride, path: Path): Generator<Finding> {
  if (name === 'le')
    yield { code: 'FL2282', message: 'le tells the buckets of a histogram apart', path, on: 'key' };
  if (operation === 'REMOVE') {
    if (value !== '')
      yield { code: 'FL2220', message: 'value beside REMOVE', path: [...path, 'value'], on: 'key' };
  } else if (value === '') {
    yield { code: 'FL2283', message: `the tag ${name} has no value`, path, on: 'key' };
  } else yield* checkTagValue(value, [...path, 'value']);
}
