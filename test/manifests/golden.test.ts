import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifests, type ScopeResources } from '../../src/manifests/index.ts';
import { exampleScopes } from './scope.ts';

const golden = join(import.meta.dirname, '../golden');

/** Every case of `test/golden/<case>/manifests.json`, with the scopes it is about. */
const cases = { examples: exampleScopes };

test.each(Object.entries(cases))('what the scopes of %s say', async (name, scopes) => {
  const said = scopes().map(readManifests).map(shown);
  await expect(`${JSON.stringify(said, null, 2)}\n`).toMatchFileSnapshot(
    join(golden, name, 'manifests.json'),
  );
});

test('no golden file is left over', () => {
  const found = readdirSync(golden, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('manifests.json'),
  );
  expect(found.sort()).toEqual(Object.keys(cases).map((name) => join(name, 'manifests.json')));
});

test('the example has no problems', () => {
  expect(exampleScopes().flatMap((scope) => readManifests(scope).problems)).toEqual([]);
});

function shown({ scope, resources, problems }: ScopeResources): unknown {
  return { scope: scope.path, resources, problems };
}
