import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/translate/index.ts';
import { service, telemetry, workload } from '../mesh/manifests.ts';
import { grpcCollector, httpCollector } from './collector.ts';
import { Stand } from './stand.ts';
import { staticBootstrap } from './static.ts';
import { namesOf, proxyAt, snapshotOf } from './world.ts';

/** Spans that real Envoys send of what passes through them, as Telemetry and the MeshConfig say it. */

const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string, namespace = 'shop') => `${name}.${namespace}.svc.cluster.local`;
const meshConfig = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {${spec}}\n---\n`;
const serving = (name: string, namespace: string, port: number, kind = 'http') =>
  service(name, namespace, '', `[{name: ${kind}, port: 9411}, {name: http-plain, port: 80}]`) +
  workload(name, namespace, '127.0.0.1', `app: ${name}`, `, ports: {${kind}: ${port}, http-plain: ${port}}`);

const zipkin = (more = '') =>
  `extensionProviders: [{name: tracer, zipkin: {service: ${host('zipkin', 'ops')}, port: 9411${more}}}]`;
const rule = (more: string) => telemetry('web', 'web', `tracing: [{providers: [{name: tracer}], ${more}}]`);

test('spans reach a collector of Zipkin, with tags', async () => {
  await using stand = new Stand();
  const collector = await httpCollector(stand);
  const tags =
    'customTags: {of: {literal: {value: acme}}, who: {header: {name: x-who, defaultValue: nobody}}, none: {environment: {name: FAIRLEAD_NONE, defaultValue: unset}}}';
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('zipkin', 'ops', collector.port) +
    meshConfig(zipkin(', path: /own, maxTagLength: 40')) +
    rule(`randomSamplingPercentage: 100, ${tags}`);
  const client = await stand.client('web', [acme(files)]);
  await client.ask(host('cart'), { path: `/${'a'.repeat(99)}`, headers: { 'x-who': 'me' } });
  await client.ask(host('cart'), { path: '/b' });
  await expect.poll(() => collector.spans).toHaveLength(2);
  expect(collector.spans.map(({ kind, tags: said }) => [kind, said.of, said.who, said.none])).toEqual([
    ['CLIENT', 'acme', 'me', 'unset'],
    ['CLIENT', 'acme', 'nobody', 'unset'],
  ]);
  expect(collector.spans[0]?.tags['http.url']).toMatch(/\/a{39}$/);
  expect(collector.got[0]?.path).toBe('/own');
});

test('spans reach a collector of OpenTelemetry, over gRPC and over HTTP', async () => {
  await using stand = new Stand();
  using grpc = await grpcCollector();
  const http = await httpCollector(stand);
  const cart = serving('cart', 'shop', await stand.backend('cart'));
  const own = (port: number, kind: string, more: string) =>
    cart +
    serving('otel', 'ops', port, kind) +
    meshConfig(
      `extensionProviders: [{name: tracer, opentelemetry: {service: ops/${host('otel', 'ops')}, port: 9411${more}}}], defaultProviders: {tracing: [tracer]}`,
    ) +
    telemetry('web', 'web', 'tracing: [{randomSamplingPercentage: 100}]');
  const labels = { app: 'shopper' };
  const client = await stand.client('web', [acme(own(grpc.port, 'grpc', ''))], { labels });
  await client.ask(host('cart'), { path: '/over-grpc' });
  await expect.poll(() => grpc.exports.join('')).toContain('/over-grpc');
  expect(grpc.exports.join('')).toContain('shopper.web');
  const headers = 'headers: [{name: x-token, value: a}]';
  const other = await stand.client('web', [
    acme(own(http.port, 'http', `, http: {path: /v2, timeout: 3s, ${headers}}`)),
  ]);
  await other.ask(host('cart'), { path: '/over-http' });
  await expect.poll(() => http.got.map(({ text }) => text).join('')).toContain('/over-http');
  expect([http.got[0]?.path, http.got[0]?.headers['x-token']]).toEqual(['/v2', 'a']);
});

test('a tag by formatter, and enableIstioTags, which add none', async () => {
  await using stand = new Stand();
  const collector = await httpCollector(stand);
  const tags = 'customTags: {how: {formatter: {value: "%REQ(:METHOD)% by %PROTOCOL% %REQ(x-none)%"}}}';
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('zipkin', 'ops', collector.port) +
    meshConfig(zipkin()) +
    rule(`randomSamplingPercentage: 100, enableIstioTags: true, ${tags}`);
  const client = await stand.client('web', [acme(files)]);
  await client.ask(host('cart'));
  await expect.poll(() => collector.spans).toHaveLength(1);
  expect(collector.spans[0]?.tags.how).toBe('GET by HTTP/1.1 ');
  expect(Object.keys(collector.spans[0]?.tags ?? {}).filter((name) => name.startsWith('istio.'))).toEqual([]);
});

test('match: of one side alone; disableContextPropagation: the span is sent, its headers are not', async () => {
  await using stand = new Stand();
  const collector = await httpCollector(stand);
  const traced: unknown[] = [];
  const port = await stand.backend('cart', '127.0.0.1', ({ headers }, response) => {
    traced.push(headers['x-b3-traceid'] ?? null);
    response.end();
  });
  const all = (namespace: string, more: string) =>
    telemetry(
      namespace,
      namespace,
      `tracing: [{providers: [{name: tracer}], randomSamplingPercentage: 100, ${more}}]`,
    );
  const files =
    serving('cart', 'shop', port) +
    serving('zipkin', 'ops', collector.port) +
    meshConfig(zipkin()) +
    all('server', 'match: {mode: SERVER}') +
    all('client', 'match: {mode: CLIENT}') +
    all('here', 'disableContextPropagation: true');
  for (const namespace of ['server', 'client', 'here']) {
    const client = await stand.client(namespace, [acme(files)]);
    await client.ask(host('cart'), { path: `/${namespace}` });
  }
  // Each Envoy sends in its own time.
  const urls = () => collector.spans.map(({ tags }) => tags['http.url']?.replace(/.*\//, '/')).sort();
  await expect.poll(urls).toEqual(['/client', '/here']);
  expect(traced).toEqual([null, expect.stringMatching(/^[0-9a-f]{32}$/), null]);
});

test('useRequestIdForTraceSampling: false: the id of a request, and with it the share, decides nothing', async () => {
  await using stand = new Stand();
  const collector = await httpCollector(stand);
  const none = (namespace: string, more: string) =>
    telemetry(
      namespace,
      namespace,
      `tracing: [{providers: [{name: tracer}], randomSamplingPercentage: 0${more}}]`,
    );
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('zipkin', 'ops', collector.port) +
    meshConfig(zipkin()) +
    none('id', '') +
    none('headers', ', useRequestIdForTraceSampling: false');
  const sampled = async (namespace: string) => {
    let listener = '';
    const bootstrapOf = (snapshot: Snapshot) => {
      listener = namesOf(snapshot, 'listeners').find((name) => name.startsWith('127.0.0.1_')) ?? '';
      return staticBootstrap(snapshot);
    };
    const client = await stand.client(namespace, [acme(files)], { bootstrapOf });
    for (let asked = 0; asked < 5; asked++) await client.ask(host('cart'));
    return client.stat(`http.outbound_${listener}.tracing.random_sampling`);
  };
  expect([await sampled('id'), await sampled('headers')]).toEqual([0, 5]);
});

test('sampling, and disableSpanReporting', async () => {
  await using stand = new Stand();
  const collector = await httpCollector(stand);
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('zipkin', 'ops', collector.port) +
    meshConfig(`${zipkin()}, defaultConfig: {tracing: {sampling: 100}}`) +
    telemetry('none', 'none', 'tracing: [{providers: [{name: tracer}], disableSpanReporting: true}]') +
    telemetry('zero', 'zero', 'tracing: [{providers: [{name: tracer}], randomSamplingPercentage: 0}]') +
    telemetry('all', 'all', 'tracing: [{providers: [{name: tracer}]}]');
  for (const namespace of ['none', 'zero', 'all']) {
    const client = await stand.client(namespace, [acme(files)]);
    for (let asked = 0; asked < 6; asked++) await client.ask(host('cart'), { path: `/${namespace}` });
  }
  const urls = () => collector.spans.map(({ tags }) => tags['http.url']?.replace(/.*\//, '/'));
  await expect.poll(urls).toEqual(Array.from({ length: 6 }, () => '/all'));
});

test('enableTracing with a Zipkin address, where no Telemetry says anything', async () => {
  await using stand = new Stand();
  const collector = await httpCollector(stand);
  const tracing = 'tracing: {zipkin: {address: "zipkin.ops:9411"}, sampling: 100}';
  const files =
    serving('cart', 'shop', await stand.backend('cart')) +
    serving('zipkin', 'ops', collector.port) +
    meshConfig(`enableTracing: true, defaultConfig: {${tracing}}`);
  const client = await stand.client('web', [acme(files)]);
  for (let asked = 0; asked < 5; asked++) await client.ask(host('cart'));
  await expect.poll(() => collector.spans).toHaveLength(5);
});

test('a collector that the proxy does not see is said, and nothing is sent', () => {
  const files = meshConfig(zipkin()) + rule('randomSamplingPercentage: 100');
  const heard = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files));
  expect(heard.skipped.map(({ address, sources }) => [address, sources.map(({ line }) => line)])).toEqual([
    [`${host('zipkin', 'ops')}:9411`, [6]],
  ]);
  expect(JSON.stringify([...heard.resources.values()].map((all) => [...all.values()]))).not.toContain(
    'zipkin',
  );
});
