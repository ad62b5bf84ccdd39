import { describe, expect, it } from 'vitest';
import type { Backoff, Handler, Outcome, WorkQueue } from '../../src/reconcile/work-queue.ts';

/**
 * What an adapter gives the suite: a queue, and its time, which stands still but for what a test lets pass. All times of
 * the suite are a few units, and what is compared is a unit or more apart.
 */
export type QueueUnderTest = {
  readonly queue: WorkQueue;
  /** Lets time pass. Resolves when all that falls due has begun, and nothing goes on but what a handler waits for. */
  advance(ms: number): Promise<void>;
  now(): number;
};
export type QueueSetup = {
  readonly handler: Handler;
  readonly concurrency?: number;
  readonly failingConcurrency?: number;
  readonly backoff?: Backoff;
  /** In [0, 1). */
  readonly random?: () => number;
};

const done: Outcome = { outcome: 'done' };
const retry: Outcome = { outcome: 'retry' };

/** A handler whose runs end when the test says so. */
function gate(): {
  readonly handler: Handler;
  readonly started: string[];
  end(key: string, outcome?: Outcome): void;
} {
  const started: string[] = [];
  const open = new Map<string, (outcome: Outcome) => void>();
  return {
    started,
    handler(key) {
      if (open.has(key)) throw new Error(`${key} is in flight twice`);
      started.push(key);
      return new Promise((resolve) => open.set(key, resolve));
    },
    end(key, outcome = done) {
      const resolve = open.get(key);
      if (resolve === undefined) throw new Error(`${key} is not in flight`);
      open.delete(key);
      resolve(outcome);
    },
  };
}

/** What every `WorkQueue` keeps, whatever stores it: an adapter is one more call of this. `unit` in milliseconds. */
export function workQueueContract(
  name: string,
  unit: number,
  create: (setup: QueueSetup) => Promise<QueueUnderTest>,
): void {
  describe(`WorkQueue: ${name}`, () => {
    it('runs an added key once', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      end('a');
      await queue.drain();
      await advance(5 * unit);
      expect(started).toEqual(['a']);
      await queue.close();
    });

    it('runs different keys at the same time, as many as it may and no more', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 2 });
      for (const key of ['a', 'b', 'c']) await queue.add(key);
      await advance(0);
      expect(started).toEqual(['a', 'b']);
      end('b');
      await advance(0);
      expect(started).toEqual(['a', 'b', 'c']);
      for (const key of ['a', 'c']) end(key);
      await queue.drain();
      await queue.close();
    });

    it('queues a key once, however often it is added', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 1 });
      await queue.add('first');
      await advance(0);
      for (let i = 0; i < 5; i++) await queue.add('a');
      end('first');
      await advance(0);
      end('a');
      await queue.drain();
      expect(started).toEqual(['first', 'a']);
      await queue.close();
    });

    it('runs a key that is added while in flight once more, and never twice at the same time', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      await queue.add('a');
      await queue.add('a');
      await advance(0);
      expect(started).toEqual(['a']);
      end('a');
      await advance(0);
      expect(started).toEqual(['a', 'a']);
      end('a');
      await queue.drain();
      expect(started).toEqual(['a', 'a']);
      await queue.close();
    });

    it('runs a delayed key when it is due; the earliest due time wins', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a', 10 * unit);
      await queue.add('a', 4 * unit);
      await queue.add('a', 7 * unit);
      await advance(2 * unit);
      expect(started).toEqual([]);
      await advance(3 * unit);
      expect(started).toEqual(['a']);
      end('a');
      await advance(10 * unit);
      expect(started).toEqual(['a']);
      await queue.close();
    });

    it.each([
      ['later', [4], 4],
      ['later, the earliest of them first', [4, 8], 4],
      ['later, the earliest of them last', [8, 4], 4],
      ['at once, and later', [0, 8], 0],
      ['later, and at once', [8, 0], 0],
    ])('runs a key that is added while in flight when it is due: %s', async (_, delays, due) => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      for (const delay of delays) await queue.add('a', delay * unit);
      // What the run itself asks for is later.
      end('a', { outcome: 'wait', forMs: 20 * unit });
      await advance(Math.max(0, due - 2) * unit);
      expect(started).toHaveLength(due === 0 ? 2 : 1);
      await advance(3 * unit);
      expect(started).toHaveLength(2);
      end('a');
      await advance(10 * unit);
      expect(started).toHaveLength(2);
      await queue.close();
    });

    it('runs a key that failed before the time for which it was added while in flight', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      await queue.add('a', 8 * unit);
      end('a', { outcome: 'retry', afterMs: 3 * unit });
      await advance(unit);
      expect(started).toHaveLength(1);
      await advance(3 * unit);
      expect(started).toHaveLength(2);
      end('a');
      await advance(10 * unit);
      expect(started).toHaveLength(2);
      await queue.close();
    });

    it('runs a key again after `wait`', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      end('a', { outcome: 'wait', forMs: 4 * unit });
      await advance(2 * unit);
      expect(started).toHaveLength(1);
      await advance(3 * unit);
      expect(started).toHaveLength(2);
      end('a');
      await queue.close();
    });

    it.each([
      ['waits', { outcome: 'wait', forMs: 4 * unit }],
      ['backs off', { outcome: 'retry', afterMs: 4 * unit }],
    ] as const)(
      'runs a key that %s at once when it is added, and then not for what is over',
      async (_what, outcome) => {
        const { handler, started, end } = gate();
        const { queue, advance } = await create({ handler });
        await queue.add('a');
        await advance(0);
        end('a', outcome);
        await advance(0);
        await queue.add('a');
        await advance(0);
        expect(started).toHaveLength(2);
        end('a');
        await advance(8 * unit);
        expect(started).toHaveLength(2);
        await queue.close();
      },
    );

    it('does not run a stalled key again until somebody adds it', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      end('a', { outcome: 'stalled', reason: 'no pin' });
      await advance(20 * unit);
      expect(started).toHaveLength(1);
      await queue.add('a');
      await advance(0);
      expect(started).toHaveLength(2);
      end('a');
      await queue.close();
    });

    it('backs off exponentially, with jitter in the upper half, and starts anew after a success', async () => {
      const times: number[] = [];
      const success: Outcome = { outcome: 'wait', forMs: 2 * unit };
      const outcomes: Outcome[] = [retry, retry, retry, retry, success, retry];
      const backoff = { firstMs: 4 * unit, maxMs: 16 * unit };
      const handler = async () => {
        times.push(under.now());
        return outcomes.shift() ?? done;
      };
      const under = await create({ backoff, handler });
      await under.queue.add('a');
      for (let step = 0; step < 200 && times.length < 7; step++) await under.advance(unit / 2);
      const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
      const bounds = [
        [2, 4],
        [4, 8],
        [8, 16],
        [8, 16],
        [2, 2],
        [2, 4],
      ] as const;
      expect(gaps).toHaveLength(bounds.length);
      for (const [i, [least, most]] of bounds.entries()) {
        expect(gaps[i]).toBeGreaterThanOrEqual(least * unit);
        expect(gaps[i]).toBeLessThan(Math.max(most + 2, 1.5 * most) * unit);
      }
      await under.queue.close();
    });

    it('jitters: of the same backoff chance makes half or all', async () => {
      const gaps = await Promise.all(
        [0, 0.999].map(async (chance) => {
          const times: number[] = [];
          const handler = async () => {
            times.push(under.now());
            return times.length === 1 ? retry : done;
          };
          const backoff = { firstMs: 8 * unit, maxMs: 8 * unit };
          const under = await create({ backoff, handler, random: () => chance });
          await under.queue.add('a');
          for (let step = 0; step < 200 && times.length < 2; step++) await under.advance(unit / 2);
          await under.queue.close();
          return (times[1] ?? 0) - (times[0] ?? 0);
        }),
      );
      const [least = 0, most = 0] = gaps;
      expect(least).toBeGreaterThanOrEqual(4 * unit);
      expect(least).toBeLessThan(7 * unit);
      expect(most).toBeGreaterThanOrEqual(7.9 * unit);
    });

    it('keeps the backoff of one key from every other', async () => {
      const times = new Map<string, number[]>();
      const handler = async (key: string) => {
        times.set(key, [...(times.get(key) ?? []), under.now()]);
        return retry;
      };
      const under = await create({ backoff: { firstMs: 2 * unit, maxMs: 64 * unit }, handler });
      await under.queue.add('old');
      for (let step = 0; step < 200 && times.get('old')?.length !== 4; step++) await under.advance(unit / 2);
      await under.queue.add('new');
      for (let step = 0; step < 200 && times.get('new')?.length !== 2; step++) await under.advance(unit / 2);
      const [first = 0, second = 0] = times.get('new') ?? [];
      expect(second - first).toBeGreaterThanOrEqual(unit);
      // The old one waits for eight at least by now.
      expect(second - first).toBeLessThan(8 * unit);
      await under.queue.close();
    });

    it('retries after exactly `afterMs` where it is given', async () => {
      const times: number[] = [];
      const handler = async (): Promise<Outcome> => {
        times.push(under.now());
        return times.length === 1 ? { outcome: 'retry', afterMs: 6 * unit } : done;
      };
      const under = await create({ backoff: { firstMs: unit, maxMs: unit }, handler });
      await under.queue.add('a');
      await under.advance(4 * unit);
      expect(times).toHaveLength(1);
      await under.advance(3 * unit);
      expect(times).toHaveLength(2);
      await under.queue.close();
    });

    it('takes a handler that throws for one that failed', async () => {
      let runs = 0;
      const { queue, advance } = await create({
        backoff: { firstMs: unit, maxMs: unit },
        async handler() {
          runs += 1;
          if (runs === 1) throw new Error('a bug');
          return done;
        },
      });
      await queue.add('a');
      await advance(5 * unit);
      expect(runs).toBe(2);
      await queue.close();
    });

    it('does not let failing keys starve healthy ones', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 1, failingConcurrency: 1 });
      for (const key of ['bad1', 'bad2', 'bad3']) {
        await queue.add(key);
        await advance(0);
        end(key, { outcome: 'retry', afterMs: 4 * unit });
        await advance(0);
      }
      await advance(6 * unit);
      expect(started.slice(3)).toEqual(['bad1']);
      await queue.add('good');
      await advance(0);
      expect(started.slice(3)).toEqual(['bad1', 'good']);
      end('bad1');
      await advance(0);
      expect(started.slice(3)).toEqual(['bad1', 'good', 'bad2']);
      for (const key of ['good', 'bad2']) end(key);
      await advance(0);
      end('bad3');
      await queue.close();
    });

    it('takes a key that has recovered for a healthy one', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 1, failingConcurrency: 1 });
      await queue.add('a');
      await advance(0);
      end('a', retry);
      await queue.add('a');
      await advance(0);
      end('a');
      await queue.add('bad');
      await advance(0);
      end('bad', retry);
      await advance(0);
      await queue.add('bad');
      await advance(0);
      await queue.add('a');
      await advance(0);
      expect(started).toEqual(['a', 'a', 'bad', 'bad', 'a']);
      for (const key of ['a', 'bad']) end(key);
      await queue.drain();
      await queue.close();
    });

    it('drains: waits for what is in flight or due, and not for what is delayed, backs off or is stalled', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 1 });
      await queue.drain();
      for (const key of ['a', 'b', 'c']) await queue.add(key);
      await queue.add('later', 50 * unit);
      let drained = false;
      const draining = queue.drain().then(() => {
        drained = true;
      });
      await advance(0);
      end('a', { outcome: 'retry', afterMs: 50 * unit });
      await advance(0);
      end('b', { outcome: 'stalled', reason: 'no pin' });
      await advance(0);
      expect(drained).toBe(false);
      end('c', { outcome: 'wait', forMs: 50 * unit });
      await draining;
      expect(started).toEqual(['a', 'b', 'c']);
      await queue.close();
    });

    it('closes: waits for what is in flight, starts nothing more, takes nothing more', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 1 });
      await queue.add('a');
      await advance(0);
      await queue.add('waiting');
      await queue.add('later', 2 * unit);
      let closed = false;
      const closing = queue.close().then(() => {
        closed = true;
      });
      await advance(4 * unit);
      expect(closed).toBe(false);
      end('a', { outcome: 'retry' });
      await closing;
      await queue.add('b');
      await advance(8 * unit);
      expect(started).toEqual(['a']);
      await queue.drain();
    });
  });
}
