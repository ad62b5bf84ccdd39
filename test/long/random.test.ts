import fc from 'fast-check';
import { test } from 'vitest';
import { expectAgreement, expectPollInvariance } from '../governance/naive/agreement.ts';
import { play, scripts } from '../governance/naive/script.ts';

test('three thousand longer random histories: both implementations agree, however polled', async () => {
  await fc.assert(
    fc.asyncProperty(scripts(40), fc.array(fc.nat(80), { maxLength: 6 }), async (script, looks) => {
      const forge = play(script);
      await expectAgreement(forge);
      await expectPollInvariance(forge, looks);
    }),
    { numRuns: 3_000, seed: 20261121 },
  );
});
