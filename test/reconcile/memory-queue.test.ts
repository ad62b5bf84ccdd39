import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../../src/reconcile/memory-queue.ts';
import { backoffMs, jitterMs, type Outcome } from '../../src/reconcile/work-queue.ts';
import { simulatedClock } from './clock.ts';
import { workQueueContract } from './work-queue.contract.ts';

workQueueContract('memory', 1_000, async (setup) => {
  const clock = simulatedClock();
  const queue = createMemoryQueue({ random: () => 0.5, ...setup, clock });
  return { queue, advance: clock.advance, now: clock.now };
});

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ outcome: 'done' }),
  fc.constant<Outcome>({ outcome: 'retry' }),
  fc.constant<Outcome>({ outcome: 'stalled', reason: 'r' }),
  fc.record({ outcome: fc.constant('wait' as const), forMs: fc.integer({ min: 0, max: 5_000 }) }),
);
const step = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  delayMs: fc.constantFrom(0, 0, 10, 3_000),
  advanceMs: fc.constantFrom(0, 1, 10, 2_000),
});

describe('memory queue', () => {
  it('never runs a key twice at the same time, stays in its lanes, and loses no key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.array(outcome, { maxLength: 25 }), check),
      { numRuns: 150 },
    );
  });

  it('is told nothing by a clock that is set forwards or back', async () => {
    const yearMs = 365 * 24 * 3_600_000;
    for (const stepMs of [yearMs, -yearMs]) {
      const clock = simulatedClock();
      const runs: number[] = [];
      const handler = async (): Promise<Outcome> => {
        runs.push(clock.steadyMs());
        return { outcome: 'wait', forMs: 60_000 };
      };
      const queue = createMemoryQueue({ clock, random: () => 0.5, handler });
      await queue.add('a');
      await clock.advance(10);
      clock.set(stepMs);
      await queue.add('a'); // A hint, which no poll that is still to come may hold up.
      await clock.advance(10);
      expect(runs).toHaveLength(2);
      await clock.advance(60_000);
      expect(runs).toHaveLength(3);
      await queue.add('b', 1_000);
      clock.set(stepMs);
      await clock.advance(1_000);
      expect(runs).toHaveLength(4);
      await queue.close();
      expect(clock.pending()).toBe(0);
    }
  });

  it('leaves no timer behind when it is closed', async () => {
    const clock = simulatedClock();
    const queue = createMemoryQueue({
      clock,
      random: Math.random,
      handler: async () => ({ outcome: 'retry' }),
    });
    await queue.add('a');
    await queue.add('b', 50_000);
    await clock.advance(10);
    await queue.close();
    expect(clock.pending()).toBe(0);
  });
});

async function check(steps: readonly { key: string; delayMs: number; advanceMs: number }[], ends: Outcome[]) {
  const clock = simulatedClock();
  const inFlight = new Set<string>();
  const outcomes = [...ends];
  const ranAtMs = new Map<string, number>();
  const queue = createMemoryQueue({
    clock,
    random: () => 0.5,
    concurrency: 2,
    failingConcurrency: 1,
    async handler(key) {
      expect(inFlight.has(key)).toBe(false);
      inFlight.add(key);
      expect(inFlight.size).toBeLessThanOrEqual(3);
      ranAtMs.set(key, clock.now());
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.after(5, resolve);
      await promise;
      inFlight.delete(key);
      return outcomes.shift() ?? { outcome: 'done' };
    },
  });
  const addedMs = new Map<string, number>();
  for (const { key, delayMs, advanceMs } of steps) {
    addedMs.set(key, clock.now());
    await queue.add(key, delayMs);
    await clock.advance(advanceMs);
  }
  await clock.advance(10_000_000);
  await queue.drain();
  for (const [key, atMs] of addedMs) expect(ranAtMs.get(key)).toBeGreaterThanOrEqual(atMs);
  await queue.close();
}

describe('backoffMs', () => {
  it.each([
    [1, 0, 500],
    [1, 0.999, 1_000],
    [2, 0, 1_000],
    [9, 0, 30_000],
    [10_000, 0.5, 45_000],
  ])('failure %i with random %f waits %i ms', (failures, random, expectedMs) => {
    const backoff = { firstMs: 1_000, maxMs: 60_000 };
    expect(Math.abs(backoffMs(backoff, failures, () => random) - expectedMs)).toBeLessThanOrEqual(1);
  });
});

describe('jitterMs', () => {
  it('is within a tenth', () => {
    expect(jitterMs(60_000, () => 0)).toBe(54_000);
    expect(jitterMs(60_000, () => 0.999999)).toBe(66_000);
  });
});
