import { expect, it } from 'vitest';
import { killAgain } from './killing.ts';
import { faultsSeed, replayable } from './seed.ts';

it('kill -9 at named steps, again and again: what is said, witnessed and heard is what one says that was never killed', async () => {
  const { kills, requests, restartsCompared } = await replayable(faultsSeed(7), (seed) =>
    killAgain(seed, 12),
  );
  expect(kills).toBe(12);
  expect(restartsCompared).toBeGreaterThan(3);
  expect(requests).toBeGreaterThan(100);
}, 300_000);
