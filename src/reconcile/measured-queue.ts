import type { Clock } from './clock.ts';
import type { Handler, Outcome, WorkQueue } from './work-queue.ts';

/** What waits in a queue now; `oldestMs` since the longest waiting key was due. Those that back off do not count. */
export type QueueDepth = { readonly due: number; readonly oldestMs: number; readonly retries: number };

export type MeasuredQueue = WorkQueue & { depth(): QueueDepth };

/** Measures what goes in and comes out, whatever the adapter does in between. */
export function measuredQueue(
  clock: Pick<Clock, 'steadyMs'>,
  handler: Handler,
  make: (handler: Handler) => WorkQueue,
): MeasuredQueue {
  /** By key: when it is to run next, as far as was said. */
  const dueMs = new Map<string, number>();
  let retries = 0;
  const want = (key: string, atMs: number) => dueMs.set(key, Math.min(dueMs.get(key) ?? atMs, atMs));
  const settle = (key: string, end: Outcome) => {
    if (end.outcome === 'wait') want(key, clock.steadyMs() + end.forMs);
    if (end.outcome !== 'retry') return;
    retries += 1;
    if (end.afterMs !== undefined) want(key, clock.steadyMs() + end.afterMs);
  };
  const queue = make(async (key) => {
    dueMs.delete(key);
    try {
      const end = await handler(key);
      settle(key, end);
      return end;
    } catch (error) {
      retries += 1;
      throw error;
    }
  });
  return {
    add(key, delayMs = 0) {
      want(key, clock.steadyMs() + delayMs);
      return queue.add(key, delayMs);
    },
    drain: () => queue.drain(),
    close() {
      dueMs.clear();
      return queue.close();
    },
    depth() {
      const waiting = [...dueMs.values()].map((atMs) => clock.steadyMs() - atMs).filter((ms) => ms >= 0);
      return { due: waiting.length, oldestMs: Math.max(0, ...waiting), retries };
    },
  };
}
