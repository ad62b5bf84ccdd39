import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import type { Snapshot } from '../../src/translate/index.ts';
import { service, telemetry, workload } from '../mesh/manifests.ts';
import type { Running } from './running.ts';
import { Stand } from './stand.ts';
import { boundBootstrap, staticBootstrap } from './static.ts';

/** Istio's metrics, as real Envoys print them for Prometheus. */

const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string) => `${name}.shop.svc.cluster.local`;
const meshConfig = (spec = 'defaultProviders: {metrics: [prometheus]}') =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh, namespace: root}\nspec: {rootNamespace: root, ${spec}}\n---\n`;
const serving = (name: string, port: number, kind = 'http') =>
  service(name, 'shop', '', `[{name: ${kind}, port: 80}]`) +
  workload(name, 'shop', '127.0.0.1', `app: ${name}, version: v1`, `, ports: {${kind}: ${port}}`);

/** A node that says who it is. */
const named =
  <T extends object>(bootstrapOf: (snapshot: Snapshot) => T) =>
  (snapshot: Snapshot) => ({
    node: { id: 'a', cluster: 'web', metadata: { WORKLOAD_NAME: 'web-v2' } },
    ...bootstrapOf(snapshot),
  });
const labels = { app: 'web', version: 'v2' };
const client = { labels, bootstrapOf: named(staticBootstrap) };

type Series = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** The series of a metric; histograms by their `_sum` or `_count`. */
async function seriesOf(envoy: Running, name: string): Promise<readonly Series[]> {
  const lines = (await envoy.prometheus()).split('\n').filter((line) => line.startsWith(`${name}{`));
  return lines.map((line) => {
    const [, said = '', value = ''] = /^[^{]+\{(.*)\} (\S+)$/.exec(line) ?? [];
    const pairs = [...said.matchAll(/([a-z_A-Z0-9]+)="([^"]*)"/g)];
    return {
      labels: Object.fromEntries(pairs.map(([, key = '', text = '']) => [key, text])),
      value: Number(value),
    };
  });
}

const poll = (envoy: Running, name: string) => expect.poll(() => seriesOf(envoy, name));

test('a request is counted where it leaves, with the labels of Istio', async () => {
  await using stand = new Stand();
  const files = serving('cart', await stand.backend('cart')) + meshConfig();
  const web = await stand.client('web', [acme(files)], client);
  await web.ask(host('cart'));
  await web.ask(host('cart'));
  await poll(web, 'istio_requests_total').toEqual([
    {
      labels: {
        reporter: 'source',
        source_workload: 'web-v2',
        source_canonical_service: 'web',
        source_canonical_revision: 'v2',
        source_workload_namespace: 'web',
        source_principal: 'unknown',
        source_app: 'web',
        source_version: 'v2',
        source_cluster: 'unknown',
        destination_workload: 'cart',
        destination_workload_namespace: 'shop',
        destination_principal: 'unknown',
        destination_app: 'cart',
        destination_version: 'v1',
        destination_service: host('cart'),
        destination_canonical_service: 'cart',
        destination_canonical_revision: 'v1',
        destination_service_name: 'cart',
        destination_service_namespace: 'shop',
        destination_cluster: 'unknown',
        request_protocol: 'http',
        response_code: '200',
        grpc_response_status: '',
        response_flags: '-',
        connection_security_policy: 'unknown',
      },
      value: 2,
    },
  ]);
  for (const name of ['request_duration_milliseconds', 'request_bytes', 'response_bytes'])
    await poll(web, `istio_${name}_count`).toMatchObject([{ value: 2 }]);
  expect(await web.prometheus()).not.toMatch(/^envoy_istio|^envoy_wasmcustom/m);
});

test('and where it comes in, by a workload of another namespace without an identity', async () => {
  await using stand = new Stand();
  const [inbound = 0] = await freePorts(1);
  const application = await stand.backend('cart', '127.0.0.1', (_, response) => {
    response.statusCode = 404;
    response.end();
  });
  const files =
    service('cart', 'shop') +
    workload('cart', 'shop', '127.0.0.2', 'app: cart', `, ports: {http: ${inbound}}`) +
    meshConfig() +
    `apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s, namespace: shop}\nspec: {ingress: [{port: {number: ${inbound}, protocol: HTTP}, defaultEndpoint: "127.0.0.1:${application}"}]}\n---\n`;
  const cart = await stand.client('shop', [acme(files)], {
    ...{ ip: '127.0.0.2', labels: { app: 'cart' }, bootstrapOf: named(staticBootstrap) },
  });
  const web = await stand.client('web', [acme(files)], client);
  expect((await web.ask(host('cart'))).status).toBe(404);
  await poll(cart, 'istio_requests_total').toMatchObject([
    {
      labels: {
        ...{ reporter: 'destination', source_workload: 'unknown', source_principal: 'unknown' },
        ...{
          destination_workload: 'web-v2',
          destination_workload_namespace: 'shop',
          destination_app: 'cart',
        },
        ...{ destination_version: 'unknown', destination_canonical_revision: 'latest' },
        ...{ destination_service: host('cart'), destination_service_name: 'cart' },
        ...{ response_code: '404', connection_security_policy: 'none' },
      },
      value: 1,
    },
  ]);
});

test('tags that are added and removed, and a metric that is not counted, as Telemetry says', async () => {
  await using stand = new Stand();
  const rule = (overrides: string) =>
    `metrics: [{providers: [{name: prometheus}], overrides: [${overrides}]}]`;
  const files =
    serving('cart', await stand.backend('cart')) +
    meshConfig('enableTracing: false') +
    telemetry(
      'all',
      'root',
      rule(
        `{match: {metric: REQUEST_COUNT}, tagOverrides: {who: {value: "request.headers['x-who']"}, source_principal: {operation: REMOVE}, response_code: {value: "response.code / 100"}, bad: {value: "a | 'b'"}, of-it: {value: "(response.code)%100 == 0\\n? '100%' : '(50)%'"}}}`,
      ),
    ) +
    telemetry(
      'quiet',
      'quiet',
      'metrics: [{overrides: [{match: {metric: REQUEST_COUNT, mode: CLIENT}, disabled: true}]}]',
    ) +
    telemetry('server', 'server', 'metrics: [{overrides: [{match: {mode: SERVER}, disabled: true}]}]');
  const web = await stand.client('web', [acme(files)], client);
  await web.ask(host('cart'), { headers: { 'x-who': 'me' } });
  await web.ask(host('cart'));
  await expect
    .poll(async () =>
      (await seriesOf(web, 'istio_requests_total')).map(({ labels: said }) => said.who).sort(),
    )
    .toEqual(['me', 'unknown']);
  const [first] = await seriesOf(web, 'istio_requests_total');
  expect(first?.labels).toMatchObject({ response_code: '2', of_it: '100%' });
  expect(Object.keys(first?.labels ?? {})).toEqual(expect.not.arrayContaining(['source_principal', 'bad']));
  await poll(web, 'istio_request_bytes_count').toMatchObject([
    { labels: { response_code: '200', source_principal: 'unknown' }, value: 2 },
  ]);
  const [quiet, server] = [
    await stand.client('quiet', [acme(files)], client),
    await stand.client('server', [acme(files)], client),
  ];
  await quiet.ask(host('cart'));
  await server.ask(host('cart'));
  await poll(quiet, 'istio_request_duration_milliseconds_count').toMatchObject([{ value: 1 }]);
  await poll(server, 'istio_requests_total').toMatchObject([{ value: 1 }]);
  expect(await seriesOf(quiet, 'istio_requests_total')).toEqual([]);
});

test('where no provider is in force nothing is counted', async () => {
  await using stand = new Stand();
  const files = serving('cart', await stand.backend('cart')) + meshConfig('enableTracing: false');
  const web = await stand.client('web', [acme(files)], client);
  await web.ask(host('cart'));
  expect(await web.prometheus()).not.toContain('istio_');
});

test('connections, with their bytes, and the lines about them are written once', async () => {
  await using stand = new Stand();
  const [port = 0] = await freePorts(1);
  const files =
    service('db', 'shop', ', clusterIP: 127.9.0.3', `[{name: tcp, port: ${port}}]`) +
    workload('db', 'shop', '127.0.0.1', 'app: db', `, ports: {tcp: ${await stand.speaker('hello')}}`) +
    meshConfig(
      'accessLogFile: /dev/stdout, accessLogFormat: "line %BYTES_SENT% %UPSTREAM_CLUSTER%", defaultProviders: {metrics: [prometheus]}',
    );
  const capturing = {
    ...client,
    more: { FAIRLEAD: { capture: 'redirect' } },
    bootstrapOf: named(boundBootstrap),
  };
  const web = await stand.client('web', [acme(files)], capturing);
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.9.0.3');
    socket.resume();
    socket.on('close', () => resolve());
  });
  const said = {
    ...{ reporter: 'source', request_protocol: 'tcp', source_app: 'web', destination_workload: 'db' },
    ...{ destination_service: host('db'), response_flags: '-' },
  };
  for (const [name, value] of Object.entries({
    ...{ connections_opened: 1, connections_closed: 1, sent_bytes: 5, received_bytes: 0 },
  }))
    await poll(web, `istio_tcp_${name}_total`).toMatchObject([{ labels: said, value }]);
  const lines = async () => (await web.output()).match(/^line .*/gm);
  await expect.poll(lines).toEqual([`line 5 outbound|${port}||${host('db')}`]);
});

test('what clients send cannot fill the memory of a proxy', async () => {
  await using stand = new Stand();
  const files = serving('cart', await stand.backend('cart')) + meshConfig();
  const few = (snapshot: Snapshot) =>
    JSON.parse(
      JSON.stringify(named(staticBootstrap)(snapshot)).replaceAll('"max_counters":10000', '"max_counters":1'),
    ) as object;
  const web = await stand.client('web', [acme(files)], { ...client, bootstrapOf: few });
  await web.ask(host('cart'));
  await poll(web, 'istio_requests_total').toMatchObject([{ value: 1 }]);
  await web.ask('nobody.example');
  await expect.poll(() => web.prometheus()).toMatch(/^envoy_server_stats_overflow_counter\{\} [1-9]/m);
  expect(await seriesOf(web, 'istio_requests_total')).toHaveLength(1);
});
