import { describe, expect, test } from 'vitest';
import { bad, good } from '../manifests/cel-expressions.ts';
import { rateLimit, service, telemetry, workload } from '../mesh/manifests.ts';
import { scope } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What is made of access logs, and that a real Envoy takes it. */

const acme = (files: string) => ({ path: 'acme', files });
const meshConfig = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {${spec}}\n---\n`;
const provider = (name: string, text: string) =>
  `{name: ${name}, envoyFileAccessLog: {logFormat: {text: ${JSON.stringify(text)}}}}`;

/** One access log for each expression. */
const logging = (all: readonly string[]) => {
  const names = all.map((_, index) => `p${index}`);
  const rules = all.map(
    (expression, index) =>
      `{providers: [{name: p${index}}], filter: {expression: ${JSON.stringify(expression)}}}`,
  );
  return (
    meshConfig(`extensionProviders: [${names.map((name) => provider(name, 'a')).join(', ')}]`) +
    telemetry('all', 'web', `accessLogging: [${rules.join(', ')}]`)
  );
};

test('Envoy takes every expression that the manifests take', async () => {
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(logging(Object.values(good))));
  expect(JSON.stringify(jsonOf(snapshot, 'listeners', '127.0.0.1_15080')).split('"expression"')).toHaveLength(
    Object.keys(good).length + 1,
  );
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});

test.each(Object.entries(bad))('Envoy refuses %s', async (_name, expression) => {
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(logging(['true'])));
  const text = JSON.stringify(staticBootstrap(snapshot));
  const other = text.replace('"expression":"true"', `"expression":${JSON.stringify(expression)}`);
  expect(other).not.toBe(text);
  expect(await validate(JSON.parse(other) as object)).not.toBe('OK');
});

describe('formats of lines', () => {
  const said = (text: string) =>
    scope(acme(meshConfig(`extensionProviders: [${provider('p', text)}]`))).problems.map(({ code }) => code);

  test('Envoy takes the operators that the manifests take', async () => {
    const names =
      'REQ(X) REQ(:PATH?X):20 RESP(a) TRAILER(a) START_TIME(%s.%3f) EMIT_TIME GRPC_STATUS GRPC_STATUS(CAMEL_STRING) GRPC_STATUS_NUMBER DYNAMIC_METADATA(a:b) CLUSTER_METADATA(a) UPSTREAM_METADATA(a) RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_FLAGS_LONG TRACE_ID UNIQUE_ID CUSTOM_FLAGS UPSTREAM_CLUSTER_RAW UPSTREAM_HOSTS_ATTEMPTED DOWNSTREAM_PEER_FINGERPRINT_256 TLS_JA4_FINGERPRINT LOCAL_REPLY_BODY ROUTE_NAME PATH QUERY_PARAMS'.split(
        ' ',
      );
    const text = `100%% ${names.map((name) => `%${name}%`).join(' ')}`;
    expect(said(text)).toEqual([]);
    const files = meshConfig(
      `extensionProviders: [${provider('p', text)}], defaultProviders: {accessLogging: [p]}`,
    );
    const snapshot = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files));
    expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  });

  test.each([
    ['a percent sign', '100% of'],
    ['an unknown operator', '%FOO%'],
    ['an operator without its argument', '%REQ%'],
    ['one that takes none', '%PROTOCOL(a)%'],
    ['a length that is not for it', '%DURATION:5%'],
    ['a length of a time', '%START_TIME:5%'],
    ['three headers', '%REQ(A?B?C)%'],
    ['no header', '%REQ(a b)%'],
    ['one that is not ended', '%REQ(A'],
  ])('%s is refused, by Envoy too', async (_what, text) => {
    expect(said(text)).toEqual(['FL2287']);
    const files = meshConfig(
      `extensionProviders: [${provider('p', 'a')}], defaultProviders: {accessLogging: [p]}`,
    );
    const good = JSON.stringify(staticBootstrap(snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files))));
    const other = good.replace('"inline_string":"a\\n"', `"inline_string":${JSON.stringify(text)}`);
    expect(other).not.toBe(good);
    expect(await validate(JSON.parse(other) as object)).not.toBe('OK');
  });

  test('operators that Fairlead does not honour are refused', () => {
    expect(said('%CEL(request.path)%')).toEqual(['FL2287']);
    expect(said('%ENVIRONMENT(HOME)%')).toEqual(['FL2287']);
  });
});

const otel = (headers: string) =>
  meshConfig(
    `extensionProviders: [{name: o, opentelemetry: {service: otel.ops.svc.cluster.local, port: 80, http: {path: /v1, headers: [${headers}]}}}], defaultProviders: {tracing: [o]}`,
  );
const traced = (more: string) =>
  meshConfig(`enableTracing: true, defaultConfig: {tracing: {zipkin: {address: "otel.ops:80"}, ${more}}}`);

/** Values at their limits, and texts that mean something to Envoy. */
test.each([
  [
    'operators in a header of spans',
    otel('{name: a, value: "x%41 %REQ(a)%"}, {name: b}, {name: Host, value: c}'),
  ],
  ['the least and the most of spans', traced('sampling: 0.0001, maxPathTagLength: 65535')],
  [
    'operators in tags',
    traced('maxPathTagLength: 0, customTags: {" a": {literal: {value: "%x"}}, ü: {header: {name: host}}}'),
  ],
  ['a byte of zero in a line', meshConfig('accessLogFile: /dev/stdout, accessLogFormat: "a\\0b"')],
  [
    'numbers in a line of JSON',
    meshConfig(
      `accessLogFile: /dev/stderr, accessLogEncoding: JSON, accessLogFormat: '{"a": {"b": 1.5, "": true, "c": {}}}'`,
    ),
  ],
  [
    'one log twice',
    meshConfig('accessLogFile: /dev/stdout') +
      telemetry('t', 'shop', 'accessLogging: [{providers: [{name: envoy}, {name: envoy}]}]'),
  ],
  [
    'the longest times',
    meshConfig(
      'protocolDetectionTimeout: 2562047h, defaultHttpRetryPolicy: {attempts: 1000, perTryTimeout: 2562047h, backoff: 2562047h, retryOn: "503"}',
    ),
  ],
  [
    'limits',
    rateLimit(
      'r',
      'shop',
      'responseHeaders: {a: "%"}, rules: [{requests: 1000000000, per: 50ms}, {requests: 1, per: 24h, burst: 1000000000, match: {path: "/%", headers: [{name: a, exact: "%x"}]}}, {requests: 1000000000, per: 24h, burst: 1, match: {path: /c}}]',
    ),
  ],
])('Envoy takes %s', async (_what, files) => {
  const shop =
    service('cart', 'shop') +
    workload('cart', 'shop', '10.0.0.1', 'app: cart') +
    service('otel', 'ops') +
    files;
  for (const capture of ['ports', 'redirect']) {
    const snapshot = snapshotOf(proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture } }), acme(shop));
    expect(snapshot.skipped).toEqual([]);
    expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  }
});

test('a proxy that lacks the loggers or the tracers gets none', () => {
  const files = logging(['true']) + telemetry('b', 'ops', 'accessLogging: [{providers: [{name: envoy}]}]');
  const heard = (namespace: string, extensions: readonly string[]) => {
    const proxy = { ...proxyAt('10.0.0.1', namespace), extensions: new Set(extensions) };
    return JSON.stringify(jsonOf(snapshotOf(proxy, acme(files)), 'listeners', '127.0.0.1_15080'));
  };
  const file = 'envoy.access_loggers.stdout';
  expect(heard('web', [file])).not.toContain('access_log');
  expect(heard('web', [file, 'envoy.access_loggers.extension_filters.cel'])).toContain('access_log');
  expect(heard('ops', [])).not.toContain('access_log');
  expect(heard('ops', [file])).toContain('access_log');
});
