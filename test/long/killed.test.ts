import { expect, it } from 'vitest';
import { killAgain } from '../faults/killing.ts';
import { faultsSeed, replayable } from '../faults/seed.ts';
import { STEPS } from '../faults/steps.ts';

it('200 times kill -9 at named steps, with traffic through an Envoy', async () => {
  const killed = await replayable(faultsSeed(20261122), (seed) => killAgain(seed, 200));
  process.stdout.write(`${JSON.stringify(killed)}\n`);
  expect(killed).toMatchObject({ kills: 200, steps: Object.keys(STEPS).length });
});
