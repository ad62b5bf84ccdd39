import { expect, it } from 'vitest';
import { serveSilent } from '../faults/silent.ts';

it('200 commits beside a proxy that never answers and one that never reads', async () => {
  const { before, after } = await serveSilent(200);
  process.stdout.write(`${before} bytes after 15 commits, ${after} after 200\n`);
  expect(after / before).toBeLessThan(1.1);
});
