import { expect, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { Files } from '../../src/reconcile/files.ts';
import { openSharedClock } from '../../src/reconcile/shared-clock.ts';
import { quiet } from '../server.ts';
import { simulatedClock } from './clock.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const START_MS = 50 * YEAR_MS;

/** Files in memory: nothing is waited for but the clock. */
function memoryDisk() {
  const texts = new Map<string, string>();
  const state = { isFull: false };
  const files: Files = {
    read: async (path) => texts.get(path) ?? null,
    async write(path, text) {
      if (state.isFull) throw new Failure('disk-full', 'no space left', 'free disk space');
      texts.set(path, text);
      return true;
    },
    async rename(from, to) {
      texts.set(to, texts.get(from) ?? expect.fail(`no ${from}`));
    },
    async syncDirectory() {},
    async makeDirectory() {},
    list: async () => [...texts.keys()],
    touch: async (path, text) => texts.get(path) === text,
    touched: async (path) => (texts.has(path) ? { atMs: 0, ageMs: 0 } : null),
    async remove(path) {
      texts.delete(path);
    },
  };
  return { files, texts, state };
}

/** A machine, and a Redis with a clock of its own that answers so late. */
function meet(disk = memoryDisk()) {
  const clock = simulatedClock(START_MS);
  const redis = { aheadMs: 0, thereMs: 0, backMs: 0, failure: null as Failure | null };
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  const warned: string[] = [];
  const log = { ...quiet, warn: (_: object, text: string) => void warned.push(text) };
  const timeMs = async () => {
    await wait(redis.thereMs);
    if (redis.failure !== null) throw redis.failure;
    const saidMs = clock.steadyMs() + redis.aheadMs;
    await wait(redis.backMs);
    return saidMs;
  };
  const open = async () => {
    const opened = openSharedClock({
      bulletin: { timeMs },
      clock,
      files: disk.files,
      file: 'clock.json',
      log,
    });
    await clock.advance(2_000);
    return opened;
  };
  /** How far it is ahead of what Redis would say now. */
  const offMs = (shared: { now(): number }) => shared.now() - clock.steadyMs() - redis.aheadMs;
  return { clock, redis, disk, warned, open, offMs };
}

test('it is the time that Redis tells, and no step of the clock of the machine moves it', async () => {
  const { clock, redis, warned, open, offMs } = meet();
  redis.aheadMs = -YEAR_MS;
  const shared = await open();
  expect(offMs(shared)).toBe(0);
  expect(warned).toEqual(['the clock of this machine goes otherwise than Redis, by which until is judged']);
  clock.set(-YEAR_MS);
  expect(offMs(shared)).toBe(0);
  redis.failure = new Failure('redis-unreachable', 'it is away', 'wait');
  await clock.advance(HOUR_MS);
  await Promise.all([shared.learn(), clock.advance(1)]);
  expect(offMs(shared)).toBe(0);
});

test('an answer that took long is never taken for a later time than it is, nor in the place of a better one', async () => {
  const { clock, redis, open, offMs } = meet();
  redis.backMs = 1_500;
  const shared = await open();
  expect(offMs(shared)).toBe(-1_500);
  const learn = async (thereMs: number, backMs: number) => {
    Object.assign(redis, { thereMs, backMs });
    await Promise.all([shared.learn(), clock.advance(thereMs + backMs)]);
  };
  await learn(60_000, 0); // The first may have been right: it is late still.
  expect(offMs(shared)).toBe(0);
  await learn(30_000, 30_000);
  expect(offMs(shared)).toBe(0);
  redis.aheadMs = -100; // It was set back: by so much it was ahead, and that is over at once.
  await learn(10, 20);
  expect(offMs(shared)).toBe(-20);
  redis.aheadMs = HOUR_MS;
  await learn(0, 40);
  expect(offMs(shared)).toBe(-40);
});

test('a start waits a while for it, and what comes later counts all the same', async () => {
  const { clock, redis, open, offMs } = meet();
  Object.assign(redis, { aheadMs: -HOUR_MS, thereMs: 10_000 });
  const shared = await open();
  expect(shared.now()).toBe(clock.now());
  await clock.advance(8_000);
  expect(offMs(shared)).toBe(0);
});

test.each([
  ['ahead', -HOUR_MS, 0],
  ['behind', HOUR_MS, -HOUR_MS],
])('a start without Redis by a clock that was %s is not early', async (_, aheadMs, offMs) => {
  const first = meet();
  first.redis.aheadMs = aheadMs;
  await first.open();
  const again = meet(first.disk);
  Object.assign(again.redis, { aheadMs, thereMs: YEAR_MS });
  expect(again.offMs(await again.open())).toBe(offMs);
  // The clock has been set right, and that is remembered too.
  const right = meet(first.disk);
  await right.open();
  const last = meet(first.disk);
  last.redis.thereMs = YEAR_MS;
  expect(last.offMs(await last.open())).toBe(0);
});

test.each([
  ['a user that may not ask', { failure: new Failure('redis-refused', 'Redis: NOPERM', 'check its rules') }],
  ['what is no time', { aheadMs: Number.NaN }],
  ['a time that is years away', { aheadMs: 3 * YEAR_MS }],
])('%s is said, once, and the clock of the machine counts', async (_, wrong) => {
  const { clock, redis, warned, open, offMs } = meet();
  Object.assign(redis, wrong);
  const shared = await open();
  expect(shared.now()).toBe(clock.now());
  await Promise.all([shared.learn(), clock.advance(1)]);
  expect(warned).toEqual(['until is judged by the clock of this machine']);
  Object.assign(redis, { aheadMs: HOUR_MS, failure: null });
  await Promise.all([shared.learn(), clock.advance(1)]);
  expect(offMs(shared)).toBe(0);
});

test('what was remembered and cannot be read is forgotten; a full disk keeps nobody from knowing the time', async () => {
  const { redis, disk, warned, open, offMs } = meet();
  disk.texts.set('clock.json', '{"aheadMs":9}');
  redis.aheadMs = -HOUR_MS;
  disk.state.isFull = true;
  expect(offMs(await open())).toBe(0);
  expect(warned.at(-1)).toBe('how wrong the clock of this machine is cannot be remembered');
});
