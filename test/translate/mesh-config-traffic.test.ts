import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { istio, routes, service, to, workload } from '../mesh/manifests.ts';
import { run } from './running.ts';
import { Stand } from './stand.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What a MeshConfig changes for all requests and connections, through real Envoys. */

const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string) => `${name}.shop.svc.cluster.local`;
const meshConfig = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {${spec}}\n---\n`;
const at = (name: string, address: string, port: number, more = '') =>
  workload(name, 'shop', address, 'app: cart', `, ports: {http: ${port}}${more}`);

test('defaultHttpRetryPolicy: for requests whose rule says none', async () => {
  await using stand = new Stand();
  const tries = new Map<string, number>();
  const port = await stand.backend('cart', '127.0.0.1', ({ url = '' }, response) => {
    tries.set(url, (tries.get(url) ?? 0) + 1);
    response.statusCode = 500;
    response.end();
  });
  const own = `[{match: [{uri: {prefix: /own}}], retries: {attempts: 1, retryOn: "5xx"}, ${to(host('cart')).slice(2, -2)}}, ${to(host('cart')).slice(1, -1)}]`;
  const triesOf = async (policy: string, path: string) => {
    const files =
      service('cart', 'shop') +
      service('direct', 'shop') +
      at('cart', '127.0.0.1', port) +
      workload('direct', 'shop', '127.0.0.1', 'app: direct', `, ports: {http: ${port}}`) +
      routes('cart', 'shop', host('cart'), own) +
      (policy === '' ? '' : meshConfig(`defaultHttpRetryPolicy: ${policy}`));
    const client = await stand.client('web', [acme(files)]);
    tries.clear();
    const name = path === '/direct' ? host('direct') : host('cart');
    expect((await client.ask(name, { path })).status).toBe(500);
    return tries.get(path);
  };
  expect(await triesOf('', '/a')).toBe(1);
  const policy = '{attempts: 3, retryOn: "5xx", backoff: 1ms}';
  expect(await triesOf(policy, '/a')).toBe(4);
  expect(await triesOf(policy, '/direct')).toBe(4);
  expect(await triesOf(policy, '/own')).toBe(2);
  expect(await triesOf('{attempts: 0}', '/own')).toBe(2);
  const files = service('cart', 'shop') + meshConfig('defaultHttpRetryPolicy: {attempts: 0}');
  const heard = jsonOf(snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files)), 'routes', 'http_proxy');
  expect(JSON.stringify(heard)).not.toContain('retry_policy');
});

test('localityLbSetting: shares and failover for all services, unless their rule says otherwise', async () => {
  await using stand = new Stand();
  const [near, far] = [await stand.backend('near'), await stand.backend('far')];
  const cart =
    service('cart', 'shop') +
    at('near', '127.0.0.1', near, ', locality: eu/a') +
    at('far', '127.0.0.1', far, ', locality: us/b');
  const rule = (more: string) =>
    istio('DestinationRule', 'r', 'shop', `{host: ${host('cart')}, trafficPolicy: {${more}}}`);
  const answers = async (files: string) => {
    const client = await stand.client('web', [acme(cart + files)], { locality: 'eu.a' });
    const all = await Promise.all(Array.from({ length: 40 }, () => client.ask(host('cart'))));
    return [...new Set(all.map(({ body }) => body))].sort();
  };
  const shares = meshConfig('localityLbSetting: {distribute: [{from: eu/*, to: {us/*: 100}}]}');
  const ejecting = 'outlierDetection: {consecutive5xxErrors: 5}';
  expect(await answers('')).toEqual(['far', 'near']);
  expect(await answers(shares)).toEqual(['far']);
  expect(await answers(rule(ejecting))).toEqual(['near']);
  expect(await answers(rule(ejecting) + meshConfig('localityLbSetting: {enabled: false}'))).toEqual([
    'far',
    'near',
  ]);
  const own = `${ejecting}, loadBalancer: {localityLbSetting: {distribute: [{from: eu/*, to: {eu/*: 100}}]}}`;
  expect(await answers(rule(own) + shares)).toEqual(['near']);
});

test('protocolDetectionTimeout: how long the first bytes are waited for', async () => {
  await using stand = new Stand();
  const speaker = await stand.speaker('hello');
  const [port = 0] = await freePorts(1);
  const tls = `[{name: tls, port: ${port}}]`;
  const files = (more: string) =>
    service('db', 'shop', '', tls) +
    workload('db', 'shop', '127.0.0.1', 'app: db', `, ports: {tls: ${speaker}}`) +
    istio(
      'VirtualService',
      'db',
      'shop',
      `{hosts: ["${host('db')}"], tls: [{match: [{sniHosts: ["${host('db')}"]}], route: [{destination: {host: ${host('db')}}}]}]}`,
    ) +
    more;
  const timeoutOf = (more: string) => {
    const heard = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(files(more)));
    return jsonOf(heard, 'listeners', `127.0.0.1_${port}`).listener_filters_timeout;
  };
  expect(timeoutOf('')).toBe('0s');
  expect(timeoutOf(meshConfig('protocolDetectionTimeout: 0.3s'))).toBe('0.3s');
  const snapshot = snapshotOf(
    proxyAt('10.0.0.1', 'web'),
    acme(files(meshConfig('protocolDetectionTimeout: 0.3s'))),
  );
  const envoy = await run(snapshot, port);
  await using open = new AsyncDisposableStack();
  open.defer(() => envoy.close());
  // It says nothing: with a limit the connection is given up, without one it would stay.
  const closed = await new Promise<boolean>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', reject);
    socket.on('close', () => resolve(true));
    socket.resume();
  });
  expect(closed).toBe(true);
});
