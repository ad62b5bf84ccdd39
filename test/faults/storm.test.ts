import { expect, it } from 'vitest';
import { expectBounded, storm } from './storm.ts';

it('300 proxies that come back at once: all are served, others are not kept waiting, nothing is left of before', async () => {
  const stormed = await storm(300);
  expectBounded(stormed);
  expect(stormed.sentBytes).toBeGreaterThan(1_000_000);
});
