import { expect, it } from 'vitest';
import { serveSilent } from './silent.ts';

it('a proxy that never answers, one that refuses all and one that never reads cost next to nothing, and are named', async () => {
  const { beside, without } = await serveSilent(40);
  expect(beside / without).toBeLessThan(1.05);
});
