import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { must } from '../../../src/base/must.ts';
import { systemClock } from '../../../src/reconcile/clock.ts';
import type { RedisConfig } from '../../../src/reconcile/redis/connection.ts';
import { openReplicaQueue, type ReplicaQueue } from '../../../src/reconcile/redis/replica-queue.ts';
import { freePort, startRedis, type TestRedis } from '../../redis.ts';
import { noRedis, quiet } from '../../server.ts';

/** Redis has so many in all. */
const SLOTS = 16_384;

let nodes: readonly TestRedis[];
let config: RedisConfig;
let admins: Redis[] = [];
beforeAll(async () => {
  nodes = await startCluster(3);
  const redisPasswordFile = join(must(nodes[0]).folder, 'password');
  await writeFile(redisPasswordFile, 'old\n', { mode: 0o600 });
  // The others are found by the one that is named.
  const redisCluster = { nodes: [`127.0.0.1:${must(nodes[0]).port}`] };
  config = { ...noRedis, redisCluster, redisPasswordFile };
});
afterAll(async () => {
  for (const admin of admins) admin.disconnect();
  for (const node of nodes) await node.close();
});

/** A real Redis Cluster whose nodes share the slots in equal parts. */
async function startCluster(size: number): Promise<readonly TestRedis[]> {
  const started: TestRedis[] = [];
  const buses: number[] = [];
  const admin = ['--user', 'admin', 'on', '>a', '~*', '&*', '+@all'];
  const login = ['--requirepass', 'old', '--masterauth', 'old', ...admin];
  while (started.length < size) {
    const bus = await freePort();
    started.push(await startRedis(['--cluster-enabled', 'yes', '--cluster-port', String(bus), ...login]));
    buses.push(bus);
  }
  admins = started.map(
    ({ port }) => new Redis({ host: '127.0.0.1', port, username: 'admin', password: 'a' }),
  );
  for (const admin of admins) admin.on('error', () => {}); // Some are killed.
  for (const [index, admin] of admins.entries()) {
    const [from, to] = [index, index + 1].map((n) => Math.floor((SLOTS * n) / size));
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', must(from), must(to) - 1);
    await admin.call('CLUSTER', 'MEET', '127.0.0.1', must(started[0]).port, must(buses[0]));
  }
  for (const admin of admins)
    await waitFor(async () =>
      expect(await admin.cluster('INFO')).toMatch(/cluster_state:ok[\s\S]*known_nodes:3/),
    );
  return started;
}

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 10 });

type Replica = { readonly queue: ReplicaQueue; readonly ran: string[]; readonly log: string[] };

async function replica(): Promise<Replica> {
  const ran: string[] = [];
  const log: string[] = [];
  const say = (facts: object, text: string) => void log.push(`${JSON.stringify(facts)} ${text}`);
  const queue = await openReplicaQueue({
    ...{ redis: config, keys: ['mesh'], clock: systemClock, random: Math.random },
    log: { ...quiet, info: say, warn: say },
    async handler(key) {
      ran.push(key);
      return { outcome: 'wait', forMs: 3_600_000 };
    },
  });
  onTestFinished(() => queue.close());
  await queue.start();
  return { queue, ran, log };
}

async function shares({ queue, ran, log }: Replica): Promise<void> {
  await waitFor(() =>
    expect(log.findLast((line) => /Redis is (?:not )?used/.test(line))).toContain('Redis is used'),
  );
  await waitFor(async () => expect(await stored()).toHaveLength(1));
  await waitFor(() => queue.drain());
  ran.length = 0;
  await queue.add('mesh');
  await waitFor(() => expect(ran).toEqual(['mesh']));
}

/** By the shared queue, of the one key. */
async function stored(): Promise<readonly string[]> {
  return (await Promise.all(admins.map((admin) => admin.keys('*:de:mesh').catch(() => [])))).flat();
}

/** Who waits for a key of the shared queue. */
async function users(): Promise<string> {
  const all = await Promise.all(admins.map((admin) => admin.client('LIST') as Promise<string>));
  return all.flatMap((list) => list.split('\n').filter((line) => line.includes('cmd=bzpopmin'))).join('\n');
}

/** Which node holds the queue's keys. */
async function holder(): Promise<number> {
  const counts = await Promise.all(admins.map(async (admin) => Number(await admin.dbsize())));
  expect(counts.filter((count) => count > 0)).toHaveLength(1);
  return counts.findIndex((count) => count > 0);
}

it('keeps all keys of a queue on one node of a real Cluster, and survives that this one goes away and is back', async () => {
  const one = await replica();
  await shares(one);
  const node = must(nodes[await holder()]);
  await node.kill();
  await waitFor(() => expect(one.queue.redisFailure()).not.toBeNull());
  one.ran.length = 0;
  await one.queue.add('mesh');
  await waitFor(() => expect(one.ran).not.toHaveLength(0));
  await node.start();
  await shares(one);
});

it('takes the new password of a Cluster when its connections are lost', async () => {
  const one = await replica();
  await shares(one);
  const asked = await holder();
  for (const admin of admins) await admin.call('ACL', 'SETUSER', 'default', 'resetpass', '>new');
  await writeFile(must(config.redisPasswordFile), 'new\n');
  const killed = await Promise.all(admins.map((admin) => admin.call('CLIENT', 'KILL', 'USER', 'default')));
  // There may be none to a node that nobody has asked anything.
  expect(Number(killed[asked])).toBeGreaterThan(0);
  await waitFor(async () => {
    one.ran.length = 0;
    await one.queue.add('mesh');
    expect(one.ran).toEqual(['mesh']);
    expect(one.queue.redisFailure()).toBeNull();
    expect(await users()).toContain('user=default');
  });
  await shares(one);
  expect(one.log.join('\n')).not.toMatch(/\bold\b|\bnew\b/);
});
