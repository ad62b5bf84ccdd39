import { afterEach, beforeEach, expect, test } from 'vitest';
import { createResourceServer, type RawResource, type XdsServer } from '../../src/xds/index.ts';
import { AdsClient, SotwClient } from './client.ts';
import { CLUSTER, ROUTE } from './resources.ts';

const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

let server: XdsServer;
let port: number;
/** By node. */
let held: ReadonlyMap<string, readonly RawResource[]>;
const clients: { close(): void }[] = [];

beforeEach(async () => {
  held = new Map();
  const silent = { info: () => {}, warn: () => {}, error: () => {} };
  const resourcesFor = ({ id }: { readonly id: string }) => held.get(id) ?? [];
  server = createResourceServer({ resourcesFor, log: silent, now: () => 0 });
  port = await server.listen('127.0.0.1', 0);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

function kept<T extends { close(): void }>(client: T): T {
  clients.push(client);
  return client;
}

function raw(typeUrl: string, name: string, version: string): RawResource {
  return { typeUrl, name, version, any: Buffer.from(`${name}@${version}`) };
}

test('any node gets what is its own, of any type, by name and version', async () => {
  held = new Map([
    ['harness-1', [raw(SECRET, 'key', '1')]],
    ['harness-2', [raw(SECRET, 'key', '7')]],
  ]);
  server.publish('1');
  for (const [id, version] of [
    ['harness-1', '1'],
    ['harness-2', '7'],
  ] as const) {
    const client = kept(new AdsClient(port));
    client.send({ node: { id }, typeUrl: SECRET, resourceNamesSubscribe: ['key', 'ghost'] });
    const response = await client.next();
    expect(response.resources).toMatchObject([{ name: 'key', version, resource: { type_url: SECRET } }]);
    expect(response.removedResources).toEqual(['ghost']);
  }
});

test('the same in state of the world', async () => {
  held = new Map([['harness', [raw(SECRET, 'key', '1'), raw(SECRET, 'other', '1')]]]);
  server.publish('1');
  const client = kept(new SotwClient(port));
  client.send({ node: { id: 'harness' }, typeUrl: SECRET, resourceNames: ['key'] });
  const response = await client.next();
  expect(response.resources.map(({ value }) => `${value}`)).toEqual(['key@1']);
  client.ack(response, ['key']);
  held = new Map([['harness', [raw(SECRET, 'key', '2'), raw(SECRET, 'other', '2')]]]);
  server.publish('2');
  expect((await client.next()).resources.map(({ value }) => `${value}`)).toEqual(['key@2']);
});

test('nothing waits for anything: a cluster goes while a route of it is unanswered', async () => {
  held = new Map([['harness', [raw(CLUSTER, 'a', '1'), raw(ROUTE, 'r', '1')]]]);
  server.publish('1');
  const client = kept(new AdsClient(port));
  client.send({ node: { id: 'harness' }, typeUrl: CLUSTER });
  client.send({ typeUrl: ROUTE, resourceNamesSubscribe: ['r'] });
  client.ack(await client.next());
  await client.next();
  held = new Map([['harness', [raw(ROUTE, 'r', '2')]]]);
  server.publish('2');
  expect((await client.next()).removedResources).toEqual(['a']);
  expect((await client.next()).resources).toMatchObject([{ name: 'r', version: '2' }]);
});

test('the same name and version may be something else for another node', async () => {
  held = new Map(
    ['one', 'two'].map((id) => [id, [{ ...raw(SECRET, 'key', '1'), any: Buffer.from(`of ${id}`) }]]),
  );
  server.publish('1');
  for (const id of ['one', 'two', 'one']) {
    const client = kept(new AdsClient(port));
    client.send({ node: { id }, typeUrl: SECRET, resourceNamesSubscribe: ['key'] });
    expect((await client.next()).resources.map(({ resource }) => `${resource?.value}`)).toEqual([`of ${id}`]);
  }
});

test('a revision published twice is looked at twice', async () => {
  held = new Map([['harness', [raw(CLUSTER, 'a', '1')]]]);
  server.publish('1');
  const client = kept(new AdsClient(port));
  client.send({ node: { id: 'harness' }, typeUrl: CLUSTER });
  client.ack(await client.next());
  held = new Map([['harness', [raw(CLUSTER, 'a', '2')]]]);
  server.publish('1');
  expect((await client.next()).resources).toMatchObject([{ name: 'a', version: '2' }]);
});

test('a node without an id is refused', async () => {
  const client = kept(new AdsClient(port));
  client.send({ node: {}, typeUrl: SECRET });
  expect((await client.status()).details).toContain('node.id');
});
