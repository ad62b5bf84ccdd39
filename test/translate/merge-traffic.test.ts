import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import type { Snapshot } from '../../src/translate/index.ts';
import { bound, gateway, istio, routes, service, to, workload } from '../mesh/manifests.ts';
import type { ScopeText } from '../mesh/world.ts';
import { type Running, run } from './running.ts';
import { Stand } from './stand.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** Several VirtualServices for one host, in a real Envoy. */

let stand = new Stand();
afterEach(async () => {
  const used = stand;
  stand = new Stand();
  await used[Symbol.asyncDispose]();
});

const acme = (files: ScopeText['files']): ScopeText => ({ path: 'acme', files });
const app = async (name: string) =>
  service(name, 'shop') +
  workload(name, 'shop', '127.0.0.1', `app: ${name}`, `, ports: {http: ${await stand.backend(name)}}`);
const step = (match: string, host: string) => `{match: [${match}], route: [{destination: {host: ${host}}}]}`;

/** What is answered for each path. */
async function bodies(client: Running, host: string, paths: readonly string[]): Promise<readonly string[]> {
  const answers = await Promise.all(paths.map((path) => client.ask(host, { path })));
  return answers.map(({ status, body }) => (status === 200 ? body : `${status}`));
}

const paths = ['/a', '/a/b', '/b', '/c'];

test('in the mesh, each has its own requests, and one the rest', async () => {
  const files = {
    'a.yaml': (await app('cart')) + (await app('a')) + (await app('b')),
    'b.yaml': routes(
      'rest',
      'shop',
      'cart',
      `[${step('{uri: {prefix: /a}}', 'a')}, ${to('cart').slice(1, -1)}]`,
    ),
    'c.yaml': routes('some', 'shop', 'cart.shop.svc.cluster.local', `[${step('{uri: {exact: /b}}', 'b')}]`),
  };
  const client = await stand.client('shop', [acme(files)]);
  expect(await bodies(client, 'cart', paths)).toEqual(['a', 'a', 'b', 'cart']);
});

test('each client has those that it sees: of its own namespace, and of all', async () => {
  const apps = (await app('cart')) + (await app('a')) + (await app('b'));
  const own = routes('own', 'shop', 'cart', `[${step('{uri: {prefix: /a}}', 'a')}]`);
  const files = {
    'a.yaml': `${apps}${own.replace('http:', 'exportTo: ["."], http:')}`,
    'b.yaml': routes('all', 'shop', 'cart', `[${step('{uri: {exact: /b}}', 'b')}]`),
  };
  const [shop, web] = await Promise.all(
    ['shop', 'web'].map((namespace) => stand.client(namespace, [acme(files)])),
  );
  const host = 'cart.shop.svc.cluster.local';
  expect(await bodies(shop as Running, host, paths)).toEqual(['a', 'a', 'b', '404']);
  expect(await bodies(web as Running, host, paths)).toEqual(['404', '404', 'b', '404']);
});

test('those that contradict each other leave the host to itself', async () => {
  const apps = (await app('cart')) + (await app('a')) + (await app('b'));
  const files = {
    'a.yaml': `${apps}${routes('one', 'shop', 'cart', `[${step('{uri: {prefix: /a}}', 'a')}]`)}`,
    'b.yaml': routes('two', 'shop', 'cart', `[${step('{uri: {exact: /a/b}}', 'b')}]`),
  };
  const client = await stand.client('shop', [acme(files)]);
  expect(await bodies(client, 'cart', paths)).toEqual(['cart', 'cart', 'cart', 'cart']);
});

const www = 'www.acme.example';
const edgeAt = (port: number, offers: string) => gateway('edge', 'edge', offers, '', port);

async function atGateway(port: number, files: ScopeText['files']): Promise<Running> {
  const snapshot: Snapshot = snapshotOf(
    proxyAt('127.0.0.1', 'edge', { LABELS: { app: 'edge' } }, 'router'),
    acme(files),
  );
  const running = await run(snapshot, port);
  stand.defer(() => running.close());
  return running;
}

test('at a gateway they are one, of several namespaces, and a host in full beats a wildcard', async () => {
  const [port = 0] = await freePorts(1);
  const files = {
    'a.yaml': (await app('cart')) + (await app('a')) + (await app('b')) + edgeAt(port, '["*"]'),
    'z.yaml': bound('a', 'shop', www, '[edge/edge]', `[${step('{uri: {prefix: /a}}', 'a')}]`),
    'b.yaml': bound(
      'b',
      'team',
      www,
      '[edge/edge]',
      `[${step('{uri: {exact: /b}}', 'b.shop.svc.cluster.local')}]`,
    ),
    'c.yaml': bound('c', 'shop', '*.acme.example', '[edge/edge]', to('cart')),
  };
  const client = await atGateway(port, files);
  expect(await bodies(client, www, paths)).toEqual(['a', 'a', 'b', '404']);
  expect(await bodies(client, 'other.acme.example', paths)).toEqual(['cart', 'cart', 'cart', 'cart']);
});

test('at a gateway that offers a host to one namespace, those of that alone', async () => {
  const [port = 0] = await freePorts(1);
  const files = {
    'a.yaml': (await app('a')) + (await app('b')) + edgeAt(port, `["shop/${www}"]`),
    'b.yaml': bound('a', 'shop', www, '[edge/edge]', `[${step('{uri: {prefix: /a}}', 'a')}]`),
    'c.yaml': bound(
      'b',
      'team',
      www,
      '[edge/edge, mesh]',
      `[${step('{uri: {exact: /b}}', 'b.shop.svc.cluster.local')}]`,
    ),
  };
  const client = await atGateway(port, files);
  expect(await bodies(client, www, paths)).toEqual(['a', 'a', '404', '404']);
});

test('files in any order, and by any name, are the same bytes', () => {
  const documents = [
    service('cart', 'shop') + service('a', 'shop') + gateway('edge', 'edge', '["*"]'),
    ...['a', 'b', 'c', 'd'].map((name) => {
      const entrances = name === 'd' ? '[mesh]' : '[edge/edge, mesh]';
      return bound(name, 'shop', www, entrances, `[${step(`{uri: {prefix: /${name}}}`, 'a')}]`);
    }),
    bound('rest', 'shop', www, '[edge/edge, mesh]', to('cart')),
    istio(
      'VirtualService',
      'tcp',
      'shop',
      `{hosts: [${www}], tcp: [{route: [{destination: {host: cart}}]}]}`,
    ),
  ];
  const bytesOf = (order: readonly string[], names: readonly number[]) => {
    const texts = acme(Object.fromEntries(order.map((text, at) => [`${names[at]}.yaml`, text])));
    const proxies = [
      proxyAt('10.0.0.1', 'shop'),
      proxyAt('10.0.0.1', 'edge', { LABELS: { app: 'edge' } }, 'router'),
    ];
    return proxies.flatMap((proxy) =>
      [...snapshotOf(proxy, texts).resources.values()].flatMap((all) =>
        [...all.values()].map(({ name, json }) => [name, JSON.stringify({ ...json })]),
      ),
    );
  };
  const indexes = documents.map((_, index) => index);
  const expected = bytesOf(documents, indexes);
  const any = fc.shuffledSubarray(indexes, { minLength: indexes.length });
  fc.assert(
    fc.property(fc.shuffledSubarray(documents, { minLength: documents.length }), any, (order, names) => {
      expect(bytesOf(order, names)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});
