import { assert, asyncProperty } from 'fast-check';
import { expect, test } from 'vitest';
import { complaints, worlds } from './fuzz.ts';

/** Thousands more: test/long/envoy.test.ts. */
test('whatever the documents of a mesh, a real Envoy takes what is made of them', async () => {
  const run = asyncProperty(worlds, async (world) => {
    expect(await complaints(world)).toEqual([]);
  });
  await assert(run, { numRuns: 4 });
});
