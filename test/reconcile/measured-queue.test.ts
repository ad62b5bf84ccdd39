import { expect, test } from 'vitest';
import { measuredQueue } from '../../src/reconcile/measured-queue.ts';
import { createMemoryQueue } from '../../src/reconcile/memory-queue.ts';
import type { Outcome } from '../../src/reconcile/work-queue.ts';
import { simulatedClock } from './clock.ts';

test('what is due and waits is measured from when it was due; what backs off is not', async () => {
  const clock = simulatedClock();
  const gate = Promise.withResolvers<Outcome>();
  const handler = (key: string): Promise<Outcome> | Outcome =>
    key === 'slow' ? gate.promise : key === 'broken' ? { outcome: 'retry' } : { outcome: 'done' };
  const queue = measuredQueue(
    clock,
    async (key) => handler(key),
    (measured) => createMemoryQueue({ handler: measured, clock, random: () => 0.5, concurrency: 1 }),
  );
  await queue.add('slow');
  await queue.add('next');
  await queue.add('later', 10_000);
  await clock.advance(3_000);
  clock.set(-365 * 24 * 3_600_000);
  expect(queue.depth()).toEqual({ due: 1, oldestMs: 3_000, retries: 0 });
  gate.resolve({ outcome: 'wait', forMs: 60_000 });
  await queue.drain();
  expect(queue.depth()).toEqual({ due: 0, oldestMs: 0, retries: 0 });
  await queue.add('broken');
  await queue.drain();
  expect(queue.depth()).toEqual({ due: 0, oldestMs: 0, retries: 1 });
  await queue.close();
});
