import { it } from 'vitest';
import { expectBounded, storm } from '../faults/storm.ts';

it('2,000 proxies that come back at once, twice', async () => {
  const stormed = await storm(2_000);
  process.stdout.write(`${JSON.stringify(stormed)}\n`);
  expectBounded(stormed);
});
