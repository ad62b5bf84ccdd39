import { EventEmitter, once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Proxy as MeshProxy, Snapshot } from '../../src/translate/index.ts';
import { createXdsServer, type XdsServer } from '../../src/xds/index.ts';
import { AdsClient, NODE } from './client.ts';
import {
  CLUSTER,
  cluster,
  ENDPOINT,
  endpoints,
  LISTENER,
  listener,
  ROUTE,
  route,
  snapshot,
} from './resources.ts';

const web = snapshot(cluster('a'), endpoints('a'), listener('http', '1', ['r']), route('r', '1', ['a']));

let server: XdsServer;
let port: number;
let nowMs: number;
let snapshotFor: (proxy: MeshProxy) => Snapshot;
let logged: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[];
const clients: AdsClient[] = [];
const events = new EventEmitter();

const log = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
  logged.push({ level, message, fields });
  events.emit('logged');
};

beforeEach(async () => {
  nowMs = 1_000;
  logged = [];
  snapshotFor = () => web;
  server = createXdsServer({
    snapshotFor: (proxy) => snapshotFor(proxy),
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    now: () => nowMs,
  });
  port = await server.listen('127.0.0.1', 0);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

function connect(): AdsClient {
  const client = new AdsClient(port);
  clients.push(client);
  return client;
}

function acked(revision: string): Promise<{ proxy: string; revision: string; atMs: number }> {
  return new Promise((resolve) => {
    const stop = server.onAck((ack) => {
      if (ack.revision !== revision) return;
      stop();
      resolve(ack);
    });
  });
}

async function untilLogged(part: string): Promise<void> {
  while (!logged.some(({ message }) => message.includes(part))) await once(events, 'logged');
}

/** Connects and takes everything, as a starting Envoy does. */
async function started(revision: string): Promise<AdsClient> {
  const done = acked(revision);
  const client = connect();
  client.send({ node: NODE, typeUrl: CLUSTER });
  server.publish(revision);
  client.ack(await client.next());
  client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ['a'] });
  client.ack(await client.next());
  client.send({ typeUrl: LISTENER });
  client.ack(await client.next());
  client.send({ typeUrl: ROUTE, resourceNamesSubscribe: ['r'] });
  client.ack(await client.next());
  await done;
  return client;
}

describe('a stream', () => {
  test('gets what it asked for, encoded as Envoy reads it', async () => {
    const client = connect();
    server.publish('r1');
    client.send({ node: NODE, typeUrl: CLUSTER });
    const response = await client.next();
    expect(response).toMatchObject({ typeUrl: CLUSTER, nonce: '1', systemVersionInfo: 'r1' });
    expect(response.resources).toMatchObject([
      { name: 'a', version: '1', resource: { type_url: CLUSTER, value: Buffer.from('a@1') } },
    ]);
  });

  test('that comes before the first publish waits for it: nobody starts empty', async () => {
    const client = connect();
    client.send({ node: NODE, typeUrl: CLUSTER });
    await untilLogged('connected');
    expect(server.sessions()).toMatchObject([{ proxy: NODE.id, revision: '' }]);
    server.publish('r1');
    expect((await client.next()).resources).toHaveLength(1);
  });

  test('C1: says who it is in its first request, and never again', async () => {
    const client = await started('r1');
    client.send({ node: { id: 'someone else' }, typeUrl: ROUTE, resourceNamesSubscribe: ['q'] });
    expect((await client.next()).removedResources).toEqual(['q']);
    expect(server.sessions()).toMatchObject([{ proxy: NODE.id }]);
  });

  test.each([
    ['without a node', {}],
    ['with an empty node', { node: {} }],
    ['with a malformed node id', { node: { id: 'web' } }],
  ])('%s is refused, and told what is expected', async (_, request) => {
    const client = connect();
    client.send({ ...request, typeUrl: CLUSTER });
    const ended = await client.status();
    expect(ended.code).toBe(status.INVALID_ARGUMENT);
    expect(ended.details).toContain('sidecar~');
    expect(server.sessions()).toEqual([]);
  });

  test('without a type is refused', async () => {
    const client = connect();
    client.send({ node: NODE });
    expect((await client.status()).code).toBe(status.INVALID_ARGUMENT);
  });

  test('of garbage ends alone; its neighbours go on', async () => {
    const neighbour = await started('r1');
    const client = connect();
    client.sendBytes(Buffer.from('\xff\xff\xff\xff garbage', 'latin1'));
    expect((await client.status()).code).toBe(status.INVALID_ARGUMENT);
    snapshotFor = () => snapshot(cluster('a', '2'), ...rest(web));
    server.publish('r2');
    expect((await neighbour.next()).resources).toMatchObject([{ name: 'a', version: '2' }]);
  });

  test('may be one of several of the same node, each with its own state', async () => {
    await started('r1');
    await started('r2');
    const ids = server.sessions().map(({ id, proxy }) => ({ id, proxy }));
    expect(ids).toEqual([
      { id: '1', proxy: NODE.id },
      { id: '2', proxy: NODE.id },
    ]);
  });

  test('can bring back more versions than gRPC takes by default', async () => {
    snapshotFor = () => snapshot();
    server.publish('r1');
    const client = connect();
    const names = Array.from(
      { length: 50_000 },
      (_, index) => `outbound|80||service-${index}.${'x'.repeat(80)}.local`,
    );
    const initialResourceVersions = Object.fromEntries(names.map((name) => [name, '0123456789abcdef']));
    client.send({ node: NODE, typeUrl: LISTENER, initialResourceVersions });
    expect((await client.next()).removedResources).toHaveLength(50_000);
  });

  test('that the client leaves is forgotten', async () => {
    const client = await started('r1');
    client.close();
    await untilLogged('left');
    expect(server.sessions()).toEqual([]);
  });
});

describe('publish', () => {
  test('sends only what changed', async () => {
    const client = await started('r1');
    snapshotFor = () => snapshot(cluster('a'), cluster('b'), ...rest(web));
    server.publish('r2');
    expect((await client.next()).resources).toMatchObject([{ name: 'b' }]);
  });

  test('without a change sends nothing, and counts as ACKed', async () => {
    const client = await started('r1');
    nowMs = 2_000;
    const done = acked('r2');
    server.publish('r2');
    expect(await done).toEqual({ proxy: NODE.id, revision: 'r2', atMs: 2_000 });
    expect(client.unread).toBe(0);
    expect(server.sessions()).toMatchObject([
      { revision: 'r2', fullyAcked: { revision: 'r2', atMs: 2_000 } },
    ]);
  });

  test('is ACKed when the client has ACKed all of it', async () => {
    const client = await started('r1');
    snapshotFor = () => snapshot(cluster('a', '2'), ...rest(web));
    const done = acked('r2');
    server.publish('r2');
    const [clusters, assignments] = [await client.next(), await client.next()];
    client.ack(assignments);
    nowMs = 7_000;
    client.ack(clusters);
    expect(await done).toMatchObject({ revision: 'r2', atMs: 7_000 });
  });

  test('without a snapshot leaves the proxy with its last good one', async () => {
    const client = await started('r1');
    snapshotFor = () => {
      throw new Error('a bug in translate');
    };
    server.publish('r2');
    await untilLogged('no snapshot');
    expect(server.sessions()).toMatchObject([{ revision: 'r1' }]);
    client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ['a'] });
    expect((await client.next()).resources).toMatchObject([{ name: 'a', version: '1' }]);
  });

  test('never queues: a client that does not read gets the newest state when it does', async () => {
    const client = await started('r1');
    client.pause();
    const large = (version: string) => {
      const item = cluster('a', version);
      return snapshot({ ...item, any: Buffer.alloc(1024 * 1024, version) }, ...rest(web));
    };
    const published = 200;
    for (let version = 2; version <= published; version += 1) {
      snapshotFor = () => large(`${version}`);
      server.publish(`r${version}`);
      await new Promise(setImmediate);
    }
    client.resume();
    let heard = 0;
    for (let last = ''; last !== `${published}`; heard += 1) {
      const response = await client.next();
      if (response.typeUrl === CLUSTER) last = response.resources[0]?.version ?? '';
    }
    expect(heard).toBeLessThan(published);
  });
});

describe('status', () => {
  test('NOT SENT, STALE, SYNCED and ERROR, as istioctl has them', async () => {
    const client = connect();
    server.publish('r1');
    client.send({ node: NODE, typeUrl: CLUSTER });
    const clusters = await client.next();
    expect(states()).toEqual(['STALE', 'NOT SENT', 'NOT SENT', 'NOT SENT']);
    client.ack(clusters);
    client.send({ typeUrl: LISTENER });
    client.nack(await client.next(), 'Error adding/updating listener(s) http: no');
    await untilLogged('refused');
    expect(states()).toEqual(['SYNCED', 'NOT SENT', 'ERROR', 'NOT SENT']);
    expect(server.sessions()[0]?.types[0]).toMatchObject({
      sent: '1',
      acked: '1',
      version: 'r1',
      resources: 1,
    });
  });

  test('a refused resource is named with file and line', async () => {
    const client = await started('r1');
    snapshotFor = () => snapshot(cluster('a', '2'), ...rest(web));
    server.publish('r2');
    client.nack(await client.next(), 'connect_timeout is negative');
    await untilLogged('refused');
    expect(server.sessions()[0]?.rejected).toEqual([
      {
        typeUrl: CLUSTER,
        name: 'a',
        version: '2',
        message: 'connect_timeout is negative',
        sources: [
          { scope: 'acme', uid: 'u', document: 'Service/shop/a', file: 'a.yaml', line: 7, column: 1 },
        ],
      },
    ]);
    expect(server.sessions()[0]?.fullyAcked?.revision).toBe('r1');
  });

  function states(): readonly string[] {
    return server.sessions().flatMap(({ types }) => types.map(({ state }) => state));
  }
});

test('close ends the streams with OK, so that clients come back', async () => {
  const client = await started('r1');
  await server.close();
  expect((await client.status()).code).toBe(status.OK);
});

/** Everything but the first cluster. */
function rest({ resources }: Snapshot) {
  return [...resources.values()].flatMap((each) => [...each.values()]).slice(1);
}
