import { describe, expect, test } from 'vitest';
import { reportsOf } from '../../src/mesh/index.ts';
import { telemetry } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

const acme = (files: string) => ({ path: 'acme', namespaces: ['shop', 'web', 'root'], files });
const file = (name: string) => `{name: ${name}, envoyFileAccessLog: {path: /${name}}}`;
const config = (more = '') =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh, namespace: root}\nspec: {rootNamespace: root, extensionProviders: [${file('a')}, ${file('b')}, {name: z, zipkin: {service: zipkin.shop, port: 9411}}, {name: p, prometheus: {}}]${more}}\n---\n`;
const log = (name: string, namespace: string, rules: string, selector = '') =>
  telemetry(name, namespace, `${selector}accessLogging: [${rules}]`);
const to = (name: string, more = '') => `{providers: [{name: ${name}}]${more}}`;
const cart = 'selector: {matchLabels: {app: cart}}, ';

function linesOf(files: string, namespace = 'shop', labels: Readonly<Record<string, string>> = {}) {
  const { mesh, problems } = meshOf(acme(config() + files));
  expect(problems).toEqual([]);
  const { client, server } = reportsOf(mesh, namespace, labels);
  const said = ({ lines }: typeof client) =>
    lines.map(({ to: { name }, condition }) => (condition === null ? name : `${name} if ${condition}`));
  return [said(client).join(), said(server).join()];
}

describe('access logs, as Istio merges them', () => {
  const root = log('r', 'root', to('a'));
  test.each<readonly [string, string, readonly string[]]>([
    ['nobody says anything', '', ['', '']],
    ['the root namespace', root, ['a', 'a']],
    ['the namespace instead', root + log('s', 'shop', to('b')), ['b', 'b']],
    [
      'the namespace changes what the root names',
      root + log('s', 'shop', '{filter: {expression: "true"}}'),
      ['a if true', 'a if true'],
    ],
    ['the namespace switches it off', root + log('s', 'shop', '{disabled: true}'), ['', '']],
    ['of one side', root + log('s', 'shop', '{match: {mode: SERVER}, disabled: true}'), ['a', '']],
    ['both', log('r', 'root', `${to('a')}, ${to('b')}`), ['a,b', 'a,b']],
    ['another namespace', log('s', 'web', to('b')), ['', '']],
    ['another workload', log('s', 'shop', to('b'), cart), ['', '']],
    ['spans alone', telemetry('s', 'shop', 'tracing: [{disableSpanReporting: true}]'), ['', '']],
  ])('%s', (_what, files, expected) => {
    expect(linesOf(files)).toEqual(expected);
  });

  test("Istio's provider is there without a MeshConfig", () => {
    const { mesh, problems } = meshOf(acme(log('s', 'shop', to('envoy'))));
    expect(problems).toEqual([]);
    expect(reportsOf(mesh, 'shop', {}).client.lines).toMatchObject([{ to: { name: 'envoy' } }]);
  });

  test('a workload, over its namespace, over the root', () => {
    const all = root + log('s', 'shop', to('b')) + log('c', 'shop', '{disabled: true}', cart);
    expect(linesOf(all, 'shop', { app: 'cart' })).toEqual(['', '']);
    expect(linesOf(all, 'shop', { app: 'other' })).toEqual(['b', 'b']);
    expect(linesOf(all, 'web')).toEqual(['a', 'a']);
  });

  test('a Gateway that is named', () => {
    const files = telemetry(
      's',
      'shop',
      `targetRefs: [{kind: Gateway, name: edge}], accessLogging: [${to('b')}]`,
    );
    expect(linesOf(files, 'shop', { 'gateway.networking.k8s.io/gateway-name': 'edge' })).toEqual(['b', 'b']);
    expect(linesOf(files, 'shop', { 'gateway.networking.k8s.io/gateway-name': 'other' })).toEqual(['', '']);
  });
});

test('spans: each setting is that of the last level that says it', () => {
  const rule = (name: string, namespace: string, more: string) =>
    telemetry(name, namespace, `tracing: [{${more}}]`);
  const files =
    config(', defaultProviders: {tracing: [z]}, defaultConfig: {tracing: {sampling: 7}}') +
    rule('r', 'root', 'customTags: {a: {literal: {value: b}}}') +
    rule('s', 'shop', 'match: {mode: CLIENT}, randomSamplingPercentage: 50') +
    rule('w', 'web', 'disableSpanReporting: true, customTags: {}');
  const { mesh, problems } = meshOf(acme(files));
  expect(problems).toEqual([]);
  const spans = (namespace: string) => {
    const { client, server } = reportsOf(mesh, namespace, {});
    return [client, server].map(({ spans: said }) => said && [said.to.name, said.percent, said.tags.length]);
  };
  expect(spans('shop')).toEqual([
    ['z', 50, 1],
    ['z', 7, 1],
  ]);
  expect(spans('web')).toEqual([null, null]);
});

test('two for one workload: both are named, and neither counts', () => {
  const rivals = log('s', 'shop', to('a')) + log('t', 'shop', to('b'));
  const { mesh, problems } = meshOf(acme(config() + rivals));
  expect(problems.map(({ code, line, message }) => [code, line, message])).toEqual([
    ['FL3352', 9, 'its workloads have the Telemetry at acme/mesh.yaml:11, too'],
    ['FL3352', 14, 'its workloads have the Telemetry at acme/mesh.yaml:6, too'],
  ]);
  expect(reportsOf(mesh, 'shop', {}).client.lines).toEqual([]);
  expect(
    codesOf(meshOf(acme(config() + log('s', 'shop', to('a')) + log('t', 'shop', to('b'), cart)))),
  ).toEqual([]);
});

test('providers that are not there, or take something else, are said', () => {
  const files =
    config() +
    telemetry(
      's',
      'shop',
      `accessLogging: [${to('none')}, ${to('z')}, ${to('envoy')}], tracing: [${to('a')}]`,
    );
  const { problems } = meshOf(acme(files));
  expect(problems.map(({ code, severity, message }) => `${code} ${severity} ${message}`)).toEqual([
    'FL3353 warning no provider is called none: nothing is reported to it',
    'FL3353 warning the provider z takes no access logs',
    'FL3353 warning the provider a takes no spans',
  ]);
});

describe('metrics, as Istio merges them', () => {
  const rule = (name: string, namespace: string, rules: string) =>
    telemetry(name, namespace, `metrics: [${rules}]`);
  const by = '{providers: [{name: prometheus}]}';
  const change = (match: string, more: string) => `{overrides: [{match: {${match}}, ${more}}]}`;
  const own = ', defaultProviders: {metrics: [prometheus]}';

  /** How many are counted of each side, and the tags of requests that are another. */
  function countedIn(files: string, more = '') {
    const { mesh, problems } = meshOf(acme(config(more) + files));
    expect(problems.filter(({ code }) => code !== 'FL2282')).toEqual([]);
    const { client, server } = reportsOf(mesh, 'shop', {});
    return [client, server].map(({ metrics }) => {
      const requests = metrics.find(({ metric }) => metric === 'requests');
      return [metrics.length, ...(requests?.tags ?? []).map(({ name, value }) => `${name}=${value}`)].join(
        ' ',
      );
    });
  }

  test.each<readonly [string, string, string, readonly string[]]>([
    ['nobody asks', '', '', ['0', '0']],
    ['lines alone are asked for', log('s', 'shop', to('a')), '', ['0', '0']],
    ['the MeshConfig', '', own, ['8', '8']],
    ['a provider of another name', rule('s', 'shop', '{providers: [{name: p}]}'), '', ['8', '8']],
    ['the root namespace', rule('r', 'root', by), '', ['8', '8']],
    [
      'a change without a provider',
      rule('s', 'shop', change('metric: REQUEST_COUNT', 'disabled: true')),
      '',
      ['7', '7'],
    ],
    [
      'one of one side',
      rule('s', 'shop', change('metric: TCP_SENT_BYTES, mode: SERVER', 'disabled: true')),
      own,
      ['8', '7'],
    ],
    ['all of one side', rule('s', 'shop', change('mode: CLIENT', 'disabled: true')), own, ['0', '8']],
    [
      'a namespace switches on again what the root switched off',
      rule('r', 'root', change('', 'disabled: true')) +
        rule('s', 'shop', change('metric: REQUEST_COUNT', 'disabled: false')),
      own,
      ['1', '1'],
    ],
    [
      'tags of two levels',
      rule(
        'r',
        'root',
        change('', 'tagOverrides: {a: {value: "1"}, b: {value: "2"}, c: {operation: REMOVE}}'),
      ) + rule('s', 'shop', change('mode: CLIENT', 'tagOverrides: {b: {value: "3"}, c: {value: "4"}}')),
      own,
      ['8 a=1 b=3 c=4', '8 a=1 b=2 c=null'],
    ],
    [
      'a metric that is not known changes none',
      rule('s', 'shop', change('customMetric: a', 'disabled: true')),
      own,
      ['8', '8'],
    ],
    [
      'messages of gRPC change none',
      rule('s', 'shop', change('metric: GRPC_REQUEST_MESSAGES', 'disabled: true')),
      own,
      ['8', '8'],
    ],
    [
      'a change for providers that are not in force any more',
      rule('r', 'root', '{providers: [{name: prometheus}], overrides: [{disabled: true}]}') +
        rule('s', 'shop', '{providers: [{name: p}]}'),
      '',
      ['8', '8'],
    ],
  ])('%s', (_what, files, more, expected) => {
    expect(countedIn(files, more)).toEqual(expected);
  });

  test('a provider that counts nothing is said', () => {
    const { problems, mesh } = meshOf(
      acme(config() + rule('s', 'shop', '{providers: [{name: a}, {name: stackdriver}]}')),
    );
    expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'FL3353 the provider a takes no metrics',
      'FL3353 no provider is called stackdriver: nothing is reported to it',
    ]);
    expect(reportsOf(mesh, 'shop', {}).client.metrics).toEqual([]);
  });
});
