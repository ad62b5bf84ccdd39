import { expect, test } from 'vitest';
import { createRealm, scopeFiles } from './realm.ts';

test('two scopes whose records take each other, and one that creates a child: held, and the line goes on', async () => {
  const realm = createRealm({ k: { owns: '{}' } });
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'o' }, { name: 'n' }]),
    ...scopeFiles(realm, 'o'),
    ...scopeFiles(realm, 'n'),
  });
  const away = (name: string, to: string) => ({ name, path: null, more: `forward: ${to}` });
  realm.commit('m', ['g'], {
    'mesh/delegations.yaml': realm.records([away('o', 's.n.o'), away('n', 's.o.n')]),
    'mesh/n/delegations.yaml': realm.records([{ name: 'o', namespaces: [] }]),
    'mesh/o/delegations.yaml': realm.records([{ name: 'n', namespaces: [] }]),
    ...scopeFiles(realm, 'o', 'n/o'),
    'mesh/n/o/delegations.yaml': realm.records([{ name: 'k', namespaces: [] }]),
    ...scopeFiles(realm, 'k', 'n/o/k'),
    ...scopeFiles(realm, 'n', 'o/n'),
  });
  const { scopes } = await realm.state('m');
  expect([...scopes.values()].map(({ path, hold }) => `${path} ${hold?.rule}`)).toEqual([
    's Structural',
    's.o Structural',
    's.n Structural',
  ]);
});
