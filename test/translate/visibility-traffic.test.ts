import { expect, test } from 'vitest';
import { istio, routes, service, workload } from '../mesh/manifests.ts';
import { Stand } from './stand.ts';

/** Who sees what, as requests of real clients experience it. */

const cart = 'cart.shop.svc.cluster.local';
const acme = (files: string) => ({ path: 'acme', files });
const at = (port: number, name = 'cart') =>
  workload(name, 'shop', '127.0.0.1', `app: cart, version: ${name}`, `, ports: {http: ${port}}`);

test('exportTo of a Service: others get no answer', async () => {
  await using stand = new Stand();
  const hidden = service('cart', 'shop').replace(
    'namespace: shop}',
    'namespace: shop, annotations: {networking.istio.io/exportTo: "web"}}',
  );
  const files = hidden + at(await stand.backend('cart'));
  const [web, ops] = [await stand.client('web', [acme(files)]), await stand.client('ops', [acme(files)])];
  expect((await web.ask(cart)).body).toBe('cart');
  expect((await ops.ask(cart)).status).toBe(503);
});

test('exportTo of a VirtualService: others have the default route', async () => {
  await using stand = new Stand();
  const answer = '[{directResponse: {status: 418}}]';
  const rule = routes('v', 'shop', 'cart', answer).replace('http:', 'exportTo: [web], http:');
  const files = service('cart', 'shop') + at(await stand.backend('cart')) + rule;
  const [web, ops] = [await stand.client('web', [acme(files)]), await stand.client('ops', [acme(files)])];
  expect((await web.ask(cart)).status).toBe(418);
  expect((await ops.ask(cart)).body).toBe('cart');
});

test('a VirtualService that is private to a namespace: its clients hear that one, all others the public one', async () => {
  await using stand = new Stand();
  const says = (name: string, namespace: string, status: number, exportTo: string) =>
    routes(
      name,
      namespace,
      cart,
      `[{match: [{uri: {prefix: /a}}], directResponse: {status: ${status}}}]`,
    ).replace('http:', `exportTo: ["${exportTo}"], http:`);
  const files = service('cart', 'shop') + says('all', 'shop', 418, '*') + says('own', 'web', 419, '.');
  const statusOf = async (namespace: string) => {
    const client = await stand.client(namespace, [acme(files)]);
    return (await client.ask(cart, { path: '/a' })).status;
  };
  expect([await statusOf('web'), await statusOf('ops'), await statusOf('shop')]).toEqual([419, 418, 418]);
});

test('DestinationRule: that of the client, else that of the host, else that of the root namespace', async () => {
  await using stand = new Stand();
  const sticky = (name: string, namespace: string, host: string, cookie: string, more = '') =>
    istio(
      'DestinationRule',
      name,
      namespace,
      `{host: "${host}", trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: ${cookie}, ttl: 1h}}}}${more}}`,
    );
  const files =
    service('cart', 'shop') +
    at(await stand.backend('cart')) +
    sticky('a', 'web', cart, 'mine') +
    sticky('b', 'shop', 'cart', 'theirs', ', exportTo: [ops]') +
    sticky('c', 'istio-system', '*.local', 'root');
  const cookieOf = async (namespace: string) => {
    const client = await stand.client(namespace, [acme(files)]);
    return (await client.ask(cart)).headers['set-cookie']?.[0]?.split('=')[0];
  };
  expect([await cookieOf('web'), await cookieOf('ops'), await cookieOf('other')]).toEqual([
    'mine',
    'theirs',
    'root',
  ]);
});
