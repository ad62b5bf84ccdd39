import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { istio, rateLimit, routes, service, to, workload } from '../mesh/manifests.ts';
import { validate } from './envoy.ts';
import { run } from './running.ts';
import { Stand } from './stand.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What Fairlead's RateLimit lets through real Envoys. */

const acme = (files: string) => ({ path: 'acme', files });
const host = 'cart.shop.svc.cluster.local';

/** A workload behind its sidecar, and how to ask it. */
async function cart(
  stand: Stand,
  limits: string,
  labels: Readonly<Record<string, string>> = { app: 'cart' },
) {
  const [inbound = 0] = await freePorts(1);
  const application = await stand.backend('cart');
  const ingress = `{port: {number: ${inbound}, protocol: HTTP}, defaultEndpoint: "127.0.0.1:${application}"}`;
  const files =
    service('cart', 'shop') +
    workload('cart', 'shop', '127.0.0.2', 'app: cart', `, ports: {http: ${inbound}}`) +
    istio('Sidecar', 's', 'shop', `{ingress: [${ingress}]}`) +
    limits;
  await stand.client('shop', [acme(files)], { ip: '127.0.0.2', labels });
  return async (path = '/', options: RequestInit = {}) =>
    fetch(`http://127.0.0.2:${inbound}${path}`, options);
}

/** How many of so many requests are let in. */
async function letIn(ask: () => Promise<Response>, count = 10): Promise<number> {
  const answers: number[] = [];
  for (let asked = 0; asked < count; asked++) answers.push((await ask()).status);
  expect(answers.filter((status) => status !== 200 && status !== 429)).toEqual([]);
  return answers.filter((status) => status === 200).length;
}

test('requests above a limit are answered 429, those that no rule is for are not', async () => {
  await using stand = new Stand();
  const rules = [
    '{match: {path: /api}, requests: 3, per: 1h}',
    '{match: {path: /api, methods: [POST, PUT]}, requests: 1, per: 1h}',
    '{match: {headers: [{name: X-User, exact: eve}]}, requests: 2, per: 1h}',
    '{match: {headers: [{name: x-team, prefix: a}, {name: x-any}]}, requests: 1, per: 1h, burst: 4}',
  ];
  const ask = await cart(stand, rateLimit('r', 'shop', `rules: [${rules.join(', ')}]`));
  expect(await letIn(() => ask('/api/a', { method: 'POST' }), 3)).toBe(1);
  expect(await letIn(() => ask('/api'))).toBeLessThan(3);
  expect(await letIn(() => ask('/other'))).toBe(10);
  expect(await letIn(() => ask('/', { headers: { 'x-user': 'eve' } }))).toBe(2);
  expect(await letIn(() => ask('/', { headers: { 'x-user': 'evelyn' } }))).toBe(10);
  expect(await letIn(() => ask('/', { headers: { 'x-team': 'abc', 'x-any': '1' } }))).toBe(4);
  expect(await letIn(() => ask('/', { headers: { 'x-team': 'abc' } }))).toBe(10);
});

test('a request counts for every rule and every manifest that it fits', async () => {
  await using stand = new Stand();
  const limits =
    rateLimit('wide', 'shop', 'rules: [{requests: 5, per: 1h}, {match: {path: /b}, requests: 7, per: 1h}]') +
    rateLimit(
      'narrow',
      'shop',
      'selector: {matchLabels: {app: cart}}, rules: [{match: {path: /a}, requests: 2, per: 1h}]',
    ) +
    rateLimit('other', 'shop', 'selector: {matchLabels: {app: pay}}, rules: [{requests: 1, per: 1h}]') +
    rateLimit('elsewhere', 'web', 'rules: [{requests: 1, per: 1h}]');
  const ask = await cart(stand, limits);
  expect(await letIn(() => ask('/a'), 2)).toBe(2);
  expect((await ask('/a')).status).toBe(429);
  expect(await letIn(() => ask('/b'))).toBeLessThanOrEqual(3);
});

test('the answer has the status and the headers that are said', async () => {
  await using stand = new Stand();
  const spec =
    'status: 503, responseHeaders: {x-limited: "100% (%REQ(a)%)", retry-after: "60"}, rules: [{requests: 1, per: 1h}]';
  const ask = await cart(stand, rateLimit('r', 'shop', spec));
  const [first, second] = [await ask(), await ask()];
  expect([first.status, first.headers.get('x-limited')]).toEqual([200, null]);
  expect([second.status, second.headers.get('x-limited'), second.headers.get('retry-after')]).toEqual([
    503,
    '100% (%REQ(a)%)',
    '60',
  ]);
});

test('requests come back with time', async () => {
  await using stand = new Stand();
  const ask = await cart(stand, rateLimit('r', 'shop', 'rules: [{requests: 1, per: 100ms}]'));
  await expect.poll(async () => (await letIn(ask, 5)) < 5).toBe(true);
  await expect.poll(async () => (await ask()).status).toBe(200);
});

test('a gateway is limited, a client is not', async () => {
  await using stand = new Stand();
  const [port = 0] = await freePorts(1);
  const files =
    service('cart', 'shop') +
    workload('cart', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${await stand.backend('cart')}}`) +
    istio(
      'Gateway',
      'edge',
      'web',
      `{selector: {app: edge}, servers: [{port: {number: ${port}, name: http, protocol: HTTP}, hosts: ["shop/*"]}]}`,
    ) +
    routes('cart', 'shop', 'cart.example', to(host)).replace('hosts:', 'gateways: [web/edge], hosts:') +
    rateLimit('r', 'web', 'rules: [{requests: 3, per: 1h}]');
  const snapshot = snapshotOf(
    proxyAt('127.0.0.1', 'web', { LABELS: { app: 'edge' } }, 'router'),
    acme(files),
  );
  const gateway = await run(snapshot, port);
  await using open = new AsyncDisposableStack();
  open.defer(() => gateway.close());
  const statuses: number[] = [];
  for (let asked = 0; asked < 5; asked++) statuses.push((await gateway.ask('cart.example')).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
  const client = await stand.client('web', [acme(files)]);
  for (let asked = 0; asked < 5; asked++) expect((await client.ask(host)).status).toBe(200);
});

test('captured, and of a proxy without the filter', async () => {
  const files =
    service('cart', 'shop') +
    workload('cart', 'shop', '10.0.0.1', 'app: cart') +
    rateLimit('r', 'shop', 'rules: [{requests: 3, per: 1h}]');
  const proxy = proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' } });
  const snapshot = snapshotOf(proxy, acme(files));
  const limitsOf = (all: typeof snapshot, name: string) =>
    JSON.stringify(jsonOf(all, 'listeners', name)).split('LocalRateLimit"').length - 1;
  expect(limitsOf(snapshot, 'virtualInbound')).toBe(1);
  expect(limitsOf(snapshot, '0.0.0.0_80')).toBe(0);
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  const without = snapshotOf({ ...proxy, extensions: new Set() }, acme(files));
  expect(limitsOf(without, 'virtualInbound')).toBe(0);
});
