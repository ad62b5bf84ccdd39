import { expect, test } from 'vitest';
import { allHistories, openEnumeration } from '../governance/naive/enumeration.ts';

test('all histories of four commits: both implementations agree, and no vote is laundered', async () => {
  let [judged, accepted, laundered] = [0, 0, 0];
  const { build, judge } = await openEnumeration();
  for (const history of allHistories()) {
    const found = await judge(build(history));
    judged += 1;
    accepted += found.accepted;
    laundered += found.laundered.length;
  }
  console.log(`${judged} histories: ${accepted} mutations accepted, ${laundered} laundered votes`);
  expect({ judged, laundered }).toEqual({ judged: 95_325, laundered: 0 });
  expect(accepted).toBeGreaterThan(50_000);
});
