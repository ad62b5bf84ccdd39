import { it } from 'vitest';
import { burst } from '../faults/burst.ts';

it.each(['memory', 'bullmq'] as const)('%s: 20,000 webhooks in a burst', async (queue) => {
  process.stdout.write(`${queue}: ${JSON.stringify(await burst(queue, 20_000))}\n`);
});
