import { expect, test } from 'vitest';
import type { VerifiedScope } from '../../src/governance/index.ts';
import { readManifests } from '../../src/manifests/index.ts';

/** `tsc` judges this file in `npm run check`: an error that does not come fails it as much as one that comes. */
const forged = {
  uid: 'a'.repeat(64),
  path: 'acme',
  directory: '',
  seq: 1,
  epoch: '',
  digest: '',
  commit: '',
  owns: { namespaces: ['*'], hosts: ['*'] },
  granted: { namespaces: [], hosts: [] },
  trustDomain: null,
  signers: ['nobody'],
  files: [],
};

test('translating unverified bytes does not compile', () => {
  // @ts-expect-error a literal is no VerifiedScope
  expect(readManifests(forged).problems).toEqual([]);
  // @ts-expect-error nor is another one with other bytes
  const spread = (scope: VerifiedScope): VerifiedScope => ({ ...scope, files: [] });
  expect(spread).toBeTypeOf('function');
});
