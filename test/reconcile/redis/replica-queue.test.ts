import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/reconcile/clock.ts';
import type { RedisConfig } from '../../../src/reconcile/redis/connection.ts';
import { inspectRedis } from '../../../src/reconcile/redis/inspect.ts';
import {
  openReplicaQueue,
  type ReplicaOptions,
  type ReplicaQueue,
} from '../../../src/reconcile/redis/replica-queue.ts';
import type { Outcome } from '../../../src/reconcile/work-queue.ts';
import { patientClock, startRedis, type TestRedis } from '../../redis.ts';
import { createFolder } from '../../repository.ts';
import { noRedis, quiet } from '../../server.ts';
import { simulatedClock } from '../clock.ts';

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 10 });

async function redisServer(...args: readonly string[]): Promise<TestRedis> {
  const redis = await startRedis(args);
  onTestFinished(() => redis.close());
  return redis;
}

const at = (port: number, more: Partial<RedisConfig> = {}): RedisConfig => ({
  ...noRedis,
  redis: { host: '127.0.0.1', port, db: 0, tls: false },
  ...more,
});

type Replica = { readonly queue: ReplicaQueue; readonly ran: string[]; readonly log: string[] };

/** A replica that drives `keys` and looks again after `pollMs`. */
async function replica(redis: RedisConfig, more: Partial<ReplicaOptions> & { pollMs?: number } = {}) {
  const { pollMs = 3_600_000, ...options } = more;
  const ran: string[] = [];
  const log: string[] = [];
  const say = (facts: object, text: string) => void log.push(`${JSON.stringify(facts)} ${text}`);
  const queue = await openReplicaQueue({
    redis,
    keys: ['mesh'],
    async handler(key) {
      ran.push(key);
      return { outcome: 'wait', forMs: pollMs };
    },
    ...{ clock: systemClock, random: Math.random, log: { ...quiet, info: say, warn: say }, lockMs: 1_000 },
    ...options,
  });
  const made: Replica = { queue, ran, log };
  onTestFinished(() => queue.close());
  await queue.start();
  return made;
}

/** Without Redis a key that is added runs all the same. */
async function goesOnAlone({ queue, ran }: Replica): Promise<void> {
  ran.length = 0;
  await queue.add('mesh');
  await waitFor(() => expect(ran).not.toHaveLength(0));
}

/** With it a key that is added runs once, here where there is no other replica. */
async function goesOn({ queue, ran }: Replica): Promise<void> {
  ran.length = 0;
  await queue.add('mesh');
  await waitFor(() => expect(ran).toHaveLength(1));
}

/** What was said last of whether Redis is used; BullMQ and connections say more. */
function stateOf({ log }: Pick<Replica, 'log'>): string | undefined {
  return log.findLast((line) => /Redis is (?:not )?used/.test(line));
}

/** Redis is used, and the shared queue with it. */
async function joined({ queue, log }: Replica): Promise<void> {
  await waitFor(() => expect(stateOf({ log })).toContain('Redis is used'));
  await waitFor(() => queue.drain());
  expect(queue.redisFailure()).toBeNull();
}

it('runs a key on one of several replicas', async () => {
  const redis = await redisServer();
  const replicas: Replica[] = [];
  while (replicas.length < 3) replicas.push(await replica(at(redis.port), { clock: patientClock }));
  const [first] = replicas as [Replica];
  for (const one of replicas) await joined(one);
  const before = replicas.map(({ ran }) => ran.length);
  expect(Math.min(...before)).toBeGreaterThan(0);
  for (const one of replicas) one.ran.length = 0;
  await first.queue.add('mesh');
  await waitFor(() => expect(replicas.flatMap(({ ran }) => ran)).toHaveLength(1));
});

it('measures what waits in Redis too, and what failed', async () => {
  const redis = await redisServer();
  const gate = Promise.withResolvers<void>();
  const keys = Array.from({ length: 12 }, (_, at) => `mesh-${at}`);
  let running = 0;
  let isFailing = false;
  const one = await replica(at(redis.port), {
    keys,
    backoff: { firstMs: 20, maxMs: 20 },
    async handler() {
      if (isFailing) return { outcome: 'retry' };
      running += 1;
      await gate.promise;
      return { outcome: 'wait', forMs: 3_600_000 };
    },
  });
  await waitFor(() => expect(one.queue.redisFailure()).toBeNull());
  // Each key waits where it was added: for a place here, and for this very process in Redis.
  await waitFor(async () => {
    expect(running).toBe(8);
    const { due, oldestMs } = await one.queue.depth();
    expect([due > keys.length - 8, oldestMs > 0]).toEqual([true, true]);
  });
  gate.resolve();
  await waitFor(async () => expect(await one.queue.depth()).toEqual({ due: 0, oldestMs: 0, retries: 0 }));
  isFailing = true;
  await one.queue.add('mesh-0');
  await waitFor(async () => expect((await one.queue.depth()).retries).toBeGreaterThan(1));
});

it('runs a key on the replica that somebody asks, and on no other', async () => {
  const redis = await redisServer();
  const asked = await replica(at(redis.port), { clock: patientClock });
  const other = await replica(at(redis.port), { clock: patientClock });
  for (const one of [asked, other]) await joined(one);
  for (const one of [asked, other]) one.ran.length = 0;
  for (const count of [1, 2, 3]) {
    await asked.queue.here('mesh');
    await waitFor(() => expect(asked.ran).toHaveLength(count));
    await asked.queue.drain();
  }
  expect(other.ran).toEqual([]);
});

it('goes on by itself where Redis is not there at start, and shares the work when it comes', async () => {
  const redis = await redisServer();
  await redis.kill();
  const one = await replica(at(redis.port));
  await waitFor(() => expect(one.queue.redisFailure()).toMatchObject({ code: 'redis-unreachable' }));
  await waitFor(() => expect(stateOf(one)).toContain('this replica goes on by itself'));
  await goesOnAlone(one);
  await redis.start();
  await joined(one);
  await goesOn(one);
});

it('goes on by itself while Redis is away, and comes back to one that has lost everything', async () => {
  const redis = await redisServer();
  const one = await replica(at(redis.port));
  await joined(one);
  await redis.kill();
  await waitFor(() => expect(one.queue.redisFailure()).toMatchObject({ code: 'redis-unreachable' }));
  await goesOnAlone(one);
  await redis.start();
  await joined(one);
  await goesOn(one);
});

it('does not look at everything each time that Redis comes and goes', async () => {
  const redis = await redisServer();
  // However long this machine takes for it, all of it is in one moment.
  const clock = { ...systemClock, steadyMs: () => 0 };
  const one = await replica(at(redis.port), { random: () => 0, clock });
  await joined(one);
  const before = one.ran.length;
  for (let times = 0; times < 4; times += 1) {
    await redis.kill();
    await waitFor(() => expect(stateOf(one)).toContain('this replica goes on by itself'));
    await redis.start();
    await joined(one);
  }
  // One for what Redis may have lost, and one more a while later.
  expect(one.ran.length - before).toBeLessThanOrEqual(2);
  // What is hinted at meanwhile is no worse off.
  one.ran.length = 0;
  await one.queue.add('mesh');
  await waitFor(() => expect(one.ran).toHaveLength(1));
});

it('closes when its run has ended, though the Redis that gave the key is gone for good', async () => {
  const redis = await redisServer();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const shared: string[] = [];
  const one = await replica(at(redis.port), {
    async handler(key) {
      shared.push(key);
      if (shared.length > 2) await ended;
      return { outcome: 'wait', forMs: 1 };
    },
  });
  await waitFor(() => expect(shared).toHaveLength(3));
  await redis.kill();
  let closed = false;
  const closing = one.queue.close().then(() => {
    closed = true;
  });
  await new Promise(setImmediate);
  expect(closed).toBe(false);
  end();
  await closing;
});

it('brings the keys back that Redis has lost, when it looks by itself', async () => {
  const redis = await redisServer();
  const one = await replica(at(redis.port), { pollMs: 300 });
  await joined(one);
  await redis.client().flushall();
  const jobs = () => redis.client().keys('fairlead:repositories:de:mesh');
  await waitFor(async () => expect(await jobs()).toHaveLength(1));
  one.ran.length = 0;
  await waitFor(() => expect(one.ran.length).toBeGreaterThan(2));
});

it('brings them back for whoever is next, without a look of its own', async () => {
  const redis = await redisServer();
  const one = await replica(at(redis.port), { pollMs: 2_000 });
  await joined(one);
  const jobs = () => redis.client().keys('fairlead:repositories:de:mesh');
  await waitFor(async () => expect(await jobs()).toHaveLength(1));
  one.ran.length = 0;
  await redis.client().flushall();
  await waitFor(async () => expect(await jobs()).toHaveLength(1));
  expect(one.ran).toEqual([]);
});

it('looks again soon where its own last look failed, though the shared queue calls it no more', async () => {
  const redis = await redisServer();
  const clock = simulatedClock();
  const pollMs = 10_000;
  const looks: Outcome[] = [];
  let next: Outcome = { outcome: 'wait', forMs: pollMs };
  const one = await replica(at(redis.port), {
    clock,
    backoff: { firstMs: 3_600_000, maxMs: 3_600_000 },
    handler: async () => {
      looks.push(next);
      return next;
    },
  });
  await waitFor(async () => {
    await clock.advance(1);
    expect(stateOf(one)).toContain('Redis is used');
  });
  await one.queue.drain();
  next = { outcome: 'retry' };
  await one.queue.add('mesh');
  await waitFor(() => expect(looks.at(-1)).toEqual({ outcome: 'retry' }));
  await one.queue.drain();
  next = { outcome: 'wait', forMs: pollMs };
  const failed = looks.length;
  for (let ms = 0; ms < 4.5 * pollMs; ms += 500) {
    await clock.advance(500);
    await one.queue.drain();
  }
  expect(looks.slice(failed)).toContainEqual({ outcome: 'wait', forMs: pollMs });
});

it('says that Redis is full, goes on by itself, and shares the work again when there is room', async () => {
  const redis = await redisServer();
  const one = await replica(at(redis.port));
  await joined(one);
  await redis.client().config('SET', 'maxmemory', '1mb');
  await waitFor(() => expect(one.queue.redisFailure()).toMatchObject({ code: 'redis-full' }));
  await goesOnAlone(one);
  await redis.client().config('SET', 'maxmemory', '0');
  await joined(one);
  await goesOn(one);
});

it('goes on by itself while Redis is slow', async () => {
  const redis = await redisServer();
  const proxy = await slowProxy(redis.port);
  const one = await replica(at(proxy.port));
  await joined(one);
  proxy.delay(5_000);
  await waitFor(() => expect(one.queue.redisFailure()).toMatchObject({ code: 'redis-slow' }));
  await goesOnAlone(one);
  proxy.delay(0);
  await joined(one);
});

it.each([
  ['redis-eviction', ['--maxmemory-policy', 'allkeys-lru'], /allkeys-lru.*noeviction/],
  ['redis-refused', ['--requirepass', 'secret'], /NOAUTH/],
])('says %s at start, and goes on by itself', async (code, args, text) => {
  const redis = await redisServer(...args);
  const one = await replica(at(redis.port));
  await waitFor(() => expect(one.queue.redisFailure()).toMatchObject({ code }));
  expect(stateOf(one)).toMatch(text);
  await waitFor(() => expect(one.ran).not.toHaveLength(0));
  expect(
    await redis
      .client()
      .call('DBSIZE')
      .catch(() => 0),
  ).toBeLessThan(2);
});

it('says of a database that Redis has not that it has none, and writes into no other', async () => {
  const redis = await redisServer('--databases', '4');
  const named = at(redis.port, { redis: { host: '127.0.0.1', port: redis.port, db: 9, tls: false } });
  const one = await replica(named);
  await waitFor(() => expect(stateOf(one)).toMatch(/DB index/));
  expect(one.queue.redisFailure()).toMatchObject({
    code: 'redis-refused',
    fix: expect.stringMatching(/database/),
  });
  await goesOnAlone(one);
  expect(await inspectRedis(named)).toMatchObject([
    { state: 'fail', message: expect.stringMatching(/DB index/) },
  ]);
  expect(await redis.client().info('keyspace')).not.toContain('db0');
  const there = await replica({
    ...named,
    redis: { host: '127.0.0.1', port: redis.port, db: 3, tls: false },
  });
  await joined(there);
  expect(await redis.client().info('keyspace')).toMatch(/db3:keys=\d/);
});

it('asks as an ACL user, of its own keys alone, with the password of a file', async () => {
  const rules = ['on', '>s3cret', '~team-a:*', '&team-a:*', '+@all', '-@dangerous', '+info', '+client'];
  const redis = await redisServer('--user', 'fairlead', ...rules);
  const file = join(redis.folder, 'password');
  await writeFile(file, 's3cret\n');
  await chmod(file, 0o600);
  const user = { redisUsername: 'fairlead', redisPasswordFile: file };
  const one = await replica(at(redis.port, { ...user, redisPrefix: 'team-a' }));
  await joined(one);
  expect((await redis.client().keys('*')).filter((key) => !key.startsWith('team-a:'))).toEqual([]);
  expect(one.log.join('\n')).not.toContain('s3cret');
  const other = await replica(at(redis.port, { ...user, redisPrefix: 'team-b' }));
  await waitFor(() => expect(other.queue.redisFailure()).toMatchObject({ code: 'redis-refused' }));
});

it('takes a file that it cannot read, or that everybody can, for a mistake of the configuration', async () => {
  const folder = await createFolder();
  onTestFinished(() => folder.close());
  const open = join(folder.dir, 'open');
  await writeFile(open, 's3cret\n', { mode: 0o644 });
  const opened = (redisPasswordFile: string) =>
    openReplicaQueue({
      ...{ redis: at(1, { redisPasswordFile }), keys: [], log: quiet },
      ...{ handler: async () => ({ outcome: 'done' }), clock: systemClock, random: Math.random },
    });
  await expect(opened('/nowhere')).rejects.toMatchObject({ code: 'config-invalid' });
  await expect(opened(open)).rejects.toMatchObject({
    code: 'config-invalid',
    message: `redisPasswordFile: ${open} can be read or changed by others`,
    fix: `run \`chmod 600 ${open}\``,
  });
});

/** Passes on what either side says, later. */
async function slowProxy(to: number) {
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    const pass = (from: Socket, into: Socket) => {
      sockets.add(from);
      from.on('data', (bytes) => setTimeout(() => into.write(bytes), delayMs));
      from.on('error', () => {});
      from.on('close', () => setTimeout(() => into.destroy(), delayMs));
    };
    pass(near, far);
    pass(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    delay(ms: number) {
      delayMs = ms;
    },
  };
}

it('says of a Redis that stays away what is wrong, and not at each try', async () => {
  const redis = await redisServer();
  const one = await replica(at(redis.port));
  await joined(one);
  one.log.length = 0;
  await redis.kill();
  await waitFor(() => expect(one.log.join()).toContain('Redis is not used'));
  let tries = 0;
  const away = createServer((socket) => {
    tries += 1;
    socket
      .on('error', () => {})
      .resume()
      .end('-ERR away\r\n');
  });
  onTestFinished(() => void away.close());
  await once(away.listen(redis.port, '127.0.0.1'), 'listening');
  await waitFor(() => expect(tries).toBeGreaterThan(12));
  const said = one.log.filter((line) => line.includes('the shared queue'));
  expect(said.toSorted()).toEqual([...new Set(said)].toSorted());
  // After it was back it is news again.
  await new Promise((resolve) => away.close(resolve));
  await redis.start();
  await joined(one);
  one.log.length = 0;
  await redis.kill();
  await waitFor(() => expect(one.log.join()).toContain('the shared queue'));
});
