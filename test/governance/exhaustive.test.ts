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

test('the search finds what is laundered (C1 on main, C2 beside it), and nothing where nobody is', async () => {
  const { hadItCounted } = await openEnumeration();
  const signed = [false, false, false, false];
  const c1 = { parents: [[0], [1], [2], [3]], values: [1, 0, 1, 1], signed };
  expect(hadItCounted(c1, 3)).toHaveLength(1);
  const c2 = { parents: [[0], [0, 1], [1], [2, 3]], values: [1, 0, 2, 2], signed };
  expect(hadItCounted(c2, 3)).toHaveLength(1);
  const wip = { parents: [[0], [1], [2], [0, 3]], values: [1, 0, 1, 1], signed };
  expect(hadItCounted(wip, 3)).toEqual([]);
});
