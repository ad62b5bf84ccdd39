import { describe, expect, test } from 'vitest';
import { fieldsOf } from './schema-fields.ts';
import { problemsOf, read } from './scope.ts';

/** What the MeshConfig says of providers and of all that is not honoured. */

const config = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: { name: mesh }\nspec:\n  ${spec}\n`;
const providers = (...all: readonly string[]) => config(`extensionProviders: [${all.join(', ')}]`);

test.each<readonly [string, string, readonly string[]]>([
  [
    'of a name given twice',
    providers('{ name: a, zipkin: { service: z, port: 1 } }', '{ name: a, opencensus: {} }'),
    ['FL2212 5:78', 'FL2285 5:81'],
  ],
  ['of no kind', providers('{ name: a }'), ['FL2106 5:24']],
  [
    'of two kinds',
    providers('{ name: a, opencensus: {}, zipkin: { service: z, port: 1 } }'),
    ['FL2285 5:35', 'FL2220 5:51'],
  ],
  ['without a port', providers('{ name: a, zipkin: { service: z } }'), ['FL2106 5:35']],
  [
    'of text and labels',
    providers('{ name: a, envoyFileAccessLog: { logFormat: { text: a, labels: {} } } }'),
    ['FL2220 5:79'],
  ],
  [
    'of a text that Envoy refuses',
    providers('{ name: a, envoyFileAccessLog: { logFormat: { text: "%A%" } } }'),
    ['FL2287 5:76'],
  ],
  [
    'of a label that Envoy refuses',
    providers('{ name: a, envoyFileAccessLog: { logFormat: { labels: { a: { b: "%A%" } } } } }'),
    ['FL2287 5:88'],
  ],
  [
    'of a list of labels',
    providers('{ name: a, envoyFileAccessLog: { logFormat: { labels: { a: { b: [] } } } } }'),
    ['FL2107 5:85'],
  ],
  ['of a path that is none', providers('{ name: a, envoyFileAccessLog: { path: stdout } }'), ['FL2109 5:63']],
  [
    'by default that are not there',
    config('defaultProviders: { tracing: [a], metrics: [prometheus] }'),
    ['FL2284 5:33'],
  ],
  [
    'of a header from the environment',
    providers(
      '{ name: a, opentelemetry: { service: z, port: 1, http: { path: /, headers: [{ name: a, envName: B }] } } }',
    ),
    ['FL2104 5:111'],
  ],
])('providers %s', (_what, text, expected) => {
  expect(problemsOf(text)).toEqual(expected);
});

test.each<readonly [string, string, readonly string[]]>([
  [
    'lines of JSON that are none',
    'accessLogEncoding: JSON\n  accessLogFormat: "%PROTOCOL%"',
    ['FL2109 6:20'],
  ],
  ['a line that Envoy refuses', 'accessLogFormat: "%PROTOCOL"', ['FL2287 5:20']],
  [
    'a collector without a port',
    'defaultConfig: { tracing: { zipkin: { address: zipkin } } }',
    ['FL2208 5:50'],
  ],
  [
    'shares that do not add up',
    'localityLbSetting: { distribute: [{ from: a, to: { b: 1 } }] }',
    ['FL2247 5:48'],
  ],
  [
    'a condition of retries that is none',
    'defaultHttpRetryPolicy: { attempts: 1, retryOn: never }',
    ['FL2108 5:51'],
  ],
  ['no time to detect', 'protocolDetectionTimeout: 0s', []],
])('%s', (_what, spec, expected) => {
  expect(problemsOf(config(spec))).toEqual(expected);
});

const codesOf = (spec: object) => {
  const document = {
    apiVersion: 'mesh.istio.io/v1alpha1',
    kind: 'MeshConfig',
    metadata: { name: 'mesh' },
    spec,
  };
  const { resources, problems } = read({ 'a.json': JSON.stringify(document) });
  expect(resources).toHaveLength(1);
  return problems.map(({ code, message }) => `${code} ${message.split(' ').at(code === 'FL2280' ? 0 : 2)}`);
};

describe('what a schema marks is said', () => {
  const marked = fieldsOf('MeshConfig').flatMap(({ path, is }) => {
    const code = is === 'later' ? 'FL2285' : is === 'elsewhere' ? 'FL2280' : null;
    return code === null ? [] : [{ path, code }];
  });

  test.each(marked)('$path: $code, and all else counts', ({ path, code }) => {
    const field = path.split('.').at(-1) ?? '';
    expect(codesOf(within(path.split('.')))).toEqual([
      code === 'FL2280' ? `FL2280 ${field}` : `FL2285 ${field},`,
    ]);
  });

  /** A MeshConfig in which there is something at a path, with what else has to be there. */
  function within([step = '', ...rest]: readonly string[]): object {
    const inner = rest.length === 0 ? {} : { ...beside[step], ...within(rest) };
    return step.endsWith('[]') ? { [step.slice(0, -2)]: [{ name: 'a', ...inner }] } : { [step]: inner };
  }

  const collector = { service: 'a.b', port: 1 };
  const beside: Readonly<Record<string, object>> = { zipkin: collector, opentelemetry: collector };
});
