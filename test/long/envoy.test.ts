import { assert, asyncProperty } from 'fast-check';
import { expect, test } from 'vitest';
import { complaints, worlds } from '../translate/fuzz.ts';

test('a thousand meshes of any documents: a real Envoy takes what each of four proxies hears', async () => {
  const run = asyncProperty(worlds, async (world) => {
    expect(await complaints(world)).toEqual([]);
  });
  await assert(run, { numRuns: 1000, seed: 20261122 });
});
