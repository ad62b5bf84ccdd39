import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { service, telemetry, workload } from '../mesh/manifests.ts';
import { httpCollector } from './collector.ts';
import { Stand } from './stand.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What real Envoys send to the providers of a MeshConfig of which Zipkin and OpenTelemetry are not the only ones. */

const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string) => `${name}.shop.svc.cluster.local`;
const collector = `${host('collector')}, port: 9411`;
/** Providers by kind, and what is reported to each. */
const meshConfig = (of: 'tracing' | 'accessLogging', kind: string, more = '') =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {extensionProviders: [{name: own, ${kind}: {service: ${collector}${more}}}], defaultProviders: {${of}: [own]}}\n---\n`;
const serving = (name: string, port: number, kind = 'http') =>
  service(name, 'shop', '', `[{name: ${kind}, port: 9411}]`) +
  workload(name, 'shop', '127.0.0.1', `app: ${name}`, `, ports: {${kind}: ${port}}`);
const everything = telemetry('web', 'web', 'tracing: [{randomSamplingPercentage: 100}]');
const labels = { app: 'shopper' };

/** A service of gRPC that takes a stream: the bytes of its messages, and the metadata that came with them. */
async function streamCollector(stand: Stand, path: string) {
  const [messages, metadata]: [Buffer[], Record<string, unknown>[]] = [[], []];
  const server = new Server();
  const raw = (bytes: Buffer) => bytes;
  const method = {
    ...{ path, requestStream: true, responseStream: false },
    ...{ requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw },
  };
  server.addService(
    { collect: method },
    {
      collect: (call: NodeJS.EventEmitter & { readonly metadata: { getMap(): Record<string, unknown> } }) => {
        metadata.push(call.metadata.getMap());
        call.on('data', (bytes: Buffer) => messages.push(bytes));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  stand.defer(async () => server.forceShutdown());
  return { port, metadata, text: () => Buffer.concat(messages).toString('latin1') };
}

const ALS = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

test('envoyHttpAls: what is known of requests, with the headers that it names', async () => {
  await using stand = new Stand();
  const taker = await streamCollector(stand, ALS);
  const more = ', logName: shopping, additionalRequestHeadersToLog: [x-own]';
  const files =
    serving('cart', await stand.backend('cart')) +
    serving('collector', taker.port, 'grpc') +
    meshConfig('accessLogging', 'envoyHttpAls', more);
  const client = await stand.client('web', [acme(files)]);
  await client.ask(`${host('cart')}:9411`, { path: '/logged', headers: { 'x-own': 'mine' } });
  await expect.poll(taker.text).toContain('/logged');
  expect(taker.text()).toContain('shopping');
  expect(taker.text()).toContain('mine');
});

test('envoyTcpAls: what is known of connections, and nothing of requests', () => {
  const files =
    serving('collector', 9, 'grpc') +
    service('db', 'shop', '', '[{name: tcp, port: 5432}]') +
    meshConfig('accessLogging', 'envoyTcpAls', ', filterStateObjectsToLog: [a]');
  const heard = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files));
  const logsOf = (listener: string) =>
    /access_log":(\[.*?\])/.exec(JSON.stringify(jsonOf(heard, 'listeners', listener)))?.[1];
  expect(logsOf('127.0.0.1_5432')).toContain('envoy.access_loggers.tcp_grpc');
  expect(logsOf('127.0.0.1_5432')).toContain('"log_name":"tcp_envoy_accesslog"');
  expect(logsOf('127.0.0.1_15080')).toBe(undefined);
});

test('envoyTcpAls: lines of connections reach it', async () => {
  await using stand = new Stand();
  const taker = await streamCollector(stand, ALS);
  const speaker = await stand.speaker('hello');
  const [port = 0] = await freePorts(1);
  const files =
    serving('collector', taker.port, 'grpc') +
    service('db', 'shop', '', `[{name: tcp, port: ${port}}]`) +
    workload('db', 'shop', '127.0.0.1', 'app: db', `, ports: {tcp: ${speaker}}`) +
    meshConfig('accessLogging', 'envoyTcpAls', ', logName: connections');
  await stand.client('web', [acme(files)]);
  await new Promise((resolve, reject) => {
    connect(port, '127.0.0.1').on('error', reject).on('close', resolve).resume();
  });
  await expect.poll(taker.text).toContain('connections');
});

test('omitEmptyValues: what has no value is left out', async () => {
  await using stand = new Stand();
  const cart = serving('cart', await stand.backend('cart'));
  const lineOf = async (more: string) => {
    const path = join(tmpdir(), `fairlead-lines-${process.pid}-${more.length}`);
    stand.defer(() => rm(path, { force: true }));
    const format = 'logFormat: {labels: {none: "%REQ(X-NONE)%", path: "%REQ(:PATH)%"}}';
    const files = `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {extensionProviders: [{name: own, envoyFileAccessLog: {path: ${path}, ${format}${more}}}], defaultProviders: {accessLogging: [own]}}\n---\n`;
    const client = await stand.client('web', [acme(cart + files)]);
    await client.ask(`${host('cart')}:9411`, { path: '/line' });
    const line = async () => (await readFile(path, 'utf8').catch(() => '')).trim();
    await expect.poll(line).toContain('/line');
    return JSON.parse(await line()) as object;
  };
  expect(await lineOf('')).toEqual({ none: null, path: '/line' });
  expect(await lineOf(', omitEmptyValues: true')).toEqual({ path: '/line' });
});

test('opentelemetry over gRPC: its metadata, its limit, and what the environment says of the proxy', async () => {
  await using stand = new Stand();
  const taker = await streamCollector(stand, '/opentelemetry.proto.collector.trace.v1.TraceService/Export');
  const more =
    ', grpc: {timeout: 3s, initialMetadata: [{name: x-token, value: a}]}, resourceDetectors: {environment: {}}';
  const files =
    serving('cart', await stand.backend('cart')) +
    serving('collector', taker.port, 'grpc') +
    meshConfig('tracing', 'opentelemetry', more) +
    everything;
  process.env.OTEL_RESOURCE_ATTRIBUTES = 'deployment.environment=shopping-street';
  const client = await stand.client('web', [acme(files)], { labels });
  delete process.env.OTEL_RESOURCE_ATTRIBUTES;
  await client.ask(`${host('cart')}:9411`, { path: '/over-grpc' });
  await expect.poll(taker.text).toContain('/over-grpc');
  expect(taker.text()).toContain('shopping-street');
  expect(taker.metadata[0]?.['x-token']).toBe('a');
  const heard = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files));
  expect(JSON.stringify(jsonOf(heard, 'listeners', '127.0.0.1_15080'))).toContain('"timeout":"3s"');
});

test('skywalking: segments, with the token', async () => {
  await using stand = new Stand();
  const taker = await streamCollector(stand, '/skywalking.v3.TraceSegmentReportService/collect');
  const files =
    serving('cart', await stand.backend('cart')) +
    serving('collector', taker.port, 'grpc') +
    meshConfig('tracing', 'skywalking', ', accessToken: open-sesame') +
    everything;
  const client = await stand.client('web', [acme(files)], { labels });
  await client.ask(`${host('cart')}:9411`, { path: '/walked' });
  await expect.poll(taker.text).toContain('/walked');
  expect(taker.metadata[0]?.authentication).toBe('open-sesame');
});

test('datadog: traces of the service', async () => {
  await using stand = new Stand();
  const taker = await httpCollector(stand);
  const files =
    serving('cart', await stand.backend('cart')) +
    serving('collector', taker.port) +
    meshConfig('tracing', 'datadog') +
    everything;
  const client = await stand.client('web', [acme(files)], { labels });
  await client.ask(`${host('cart')}:9411`, { path: '/dog' });
  const text = () =>
    taker.got
      .filter(({ path }) => path.endsWith('/traces'))
      .map((one) => one.text)
      .join('');
  await expect.poll(text).toContain('shopper.web');
});
