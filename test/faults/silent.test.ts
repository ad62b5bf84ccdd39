import { expect, it } from 'vitest';
import { serveSilent } from './silent.ts';

it('a proxy that never answers and one that never reads cost nothing more with each commit, and are named', async () => {
  const { before, after } = await serveSilent(40);
  expect(after / before).toBeLessThan(1.1);
});
