import { expect, it } from 'vitest';
import { faultsSeed, replayable } from './seed.ts';
import { expectFlat, soak } from './soak.ts';

it('a minute of random commits while proxies come and go: what the server holds is what its history takes', async () => {
  const soaked = await replayable(faultsSeed(5), (seed) => soak(seed, 60_000));
  expectFlat(soaked);
  expect(soaked.commits).toBeGreaterThan(3);
}, 240_000);
