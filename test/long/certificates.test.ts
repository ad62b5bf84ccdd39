import { expect, test } from 'vitest';
import { changeCertificates } from '../signatures/differential/certificates.ts';
import { seeded } from '../signatures/differential/random.ts';

test('100,000 changed certificates: no crash, no hang, and never a key that its owner did not let sign', async () => {
  const { count, usable, stolen } = await changeCertificates(100_000, seeded(20_261_121));
  console.log(
    `${count} changed certificates: ${usable} still have a key that may sign, ${stolen.length} a stolen one`,
  );
  expect(stolen).toEqual([]);
  expect(usable).toBeGreaterThan(10_000);
});
