import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { connect, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { apiGateway, gatewayApi, hostRoute, listener, service, workload } from '../mesh/manifests.ts';
import { createAuthority } from './certificates.ts';
import { type Running, run } from './running.ts';
import { Stand } from './stand.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** What somebody outside experiences at a Gateway of the Gateway API, by a real Envoy. */

const www = 'www.acme.example';
let open = new AsyncDisposableStack();
afterEach(async () => {
  const used = open;
  open = new AsyncDisposableStack();
  await used.disposeAsync();
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A service of the namespace `edge` that answers with its name and what it is asked. */
async function backend(name: string, asked: string[] = []): Promise<string> {
  const port = await listen(
    createHttp(({ url = '', headers }, response) => {
      asked.push(`${headers.host}${url}`);
      response.end(`${name} ${headers.host}${url} ${headers['x-added'] ?? ''}`.trim());
    }),
  );
  return placed(name, port);
}

const placed = (name: string, port: number, protocol = 'http', namespace = 'edge') =>
  service(name, namespace, '', `[{name: ${protocol}, port: 80}]`) +
  workload(`${name}-1`, namespace, '127.0.0.1', `app: ${name}`, `, ports: {${protocol}: ${port}}`);

const labels = { 'gateway.networking.k8s.io/gateway-name': 'web' };

async function serve(port: number, files: string, credentials?: string): Promise<Running> {
  const metadata = { LABELS: labels, ...(credentials === undefined ? {} : { FAIRLEAD: { credentials } }) };
  const proxy = proxyAt('127.0.0.1', 'edge', metadata, 'router');
  const running = await run(snapshotOf(proxy, { path: 'acme', files }), port);
  open.defer(() => running.close());
  return running;
}

async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** A gateway with one listener for all hosts, and a route for `www` with these rules. */
async function routedBy(rules: string, files: string): Promise<Running> {
  const port = await freePort();
  const gateway = apiGateway('web', 'edge', listener('a', '', port));
  return serve(port, gateway + files + hostRoute('x', 'edge', '{name: web}', www, rules));
}

const to = (name: string, more = '') => `backendRefs: [{name: ${name}, port: 80${more}}]`;

describe('HTTPRoute', () => {
  test('serves its hosts at the listener, and nobody else', async () => {
    const running = await routedBy(`[{${to('cart')}}]`, await backend('cart'));
    expect(await running.ask(www)).toMatchObject({ status: 200, body: `cart ${www}/` });
    expect(await running.ask('b.example')).toMatchObject({ status: 404 });
  });

  test('answers 500 what a filter that is not honoured would have had, and nothing else', async () => {
    const login =
      'filters: [{type: ExtensionRef, extensionRef: {group: a.example, kind: Login, name: staff}}]';
    const guarded = `{matches: [{path: {value: /staff}}], ${login}, ${to('cart')}}`;
    const running = await routedBy(`[${guarded}, {${to('cart')}}]`, await backend('cart'));
    expect(await running.ask(www, { path: '/staff/1' })).toMatchObject({ status: 500 });
    expect(await running.ask(www)).toMatchObject({ status: 200 });
  });

  test('is served at the listeners that can be, whatever stands beside them', async () => {
    const [port = 0, other = 0] = await freePorts(2);
    const tcp = `{name: db, port: ${other}, protocol: TCP}`;
    const files = apiGateway('web', 'edge', listener('a', '', port), tcp) + (await backend('cart'));
    const running = await serve(
      port,
      files + hostRoute('x', 'edge', '{name: web}', www, `[{${to('cart')}}]`),
    );
    expect(await running.ask(www)).toMatchObject({ status: 200 });
  });

  test('tries the closest match first, whichever route says it', async () => {
    const port = await freePort();
    const names = ['exact', 'long', 'short', 'get', 'header', 'query', 'regex', 'any'];
    const rules: Readonly<Record<string, string>> = {
      any: '',
      short: 'matches: [{path: {value: /a}}], ',
      long: 'matches: [{path: {value: /a/b}}], ',
      exact: 'matches: [{path: {type: Exact, value: /a/b/c}}], ',
      regex: 'matches: [{path: {type: RegularExpression, value: "/r.*"}}], ',
      get: 'matches: [{path: {value: /m}}, {path: {value: /a}, method: DELETE}], ',
      header: 'matches: [{path: {value: /a}, headers: [{name: x-h, value: "1"}]}], ',
      query: 'matches: [{path: {value: /a}, queryParams: [{name: q, value: "1"}]}], ',
    };
    const backends = await Promise.all(names.map((name) => backend(name)));
    const routes = Object.entries(rules).map(([name, match]) =>
      hostRoute(name, 'edge', '{name: web}', www, `[{${match}${to(name)}}]`),
    );
    const gateway = apiGateway('web', 'edge', listener('a', '', port));
    const running = await serve(port, [gateway, ...backends, ...routes].join(''));
    const served = async (path: string, options: object = {}) =>
      (await running.ask(www, { path, ...options })).body.split(' ')[0];
    expect(await served('/')).toBe('any');
    expect(await served('/ab')).toBe('any');
    expect(await served('/a')).toBe('short');
    expect(await served('/a/c')).toBe('short');
    expect(await served('/a/b')).toBe('long');
    expect(await served('/a/b/c')).toBe('exact');
    expect(await served('/r/b')).toBe('regex');
    expect(await served('/a?q=1')).toBe('query');
    expect(await served('/a?q=1', { headers: { 'x-h': '1' } })).toBe('header');
    expect(await served('/a?q=1', { method: 'DELETE', headers: { 'x-h': '1' } })).toBe('get');
  });

  test('changes headers, rewrites and mirrors', async () => {
    const copies: string[] = [];
    const files = (await backend('cart')) + (await backend('copy', copies));
    const filters = [
      '{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Added, value: yes}]}}',
      '{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-answer, value: mine}]}}',
      '{type: URLRewrite, urlRewrite: {hostname: in.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}',
      '{type: RequestMirror, requestMirror: {backendRef: {name: copy, port: 80}}}',
    ];
    const match = 'matches: [{path: {value: /old}}]';
    const running = await routedBy(`[{${match}, filters: [${filters.join(', ')}], ${to('cart')}}]`, files);
    const { body, headers } = await running.ask(www, { path: '/old/x?q=1' });
    expect([body, headers['x-answer']]).toEqual(['cart in.example/new/x?q=1 yes', 'mine']);
    await expect.poll(() => copies).toEqual(['in.example/new/x?q=1']);
  });

  test('mirrors a share', async () => {
    const copies: string[] = [];
    const files = (await backend('cart')) + (await backend('copy', copies));
    const rule = (path: string, share: string) =>
      `{name: some, matches: [{path: {value: ${path}}}], filters: [{type: RequestMirror, requestMirror: {backendRef: {name: copy, port: 80}, ${share}}}], ${to('cart')}}`;
    const rules = [
      rule('/none', 'percent: 0'),
      rule('/all', 'percent: 100'),
      rule('/whole', 'fraction: {numerator: 8, denominator: 8}'),
      rule('/nothing', 'fraction: {numerator: 0, denominator: 8}'),
    ];
    const running = await routedBy(`[${rules.join(', ')}]`, files);
    for (const path of ['/none', '/nothing', '/all', '/whole']) await running.ask(www, { path });
    await expect.poll(() => copies.map((copy) => copy.split('/')[1]).sort()).toEqual(['all', 'whole']);
  });

  test('redirects, by default to the port of the listener', async () => {
    const redirect = (more: string) => `filters: [{type: RequestRedirect, requestRedirect: {${more}}}]`;
    const rules = [
      `{matches: [{path: {value: /https}}], ${redirect('scheme: https, statusCode: 301')}}`,
      `{matches: [{path: {value: /path}}], ${redirect('path: {type: ReplaceFullPath, replaceFullPath: /new}')}}`,
      `{matches: [{path: {value: /port}}], ${redirect('port: 8443')}}`,
      `{${redirect('hostname: b.example')}}`,
    ];
    const port = await freePort();
    const gateway = apiGateway('web', 'edge', listener('a', '', port));
    const running = await serve(
      port,
      gateway + hostRoute('x', 'edge', '{name: web}', www, `[${rules.join(', ')}]`),
    );
    const located = async (path: string) => {
      const { status, headers } = await running.ask(www, { path });
      return `${status} ${headers.location}`;
    };
    expect(await located('/https/a')).toBe(`301 https://${www}/https/a`);
    expect(await located('/path/a')).toBe(`302 http://${www}:${port}/new`);
    expect(await located('/port/a')).toBe(`302 http://${www}:8443/port/a`);
    expect(await located('/a')).toBe(`302 http://b.example:${port}/a`);
  });

  test('CORS: a preflight is answered, and only origins that are listed are told so', async () => {
    const cors =
      '{allowOrigins: ["https://a.example", "https://*.b.example"], allowMethods: [PUT], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 60, allowCredentials: true}';
    const running = await routedBy(
      `[{filters: [{type: CORS, cors: ${cors}}], ${to('cart')}}]`,
      await backend('cart'),
    );
    const from = (origin: string) =>
      running.ask(www, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } });
    expect((await from('https://a.example')).headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-a',
      'access-control-max-age': '60',
      'access-control-allow-credentials': 'true',
    });
    expect((await from('https://x.b.example')).headers['access-control-allow-origin']).toBe(
      'https://x.b.example',
    );
    expect((await from('https://c.example')).headers).not.toHaveProperty('access-control-allow-origin');
    const { headers } = await running.ask(www, { headers: { origin: 'https://a.example' } });
    expect(headers['access-control-expose-headers']).toBe('x-b');
  });

  test('ends requests that take too long, and tries again what failed', async () => {
    let count = 0;
    const slow = await listen(createTcp(() => {}));
    const failing = await listen(
      createHttp((_, response) => {
        count += 1;
        response.writeHead(count % 3 === 0 ? 200 : 503).end('at last');
      }),
    );
    const rules = [
      `{matches: [{path: {value: /slow}}], timeouts: {request: 100ms}, ${to('slow')}}`,
      `{retry: {codes: [503], attempts: 2, backoff: 1ms}, ${to('failing')}}`,
    ];
    const running = await routedBy(
      `[${rules.join(', ')}]`,
      placed('slow', slow) + placed('failing', failing),
    );
    expect((await running.ask(www, { path: '/slow' })).status).toBe(504);
    expect(await running.ask(www)).toMatchObject({ status: 200, body: 'at last' });
    expect(count).toBe(3);
  });

  test('splits by weight, and answers 500 for a backend that may not be reached', async () => {
    const files = (await backend('a')) + (await backend('b')) + service('far', 'shop');
    const split = 'backendRefs: [{name: a, port: 80, weight: 3}, {name: b, port: 80}]';
    const rules = [
      `{matches: [{path: {value: /far}}], backendRefs: [{name: far, namespace: shop, port: 80}]}`,
      '{matches: [{path: {value: /none}}]}',
      `{${split}}`,
    ];
    const running = await routedBy(`[${rules.join(', ')}]`, files);
    expect((await running.ask(www, { path: '/far' })).status).toBe(500);
    expect((await running.ask(www, { path: '/none' })).status).toBe(500);
    let share = 0;
    for (let index = 0; index < 400; index += 1) {
      if ((await running.ask(www)).body.startsWith('a')) share += 1;
    }
    expect(share).toBeGreaterThan(250);
    expect(share).toBeLessThan(350);
  });

  test('reaches a backend of another namespace that grants it', async () => {
    const port = await listen(createHttp((_, response) => response.end('far')));
    const grant = gatewayApi(
      'ReferenceGrant',
      'g',
      'shop',
      '{from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}], to: [{group: "", kind: Service}]}',
    );
    const rules = '[{backendRefs: [{name: far, namespace: shop, port: 80}]}]';
    const running = await routedBy(rules, placed('far', port, 'http', 'shop') + grant);
    expect(await running.ask(www)).toMatchObject({ status: 200, body: 'far' });
  });

  test('listeners of one port have their own hosts', async () => {
    const port = await freePort();
    const files =
      (await backend('any')) +
      (await backend('one')) +
      apiGateway(
        'web',
        'edge',
        listener('any', ', hostname: "*.acme.example"', port),
        listener('one', `, hostname: ${www}`, port),
      ) +
      hostRoute('x', 'edge', '{name: web, sectionName: any}', '', `[{${to('any')}}]`) +
      hostRoute('y', 'edge', '{name: web, sectionName: one}', '', `[{${to('one')}}]`);
    const running = await serve(port, files);
    expect((await running.ask(www)).body).toBe(`one ${www}/`);
    expect((await running.ask('b.acme.example')).body).toBe('any b.acme.example/');
    expect((await running.ask('b.example')).status).toBe(404);
  });
});

describe('HTTPS', () => {
  test('is ended with the secret of the listener, for its host', async () => {
    const authority = await createAuthority();
    open.defer(() => authority.remove());
    await authority.mount('edge', 'www-cert', await authority.issue(www));
    const port = await freePort();
    const https = `{name: a, port: ${port}, protocol: HTTPS, hostname: ${www}, tls: {certificateRefs: [{name: www-cert}]}}`;
    const files = apiGateway('web', 'edge', https) + (await backend('cart'));
    await serve(
      port,
      files + hostRoute('x', 'edge', '{name: web}', '', `[{${to('cart')}}]`),
      `${authority.folder}/secrets`,
    );
    const client = connect(`https://${www}:${port}`, {
      ca: authority.ca,
      servername: www,
      lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    open.defer(() => client.destroy());
    expect(await call(client.request({ ':path': '/a' }))).toMatchObject({
      status: 200,
      body: `cart ${www}:${port}/a`,
    });
  });
});

describe('GRPCRoute', () => {
  test('tells services and methods by the path, over HTTP/2', async () => {
    const seen: string[] = [];
    const server = async (name: string) => {
      const port = await listen(
        createHttp2((request, response) => {
          seen.push(`${name} ${request.url}`);
          response.end(`${name} ${request.url} ${request.headers['x-added'] ?? ''}`.trim());
        }) as unknown as Server,
      );
      return placed(name, port, 'grpc');
    };
    const port = await freePort();
    const added = `filters: [${[
      '{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-added, value: "1"}]}}',
      '{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-answer, value: mine}]}}',
      '{type: RequestMirror, requestMirror: {backendRef: {name: three, port: 80}}}',
    ].join(', ')}]`;
    const rules = [
      `{matches: [{method: {service: shop.Cart}}], ${to('one')}}`,
      `{matches: [{method: {service: shop.Cart, method: Get}}], ${added}, ${to('two')}}`,
      `{matches: [{headers: [{name: x-canary, value: "1"}]}], ${to('three')}}`,
    ];
    const files = [
      apiGateway('web', 'edge', listener('a', '', port)),
      ...(await Promise.all(['one', 'two', 'three'].map(server))),
      gatewayApi(
        'GRPCRoute',
        'x',
        'edge',
        `{parentRefs: [{name: web}], hostnames: [${www}], rules: [${rules.join(', ')}]}`,
      ),
    ];
    await serve(port, files.join(''));
    const client = connect(`http://127.0.0.1:${port}`);
    open.defer(() => client.destroy());
    const asked = (path: string, more: object = {}) =>
      call(
        client.request({
          ...{ ':method': 'POST', ':path': path, ':authority': www, 'content-type': 'application/grpc' },
          ...more,
        }),
      );
    expect((await asked('/shop.Cart/Put')).body).toBe('one /shop.Cart/Put');
    expect(await asked('/shop.Cart/Get')).toMatchObject({
      body: 'two /shop.Cart/Get 1',
      headers: { 'x-answer': 'mine' },
    });
    await expect.poll(() => seen).toContain('three /shop.Cart/Get');
    expect((await asked('/shop.Other/Get', { 'x-canary': '1' })).body).toBe('three /shop.Other/Get');
    expect((await asked('/shop.Cartoon/Get')).body).toBe('');
  });
});

test('a GRPCRoute of a Service: weights, expressions, and filters of a rule and of a backend', async () => {
  await using stand = new Stand();
  const copies: string[] = [];
  const server = async (name: string) => {
    const port = await listen(
      createHttp2(({ headers }, response) => {
        if (name === 'copy') copies.push(name);
        response.end(`${name} ${headers['x-gone'] ?? 'gone'} ${headers['x-own'] ?? 'none'}`);
      }) as unknown as Server,
    );
    return placed(name, port, 'grpc');
  };
  const own =
    'filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-own, value: "1"}]}}]';
  const gone = '{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x-gone]}}';
  const mirror = (share: string) =>
    `{type: RequestMirror, requestMirror: {backendRef: {name: copy, port: 80}, ${share}}}`;
  const rules = [
    `{name: few, matches: [{headers: [{type: RegularExpression, name: x-user, value: "b.*"}]}], filters: [${gone}, ${mirror('fraction: {numerator: 1, denominator: 1}')}], backendRefs: [{name: two, port: 80, ${own}}]}`,
    `{filters: [${mirror('percent: 0')}], backendRefs: [{name: one, port: 80, weight: 1}, {name: two, port: 80, weight: 0}]}`,
  ];
  const route = (parent: string) =>
    gatewayApi('GRPCRoute', 'x', 'edge', `{parentRefs: [${parent}], rules: [${rules.join(', ')}]}`);
  const parent = '{group: "", kind: Service, name: cart, namespace: edge, port: 80}';
  const files = (await Promise.all(['cart', 'one', 'two', 'copy'].map(server))).join('') + route(parent);
  const client = await stand.client('edge', [{ path: 'acme', files }]);
  const ask = async (headers: Readonly<Record<string, string>>) =>
    (await client.ask('cart', { method: 'POST', path: '/shop.Cart/Get', headers })).body;
  for (let count = 0; count < 10; count++) expect(await ask({ 'x-gone': 'here' })).toBe('one here none');
  expect(await ask({ 'x-user': 'bo', 'x-gone': 'here' })).toBe('two gone 1');
  await expect.poll(() => copies).toEqual(['copy']);
});

/** Status and body of a request of HTTP/2. */
async function call(
  stream: ReturnType<ReturnType<typeof connect>['request']>,
): Promise<{ readonly status: number; readonly body: string; readonly headers: object }> {
  let body = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    body += text;
  });
  const ended = once(stream, 'end');
  stream.end();
  const [headers] = (await once(stream, 'response')) as [{ readonly ':status'?: number }];
  await ended;
  return { status: headers[':status'] ?? 0, body, headers };
}
