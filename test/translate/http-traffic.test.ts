import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { httpRoute, parent, routes, service, subsets, workload } from '../mesh/manifests.ts';
import { type Running, run } from './running.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** What a request experiences that a VirtualService or an HTTPRoute is about, by a real Envoy between real services. */

type Seen = { readonly name: string; readonly path: string; readonly headers: IncomingHttpHeaders };

const cart = 'cart.shop.svc.cluster.local';
const shop = 'shop.shop.svc.cluster.local';
const open = new AsyncDisposableStack();
const servers: Record<string, { readonly port: number; readonly server: Server }> = {};
let client: Running;
let consumer: Running;
let clientPort = 0;

/** A service that answers with what it has seen; `x-fail` says how often it answers 503 before. */
async function backend(name: string): Promise<void> {
  let failed = 0;
  const server = createServer(({ url = '', headers }, response) => {
    const isFailing = failed < Number(headers['x-fail'] ?? 0);
    failed = isFailing ? failed + 1 : 0;
    const seen: Seen = { name, path: url, headers };
    response.writeHead(isFailing ? 503 : 200, { 'x-secret': 'yes', 'x-tries': `${failed}` });
    response.end(JSON.stringify(seen));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  servers[name] = { port: (server.address() as AddressInfo).port, server };
}

const at = (name: string) => `, ports: {http: ${servers[name]?.port}}`;

/** One step for paths that begin with `/key`. */
const step = (key: string, rest: string) => `{match: [{uri: {prefix: /${key}}}], ${rest}}`;
const toV1 = 'route: [{destination: {host: cart, subset: v1}}]';

const virtualService = [
  step('rewrite', `${toV1}, rewrite: {uri: /new, authority: other.example}`),
  step(
    'regex',
    String.raw`${toV1}, rewrite: {uriRegexRewrite: {match: '^/regex/(\d+)', rewrite: '/item/\1'}}`,
  ),
  step('redirect', 'redirect: {uri: /there, authority: b.example, scheme: https, redirectCode: 308}'),
  step('port', 'redirect: {derivePort: FROM_REQUEST_PORT, scheme: https}'),
  step(
    'response',
    'directResponse: {status: 418, body: {string: teapot}}, headers: {response: {set: {x-a: b}}}',
  ),
  step('large', `directResponse: {status: 200, body: {string: "${'x'.repeat(100_000)}"}}`),
  step(
    'headers',
    `headers: {request: {set: {x-set: 50%%, host: set.example}, add: {x-add: b}, remove: [x-gone]}, response: {set: {x-out: c}, remove: [x-secret]}},
      route: [{destination: {host: cart, subset: v1}, headers: {request: {set: {x-own: d}}}}]`,
  ),
  step('mirror', `${toV1}, mirror: {host: cart, subset: v2}`),
  step('unmirrored', `${toV1}, mirror: {host: cart, subset: v2}, mirrorPercentage: {value: 0}`),
  step('abort', `${toV1}, fault: {abort: {httpStatus: 555, percentage: {value: 100}}}`),
  step('some', `${toV1}, fault: {abort: {httpStatus: 555, percentage: {value: 50}}}`),
  step('delay', `${toV1}, fault: {delay: {fixedDelay: 1ms, percentage: {value: 100}}}`),
  step('never', `${toV1}, fault: {abort: {httpStatus: 555}}`),
  step(
    'cors',
    `${toV1}, corsPolicy: {allowOrigins: [{exact: 'https://a.example'}, {regex: 'https://.*\\.b\\.example'}], allowMethods: [PUT], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 1h, allowCredentials: true}`,
  ),
  step('retries', `${toV1}, retries: {attempts: 2, retryOn: '503', backoff: 1ms}`),
  step('hasty', `${toV1}, retries: {attempts: 0}`),
  step('nobody', `route: [{destination: {host: nobody.example}}]`),
];

const via = (key: string, rest: string) => `{matches: [{path: {value: /${key}}}], ${rest}}`;
const back = (name: string, more = '') => `{name: ${name}, port: 80${more}}`;
const toA = `backendRefs: [${back('a')}]`;
const rewrite = (prefix: string) =>
  `filters: [{type: URLRewrite, urlRewrite: {hostname: other.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: "${prefix}"}}}]`;

const httpRules = [
  via('prefix', `${toA}, ${rewrite('/new/')}`),
  via('root', `${toA}, ${rewrite('/')}`),
  via(
    'full',
    `${toA}, filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: '/one\\1'}}}]`,
  ),
  via(
    'moved',
    'filters: [{type: RequestRedirect, requestRedirect: {hostname: b.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /here}}}]',
  ),
  via(
    'headers',
    `filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: 50%}], remove: [x-gone]}},
      {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-out, value: c}]}}],
      backendRefs: [${back('a', ', filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: x-own, value: d}]}}]')}]`,
  ),
  via('mirror', `${toA}, filters: [{type: RequestMirror, requestMirror: {backendRef: ${back('b')}}}]`),
  via('split', `backendRefs: [${back('a', ', weight: 3')}, ${back('b', ', weight: 1')}]`),
  via('partly', `backendRefs: [${back('a')}, ${back('nobody')}]`),
  via('refused', `backendRefs: [${back('nobody')}]`),
  via('retry', `${toA}, retry: {attempts: 2, codes: [503], backoff: 1ms}`),
  `{matches: [{path: {type: Exact, value: /split/exact}}, {path: {value: /split}, headers: [{name: x-b, value: "yes"}]}], backendRefs: [${back('b')}]}`,
];

beforeAll(async () => {
  for (const name of ['v1', 'v2', 'a', 'b']) await backend(name);
  const files =
    service('cart', 'shop') +
    subsets('cart', 'shop', 'cart', 'v1', 'v2') +
    workload('v1', 'shop', '127.0.0.1', 'app: cart, version: v1', at('v1')) +
    workload('v2', 'shop', '127.0.0.1', 'app: cart, version: v2', at('v2')) +
    routes('cart', 'shop', 'cart', `[${virtualService.join(',\n  ')}]`) +
    service('shop', 'shop', '', '[{name: http, port: 80}, {name: http-other, port: 81}]') +
    service('a', 'shop') +
    service('b', 'shop') +
    workload('shop', 'shop', '127.0.0.1', 'app: shop', `, ports: {http-other: ${servers.b?.port}}`) +
    workload('a', 'shop', '127.0.0.1', 'app: a', at('a')) +
    workload('b', 'shop', '127.0.0.1', 'app: b', at('b')) +
    httpRoute('shop', 'shop', parent('shop', ', port: 80'), `[${httpRules.join(',\n  ')}]`) +
    service('mine', 'web') +
    workload('mine', 'web', '127.0.0.1', 'app: mine', at('b')) +
    httpRoute('mine', 'web', parent('shop', ', namespace: shop'), `[{backendRefs: [${back('mine')}]}]`);
  const start = async (namespace: string, httpProxyPort = 0): Promise<Running> => {
    const proxy = proxyAt('10.0.0.1', namespace, { FAIRLEAD: { httpProxyPort } });
    const running = await run(snapshotOf(proxy, { path: 'acme', files }), httpProxyPort);
    open.defer(() => running.close());
    return running;
  };
  const ports = await freePorts(2);
  clientPort = ports[0] ?? 0;
  client = await start('other', ports[0]);
  consumer = await start('web', ports[1]);
});
afterAll(() => open.disposeAsync());

async function seenBy(
  host: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Seen> {
  const { status, body } = await client.ask(host, { path, headers });
  expect([status, body.slice(0, 1)]).toEqual([200, '{']);
  return JSON.parse(body) as Seen;
}

/** The next request that a service gets. */
async function next(name: string): Promise<{ readonly url?: string; readonly headers: IncomingHttpHeaders }> {
  const [request] = await once(servers[name]?.server as Server, 'request');
  return request as { readonly url?: string; readonly headers: IncomingHttpHeaders };
}

describe('VirtualService', () => {
  test('rewrite: the prefix and the host', async () => {
    const { path, headers } = await seenBy(cart, '/rewrite/a?q=1');
    expect([path, headers.host]).toEqual(['/new/a?q=1', 'other.example']);
  });

  test('rewrite by expression', async () => {
    expect((await seenBy(cart, '/regex/7/a?q=1')).path).toBe('/item/7/a?q=1');
  });

  test('redirect', async () => {
    const { status, headers } = await client.ask(cart, { path: '/redirect/a?q=1' });
    expect([status, headers.location]).toEqual([308, 'https://b.example/there?q=1']);
  });

  test('redirect to the port that was asked for', async () => {
    const { status, headers } = await client.ask(cart, { path: '/port' });
    expect([status, headers.location]).toEqual([301, `https://${cart}:80/port`]);
  });

  test('direct response, with headers', async () => {
    const { status, body, headers } = await client.ask(cart, { path: '/response' });
    expect([status, body, headers['x-a']]).toEqual([418, 'teapot', 'b']);
  });

  test('a direct response of 100 kB', async () => {
    expect((await client.ask(cart, { path: '/large' })).body).toHaveLength(100_000);
  });

  test('headers of the request and the response, of the route and the destination', async () => {
    const asked = { path: '/headers', headers: { 'x-gone': 'a', 'x-add': 'a' } };
    const { headers, body } = await client.ask(cart, asked);
    const seen = (JSON.parse(body) as Seen).headers;
    expect([seen['x-set'], seen.host, seen['x-add'], seen['x-own']]).toEqual([
      '50%',
      'set.example',
      'a, b',
      'd',
    ]);
    expect(seen).not.toHaveProperty('x-gone');
    expect(headers['x-out']).toBe('c');
    expect(headers).not.toHaveProperty('x-secret');
  });

  test('mirror: a copy goes to v2, with the same host, and v1 answers', async () => {
    const copy = next('v2');
    expect((await seenBy(cart, '/mirror/a')).name).toBe('v1');
    const { url, headers } = await copy;
    expect([url, headers.host]).toEqual(['/mirror/a', cart]);
  });

  test('mirror of no share: no copy', async () => {
    const copy = next('v2');
    await seenBy(cart, '/unmirrored');
    await client.ask(cart, { path: '/mirror/after' });
    expect((await copy).url).toBe('/mirror/after');
  });

  test('fault: abort', async () => {
    expect((await client.ask(cart, { path: '/abort' })).status).toBe(555);
    expect((await client.ask(cart, { path: '/never' })).status).toBe(200);
  });

  test('fault: abort of half', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async () => (await client.ask(cart, { path: '/some' })).status),
    );
    const aborted = statuses.filter((status) => status === 555).length;
    expect(aborted).toBeGreaterThan(50);
    expect(aborted).toBeLessThan(150);
  });

  test('fault: delay', async () => {
    await seenBy(cart, '/delay');
    expect(await client.stat(`http.outbound_127.0.0.1_${clientPort}.fault.delays_injected`)).toBe(1);
  });

  test('CORS: a preflight is answered, and only origins that are listed are told so', async () => {
    const preflight = (origin: string) =>
      client.ask(cart, {
        method: 'OPTIONS',
        path: '/cors',
        headers: { origin, 'access-control-request-method': 'PUT' },
      });
    const { status, body, headers } = await preflight('https://x.b.example');
    expect([status, body]).toEqual([200, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://x.b.example',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-a',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '3600',
    });
    expect((await preflight('https://c.example')).headers).not.toHaveProperty('access-control-allow-origin');
    const { headers: plain } = await client.ask(cart, {
      path: '/cors',
      headers: { origin: 'https://a.example' },
    });
    expect(plain['access-control-allow-origin']).toBe('https://a.example');
    expect(plain['access-control-expose-headers']).toBe('x-b');
  });

  test('retries on a status', async () => {
    expect((await client.ask(cart, { path: '/retries', headers: { 'x-fail': '2' } })).status).toBe(200);
    expect((await client.ask(cart, { path: '/hasty', headers: { 'x-fail': '1' } })).status).toBe(503);
    expect((await client.ask(cart, { path: '/hasty', headers: { 'x-fail': '1' } })).status).toBe(200);
  });

  test('what is not there', async () => {
    expect((await client.ask(cart, { path: '/nobody' })).status).toBe(503);
    expect((await client.ask(cart, { path: '/else' })).status).toBe(404);
  });
});

describe('HTTPRoute', () => {
  test.each([
    ['/prefix', '/new'],
    ['/prefix/', '/new/'],
    ['/prefix/a?q=1', '/new/a?q=1'],
    ['/root', '/'],
    ['/root/', '/'],
    ['/root/a/b', '/a/b'],
    ['/full/a/b?q=1', '/one\\1?q=1'],
  ])('rewrite: %s becomes %s', async (asked, expected) => {
    expect((await seenBy(shop, asked)).path).toBe(expected);
  });

  test('a prefix is one of whole segments', async () => {
    expect((await client.ask(shop, { path: '/prefixes' })).status).toBe(404);
  });

  test('redirect', async () => {
    const { status, headers } = await client.ask(shop, { path: '/moved/a' });
    expect([status, headers.location]).toEqual([302, 'http://b.example/here/a']);
  });

  test('headers, of the rule and the backend', async () => {
    const { headers, body } = await client.ask(shop, { path: '/headers', headers: { 'x-gone': 'a' } });
    const seen = (JSON.parse(body) as Seen).headers;
    expect([seen['x-set'], seen['x-own'], headers['x-out']]).toEqual(['50%', 'd', 'c']);
    expect(seen).not.toHaveProperty('x-gone');
  });

  test('mirror', async () => {
    const copy = next('b');
    expect((await seenBy(shop, '/mirror/a')).name).toBe('a');
    expect((await copy).url).toBe('/mirror/a');
  });

  const answers = (path: string) =>
    Promise.all(
      Array.from({ length: 400 }, async () => {
        const { status, body } = await client.ask(shop, { path });
        return status === 200 ? (JSON.parse(body) as Seen).name : `${status}`;
      }),
    );
  const count = (all: readonly string[], name: string) => all.filter((answer) => answer === name).length;

  test('split', async () => {
    const all = await answers('/split');
    expect(new Set(all)).toEqual(new Set(['a', 'b']));
    expect(count(all, 'a')).toBeGreaterThan(240);
    expect(count(all, 'b')).toBeGreaterThan(50);
  });

  test('the share of a backend that is not there is answered 500', async () => {
    const all = await answers('/partly');
    expect(new Set(all)).toEqual(new Set(['a', '500']));
    expect(count(all, '500')).toBeGreaterThan(120);
    expect((await client.ask(shop, { path: '/refused' })).status).toBe(500);
  });

  test('exact paths and headers come first', async () => {
    for (let index = 0; index < 20; index++) {
      expect((await seenBy(shop, '/split/exact')).name).toBe('b');
      expect((await seenBy(shop, '/split', { 'x-b': 'yes' })).name).toBe('b');
    }
  });

  test('retry', async () => {
    expect((await client.ask(shop, { path: '/retry', headers: { 'x-fail': '2' } })).status).toBe(200);
  });

  test('other ports of the Service are not its business', async () => {
    expect((await seenBy(`${shop}:81`, '/anything')).name).toBe('b');
  });

  test("a consumer's own route beats the producer's, for its clients only", async () => {
    const { body } = await consumer.ask(shop, { path: '/root/a' });
    expect(JSON.parse(body)).toMatchObject({ name: 'b', path: '/root/a' });
    expect(await seenBy(shop, '/root/a')).toMatchObject({ name: 'a', path: '/a' });
  });
});
