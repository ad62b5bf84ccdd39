import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine, type VerifiedScope, withAuthorityOf } from '../../src/governance/index.ts';
import { readManifests } from '../../src/manifests/index.ts';
import { createWorld } from './world.ts';

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

test('manifests are served, and what decides is not', async () => {
  const world = createWorld();
  const genesis = world.add('g', {
    files: { 'mesh/anchors/x.txt': 'x', 'mesh/identity/y.txt': 'y', 'mesh/z.yaml': 'z' },
  });
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  const verdict = await line.state(genesis);
  if (!verdict.ok) throw new Error(verdict.reason);
  const [root] = await line.scopes(verdict.state);
  const paths = root?.files.map(({ path }) => path);
  expect(paths).toContain('z.yaml');
  expect(paths?.filter((path) => /^(?:scope|delegations)\.yaml$|^(?:anchors|identity)\//.test(path))).toEqual(
    [],
  );
});

test('old bytes have the place and the authority of now', async () => {
  const world = createWorld();
  const genesis = world.add('g', {});
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  const verdict = await line.state(genesis);
  if (!verdict.ok) throw new Error(verdict.reason);
  const [root, child] = await line.scopes(verdict.state);
  if (root === undefined || child === undefined) throw new Error('two scopes');
  const now = withAuthorityOf(root, child);
  const { parent, path, directory, trustDomain, owns, granted } = child;
  expect(now).toEqual({ ...root, parent, path, directory, trustDomain, owns, granted });
});
