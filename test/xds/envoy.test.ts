import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ProxyXds, Snapshot, SnapshotResource } from '../../src/translate/index.ts';
import { createXdsServer, type SessionStatus, type XdsServer } from '../../src/xds/index.ts';
import { freePort, startBackend, startEnvoy } from './envoy-process.ts';
import { CLUSTER, LISTENER, ROUTE, snapshot } from './resources.ts';
import * as pieces from './web.ts';
import { endpoints, route } from './web.ts';

/** All the ways in which an Envoy can ask. */
const SHAPES: readonly ProxyXds[] = (['ads', 'per-type'] as const).flatMap((services) =>
  (['delta', 'sotw'] as const).map((protocol) => ({ services, protocol })),
);
let xds: ProxyXds;
const cluster = (name: string, connectTimeout = '1s') => pieces.cluster(xds, name, connectTimeout);
const listener = (name: string, port: number, route: string) => pieces.listener(xds, name, port, route);

let server: XdsServer;
let xdsPort: number;
let current: Snapshot;
let revision = 0;
let port: number;
const backends: Record<string, Awaited<ReturnType<typeof startBackend>>> = {};
let envoy: Awaited<ReturnType<typeof startEnvoy>>;

const silent = { info: () => {}, warn: () => {}, error: () => {} };

function serve(): XdsServer {
  return createXdsServer({ snapshotFor: () => current, log: silent, now: Date.now });
}

const backend = (name: string) => backends[name]?.port ?? 0;
const web = (to: string, ...others: readonly SnapshotResource[]) =>
  snapshot(cluster(to), endpoints(to, backend(to)), listener('http', port, 'r'), route('r', to), ...others);

/** Publishes, and waits until Envoy has ACKed all of it, on however many streams. */
async function deliver(next: Snapshot): Promise<void> {
  revision += 1;
  const wanted = `r${revision}`;
  current = next;
  server.publish(wanted);
  await until(
    () => asksForAll() && server.sessions().every(({ fullyAcked }) => fullyAcked?.revision === wanted),
  );
}

/** An Envoy that starts opens one stream after the other. */
function asksForAll(): boolean {
  const services = new Set(server.sessions().map(({ service }) => service));
  return xds.services === 'ads' ? services.has('ADS') : services.size === 4;
}

async function ask(at = port): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${at}/`);
  const body = await response.text();
  return response.ok ? body : `${response.status}`;
}

/** Sends requests one after the other until `stop`; every answer with how often it came. */
function load() {
  const answers = new Map<string, number>();
  let running = true;
  const done = (async () => {
    while (running) {
      const answer = await ask();
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  })();
  return async () => {
    running = false;
    await done;
    return answers;
  };
}

function nonces(sessions: readonly SessionStatus[]): readonly string[] {
  return sessions.flatMap(({ types }) => types.map(({ sent }) => sent));
}

describe.each(SHAPES)('$services, $protocol', (shape) => {
  beforeAll(async () => {
    xds = shape;
    for (const name of ['a', 'b']) backends[name] = await startBackend(name);
    port = await freePort();
    server = serve();
    // One that nobody else is given while a server goes and another one comes.
    xdsPort = await server.listen('127.0.0.1', await freePort());
    envoy = await startEnvoy(xdsPort, shape);
  });

  afterAll(async () => {
    await envoy?.stop();
    await server?.close();
    for (const each of Object.values(backends)) await each.stop();
  });

  beforeEach(() => deliver(web('a')));

  test('a real Envoy takes everything, and serves', async () => {
    expect(await ask()).toBe('a');
    const sessions = server.sessions();
    expect(sessions.map(({ rejected, conditions }) => [...rejected, ...conditions])).toEqual(
      sessions.map(() => []),
    );
    expect(sessions.every(({ protocol }) => protocol === xds.protocol)).toBe(true);
    expect(sessions.flatMap(({ types }) => types.filter(({ state }) => state === 'SYNCED'))).toHaveLength(4);
  });

  test('the same again sends nothing', async () => {
    const before = nonces(server.sessions());
    await deliver(web('a'));
    expect(nonces(server.sessions())).toEqual(before);
  });

  test('O1: a changed cluster gets warm, and serves', async () => {
    await deliver(snapshot(cluster('a', '2s'), ...rest(web('a'))));
    expect(await ask()).toBe('a');
  });

  test('O3: traffic moves from cluster to cluster and back, twenty times, without one failed request', async () => {
    const stop = load();
    for (let round = 0; round < 10; round += 1) {
      await deliver(web('b'));
      await deliver(web('a'));
    }
    const answers = await stop();
    expect([...answers.keys()].filter((answer) => answer !== 'a' && answer !== 'b')).toEqual([]);
    expect(Math.min(answers.get('a') ?? 0, answers.get('b') ?? 0)).toBeGreaterThan(0);
  });

  test('a refused cluster is named, its neighbours arrive, what refers to it waits, and it heals', async () => {
    const other = await freePort();
    const good = [cluster('c'), endpoints('c', backend('b')), listener('other', other, 's'), route('s', 'c')];
    const waiting = listener('waiting', await freePort(), 'w');
    current = web('a', ...good, cluster('bad', '-1s'), waiting, route('w', 'bad'));
    server.publish('bad');
    const rejected = () => server.sessions().flatMap((session) => session.rejected);
    const conditions = () => server.sessions().flatMap((session) => session.conditions);
    await until(() => rejected().length === 1);
    expect(rejected()).toMatchObject([{ typeUrl: CLUSTER, name: 'bad' }]);
    await until(() => conditions().length === 1 && acked(ROUTE) === 2);
    expect(conditions()).toMatchObject([{ type: 'HeldBack', name: 'waiting' }]);
    expect(await ask(other)).toBe('b');
    expect(await ask()).toBe('a');
    await deliver(web('a', ...good));
    expect([rejected(), conditions()]).toEqual([[], []]);
  });

  test('one listener takes the address of another in one response', async () => {
    await deliver(snapshot(...rest(web('a'), LISTENER), listener('renamed', port, 'r')));
    expect(await ask()).toBe('a');
  });

  // A state-of-the-world client does not say what it has: what was there must still be there when it comes back.
  test('D3: a new server takes over without a failed request, and what is gone is removed', async () => {
    await deliver(web('a', cluster('gone'), endpoints('gone', backend('b'))));
    const stop = load();
    await server.close();
    server = serve();
    await server.listen('127.0.0.1', xdsPort);
    if (xds.protocol === 'sotw') await deliver(web('a'));
    await deliver(web('b'));
    expect(await ask()).toBe('b');
    const answers = await stop();
    expect([...answers.keys()].sort()).toEqual(['a', 'b']);
    expect(acked(CLUSTER)).toBe(1);
  });
});

/** How many resources of a type Envoy has ACKed, on whatever streams. */
function acked(typeUrl: string): number {
  const types = server
    .sessions()
    .flatMap((session) => session.types.filter((each) => each.typeUrl === typeUrl));
  return types.reduce((sum, { resources }) => sum + resources, 0);
}

/** Waits for a state that comes with Envoy's next answers; asked again each time the event loop has gone round. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

/** Everything of the snapshot but one type. */
function rest({ resources }: Snapshot, without: string = CLUSTER): readonly SnapshotResource[] {
  return [...resources].flatMap(([typeUrl, each]) => (typeUrl === without ? [] : [...each.values()]));
}
