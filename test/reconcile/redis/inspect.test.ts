import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/reconcile/clock.ts';
import type { RedisConfig } from '../../../src/reconcile/redis/connection.ts';
import { inspectRedis } from '../../../src/reconcile/redis/inspect.ts';
import { openReplicaQueue } from '../../../src/reconcile/redis/replica-queue.ts';
import { PROBES } from '../../../src/reconcile/redis/rights.ts';
import { startRedis, type TestRedis } from '../../redis.ts';
import { noRedis, quiet } from '../../server.ts';

async function redisServer(...args: readonly string[]): Promise<TestRedis> {
  const redis = await startRedis(args);
  onTestFinished(() => redis.close());
  return redis;
}

const at = (port: number, host = '127.0.0.1'): RedisConfig => ({
  ...noRedis,
  redis: { host, port, db: 0, tls: false },
});

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 10 });

it('tries every command that a real queue asks, and leaves nothing', async () => {
  const redis = await redisServer();
  const admin = redis.client();
  const queue = await openReplicaQueue({
    ...{ redis: at(redis.port), keys: ['a', 'b'], lockMs: 100 },
    ...{ clock: systemClock, random: Math.random, log: quiet, backoff: { firstMs: 20, maxMs: 40 } },
    handler: async (key) => (key === 'a' ? { outcome: 'retry' } : { outcome: 'wait', forMs: 20 }),
  });
  await queue.start();
  await waitFor(async () => {
    for (const key of ['a', 'b']) await queue.add(key, 10);
    expect(await admin.info('commandstats')).toMatch(/xadd:calls=\d{3}/);
  });
  await waitFor(() => queue.bulletin?.write('said', 'text', 60));
  expect(await queue.bulletin?.read('said', 100)).toBe('text');
  expect(await queue.bulletin?.timeMs()).toBeGreaterThan(0);
  await queue.close();
  const stats = await admin.info('commandstats');
  const asked = [...stats.matchAll(/^cmdstat_([a-z|]+):/gm)].map(([, name = '']) => name);
  // Who asks, what is asked for it to connect, and what is tried beside the script.
  const beside = ['hello', 'client|setname', 'client|setinfo', 'info', 'eval', 'evalsha', 'auth', 'select'];
  const own = ['bzpopmin', 'publish', 'subscribe', 'rpoplpush', 'time', 'del'];
  const tried = Object.values(PROBES).flatMap((each) => each.map(([command]) => command));
  expect(asked.filter((name) => ![...beside, ...own, ...tried].includes(name))).toEqual([]);
  await admin.flushall();
  expect(await inspectRedis(at(redis.port))).toMatchObject(Array(4).fill({ state: 'ok' }));
  expect(await admin.dbsize()).toBe(0);
});

it('names what an ACL user may not do', async () => {
  const everything = ['on', '>p', '~fairlead:*', '&fairlead:*', '+@all', '-@dangerous', '+info', '+client'];
  const redis = await redisServer('--user', 'fairlead', ...everything);
  const redisPasswordFile = join(redis.folder, 'password');
  await writeFile(redisPasswordFile, 'p', { mode: 0o600 });
  const user = { ...at(redis.port), redisUsername: 'fairlead', redisPasswordFile };
  const rights = async (config = user) =>
    (await inspectRedis(config)).find(({ check }) => check === 'redis-rights');
  const allow = (...rules: readonly string[]) => redis.client().call('ACL', 'SETUSER', 'fairlead', ...rules);
  expect(await rights()).toMatchObject({ state: 'ok' });
  await allow('-xadd');
  expect(await rights()).toMatchObject({ state: 'fail', message: expect.stringMatching(/xadd/) });
  await allow('+xadd', '-time');
  expect(await rights()).toMatchObject({ state: 'fail', message: expect.stringMatching(/time/) });
  await allow('+time', '-eval');
  expect(await rights()).toMatchObject({ state: 'fail', message: expect.stringMatching(/eval/) });
  await allow('+eval', 'resetchannels');
  expect(await rights()).toMatchObject({
    state: 'fail',
    message: expect.stringMatching(/channel.* and 1 more/),
  });
  await allow('&fairlead:*');
  expect(await rights({ ...user, redisPrefix: 'another' })).toMatchObject({
    state: 'fail',
    fix: expect.stringContaining('~another:* &another:*'),
  });
});

it('warns of a password in plain text to another machine, and of a Redis that is nearly full', async () => {
  const redis = await redisServer();
  const admin = redis.client();
  const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
  await admin.config('SET', 'maxmemory', Math.round(used * 1.05));
  await admin.config('SET', 'requirepass', 'p');
  const redisPasswordFile = join(redis.folder, 'password');
  await writeFile(redisPasswordFile, 'p', { mode: 0o600 });
  // This machine by a name that does not say so.
  const found = await inspectRedis({ ...at(redis.port, '0.0.0.0'), redisPasswordFile });
  expect(found).toMatchObject([
    { check: 'redis', state: 'warn', message: expect.stringContaining('in plain text, with a password') },
    { check: 'redis-version', state: 'ok' },
    { check: 'redis-memory', state: 'warn', message: expect.stringMatching(/\d+ % in use/) },
    { check: 'redis-rights' },
  ]);
  expect(JSON.stringify(found)).not.toContain('"p"');
});

it('says of a plain port that is spoken to in TLS what may be wrong', async () => {
  const redis = await redisServer();
  const config = { ...noRedis, redis: { host: '127.0.0.1', port: redis.port, db: 0, tls: true } };
  expect(await inspectRedis(config)).toMatchObject([
    { check: 'redis', state: 'fail', fix: expect.stringContaining('speaks TLS') },
  ]);
});
