import { expect, test } from 'vitest';
import { retryAfterMs } from '../../src/git/retry-after.ts';

/** By the server's clock, which is a year off ours. */
const date = 'Sun, 22 Nov 2026 15:00:00 GMT';

test.each<[wanted: string | undefined, ms: number | null]>([
  ['120', 120_000],
  ['0', 0],
  ['Sun, 22 Nov 2026 15:02:00 GMT', 120_000],
  ['Sunday, 22-Nov-26 15:02:00 GMT', 120_000],
  ['Sun Nov 22 15:02:00 2026', 120_000],
  ['Sun, 22 Nov 2026 14:00:00 GMT', 0],
  [undefined, null],
  ['', null],
  ['-1', null],
  ['1.5', null],
  ['soon', null],
  ['2026-11-22T15:02:00Z', null],
  ['Sun, 99 Foo 2026', null],
])('%j is %j', (wanted, ms) => {
  expect(retryAfterMs({ date, ...(wanted === undefined ? {} : { 'retry-after': wanted }) })).toBe(ms);
});

test('more than any number is for ever', () => {
  expect(retryAfterMs({ 'retry-after': '9'.repeat(400) })).toBe(Number.POSITIVE_INFINITY);
});

test('of a server that says no time, ours counts', () => {
  const ms = retryAfterMs({ 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() });
  expect(Math.abs(Number(ms) - 3_600_000)).toBeLessThan(60_000);
});
