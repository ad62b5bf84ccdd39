import { expect, it } from 'vitest';
import { faultsSeed, replayable } from './seed.ts';
import { simulateFaults } from './simulator.ts';

it('remotes, disks, clocks and restarts at random: never backwards, told, and over when the faults are', async () => {
  const first = faultsSeed(1);
  const seeds = process.env.FAULTS_SEED === undefined ? 8 : 1;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { runs } = await replayable(seed, (seed) => simulateFaults(seed, 150));
    expect(runs).toBeGreaterThan(10);
  }
});
