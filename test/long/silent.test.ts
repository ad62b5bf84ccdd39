import { expect, it } from 'vitest';
import { serveSilent } from '../faults/silent.ts';

it('200 commits beside a proxy that never answers and one that never reads', async () => {
  const { beside, without } = await serveSilent(200);
  process.stdout.write(`${beside} bytes beside them, ${without} without\n`);
  expect(beside / without).toBeLessThan(1.05);
});
