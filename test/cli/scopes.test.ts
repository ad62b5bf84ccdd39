import { expect, test } from 'vitest';
import { findScope } from '../../src/cli/scopes.ts';
import { withReusedName } from '../governance/realm.ts';

test('a name that is used again is that of the scope that lives; the one that ended is found by its uid', async () => {
  const realm = await withReusedName();
  const state = await realm.state('m');
  for (const wanted of ['s.a', 'a', realm.uid('new')])
    expect(findScope(state, wanted).uid).toBe(realm.uid('new'));
  expect(findScope(state, realm.uid('a'))).toMatchObject({ path: 's.a', status: 'Tombstone' });
  const before = await realm.state('d');
  expect(findScope(before, 's.a').uid).toBe(realm.uid('a'));
});
