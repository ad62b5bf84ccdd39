import { expect, it } from 'vitest';
import { faultsSeed, replayable } from '../faults/seed.ts';
import { simulateFaults } from '../faults/simulator.ts';

it('50,000 random steps of faults over several repositories', async () => {
  const first = faultsSeed(1_000);
  const seeds = process.env.FAULTS_SEED === undefined ? 100 : 1;
  let runs = 0;
  for (let seed = first; seed < first + seeds; seed += 1)
    runs += (await replayable(seed, (seed) => simulateFaults(seed, 500))).runs;
  process.stdout.write(`${seeds * 500} steps, ${runs} runs\n`);
  expect(runs).toBeGreaterThan(seeds * 50);
});
