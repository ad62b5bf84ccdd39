import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { istio, service, subsets, workload } from '../mesh/manifests.ts';
import { type Running, run } from './running.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** One request or a few for each field of a VirtualService's HTTP routes, by a real Envoy between real services. */

const cart = 'cart.shop.svc.cluster.local';
const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());
const ports: Record<string, number> = {};
/** What the services got, by the path. */
const got: Record<string, { readonly name: string; readonly headers: IncomingHttpHeaders }[]> = {};
let client: Running;

/** Answers with its name; `x-fail` says with what status and how often before that; `x-mute` that it never answers. */
async function backend(name: string): Promise<void> {
  const server = createServer(({ url = '', headers }, response) => {
    const before = got[url] ?? [];
    got[url] = [...before, { name, headers }];
    if (headers['x-mute'] !== undefined) return;
    const [status = '', times = '0'] = String(headers['x-fail'] ?? '').split(' ');
    response.writeHead(before.length < Number(times) ? Number(status) : 200);
    response.end(name);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  ports[name] = (server.address() as AddressInfo).port;
}

const to = (subset: string, more = '') => `route: [{destination: {host: cart, subset: ${subset}}}]${more}`;
const key = (name: string, more: string) => `{match: [{uri: {prefix: /${name}}}], ${more}}`;
/** A match for v2, beside all other requests of its path for v1. */
const either = (name: string, match: string) =>
  `{match: [{uri: {prefix: /${name}}, ${match}}], ${to('v2')}}, ${key(name, to('v1'))}`;

const steps = [
  '{name: exact, match: [{uri: {exact: /exact}}], route: [{destination: {host: cart, subset: v2}}]}',
  `{match: [{uri: {regex: '/regex/[0-9]+'}}], ${to('v2')}}`,
  `{match: [{uri: {prefix: /Case}, ignoreUriCase: true}], ${to('v2')}}`,
  either('method', 'method: {exact: PUT}'),
  either('scheme', 'scheme: {exact: http}'),
  either('authority', 'authority: {prefix: cart.shop}'),
  either('headers', 'headers: {x-a: {prefix: b}}'),
  either('present', 'headers: {x-a: {}}'),
  either('without', 'withoutHeaders: {x-a: {exact: b}}'),
  either('query', "queryParams: {q: {regex: '[0-9]+'}}"),
  either('port', 'port: 81'),
  either('labels', 'sourceLabels: {app: client}'),
  either('others', 'sourceLabels: {app: other}'),
  either('namespace', 'sourceNamespace: web'),
  either('gateway', 'gateways: [edge]'),
  key(
    'weights',
    'route: [{destination: {host: cart, subset: v1}, weight: 1}, {destination: {host: cart, subset: v2}, weight: 9}]',
  ),
  key('to-port', 'route: [{destination: {host: cart, subset: v1, port: {number: 81}}}]'),
  key(
    'mirrors',
    `${to('v1')}, mirrors: [{destination: {host: cart, subset: v2}}, {destination: {host: cart, subset: v2}, percentage: {value: 0}}]`,
  ),
  key('to-authority', 'redirect: {authority: b.example:8443}'),
  key('default-port', 'redirect: {derivePort: FROM_PROTOCOL_DEFAULT, scheme: https}'),
  key('own-port', 'redirect: {port: 8080}'),
  key('old/', 'redirect: {prefixRewrite: /, authority: b.example}'),
  key('old-name', 'redirect: {prefixRewrite: /new-name}'),
  key('bytes', `directResponse: {status: 200, body: {bytes: ${Buffer.from('teapot').toString('base64')}}}`),
  key('grpc', `${to('v1')}, fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}`),
  key('slow', `${to('v1')}, timeout: 50ms`),
  key('patient', `${to('v1')}, retries: {attempts: 2, perTryTimeout: 50ms, retryOn: gateway-error}`),
  key('untried', `${to('both')}, retries: {attempts: 1, retryOn: 5xx}`),
  key('tried', `${to('both')}, retries: {attempts: 3, retryOn: 5xx, retryIgnorePreviousHosts: false}`),
  key('far', `${to('both')}, retries: {attempts: 1, retryOn: 5xx, retryRemoteLocalities: true}`),
  key('codes', `${to('v1')}, retries: {attempts: 2, retryOn: 'connect-failure,418,5xx'}`),
  key('origin', `${to('v1')}, corsPolicy: {allowOrigin: ['https://a.example'], unmatchedPreflights: IGNORE}`),
  key(
    'forwarded',
    `${to('v1')}, corsPolicy: {allowOrigins: [{prefix: 'https://a.'}], unmatchedPreflights: FORWARD}`,
  ),
  `{match: [{uri: {prefix: /counted}, statPrefix: counted}], ${to('v1')}}`,
  '{name: handed, match: [{uri: {prefix: /handed}, headers: {x-a: {exact: b}}}], headers: {request: {set: {x-root: a}}}, rewrite: {uri: /root}, delegate: {name: inner}}',
  '{match: [{uri: {prefix: /elsewhere}}], delegate: {name: far, namespace: other}}',
  '{match: [{uri: {prefix: /nobody}}], delegate: {name: nobody}}',
];

const inner = `{http: [
  {match: [{uri: {prefix: /handed/v2}}], ${to('v2')}},
  {match: [{uri: {exact: /handed/own}}], rewrite: {uri: /inner}, headers: {request: {set: {x-inner: a}}}, ${to('v1')}},
  {match: [{uri: {prefix: /other}}], ${to('v2')}},
  {name: rest, match: [{queryParams: {q: {}}}], ${to('v1')}}]}`;
const far = '{http: [{route: [{destination: {host: local}}]}]}';

beforeAll(async () => {
  for (const name of ['v1', 'v2', 'local']) await backend(name);
  const at = (name: string, other = name) => `, ports: {http: ${ports[name]}, http-other: ${ports[other]}}`;
  const both = ', trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}';
  const files =
    service('cart', 'shop', '', '[{name: http, port: 80}, {name: http-other, port: 81}]') +
    subsets('cart', 'shop', 'cart', 'v1', 'v2').replace(']}', `, {name: both${both}}]}`) +
    workload('v1', 'shop', '127.0.0.1', 'app: cart, version: v1', at('v1', 'v2')) +
    workload('v2', 'shop', '127.0.0.1', 'app: cart, version: v2', at('v2')) +
    istio(
      'VirtualService',
      'cart',
      'shop',
      `{hosts: [cart], gateways: [mesh, edge], http: [${steps.join(',\n  ')}]}`,
    ) +
    istio('VirtualService', 'inner', 'shop', inner) +
    istio('VirtualService', 'far', 'other', far) +
    service('local', 'other') +
    workload('local', 'other', '127.0.0.1', 'app: local', `, ports: {http: ${ports.local}}`);
  const [httpProxyPort = 0] = await freePorts(1);
  const proxy = proxyAt('10.0.0.1', 'web', { FAIRLEAD: { httpProxyPort }, LABELS: { app: 'client' } });
  client = await run(snapshotOf(proxy, { path: 'acme', files }), httpProxyPort);
  open.defer(() => client.close());
});

type Asked = NonNullable<Parameters<Running['ask']>[1]>;
const body = async (path: string, asked: Asked = {}, host = cart) =>
  (await client.ask(host, { path, ...asked })).body;

describe('match', () => {
  const header = (value: string) => ({ headers: { 'x-a': value } });

  test.each([
    ['uri exact', '/exact', {}, 'v2'],
    ['uri regex, of the whole path', '/regex/12', {}, 'v2'],
    ['ignoreUriCase', '/cASE/a', {}, 'v2'],
    ['method', '/method', { method: 'PUT' }, 'v2'],
    ['method', '/method', {}, 'v1'],
    ['scheme', '/scheme', {}, 'v2'],
    ['authority', '/authority', {}, 'v2'],
    ['headers', '/headers', header('bc'), 'v2'],
    ['headers', '/headers', header('c'), 'v1'],
    ['headers that are there', '/present', header('c'), 'v2'],
    ['headers that are there', '/present', {}, 'v1'],
    ['withoutHeaders', '/without', header('b'), 'v1'],
    ['withoutHeaders', '/without', header('c'), 'v2'],
    ['withoutHeaders', '/without', {}, 'v2'],
    ['queryParams', '/query?q=12', {}, 'v2'],
    ['queryParams', '/query?q=a', {}, 'v1'],
    ['port', '/port', {}, 'v1'],
    ['sourceLabels', '/labels', {}, 'v2'],
    ['sourceLabels of others', '/others', {}, 'v1'],
    ['sourceNamespace', '/namespace', {}, 'v2'],
    ['gateways', '/gateway', {}, 'v1'],
  ] as readonly (readonly [string, string, Asked, string])[])(
    '%s: %s %j is for %s',
    async (_field, path, asked, name) => {
      expect(await body(path, asked)).toBe(name);
    },
  );

  test('nothing else fits', async () => {
    for (const path of ['/exact/a', '/regex/12/a', '/regex/a', '/Exact', '/nothing'])
      expect((await client.ask(cart, { path })).status).toBe(404);
  });

  test('port, of another one', async () => {
    expect(await body('/port', {}, `${cart}:81`)).toBe('v2');
  });

  test('statPrefix', async () => {
    await body('/counted');
    expect(await client.stat(`vhost.${cart}:80.route.counted.upstream_rq_total`)).toBe(1);
  });
});

describe('where requests go', () => {
  test('weights', async () => {
    const all = await Promise.all(Array.from({ length: 300 }, () => body('/weights')));
    const count = all.filter((name) => name === 'v2').length;
    expect(count).toBeGreaterThan(235);
    expect(count).toBeLessThan(300);
  });

  test('the port of a destination', async () => {
    expect(await body('/to-port')).toBe('v2');
  });

  test('mirrors, each with its share', async () => {
    expect(await body('/mirrors')).toBe('v1');
    while ((got['/mirrors'] ?? []).length < 2) await new Promise(setImmediate);
    await body('/mirrors?after');
    while ((got['/mirrors?after'] ?? []).length < 2) await new Promise(setImmediate);
    expect(got['/mirrors']?.map(({ name }) => name).sort()).toEqual(['v1', 'v2']);
  });

  test.each([
    ['/to-authority', 'http://b.example:8443/to-authority'],
    ['/default-port', `https://${cart}/default-port`],
    ['/own-port', `http://${cart}:8080/own-port`],
    ['/old/a?q', 'http://b.example/a?q'],
    ['/old-name/a', `http://${cart}/new-name/a`],
  ])('redirect: %s is %s', async (path, expected) => {
    expect((await client.ask(cart, { path })).headers.location).toBe(expected);
  });

  test('directResponse of bytes', async () => {
    expect(await body('/bytes')).toBe('teapot');
  });
});

describe('faults, timeouts, retries', () => {
  test('fault.abort.grpcStatus', async () => {
    const { status, headers } = await client.ask(cart, {
      path: '/grpc',
      headers: { 'content-type': 'application/grpc' },
    });
    expect([status, headers['grpc-status']]).toEqual([200, '14']);
  });

  test('timeout', async () => {
    expect((await client.ask(cart, { path: '/slow', headers: { 'x-mute': 'yes' } })).status).toBe(504);
  });

  test('perTryTimeout, for each of the attempts', async () => {
    expect((await client.ask(cart, { path: '/patient', headers: { 'x-mute': 'yes' } })).status).toBe(504);
    // The answer may be read here before the last of them is.
    while ((got['/patient'] ?? []).length < 3) await new Promise(setImmediate);
    expect(got['/patient']).toHaveLength(3);
  });

  test('a retry goes to another host', async () => {
    for (let index = 0; index < 10; index++) {
      const path = `/untried/${index}`;
      expect(await body(path, { headers: { 'x-fail': '503 1' } })).not.toBe(got[path]?.[0]?.name);
    }
  });

  test('retryIgnorePreviousHosts: false, in its turn', async () => {
    expect(await body('/tried', { headers: { 'x-fail': '500 3' } })).toMatch(/^v[12]$/);
    expect(got['/tried']).toHaveLength(4);
  });

  test('retryRemoteLocalities', async () => {
    expect(await body('/far', { headers: { 'x-fail': '500 1' } })).toMatch(/^v[12]$/);
    expect(got['/far']).toHaveLength(2);
  });

  test('retryOn: conditions and codes together', async () => {
    expect(await body('/codes/a', { headers: { 'x-fail': '418 2' } })).toBe('v1');
    expect(await body('/codes/b', { headers: { 'x-fail': '502 2' } })).toBe('v1');
    expect((await client.ask(cart, { path: '/codes/c', headers: { 'x-fail': '404 1' } })).status).toBe(404);
  });
});

describe('CORS', () => {
  const preflight = (path: string, origin: string) =>
    client.ask(cart, {
      method: 'OPTIONS',
      path,
      headers: { origin, 'access-control-request-method': 'PUT' },
    });

  test('allowOrigin; unmatchedPreflights: IGNORE', async () => {
    const { headers } = await preflight('/origin', 'https://a.example');
    expect(headers['access-control-allow-origin']).toBe('https://a.example');
    expect((await preflight('/origin/b', 'https://b.example')).body).toBe('');
    expect(got['/origin/b']).toBeUndefined();
  });

  test('unmatchedPreflights: FORWARD', async () => {
    expect((await preflight('/forwarded/a', 'https://a.b.example')).headers).toHaveProperty(
      'access-control-allow-origin',
    );
    expect((await preflight('/forwarded/b', 'https://b.example')).body).toBe('v1');
  });
});

describe('delegate', () => {
  const inside = { headers: { 'x-a': 'b' } };

  test('its steps stand in the place of the one that delegates, within its match', async () => {
    expect(await body('/handed/v2/a', inside)).toBe('v2');
    expect(await body('/handed/v1?q=', inside)).toBe('v1');
    expect((await client.ask(cart, { path: '/handed/v1', ...inside })).status).toBe(404);
    expect((await client.ask(cart, { path: '/handed/v2' })).status).toBe(404);
    expect((await client.ask(cart, { path: '/other', ...inside })).status).toBe(404);
  });

  test('what the step says and the delegate does not is inherited', async () => {
    expect(await body('/handed/own', inside)).toBe('v1');
    expect(await body('/handed/v2', inside)).toBe('v2');
    expect(got['/inner']?.[0]?.headers).toMatchObject({ 'x-inner': 'a' });
    expect(got['/inner']?.[0]?.headers).not.toHaveProperty('x-root');
    expect(got['/root']?.[0]?.headers).toMatchObject({ 'x-root': 'a' });
  });

  test('of another namespace, with its short names', async () => {
    expect(await body('/elsewhere')).toBe('local');
  });

  test('that is not there: 503', async () => {
    expect((await client.ask(cart, { path: '/nobody' })).status).toBe(503);
  });
});
