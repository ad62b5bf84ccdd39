import { expect, it } from 'vitest';
import { burst } from './burst.ts';

it.each([
  ['memory', 10_000],
  ['bullmq', 2_000],
] as const)(
  '%s: %i webhooks in a burst are few fetches and no memory, and the last commit is served',
  async (queue, deliveries) => {
    const { runs } = await burst(queue, deliveries);
    expect(runs).toBeGreaterThan(2);
  },
);
