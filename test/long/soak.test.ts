import { it } from 'vitest';
import { faultsSeed, replayable } from '../faults/seed.ts';
import { expectFlat, soak } from '../faults/soak.ts';

it('ten minutes of random commits while proxies come and go', async () => {
  const soaked = await replayable(faultsSeed(20261122), (seed) => soak(seed, 600_000));
  for (const sample of soaked.samples) process.stdout.write(`${JSON.stringify(sample)}\n`);
  process.stdout.write(`${soaked.commits} commits, ${soaked.steps} steps; ${JSON.stringify(soaked.anew)}\n`);
  expectFlat(soaked);
});
