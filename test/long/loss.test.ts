import { expect, it } from 'vitest';
import { createLossyStage, lose, lost } from '../faults/lossy.ts';

it('30 commits arrive at every Envoy while one packet in five is lost', async () => {
  const stage = await createLossyStage({ fetchTimeoutMs: 10_000, keepaliveMs: 30_000 });
  try {
    const all = [stage.forge, ...stage.hosts];
    for (const host of all) await lose(host, 0.2);
    for (let count = 0; count < 30; count += 1) await stage.commit(`lossy-${count}`);
    const counts = await Promise.all(all.map(lost));
    process.stdout.write(`${counts.reduce((sum, count) => sum + count, 0)} packets lost\n`);
    expect(Math.min(...counts)).toBeGreaterThan(100);
  } finally {
    await stage.close();
  }
});
