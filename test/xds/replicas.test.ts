import { connect } from 'node:http2';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Snapshot } from '../../src/translate/index.ts';
import { createXdsServer, type XdsServer } from '../../src/xds/index.ts';
import { AdsClient } from './client.ts';
import { freePort, startBackend, startEnvoy } from './envoy-process.ts';
import { CLUSTER, cluster, endpoints, snapshot } from './resources.ts';
import * as web from './web.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 10 });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

let current: Snapshot;

/** A replica that serves what they all serve. */
async function replica(port = 0, maxConnectionAgeMs: number | null = null) {
  const log = silent;
  const server = createXdsServer({ snapshotFor: () => current, log, now: Date.now, maxConnectionAgeMs });
  cleanup.push(() => server.close());
  server.publish('r1');
  return { server, port: await server.listen('127.0.0.1', port) };
}

/** A real gRPC client that knows both, and asks one or the other in turn. */
function clientOf(ports: readonly number[]): Client {
  const addresses = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const client = new Client(`ipv4:${addresses}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  });
  cleanup.push(() => client.close());
  return client;
}

/** Follows, and comes back when its stream ends, as a proxy does. `ends`: how its streams ended. */
function follow(client: Client, id: string) {
  const ends: status[] = [];
  let over = false;
  cleanup.push(() => {
    over = true;
  });
  const streams = async () => {
    while (!over) {
      const stream = new AdsClient(client);
      stream.send({ node: { id }, typeUrl: CLUSTER });
      answer(stream).catch(() => {}); // It ends when the stream does.
      const { code } = await stream.status();
      ends.push(code);
    }
  };
  void streams();
  return ends;
}

async function answer(stream: AdsClient): Promise<void> {
  for (;;) stream.ack(await stream.next());
}

const idOf = (index: number) => `sidecar~10.0.0.${index + 1}~web-${index}.shop~shop.svc.cluster.local`;
/** By everybody, and somebody is there. */
function acked({ server }: { server: XdsServer }, push: number): boolean {
  const all = server.proxies();
  return all.length > 0 && all.every(({ fullyAcked }) => (fullyAcked?.push ?? 0) >= push);
}

type Both = [Awaited<ReturnType<typeof replica>>, Awaited<ReturnType<typeof replica>>];

const proxiesOf = ({ server }: { server: XdsServer }) => server.proxies().map(({ proxy }) => proxy);

describe('real gRPC clients of two replicas', () => {
  test('go over to the other when one closes, each told to, and hear of what is new there', async () => {
    current = snapshot(cluster('a'), endpoints('a'));
    const both = [await replica(), await replica()];
    const ids = Array.from({ length: 20 }, (_, index) => idOf(index));
    const ports = both.map(({ port }) => port);
    const ends = ids.map((id) => follow(clientOf(ports), id));
    await waitFor(() => expect(both.flatMap(proxiesOf).toSorted()).toEqual(ids.toSorted()));
    const [one, other] = both.toSorted((a, b) => proxiesOf(b).length - proxiesOf(a).length) as Both;
    const moving = proxiesOf(one);
    await one.server.close();
    await waitFor(() => expect(proxiesOf(other).toSorted()).toEqual(ids.toSorted()));
    for (const [index, id] of ids.entries()) {
      const codes = ends[index] ?? [];
      if (moving.includes(id)) expect(codes[0]).toBe(status.UNAVAILABLE);
      else expect(codes).toEqual([]);
      expect(new Set(codes).size).toBeLessThan(2);
    }
    current = snapshot(cluster('b'), endpoints('b'));
    const push = other.server.publish('r2');
    await waitFor(() => expect(acked(other, push)).toBe(true));
  });

  test('spread again by their age when a replica joins, and each stream ends with UNAVAILABLE', async () => {
    current = snapshot(cluster('a'), endpoints('a'));
    const one = await replica(0, 1_000);
    const joining = await freePort();
    const ids = Array.from({ length: 16 }, (_, index) => idOf(index));
    // A connection each, as proxies have.
    const ends = ids.map((id) => follow(clientOf([one.port, joining]), id));
    await waitFor(() => expect(proxiesOf(one)).toHaveLength(ids.length));
    const other = await replica(joining, 1_000);
    await waitFor(() => {
      expect(proxiesOf(other).length).toBeGreaterThan(0);
      expect(proxiesOf(one).length + proxiesOf(other).length).toBe(ids.length);
      for (const each of ends) expect(each).not.toHaveLength(0);
    });
    expect(new Set(ends.flat())).toEqual(new Set([status.UNAVAILABLE]));
  });

  test('that came at once do not go at once: the age of each connection is another one, of ±10 %', async () => {
    // What is armed is looked at, and not when it is due: a process that was held up does all that at once.
    const armed = vi.spyOn(globalThis, 'setTimeout');
    cleanup.push(() => armed.mockRestore());
    const { port } = await replica(0, 100_000);
    for (let count = 0; count < 16; count += 1) {
      const session = connect(`http://127.0.0.1:${port}`);
      cleanup.push(() => session.destroy());
    }
    const ages = () => armed.mock.calls.flatMap(([, ms = 0]) => (ms >= 90_000 && ms <= 110_000 ? [ms] : []));
    await waitFor(() => expect(ages()).toHaveLength(16));
    expect(Math.max(...ages()) - Math.min(...ages())).toBeGreaterThan(2_000);
  });
});

test('a real Envoy goes from replica to replica as they close and come back, and its traffic does not notice', async () => {
  const backends = await Promise.all(
    ['a', 'b'].map(async (name) => ({ name, ...(await startBackend(name)) })),
  );
  const port = await freePort();
  const xds = { services: 'ads', protocol: 'delta' } as const;
  const to = (name: 'a' | 'b') =>
    snapshot(
      ...backends.flatMap((each) => [web.cluster(xds, each.name), web.endpoints(each.name, each.port)]),
      ...[web.listener(xds, 'http', port, 'r'), web.route('r', name)],
    );
  current = to('a');
  // Ports that nobody else is given while one of them is away.
  let replicas = [await replica(await freePort(), 300), await replica(await freePort(), 300)];
  const [one, other] = replicas.map((each) => each.port) as [number, number];
  const envoy = await startEnvoy(one, xds, other);
  cleanup.push(() => Promise.all([envoy.stop(), ...backends.map((each) => each.stop())]));
  const ask = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    return response.ok ? response.text() : `${response.status}`;
  };
  await waitFor(async () => expect(await ask()).toBe('a'));
  const answers = new Map<string, number>();
  let running = true;
  const load = (async () => {
    while (running) {
      const answer = await ask().catch((error: Error) => error.message);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  })();
  for (const [round, name] of (['b', 'a', 'b'] as const).entries()) {
    const leaving = replicas[round % 2];
    await leaving?.server.close();
    const staying = replicas[(round + 1) % 2];
    current = to(name);
    const push = staying?.server.publish(`r${round + 2}`) ?? 0;
    await waitFor(() => expect(staying !== undefined && acked(staying, push)).toBe(true));
    const back = await replica(leaving?.port, 300);
    replicas = round % 2 === 0 ? [back, ...replicas.slice(1)] : [...replicas.slice(0, 1), back];
  }
  await waitFor(async () => expect(await ask()).toBe('b'));
  running = false;
  await load;
  expect([...answers.keys()].toSorted()).toEqual(['a', 'b']);
});
