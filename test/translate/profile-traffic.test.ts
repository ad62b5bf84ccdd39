import type { RequestListener } from 'node:http';
import { expect, test } from 'vitest';
import { service, workload } from '../mesh/manifests.ts';
import { Stand } from './stand.ts';

/** What a ServiceProfile of Linkerd does to requests, in a real Envoy. */

const cart = 'cart.shop.svc.cluster.local';
const profile = (spec: string, namespace = 'shop') =>
  `apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: ${cart}, namespace: ${namespace}}\nspec: ${spec}\n---\n`;
const acme = (files: string) => ({ path: 'acme', files });
const app = async (stand: Stand, name: string, answer?: RequestListener) =>
  service(name, 'shop') +
  workload(
    name,
    'shop',
    '127.0.0.1',
    `app: ${name}`,
    `, ports: {http: ${await stand.backend(name, '127.0.0.1', answer)}}`,
  );

/** Answers with the status of its header `x-answer`, and counts. */
function counting() {
  const seen = new Map<string, number>();
  const answer: RequestListener = ({ method, url = '', headers }, response) => {
    const key = `${method} ${url}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    response.statusCode = Number(headers['x-answer'] ?? 200);
    response.end('cart');
  };
  return { seen, answer };
}

const failing = { 'x-answer': '503' };

test('isRetryable: failures of the route are tried again, those of others are not', async () => {
  await using stand = new Stand();
  const { seen, answer } = counting();
  const routes =
    '{retryBudget: {retryRatio: 0, minRetriesPerSecond: 5, ttl: 10s}, routes: [{name: a, condition: {method: GET, pathRegex: "/a/[0-9]+"}, isRetryable: true}, {name: b, condition: {method: POST}}]}';
  const client = await stand.client('web', [acme((await app(stand, 'cart', answer)) + profile(routes))]);
  expect((await client.ask(cart, { path: '/a/1?x=1', headers: failing })).status).toBe(503);
  expect((await client.ask(cart, { method: 'POST', path: '/a/1', headers: failing })).status).toBe(503);
  expect((await client.ask(cart, { path: '/b', headers: failing })).status).toBe(503);
  expect([...seen]).toEqual([
    ['GET /a/1?x=1', 11],
    ['POST /a/1', 1],
    ['GET /b', 1],
  ]);
});

test('responseClasses: only what they call a failure is tried again', async () => {
  await using stand = new Stand();
  const { seen, answer } = counting();
  const classes =
    'responseClasses: [{condition: {status: {min: 429, max: 429}}, isFailure: true}, {condition: {status: {min: 500}}, isFailure: false}]';
  const routes = `{routes: [{name: a, condition: {pathRegex: .*}, isRetryable: true, ${classes}}]}`;
  const client = await stand.client('web', [acme((await app(stand, 'cart', answer)) + profile(routes))]);
  await client.ask(cart, { path: '/a', headers: { 'x-answer': '429' } });
  await client.ask(cart, { path: '/b', headers: { 'x-answer': '503' } });
  expect([seen.get('GET /a'), seen.get('GET /b')]).toEqual([11, 1]);
});

test('retryBudget: without one, a failure is given back', async () => {
  await using stand = new Stand();
  const { seen, answer } = counting();
  const routes =
    '{retryBudget: {retryRatio: 0, minRetriesPerSecond: 0, ttl: 10s}, routes: [{name: a, condition: {pathRegex: .*}, isRetryable: true}]}';
  const client = await stand.client('web', [acme((await app(stand, 'cart', answer)) + profile(routes))]);
  expect((await client.ask(cart, { path: '/a', headers: failing })).status).toBe(503);
  expect(seen.get('GET /a')).toBe(1);
});

test('timeout: of its own route alone', async () => {
  await using stand = new Stand();
  const silent: RequestListener = ({ headers }, response) => {
    if (headers['x-silent'] === undefined) response.end('cart');
  };
  const routes = '{routes: [{name: a, condition: {pathRegex: /a}, timeout: 50ms}]}';
  const client = await stand.client('web', [acme((await app(stand, 'cart', silent)) + profile(routes))]);
  expect((await client.ask(cart, { path: '/a', headers: { 'x-silent': 'true' } })).status).toBe(504);
  expect((await client.ask(cart, { path: '/b' })).status).toBe(200);
});

test('condition: any, all and not', async () => {
  await using stand = new Stand();
  const { seen, answer } = counting();
  const condition =
    '{all: [{any: [{method: GET}, {method: PUT}]}, {not: {pathRegex: "/private/.*"}}, {pathRegex: "/.*"}, {pathRegex: ".*[0-9]"}]}';
  const routes = `{routes: [{name: a, condition: ${condition}, isRetryable: true}]}`;
  const client = await stand.client('web', [acme((await app(stand, 'cart', answer)) + profile(routes))]);
  const tries = async (method: string, path: string) => {
    await client.ask(cart, { method, path, headers: failing });
    return seen.get(`${method} ${path}`);
  };
  expect(await tries('GET', '/a/1')).toBe(11);
  expect(await tries('PUT', '/a/1?x')).toBe(11);
  expect(await tries('POST', '/a/1')).toBe(1);
  expect(await tries('GET', '/a')).toBe(1);
  expect(await tries('GET', '/private/1')).toBe(1);
  expect(await tries('GET', '/private/1?x')).toBe(1);
});

test('dstOverrides: nine in ten to the one, one in ten to the other', async () => {
  await using stand = new Stand();
  const split =
    '{dstOverrides: [{authority: "cart.shop.svc.cluster.local:80", weight: 900m}, {authority: new.shop.svc.cluster.local, weight: 100m}]}';
  const files = (await app(stand, 'cart')) + (await app(stand, 'new')) + profile(split);
  const client = await stand.client('web', [acme(files)]);
  const found: Record<string, number> = {};
  for (let asked = 0; asked < 1000; asked += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask(cart)));
    for (const { body } of answers) found[body] = (found[body] ?? 0) + 1;
  }
  expect(Object.keys(found).sort()).toEqual(['cart', 'new']);
  expect(found.new).toBeGreaterThan(50);
  expect(found.new).toBeLessThan(150);
});

test('in another namespace it is for the clients there, and beats that of the service', async () => {
  await using stand = new Stand();
  const files =
    (await app(stand, 'cart')) +
    (await app(stand, 'new')) +
    profile('{}') +
    profile('{dstOverrides: [{authority: new.shop.svc.cluster.local, weight: 1}]}', 'web');
  const [web, other] = await Promise.all(
    ['web', 'other'].map((namespace) => stand.client(namespace, [acme(files)])),
  );
  expect([(await web?.ask(cart))?.body, (await other?.ask(cart))?.body]).toEqual(['new', 'cart']);
});
