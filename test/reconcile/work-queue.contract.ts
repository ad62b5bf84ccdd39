import { describe, expect, it } from 'vitest';
import type { Backoff, Handler, Outcome, WorkQueue } from '../../src/reconcile/work-queue.ts';

/** What an adapter gives the suite: a queue, and its time. */
export type QueueUnderTest = {
  readonly queue: WorkQueue;
  /** Lets time pass, and what falls due begin. */
  advance(ms: number): Promise<void>;
  now(): number;
};
export type QueueSetup = {
  readonly handler: Handler;
  readonly concurrency?: number;
  readonly failingConcurrency?: number;
  readonly backoff?: Backoff;
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
      open.delete(key);
      resolve?.(outcome);
    },
  };
}

/** What every `WorkQueue` keeps, whatever stores it. */
export function workQueueContract(
  name: string,
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
      await advance(3_600_000);
      expect(started).toEqual(['a']);
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
      await queue.add('a', 10_000);
      await queue.add('a', 2_000);
      await queue.add('a', 5_000);
      await advance(1_999);
      expect(started).toEqual([]);
      await advance(1);
      expect(started).toEqual(['a']);
      end('a');
      await advance(20_000);
      expect(started).toEqual(['a']);
      await queue.close();
    });

    it('runs a key again after `wait`', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      end('a', { outcome: 'wait', forMs: 60_000 });
      await advance(59_999);
      expect(started).toHaveLength(1);
      await advance(1);
      expect(started).toHaveLength(2);
      end('a');
      await queue.close();
    });

    it('does not run a stalled key again until somebody adds it', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      end('a', { outcome: 'stalled', reason: 'no pin' });
      await advance(86_400_000);
      expect(started).toHaveLength(1);
      await queue.add('a');
      await advance(0);
      expect(started).toHaveLength(2);
      end('a');
      await queue.close();
    });

    it('backs off exponentially, with jitter in the upper half, and starts anew after a success', async () => {
      const times: number[] = [];
      const outcomes: Outcome[] = [retry, retry, retry, retry, retry, { outcome: 'wait', forMs: 100 }, retry];
      const backoff = { firstMs: 1_000, maxMs: 4_000 };
      const handler = async () => {
        times.push(under.now());
        return outcomes.shift() ?? done;
      };
      const under = await create({ backoff, handler });
      await under.queue.add('a');
      for (let i = 0; i < 400; i++) await under.advance(100);
      const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
      const ceilings = [1_000, 2_000, 4_000, 4_000, 4_000, 200, 1_000];
      expect(gaps).toHaveLength(ceilings.length);
      for (const [i, gap] of gaps.entries()) {
        expect(gap).toBeGreaterThanOrEqual((ceilings[i] ?? 0) / 2);
        expect(gap).toBeLessThanOrEqual((ceilings[i] ?? 0) + 100);
      }
      await under.queue.close();
    });

    it('retries after exactly `afterMs` where it is given', async () => {
      const times: number[] = [];
      const handler = async (): Promise<Outcome> => {
        times.push(under.now());
        return times.length === 1 ? { outcome: 'retry', afterMs: 7_000 } : done;
      };
      const under = await create({ handler });
      await under.queue.add('a');
      await under.advance(6_999);
      expect(times).toHaveLength(1);
      await under.advance(1);
      expect(times).toHaveLength(2);
      await under.queue.close();
    });

    it('takes a handler that throws for one that failed', async () => {
      let runs = 0;
      const { queue, advance } = await create({
        async handler() {
          runs += 1;
          if (runs === 1) throw new Error('a bug');
          return done;
        },
      });
      await queue.add('a');
      await advance(600_000);
      expect(runs).toBe(2);
      await queue.close();
    });

    it('does not let failing keys starve healthy ones', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 1, failingConcurrency: 1 });
      for (const key of ['bad1', 'bad2', 'bad3']) {
        await queue.add(key);
        await advance(0);
        end(key, { outcome: 'retry', afterMs: 1_000 });
        await advance(0);
      }
      await advance(1_000);
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

    it('runs a key that backs off at once when it is added', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler });
      await queue.add('a');
      await advance(0);
      end('a', { outcome: 'retry', afterMs: 300_000 });
      await advance(0);
      await queue.add('a');
      await advance(0);
      expect(started).toHaveLength(2);
      end('a');
      await advance(600_000);
      expect(started).toHaveLength(2);
      await queue.close();
    });

    it('closes: waits for what is in flight, starts nothing more, takes nothing more', async () => {
      const { handler, started, end } = gate();
      const { queue, advance } = await create({ handler, concurrency: 1 });
      await queue.add('a');
      await advance(0);
      await queue.add('waiting');
      await queue.add('later', 5_000);
      let closed = false;
      const closing = queue.close().then(() => {
        closed = true;
      });
      await advance(10_000);
      expect(closed).toBe(false);
      end('a', { outcome: 'retry' });
      await closing;
      await queue.add('b');
      await advance(600_000);
      expect(started).toEqual(['a']);
      await queue.drain();
    });
  });
}
