import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { routes, service, slice, subsets, to } from '../mesh/manifests.ts';
import { Stand } from './stand.ts';

/** Pods as Kubernetes says them, behind their Services. */

const cart = 'cart.shop.svc.cluster.local';

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

test('slices: who is ready answers, else who still serves while it ends', async () => {
  await using stand = new Stand();
  const at = (port: number) => ({ ports: `[{name: http, port: ${port}}]` });
  const endpoint = (conditions: string) => [`{addresses: [${here()}], conditions: {${conditions}}}`];
  const [one, two] = [await stand.backend('one', here()), await stand.backend('two', here())];
  const ending = slice(
    'a',
    'shop',
    'cart',
    endpoint('ready: false, serving: true, terminating: true'),
    at(one),
  );
  const other = (ready: boolean) => slice('b', 'shop', 'cart', endpoint(`ready: ${ready}`), at(two));
  const bodies = async (files: string, more = '') => {
    const client = await stand.client('web', [
      { path: 'acme', files: service('cart', 'shop', more) + files },
    ]);
    const found = new Set<string>();
    for (let count = 0; count < 20; count++) found.add((await client.ask(cart)).body);
    return found;
  };
  expect(await bodies(ending + other(true))).toEqual(new Set(['two']));
  expect(await bodies(ending + other(false))).toEqual(new Set(['one']));
  expect(await bodies(ending + other(false), ', publishNotReadyAddresses: true')).toEqual(
    new Set(['one', 'two']),
  );
});

test('both families: a client calls the address of its own', async () => {
  await using stand = new Stand();
  const port = await stand.backend('IPv4', '127.0.0.11');
  await stand.backend('IPv6', '::1', undefined, port);
  const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: shop, labels: {app: cart}}\nstatus: {podIP: 127.0.0.11, podIPs: [{ip: 127.0.0.11}, {ip: "::1"}]}\n`;
  const headless = service(
    'cart',
    'shop',
    ', clusterIP: None',
    `[{name: http, port: 80, targetPort: ${port}}]`,
  );
  const ask = async (ip: string) => {
    const client = await stand.client('web', [{ path: 'acme', files: headless + pod }], { ip });
    const found = new Set<string>();
    for (let count = 0; count < 10; count++) found.add((await client.ask(cart)).body);
    return [...found];
  };
  expect(await ask('10.0.0.1')).toEqual(['IPv4']);
  expect(await ask('fd00::1')).toEqual(['IPv6']);
});

/** An address of this machine that a Pod may have. */
function here(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (found === undefined) throw new Error('this machine has no address but the loopback');
  return found;
}
