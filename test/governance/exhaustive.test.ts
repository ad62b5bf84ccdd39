import { expect, test } from 'vitest';
import { allHistories, openEnumeration } from './naive/enumeration.ts';

/** Of all histories of four commits, those that a step of this many picks: the rest is `npm run test:long`. */
const STEP = 151;

test('a sample of all histories of four commits: both implementations agree, and no vote is laundered', async () => {
  const { build, judge } = await openEnumeration();
  const histories = [...allHistories()];
  expect(histories.length).toBe(95_325);
  let accepted = 0;
  for (const history of histories.filter((_each, at) => at % STEP === 0)) {
    const found = await judge(build(history));
    expect(found.laundered).toEqual([]);
    accepted += found.accepted;
  }
  // The refusals say nothing if nothing is ever accepted.
  expect(accepted).toBeGreaterThan(250);
});
