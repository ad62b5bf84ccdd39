import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { envoy } from '../../src/generated/envoy.js';
import type { Snapshot } from '../../src/translate/index.ts';
import { createXdsServer, type XdsServer } from '../../src/xds/index.ts';
import { AdsClient, connection, NODE, SotwClient } from './client.ts';
import { framed, messagesOf } from './framed.ts';
import { bytesInUse } from './memory.ts';
import { CLUSTER, cluster, LISTENER, snapshot } from './resources.ts';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse } = envoy.service.discovery.v3;
const MIB = 1024 * 1024;

let server: XdsServer;
let port: number;
let current: Snapshot;

beforeEach(async () => {
  current = snapshot(cluster('a'));
  const silent = { info: () => {}, warn: () => {}, error: () => {} };
  server = createXdsServer({ snapshotFor: () => current, log: silent, now: () => 0 });
  port = await server.listen('127.0.0.1', 0);
});

afterEach(() => server.close());

test('2,000 streams: each gets what changed, once, and has ACKed it', async () => {
  const connections = Array.from({ length: 20 }, () => connection(port));
  const clients = Array.from({ length: 2_000 }, (_, index) => {
    const to = connections[index % connections.length] ?? port;
    const node = {
      id: `sidecar~10.0.${index >> 8}.${index & 255}~web-${index}.default~default.svc.cluster.local`,
    };
    const client = index % 2 === 0 ? new AdsClient(to) : new SotwClient(to);
    client.send({ node, typeUrl: CLUSTER });
    return client;
  });
  server.publish('r1');
  const answer = async (client: AdsClient | SotwClient) => {
    const { typeUrl, nonce, resources } = await client.next();
    client.send({ typeUrl, responseNonce: nonce });
    return resources.length;
  };
  expect(new Set(await Promise.all(clients.map(answer)))).toEqual(new Set([1]));
  const acked = new Promise<void>((resolve) => {
    let left = clients.length;
    server.onAck(({ revision }) => {
      if (revision === 'r2') left -= 1;
      if (left === 0) resolve();
    });
  });
  current = snapshot(cluster('a'), cluster('b'));
  server.publish('r2');
  const said = await Promise.all(clients.map(answer));
  expect(said.filter((count) => count === 1)).toHaveLength(1_000); // delta: what changed
  expect(said.filter((count) => count === 2)).toHaveLength(1_000); // state of the world: all clusters
  await acked;
  server.publish('r3');
  expect(server.sessions()).toHaveLength(2_000);
  expect(clients.reduce((sum, { unread }) => sum + unread, 0)).toBe(0);
  for (const each of connections) each.close();
  for (const client of clients) client.close();
});

test('a client that does not read costs one message, disturbs nobody, and then gets the newest state', async () => {
  const large = (version: string) =>
    snapshot({ ...cluster('a', version), any: Buffer.alloc(MIB, `${version} `) }, cluster('small', version));
  current = large('1');
  server.publish('r1');
  const session = connect(`http://127.0.0.1:${port}`);
  const slow = askForClusters(session);
  await once(slow, 'response');
  const reader = new AdsClient(port);
  reader.send({ node: NODE, typeUrl: CLUSTER });
  reader.ack(await reader.next());
  const before = await bytesInUse();
  const published = 100;
  for (let version = 2; version <= published; version += 1) {
    current = large(`${version}`);
    server.publish(`r${version}`);
    const response = await reader.next();
    expect(response.resources).toMatchObject([{ version: `${version}` }, { version: `${version}` }]);
    reader.ack(response);
  }
  expect((await bytesInUse()) - before).toBeLessThan(16 * MIB);
  const heard = await untilVersion(slow, `${published}`);
  expect(heard).toBeLessThan(5);
  reader.close();
  session.destroy();
});

test('what goes to many is kept once, however long they take to read it and whatever they were told before', async () => {
  server.publish('r1');
  const clients = Array.from({ length: 64 }, (_, index) => {
    return index % 2 === 0 ? new AdsClient(port) : new SotwClient(port);
  });
  for (const [index, client] of clients.entries()) {
    for (const typeUrl of index % 4 < 2 ? [CLUSTER] : [LISTENER, CLUSTER]) {
      client.send({ node: NODE, typeUrl });
      client.send({ typeUrl, responseNonce: (await client.next()).nonce });
    }
    client.pause();
  }
  const before = await bytesInUse();
  const large = Buffer.alloc(MIB, 'x');
  current = snapshot({ ...cluster('a', '2'), any: large });
  server.publish('r2');
  const written = () => server.sessions().every(({ types }) => types.some(({ sent }) => sent === '2.1'));
  while (!written()) await new Promise(setImmediate);
  expect((await bytesInUse()) - before).toBeLessThan(16 * MIB);
  for (const client of clients) {
    client.resume();
    const value =
      client instanceof AdsClient
        ? (await client.next()).resources[0]?.resource?.value
        : (await client.next()).resources[0]?.value;
    expect(Buffer.compare(large, value ?? Buffer.alloc(0))).toBe(0);
    client.close();
  }
});

test('what many who come at once are sent is kept once, too', async () => {
  current = snapshot({ ...cluster('a'), any: Buffer.alloc(MIB, 'x') });
  server.publish('r1');
  const before = await bytesInUse();
  const sessions = Array.from({ length: 64 }, () => connect(`http://127.0.0.1:${port}`));
  for (const session of sessions) askForClusters(session);
  const written = () => server.sessions().filter(({ types }) => types.some(({ sent }) => sent === '1.1'));
  while (written().length < sessions.length) await new Promise(setImmediate);
  expect((await bytesInUse()) - before).toBeLessThan(32 * MIB);
  for (const session of sessions) session.destroy();
});

/** A stream that asks, and that nobody reads. */
function askForClusters(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ...{ ':method': 'POST', 'content-type': 'application/grpc' },
    ':path': '/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters',
  });
  stream.write(framed(DeltaDiscoveryRequest.encode({ node: NODE }).finish()));
  return stream;
}

/** Reads responses until one has this version; how many there were. */
async function untilVersion(stream: ClientHttp2Stream, version: string): Promise<number> {
  let count = 0;
  for await (const message of messagesOf(stream)) {
    count += 1;
    if (DeltaDiscoveryResponse.decode(message).resources.some((each) => each.version === version)) break;
  }
  return count;
}
