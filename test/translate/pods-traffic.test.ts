import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { routes, service, subsets, to } from '../mesh/manifests.ts';
import { Stand } from './stand.ts';

/** Pods as Kubernetes says them, behind their Services. */

test('Pods of a subset answer, and those that are not ready do not', async () => {
  await using stand = new Stand();
  const pod = (name: string, version: string, port: number, ready: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop, labels: {app: cart, version: ${version}}}\nspec: {containers: [{name: c, ports: [{name: web, containerPort: ${port}}]}]}\nstatus: {podIP: ${here()}, conditions: [{type: Ready, status: "${ready}"}]}\n---\n`;
  const files =
    service('cart', 'shop', '', '[{name: http, port: 80, targetPort: web}]') +
    pod('one', 'v1', await stand.backend('one', here()), 'True') +
    pod('two', 'v2', await stand.backend('two', here()), 'True') +
    pod('three', 'v2', await stand.backend('three', here()), 'False') +
    subsets('cart', 'shop', 'cart', 'v1', 'v2') +
    routes('cart', 'shop', 'cart', to('cart', ', subset: v2'));
  const client = await stand.client('web', [{ path: 'acme', files }]);
  const bodies = new Set<string>();
  for (let count = 0; count < 10; count++) bodies.add((await client.ask('cart.shop.svc.cluster.local')).body);
  expect(bodies).toEqual(new Set(['two']));
});

/** An address of this machine that a Pod may have. */
function here(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (found === undefined) throw new Error('this machine has no address but the loopback');
  return found;
}
