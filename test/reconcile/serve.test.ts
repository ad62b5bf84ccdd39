import { expect, test } from 'vitest';
import { createStages } from '../../src/pipeline.ts';
import { createServed } from '../../src/reconcile/serve.ts';
import type { Snapshot } from '../../src/translate/index.ts';
import { istio, service, to } from '../mesh/manifests.ts';
import { scope } from '../mesh/world.ts';
import { proxyAt } from '../translate/world.ts';
import { letGo } from '../xds/memory.ts';

/** `track` is asked for, and so each value of it hears a snapshot of its own. */
const asking = istio('Sidecar', 'a', 'shop', '{workloadSelector: {labels: {track: none}}}');
const files = (port: number) =>
  service('cart', 'shop') +
  asking +
  istio(
    'VirtualService',
    'cart',
    'shop',
    `{hosts: [cart], http: ${to('cart', `, port: {number: ${port}}`)}}`,
  );

function openServed() {
  const served = createServed(createStages(), () => 0);
  let last = scope({ path: 'shop', files: files(80) });
  const replace = (port: number) => {
    last = scope({ path: 'shop', files: files(port) }, last);
    served.replace('', [last]);
  };
  replace(80);
  const refs: WeakRef<Snapshot>[] = [];
  const clientOf = (index: number) => {
    const metadata = { LABELS: { track: `t${index}`, 'controller-uid': `u${index}` } };
    const client = proxyAt(`10.9.${index >> 8}.${index & 255}`, 'shop', metadata);
    return { ...client, id: `client-${index}` };
  };
  const hear = (index: number) => {
    refs.push(new WeakRef(served.snapshotFor(clientOf(index))));
  };
  return { served, replace, hear, living: () => refs.filter((ref) => ref.deref() !== undefined).length };
}

test('of 300 label sets that come and go, only snapshots of those that stay are kept', async () => {
  const { served, hear, living } = openServed();
  for (let index = 0; index < 300; index += 1) {
    hear(index);
    if (index >= 3) served.forget(`client-${index}`);
  }
  await letGo();
  expect(living()).toBe(3);
  expect([2, 3].map((index) => served.lastSnapshot(`client-${index}`) === null)).toEqual([false, true]);
});

test('of the mesh before, nothing is kept once those who are there heard of the next', async () => {
  const { replace, hear, living } = openServed();
  for (const port of [80, 81, 82]) {
    replace(port);
    for (let index = 0; index < 20; index += 1) hear(index);
  }
  await letGo();
  expect(living()).toBe(20);
});
