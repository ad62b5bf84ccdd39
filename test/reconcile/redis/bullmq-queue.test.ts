import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/reconcile/clock.ts';
import { type BullmqQueueOptions, openBullmqQueue } from '../../../src/reconcile/redis/bullmq-queue.ts';
import type { SharedQueue } from '../../../src/reconcile/redis/shared-queue.ts';
import type { Outcome } from '../../../src/reconcile/work-queue.ts';
import { startRedis, type TestRedis } from '../../redis.ts';
import { workQueueContract } from '../work-queue.contract.ts';

let redis: TestRedis;
let prefixes = 0;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

type Given = Partial<BullmqQueueOptions> & Pick<BullmqQueueOptions, 'handler'>;

function open(options: Given): Promise<SharedQueue> {
  const usual = { clock: systemClock, random: Math.random, onError() {} };
  return openBullmqQueue({ ...usual, client: redis.client(), prefix: newPrefix(), ...options });
}

function newPrefix(): string {
  prefixes += 1;
  return `test-${prefixes}`;
}

const UNIT_MS = 1_000;

describe('on a real Redis', () => {
  // BullMQ tells Redis what time it is: it stands still but for what a test lets pass.
  let nowMs = 0;
  beforeEach(() => {
    nowMs = 1_000_000_000_000;
    vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
  });
  afterEach(() => void vi.restoreAllMocks());

  workQueueContract('bullmq', UNIT_MS, async (setup) => {
    const prefix = newPrefix();
    const asks = redis.client();
    const queue = await open({ random: () => 0.5, ...setup, prefix });
    const advance = async (ms: number) => {
      await atRest(asks);
      for (let leftMs = ms; leftMs > 0; leftMs -= UNIT_MS) {
        nowMs += Math.min(UNIT_MS, leftMs);
        // As what is due now does where it is added: who waits in Redis for a key looks.
        await asks.zadd(`${prefix}:repositories:marker`, 0, '0');
        await atRest(asks);
      }
    };
    return { queue, advance, now: () => nowMs };
  });
});

/**
 * Resolves when nobody else asks Redis anything any more. Whoever is about to does so before this has asked it a few times more:
 * all of them are in this process.
 */
async function atRest(asks: Redis): Promise<void> {
  let before = -1;
  for (let times = 0; times < 4; times += 1) {
    const stats = await asks.info('commandstats');
    const commands = stats.split('\n').filter((line) => !line.startsWith('cmdstat_info:'));
    const calls = commands.reduce((sum, line) => sum + Number(/calls=(\d+)/.exec(line)?.[1] ?? 0), 0);
    if (calls !== before) times = 0;
    before = calls;
    await new Promise(setImmediate);
  }
}

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 10 });
const done: Outcome = { outcome: 'done' };
const into = (run: (key: string) => void) => async (key: string) => {
  run(key);
  return done;
};

describe('several processes on one Redis', () => {
  it('run a key one at a time, each more than once, and none of what was added is lost', async () => {
    const prefix = newPrefix();
    const inFlight = new Set<string>();
    const runs = new Map<string, number>();
    const ranBy = new Set<number>();
    const handlerOf = (replica: number) => async (key: string) => {
      expect(inFlight.has(key)).toBe(false);
      inFlight.add(key);
      ranBy.add(replica);
      await new Promise(setImmediate);
      runs.set(key, (runs.get(key) ?? 0) + 1);
      inFlight.delete(key);
      return done;
    };
    const queues = await Promise.all([0, 1, 2].map((n) => open({ prefix, handler: handlerOf(n) })));
    onTestFinished(async () => void (await Promise.all(queues.map((queue) => queue.close()))));
    const added = new Map<string, number>();
    for (let round = 0; round < 30; round++) {
      const key = `k${round % 4}`;
      added.set(key, runs.get(key) ?? 0);
      await Promise.all(queues.map((queue) => queue.add(key)));
    }
    for (const queue of queues) await queue.drain();
    for (const [key, before] of added) expect(runs.get(key)).toBeGreaterThan(before);
    expect(ranBy.size).toBeGreaterThan(1);
  });

  it('take over the delayed keys and those in line of one that closes', async () => {
    const prefix = newPrefix();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const first: string[] = [];
    const leaving = await open({
      prefix,
      concurrency: 1,
      async handler(key) {
        first.push(key);
        return promise;
      },
    });
    await leaving.add('a');
    await waitFor(() => expect(first).toEqual(['a']));
    await leaving.add('b');
    await leaving.add('c', 100);
    const closing = leaving.close();
    resolve({ outcome: 'wait', forMs: 100 });
    await closing;
    const second = new Set<string>();
    const queue = await open({ prefix, handler: into((key) => second.add(key)) });
    await waitFor(() => expect([...second].sort()).toEqual(['a', 'b', 'c']));
    expect(first).toEqual(['a']);
    await queue.close();
  });

  it('put off a key for all of them where somebody has done its work, and keep one without moving it', async () => {
    const prefix = newPrefix();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const ran: string[] = [];
    const handler = (key: string) => {
      ran.push(key);
      return promise;
    };
    const [one, other] = await Promise.all([open({ prefix, handler }), open({ prefix, handler })]);
    onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));
    expect(await one.dueInMs('a')).toBeNull();
    await one.keep('a', 60_000);
    await other.keep('a', 1);
    const keptMs = (await other.dueInMs('a')) ?? 0;
    expect(keptMs).toBeGreaterThan(1);
    expect(keptMs).toBeLessThanOrEqual(60_000);
    await other.putOff('a', 3_600_000);
    expect(await one.dueInMs('a')).toBeGreaterThan(60_000);
    // One that is in flight is not run again for it.
    await one.add('a');
    await waitFor(() => expect(ran).toEqual(['a']));
    expect(await one.dueInMs('a')).toBeNull();
    for (const queue of [one, other]) {
      await queue.keep('a', 0);
      await queue.putOff('a', 0);
    }
    resolve({ outcome: 'wait', forMs: 60_000 });
    await waitFor(async () => expect(await other.dueInMs('a')).toBeGreaterThan(1));
    expect(ran).toEqual(['a']);
  });

  it('take what comes while one pauses, even where that one waits in Redis for a key, and share when it goes on', async () => {
    const own = await startRedis();
    onTestFinished(() => own.close());
    const asks = own.client();
    const ranBy = { pausing: [] as string[], other: [] as string[] };
    const openOwn = async (ran: string[]) => {
      const queue = await open({ client: own.client(), prefix: 'p', handler: into((key) => ran.push(key)) });
      onTestFinished(() => queue.close());
      return queue;
    };
    const blocked = async () => (await asks.info('clients')).includes('blocked_clients:1');
    const pausing = await openOwn(ranBy.pausing);
    await waitFor(async () => expect(await blocked()).toBe(true));
    pausing.pause();
    await pausing.add('a');
    // It may have been taken: then it was given back by now.
    await atRest(asks);
    const counts = [asks.llen('p:repositories:wait'), asks.llen('p:repositories:active')];
    expect([...(await Promise.all(counts)), await blocked()]).toEqual([1, 0, false]);
    const other = await openOwn(ranBy.other);
    await waitFor(() => expect(ranBy).toEqual({ pausing: [], other: ['a'] }));
    await other.close();
    await pausing.add('b');
    pausing.resume();
    await waitFor(() => expect(ranBy).toEqual({ pausing: ['b'], other: ['a'] }));
  });

  it('run a key again whose worker was killed in the middle of it, after its lock expired', async () => {
    const prefix = newPrefix();
    const lockMs = 2_000;
    const child = worker(prefix, lockMs, 'a');
    await once(child.stdout, 'data');
    const ran: string[] = [];
    const queue = await open({ prefix, lockMs, handler: into((key) => ran.push(key)) });
    await queue.add('b');
    // A child that a busy machine holds up for as long as its lock has lost it: only what follows in any case is asked.
    await waitFor(() => expect(ran).toContain('b'));
    child.kill('SIGKILL');
    await waitFor(() => expect(ran).toContain('a'));
    await queue.drain();
    expect(ran.toSorted()).toEqual(['a', 'b']);
    await queue.close();
  });

  it('take a worker that hangs for one that died, and what it does when it wakes doubles nothing', async () => {
    const prefix = newPrefix();
    const lockMs = 1_000;
    const child = worker(prefix, lockMs, 'a');
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const ran: string[] = [];
    const queue = await open({ prefix, lockMs, handler: into((key) => ran.push(key)) });
    onTestFinished(() => queue.close());
    await waitFor(() => expect(ran).toEqual(['a']));
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.kill('SIGCONT');
    child.stdin.write('end\n');
    await waitFor(() => expect(said).toMatch(/Missing (?:key|lock) for job .*moveToFinished/));
    await queue.drain();
    expect(ran).toEqual(['a']);
    const client = redis.client();
    for (const list of ['wait', 'active'])
      expect(await client.llen(`${prefix}:repositories:${list}`)).toBe(0);
    expect(await client.zcard(`${prefix}:repositories:delayed`)).toBe(0);
  });

  it('never give a key up, however often its worker was killed', async () => {
    const prefix = newPrefix();
    const lockMs = 200;
    for (let death = 0; death < 3; death++) {
      const child = worker(prefix, lockMs, ...(death === 0 ? ['a'] : []));
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const ran: string[] = [];
    const queue = await open({ prefix, lockMs, handler: into((key) => ran.push(key)) });
    await waitFor(() => expect(ran).toEqual(['a']));
    await queue.close();
  });
});

/** It says each key that it takes. */
function worker(prefix: string, lockMs: number, ...added: readonly string[]) {
  const args = [
    join(import.meta.dirname, 'worker-child.ts'),
    String(redis.port),
    prefix,
    String(lockMs),
    ...added,
  ];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
