import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Snapshot } from '../../src/translate/index.ts';
import { createXdsServer, type XdsServer } from '../../src/xds/index.ts';
import { limits } from '../../src/xds/limits.ts';
import { AdsClient, NODE, SotwClient } from './client.ts';
import { CLUSTER, cluster, ENDPOINT, snapshot } from './resources.ts';

let server: XdsServer;
let port: number;
let current: Snapshot;
const clients: { close(): void }[] = [];

beforeEach(async () => {
  current = snapshot(cluster('a'));
  const silent = { info: () => {}, warn: () => {}, error: () => {} };
  server = createXdsServer({ snapshotFor: () => current, log: silent, now: () => 0 });
  port = await server.listen('127.0.0.1', 0);
  server.publish('r1');
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

function kept<T extends { close(): void }>(client: T): T {
  clients.push(client);
  return client;
}

const variants = [
  ['delta', () => kept(new AdsClient(port)), 'resourceNamesSubscribe'],
  ['state of the world', () => kept(new SotwClient(port)), 'resourceNames'],
] as const;

test.each(variants)('%s: a request that is too large ends its stream', async (_, open) => {
  const client = open();
  client.sendBytes(Buffer.alloc(limits.messageBytes + 1));
  expect((await client.status()).code).toBe(status.RESOURCE_EXHAUSTED);
});

test.each(variants)(
  '%s: a name that is too long ends its stream, one that just fits does not',
  async (_, open, field) => {
    const client = open();
    client.send({ node: NODE, typeUrl: CLUSTER, [field]: ['x'.repeat(limits.nameLength), 'a'] });
    expect((await client.next()).resources).toHaveLength(1);
    client.send({ typeUrl: CLUSTER, [field]: ['x'.repeat(limits.nameLength + 1)] });
    const ended = await client.status();
    expect(ended.code).toBe(status.INVALID_ARGUMENT);
    expect(ended.details).toContain(`${limits.nameLength}`);
  },
);

test.each(variants)('%s: a node id that is too long ends its stream', async (_, open) => {
  const client = open();
  client.send({ node: { id: `${NODE.id}${'x'.repeat(limits.nameLength)}` }, typeUrl: CLUSTER });
  const ended = await client.status();
  expect(ended.code).toBe(status.INVALID_ARGUMENT);
  expect(ended.details).toContain(`${limits.nameLength}`);
});

test.each(variants)('%s: too many names end their stream', async (_, open, field) => {
  const names = Array.from({ length: limits.names + 1 }, (_each, index) => `${index}`);
  const client = open();
  client.send({ node: NODE, typeUrl: ENDPOINT, [field]: names });
  const ended = await client.status();
  expect(ended.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(ended.details).toContain(`${limits.names}`);
  expect(server.sessions()).toEqual([]);
});

test('delta: so do too many names that it says it has, and never asks for', async () => {
  const versions = Array.from({ length: limits.names + 1 }, (_each, index) => [`${index}`, ''] as const);
  const client = kept(new AdsClient(port));
  client.send({ node: NODE, typeUrl: ENDPOINT, initialResourceVersions: Object.fromEntries(versions) });
  const ended = await client.status();
  expect(ended.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(ended.details).toContain(`${limits.names}`);
});

test.each(variants)('%s: too many types end their stream', async (_, open) => {
  const client = open();
  for (let count = 0; count <= limits.types; count += 1)
    client.send({ node: NODE, typeUrl: `type/${count}` });
  const ended = await client.status();
  expect(ended.code).toBe(status.INVALID_ARGUMENT);
  expect(ended.details).toContain(`${limits.types}`);
});

test.each(variants)('%s: bytes that are no request end their stream', async (_, open) => {
  const client = open();
  client.sendBytes(Buffer.from('0a7f61', 'hex'));
  const ended = await client.status();
  expect(ended.code).toBe(status.INVALID_ARGUMENT);
  expect(ended.details).toContain('DiscoveryRequest');
});

test('the words of a refusal are kept up to a length', async () => {
  const client = kept(new AdsClient(port));
  client.send({ node: NODE, typeUrl: CLUSTER });
  client.nack(await client.next(), 'x'.repeat(limits.errorLength + 1));
  client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ['b'] });
  await client.next();
  expect(server.sessions()[0]?.rejected[0]?.message).toHaveLength(limits.errorLength);
});
