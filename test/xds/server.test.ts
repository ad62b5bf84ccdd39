import { EventEmitter, once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Proxy as MeshProxy, Snapshot } from '../../src/translate/index.ts';
import { createXdsServer, type XdsServer } from '../../src/xds/index.ts';
import { AdsClient, connection, NODE, SotwClient } from './client.ts';
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
/** What somebody set the machine's clock by. */
let setByMs: number;
const YEAR_MS = 365 * 24 * 3_600_000;
let snapshotFor: (proxy: MeshProxy) => Snapshot;
let forgotten: string[];
let logged: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[];
const clients: { close(): void }[] = [];
const events = new EventEmitter();

const log = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
  logged.push({ level, message, fields });
  events.emit('logged');
};

beforeEach(async () => {
  nowMs = 1_000;
  setByMs = 0;
  logged = [];
  snapshotFor = () => web;
  forgotten = [];
  server = createXdsServer({
    snapshotFor: (proxy) => snapshotFor(proxy),
    forget: (id) => forgotten.push(id),
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    now: () => nowMs + setByMs,
    steadyMs: () => nowMs,
  });
  port = await server.listen('127.0.0.1', 0);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

function connect(): AdsClient {
  return kept(new AdsClient(port));
}

function kept<T extends { close(): void }>(client: T): T {
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
    expect(response).toMatchObject({ typeUrl: CLUSTER, nonce: '1.1', systemVersionInfo: 'r1' });
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
    expect(forgotten).toEqual([NODE.id]);
  });

  test('what a node hears is not forgotten as long as another stream of its id is open', async () => {
    const [first, second] = [await started('r1'), await started('r1')];
    first.close();
    await untilLogged('left');
    expect(forgotten).toEqual([]);
    second.close();
    await expect.poll(() => forgotten).toEqual([NODE.id]);
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
      { revision: 'r2', fullyAcked: { revision: 'r2', push: 2, atMs: 2_000 } },
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

  test('is ACKed by all when the last has ACKed it', async () => {
    expect(server.ackedSteadyMs(1)).toBeNull();
    await started('r1');
    expect(server.ackedSteadyMs(1)).toBe(1_000);
    nowMs = 2_000;
    setByMs = -YEAR_MS;
    const done = acked('r1');
    const late = connect();
    late.send({ node: NODE, typeUrl: ENDPOINT, resourceNamesSubscribe: ['a'] });
    const said = await late.next();
    expect(server.ackedSteadyMs(1)).toBeNull();
    late.ack(said);
    await done;
    expect([server.ackedSteadyMs(1), server.ackedSteadyMs(2)]).toEqual([2_000, null]);
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
      sent: '1.1',
      acked: '1.1',
      version: 'r1',
      resources: 1,
    });
  });

  test('an answer is owed since the oldest response that has none', async () => {
    const owedSince = () => server.sessions()[0]?.types[0]?.unansweredSinceMs;
    const untilOwedSince = (sinceMs: number | null) => expect.poll(owedSince).toBe(sinceMs);
    const client = connect();
    server.publish('r1');
    client.send({ node: NODE, typeUrl: CLUSTER });
    const first = await client.next();
    nowMs = 2_000;
    snapshotFor = () => snapshot(cluster('a', '2'), ...rest(web));
    server.publish('r2');
    const second = await client.next();
    await untilOwedSince(1_000);
    client.ack(first);
    await untilOwedSince(2_000);
    client.nack(second, 'no');
    await untilOwedSince(null);
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

test('D8: a server at another revision agrees: the versions are those of the contents', async () => {
  const first = await started('r1');
  const other = createXdsServer({
    ...{ snapshotFor: () => web, now: () => nowMs, steadyMs: () => nowMs },
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  const otherPort = await other.listen('127.0.0.1', 0);
  other.publish('r7');
  first.close();
  const client = kept(new AdsClient(otherPort));
  client.send({ node: NODE, typeUrl: CLUSTER, initialResourceVersions: { a: '1' } });
  expect(await client.next()).toMatchObject({ systemVersionInfo: 'r7', resources: [], removedResources: [] });
  client.close();
  await other.close();
});

describe('state of the world', () => {
  test('C1: says who it is in its first request, and never again', async () => {
    server.publish('r1');
    const client = kept(new SotwClient(port));
    client.send({ node: NODE, typeUrl: CLUSTER });
    client.ack(await client.next());
    client.send({ typeUrl: ENDPOINT, resourceNames: ['a'] });
    expect((await client.next()).resources).toHaveLength(1);
    expect(server.sessions()).toMatchObject([{ proxy: NODE.id, protocol: 'sotw' }]);
  });

  test('gets everything, and again when one thing changed', async () => {
    const client = kept(new SotwClient(port));
    server.publish('r1');
    client.send({ node: NODE, typeUrl: CLUSTER });
    const first = await client.next();
    expect(first).toMatchObject({ typeUrl: CLUSTER, nonce: '1.1' });
    expect(first.resources).toEqual([{ type_url: CLUSTER, value: Buffer.from('a@1') }]);
    client.ack(first);
    snapshotFor = () => snapshot(cluster('a'), cluster('b'), ...rest(web));
    server.publish('r2');
    const second = await client.next();
    expect(second.resources.map(({ value }) => `${value}`)).toEqual(['a@1', 'b@1']);
    expect(second.versionInfo).not.toBe(first.versionInfo);
    expect(server.sessions()).toMatchObject([{ protocol: 'sotw', service: 'ADS' }]);
  });

  test('S1: a client that comes back gets everything again', async () => {
    const client = kept(new SotwClient(port));
    server.publish('r1');
    client.send({ node: NODE, typeUrl: CLUSTER });
    const first = await client.next();
    client.close();
    const again = kept(new SotwClient(port));
    again.send({ node: NODE, typeUrl: CLUSTER, versionInfo: first.versionInfo });
    expect(await again.next()).toEqual(first);
  });

  test('C3: a first request that refuses what nobody sent is a subscription like any other', async () => {
    const client = kept(new SotwClient(port));
    server.publish('r1');
    client.send({
      node: NODE,
      typeUrl: CLUSTER,
      responseNonce: '7',
      errorDetail: { code: 3, message: 'no' },
    });
    expect((await client.next()).resources).toHaveLength(1);
    expect(server.sessions()).toMatchObject([{ rejected: [] }]);
  });
});

describe('per-type services', () => {
  const services = [
    ['cluster', 'Cluster', 'Clusters', CLUSTER, 'a@1', 'CDS'],
    ['endpoint', 'Endpoint', 'Endpoints', ENDPOINT, 'a@1', 'EDS'],
    ['listener', 'Listener', 'Listeners', LISTENER, 'http@1', 'LDS'],
    ['route', 'Route', 'Routes', ROUTE, 'r@1', 'RDS'],
  ] as const;
  const path = (kind: string, type: string, method: string) =>
    `/envoy.service.${kind}.v3.${type}DiscoveryService/${method}`;
  const CDS = path('cluster', 'Cluster', 'DeltaClusters');
  const RDS = path('route', 'Route', 'DeltaRoutes');
  const LDS = path('listener', 'Listener', 'DeltaListeners');
  /** A client that has acknowledged what it was told first. */
  const holding = async (
    to: ConstructorParameters<typeof AdsClient>[0],
    at: string,
    names?: readonly string[],
  ) => {
    const client = kept(new AdsClient(to, at));
    client.send({ node: NODE, ...(names === undefined ? {} : { resourceNamesSubscribe: [...names] }) });
    client.ack(await client.next());
    return client;
  };

  test.each(services)('%s: both variants, with the type left out as implied', async (...row) => {
    const [kind, type, plural, typeUrl, content, service] = row;
    server.publish('r1');
    const delta = kept(new AdsClient(port, path(kind, type, `Delta${plural}`)));
    const names = typeUrl === ENDPOINT ? ['a'] : typeUrl === ROUTE ? ['r'] : [];
    delta.send({ node: NODE, resourceNamesSubscribe: names });
    const said = await delta.next();
    expect(said.typeUrl).toBe(typeUrl);
    expect(said.resources.map(({ resource }) => `${resource?.value}`)).toEqual([content]);
    const sotw = kept(new SotwClient(port, path(kind, type, `Stream${plural}`)));
    sotw.send({ node: NODE, resourceNames: names });
    expect((await sotw.next()).resources.map(({ value }) => `${value}`)).toEqual([content]);
    expect(server.sessions()).toMatchObject([
      { service, protocol: 'delta', types: [{ typeUrl }] },
      { service, protocol: 'sotw', types: [{ typeUrl }] },
    ]);
  });

  test('another type on such a stream is refused', async () => {
    const client = kept(new AdsClient(port, path('cluster', 'Cluster', 'DeltaClusters')));
    client.send({ node: NODE, typeUrl: LISTENER });
    const ended = await client.status();
    expect(ended.code).toBe(status.INVALID_ARGUMENT);
    expect(ended.details).toContain(CLUSTER);
  });

  test('the unary methods are not served', async () => {
    const client = kept(new AdsClient(port, path('cluster', 'Cluster', 'FetchClusters')));
    expect((await client.status()).code).toBe(status.UNIMPLEMENTED);
  });

  test('O3: on one connection, a removal waits for what another stream acknowledged', async () => {
    server.publish('r1');
    const shared = connection(port);
    const clusters = await holding(shared, CDS);
    const routes = await holding(shared, RDS, ['r']);
    snapshotFor = () => snapshot(cluster('b'), listener('http', '1', ['r']), route('r', '2', ['b']));
    server.publish('r2');
    const added = await clusters.next();
    expect([added.resources.map(({ name }) => name), added.removedResources]).toEqual([['b'], []]);
    expect(routes.unread).toBe(0);
    clusters.ack(added);
    const moved = await routes.next();
    expect(moved.resources).toMatchObject([{ name: 'r', version: '2' }]);
    expect(clusters.unread).toBe(0);
    routes.ack(moved);
    expect((await clusters.next()).removedResources).toEqual(['a']);
  });

  test.each([
    ['back', -YEAR_MS],
    ['on', YEAR_MS],
  ])('O3: a removal waits as long as it has to where the clock is set %s by a year', async (_where, byMs) => {
    const other = cluster('other', '1');
    snapshotFor = () => snapshot(cluster('a'), other, listener('http', '1', ['r']), route('r', '1', ['a']));
    server.publish('r1');
    const shared = connection(port);
    const clusters = await holding(shared, CDS);
    const routes = await holding(shared, RDS, ['r']);
    const moved = [cluster('b'), listener('http', '1', ['r']), route('r', '2', ['b'])];
    snapshotFor = () => snapshot(other, ...moved);
    server.publish('r2');
    clusters.ack(await clusters.next());
    const route2 = await routes.next();
    setByMs = byMs;
    snapshotFor = () => snapshot(cluster('other', '2'), ...moved);
    server.publish('r3');
    const changed = await clusters.next();
    expect([changed.resources.map(({ name }) => name), changed.removedResources]).toEqual([['other'], []]);
    clusters.ack(changed);
    nowMs += 30_000; // As long as a removal waits for whoever does not answer.
    snapshotFor = () => snapshot(cluster('other', '3'), ...moved);
    server.publish('r4');
    const removals = [...(await clusters.next()).removedResources];
    if (removals.length === 0) removals.push(...(await clusters.next()).removedResources);
    expect(removals).toEqual(['a']);
    routes.ack(route2);
  });

  test.each([
    ['alone', []],
    ['beside others of its type', ['other']],
  ])(
    'O3: a stream that ended, %s, left its content behind: a removal waits until it is back and ACKed',
    async (_where, others) => {
      server.publish('r1');
      const shared = connection(port);
      const clusters = await holding(shared, CDS);
      await holding(shared, LDS);
      const routes = await holding(shared, RDS, ['r']);
      for (const other of others) await holding(shared, RDS, [other]);
      routes.halfClose();
      await routes.status();
      snapshotFor = () => snapshot(cluster('b'), listener('http', '1', ['r']), route('r', '2', ['b']));
      server.publish('r2');
      const added = await clusters.next();
      expect([added.resources.map(({ name }) => name), added.removedResources]).toEqual([['b'], []]);
      clusters.ack(added);
      const back = kept(new AdsClient(shared, RDS));
      const initialResourceVersions = { r: '1' };
      back.send({ node: NODE, resourceNamesSubscribe: ['r'], initialResourceVersions });
      const moved = await back.next();
      expect(moved.resources).toMatchObject([{ name: 'r', version: '2' }]);
      expect(clusters.unread).toBe(0);
      back.ack(moved);
      expect((await clusters.next()).removedResources).toEqual(['a']);
    },
  );

  test('on another connection, a proxy of the same name has an order of its own', async () => {
    server.publish('r1');
    await holding(port, RDS, ['r']);
    const clusters = await holding(port, CDS);
    snapshotFor = () => snapshot();
    server.publish('r2');
    expect((await clusters.next()).removedResources).toEqual(['a']);
  });
});

test.each([
  ['delta', () => new AdsClient(port)],
  ['state of the world', () => new SotwClient(port)],
] as const)(
  'half-close: %s hears what can be said without its answer, and the stream ends with OK',
  async (_, open) => {
    server.publish('r1');
    const client = kept(open());
    client.send({ node: NODE, typeUrl: CLUSTER });
    client.halfClose();
    expect((await client.next()).resources).toHaveLength(1);
    expect((await client.status()).code).toBe(status.OK);
    expect(server.sessions()).toEqual([]);
  },
);

test('close ends the streams with UNAVAILABLE, so that clients go elsewhere', async () => {
  const client = await started('r1');
  await server.close();
  expect((await client.status()).code).toBe(status.UNAVAILABLE);
});

/** Everything but the first cluster. */
function rest({ resources }: Snapshot) {
  return [...resources.values()].flatMap((each) => [...each.values()]).slice(1);
}
