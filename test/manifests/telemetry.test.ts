import { describe, expect, test } from 'vitest';
import { bad, good, refused } from './cel-expressions.ts';
import { problemsOf, read } from './scope.ts';

const telemetry = (spec: string, version = 'v1') =>
  `apiVersion: telemetry.istio.io/${version}\nkind: Telemetry\nmetadata: { name: a, namespace: shop }\nspec:\n  ${spec}\n`;
const logging = (expression: string) =>
  telemetry(`accessLogging: [{ filter: { expression: ${JSON.stringify(expression)} } }]`);

test.each(['v1', 'v1alpha1'])('%s is read', (version) => {
  const { resources, problems } = read({
    'a.yaml': telemetry('tracing: [{ disableSpanReporting: true }]', version),
  });
  expect(problems).toEqual([]);
  expect(resources.map(({ kind }) => kind)).toEqual(['Telemetry']);
});

test('nothing may be said', () => {
  const text = 'apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: { name: a, namespace: shop }\n';
  expect(problemsOf(text)).toEqual([]);
});

test.each<readonly [string, string, readonly string[]]>([
  ['selector and targetRefs', 'selector: {}\n  targetRefs: [{ kind: Gateway, name: a }]', ['FL2220 6:3']],
  ['a waypoint', 'targetRefs: [{ kind: Service, name: a }]', ['FL2104 5:24']],
  ['a Gateway of elsewhere', 'targetRefs: [{ kind: Gateway, name: a, namespace: web }]', ['FL2104 5:53']],
  ['two providers of spans', 'tracing: [{ providers: [{ name: a }, { name: b }] }]', ['FL2109 5:15']],
  ['a share above all', 'tracing: [{ randomSamplingPercentage: 101 }]', ['FL2109 5:41']],
  ['no sampling by request id', 'tracing: [{ useRequestIdForTraceSampling: false }]', []],
  ['traces that stop here', 'tracing: [{ disableContextPropagation: true }]', []],
  ['a tag of nothing', 'tracing: [{ customTags: { a: {} } }]', ['FL2106 5:29']],
  [
    'a tag of two',
    'tracing: [{ customTags: { a: { literal: { value: b }, header: { name: c } } } }]',
    ['FL2220 5:57'],
  ],
  ['a formatted tag', 'tracing: [{ customTags: { a: { formatter: { value: "%PROTOCOL%" } } } }]', []],
  [
    'a tag of an operator that nobody knows',
    'tracing: [{ customTags: { a: { formatter: { value: "%NOTHING%" } } } }]',
    ['FL2287 5:54'],
  ],
  [
    'metrics that are changed',
    'metrics: [{ overrides: [{ disabled: true, match: { metric: REQUEST_COUNT } }] }]',
    [],
  ],
  [
    'tags that are added and removed',
    'metrics: [{ overrides: [{ tagOverrides: { a: { value: request.host }, b: { operation: REMOVE } } }] }]',
    [],
  ],
  ['an interval of metrics', 'metrics: [{ reportingInterval: 5s }]', ['FL2282 5:15']],
  ['a metric of its own', 'metrics: [{ overrides: [{ match: { customMetric: a } }] }]', ['FL2282 5:52']],
  [
    'messages of gRPC',
    'metrics: [{ overrides: [{ match: { metric: GRPC_REQUEST_MESSAGES } }] }]',
    ['FL2282 5:46'],
  ],
  [
    'two names of a metric',
    'metrics: [{ overrides: [{ match: { metric: ALL_METRICS, customMetric: a } }] }]',
    ['FL2220 5:59', 'FL2282 5:73'],
  ],
  [
    'the tag of buckets',
    'metrics: [{ overrides: [{ tagOverrides: { le: { operation: REMOVE } } }] }]',
    ['FL2282 5:45'],
  ],
  [
    'a tag that is no CEL',
    `metrics: [{ overrides: [{ tagOverrides: { a: { value: "b | 'c'" } } }] }]`,
    ['FL2283 5:57'],
  ],
  ['a tag without a value', 'metrics: [{ overrides: [{ tagOverrides: { a: {} } }] }]', ['FL2283 5:45']],
  [
    'a value of a tag that is removed',
    'metrics: [{ overrides: [{ tagOverrides: { a: { operation: REMOVE, value: b } } }] }]',
    ['FL2220 5:69'],
  ],
  ['providers of metrics', 'metrics: [{ providers: [{ name: prometheus }] }]', []],
])('%s', (_what, spec, expected) => {
  expect(problemsOf(telemetry(spec))).toEqual(expected);
});

/** A real Envoy is asked, too: `translate/expressions.test.ts`. */
describe('CEL', () => {
  test.each(Object.entries(good))('%s', (_name, expression) => {
    expect(problemsOf(logging(expression))).toEqual([]);
  });

  test.each(Object.entries({ ...bad, ...refused }))('%s is refused', (_name, expression) => {
    expect(problemsOf(logging(expression))).toEqual(['FL2286 5:43']);
  });

  test('a very long one is refused before it is looked at', () => {
    expect(problemsOf(logging('a'.repeat(5000)))).toEqual(['FL2109 5:43']);
  });
});
