import { expect, test } from 'vitest';
import type { VerifiedScope } from '../../src/governance/index.ts';
import { readManifests } from '../../src/manifests/index.ts';
import { createLoader } from '../../src/reconcile/load.ts';

const text =
  'apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {ports: [{port: 80}]}\n';

function version(seq: number, place: Partial<VerifiedScope>): VerifiedScope {
  const owns = { namespaces: ['shop'], hosts: [] };
  const facts = { uid: 'u', seq, epoch: 'e', digest: `digest-${seq}`, commit: 'c', owns };
  const files = [{ path: 'a.yaml', bytes: new TextEncoder().encode(text) }];
  const granted = { namespaces: [], hosts: [] };
  return { ...facts, granted, trustDomain: null, signers: [], files, ...place } as unknown as VerifiedScope;
}

test('what stands in for a scope that cannot be loaded stands where the scope does', () => {
  const load = createLoader((scope, before) => {
    if (scope.seq === 2) throw new TypeError('a bug');
    return readManifests(scope, before);
  });
  load([version(1, { path: 'acme.shop', parent: 'A', directory: 'shop' })]);
  const place = { path: 'acme.store', parent: 'B', directory: 'store' };
  const { resources, failed } = load([version(2, place)]);
  expect(failed.get('u')).toBe('TypeError: a bug');
  expect(resources[0]?.scope).toMatchObject({ seq: 1, ...place });
  const [service] = resources[0]?.resources ?? [];
  expect(service?.source).toMatchObject({ scope: 'acme.store', file: 'store/a.yaml' });
});
