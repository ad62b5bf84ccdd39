import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp } from '../../src/api/server.ts';
import { must } from '../../src/base/must.ts';
import { createServer, type Server } from '../../src/main.ts';
import { apiSource, ask, createSite, hint, NODE_ID, operator, quiet, type Site, world } from '../server.ts';
import { AdsClient } from '../xds/client.ts';
import { checker, type Document } from './document.ts';

/** The OpenAPI document is valid, has all routes and no other, and is what a server answers. */

let document: Document;
let printed: string;
beforeAll(async () => {
  const app = createApp(apiSource({}), quiet);
  const answer = await app.inject({ url: '/openapi.json' });
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([
    200,
    'application/json; charset=utf-8',
  ]);
  document = answer.json();
  printed = app.printRoutes({ commonPrefix: false });
  await app.close();
});

/** As Fastify prints its routes: a tree, in which what stands below another goes on where that ends. */
function* routesOf(tree: string): Generator<string> {
  const above: string[] = [];
  for (const line of tree.split('\n').filter((each) => each.includes('─'))) {
    const [, indent = '', path = '', methods = ''] = /^([│ ]*)[├└]── (\S+)(?: \(([^)]*)\))?/.exec(line) ?? [];
    above.splice(indent.length / 4, above.length, path);
    for (const method of methods.split(', ').filter((one) => one !== '' && one !== 'HEAD'))
      yield `${method} ${above.join('').replaceAll(/:(\w+)/g, '{$1}')}`;
  }
}

describe('the document', () => {
  test('is OpenAPI 3.1, of this version', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect([document.openapi, document.info.version]).toEqual(['3.1.0', version]);
  });

  test('has every route of the server, and no other', () => {
    const told = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(told.toSorted()).toEqual([...routesOf(printed)].toSorted());
    expect(told).toContain('GET /openapi.json');
    expect(told).toContain('GET /api/v1/proxies/{proxy}/origin');
  });

  test('names each operation once, under a tag that is explained, and each answer', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = new Set(document.tags.map(({ name }) => name));
    for (const { responses, ...operation } of operations) {
      expect(operation.tags.every((tag) => tags.has(tag))).toBe(true);
      for (const { description, content } of Object.values(responses))
        expect([description === 'Default Response', Object.keys(content).length > 0]).toEqual([false, true]);
    }
  });
});

async function held(url: string, path: string, options: { status?: number; init?: RequestInit } = {}) {
  const { status = 200, init = {} } = options;
  const answer = await fetch(url, init);
  const body: unknown = await answer.json();
  expect([url, answer.status]).toEqual([url, status]);
  const check = checker(document, path, (init.method ?? 'get').toLowerCase(), status);
  check(body);
  expect({ url, errors: check.errors, body: check.errors && body }).toEqual({
    url,
    errors: null,
    body: null,
  });
  return body;
}

const MORE = `apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: fairlead }
spec: { controllerName: fairlead.dev/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  gatewayClassName: fairlead
  listeners: [{ name: http, port: 8081, protocol: HTTP }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop, namespace: shop }
spec:
  parentRefs: [{ name: edge, sectionName: http }]
  rules: [{ backendRefs: [{ name: signed, port: 80 }] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: twice, namespace: shop }
spec:
  hosts: [signed]
  http: [{ route: [{ destination: { host: signed } }] }, { route: [{ destination: { host: signed } }] }]
`;

const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const LDS = 'type.googleapis.com/envoy.config.listener.v3.Listener';

describe('what a server answers', () => {
  let site: Site;
  let server: Server;
  let client: AdsClient;
  let tip: string;
  const base = () => `http://127.0.0.1:${server.httpPort}`;
  type Scopes = {
    readonly items: readonly {
      readonly revisions: { readonly applied: string };
      readonly hold: object | null;
    }[];
  };
  type Scope = Scopes['items'][number];
  const until = (accept: (scope: Scope) => boolean) =>
    ask<Scopes>(server.httpPort, '/api/v1/scopes', ({ items }) => items.some(accept));

  beforeAll(async () => {
    site = await createSite();
    await site.repository.write('mesh/more.yaml', MORE);
    server = await createServer(site.config, world);
    client = new AdsClient(server.xdsPort);
    client.send({ node: { id: NODE_ID }, typeUrl: CDS, resourceNamesSubscribe: ['*'] });
    client.send({ typeUrl: LDS, resourceNamesSubscribe: ['*'] });
    const answering = async () => {
      for (;;) {
        const response = await client.next();
        if (response.typeUrl === CDS) client.nack(response, 'no');
        else client.ack(response);
      }
    };
    answering().catch(() => {}); // The stream ends with the test.
    tip = await site.change('signed', 'alice');
    await hint(server.httpPort);
    await until(({ revisions }) => revisions.applied === tip);
    type Proxies = { readonly items: readonly { readonly rejected: readonly unknown[] }[] };
    await ask<Proxies>(server.httpPort, '/api/v1/proxies', ({ items }) =>
      items.some(({ rejected }) => rejected.length > 0),
    );
  });
  afterAll(async () => {
    client?.close();
    await server?.close();
    await site?.close();
  });

  /** Of every GET route, with what makes it answer something. */
  const urls = (): Readonly<Record<string, string>> => ({
    '/livez': '',
    '/healthz': '',
    '/readyz': '',
    '/openapi.json': '',
    '/api/v1/repositories': '',
    '/api/v1/repositories/{name}/verification': '/api/v1/repositories/mesh/verification',
    '/api/v1/repositories/{name}/commits/{commit}': `/api/v1/repositories/mesh/commits/${tip}`,
    '/api/v1/scopes': '',
    '/api/v1/proxies': '',
    '/api/v1/proxies/{proxy}/config': `/api/v1/proxies/${NODE_ID}/config`,
    '/api/v1/proxies/{proxy}/origin': `/api/v1/proxies/${NODE_ID}/origin?typeUrl=${CDS}&name=x&version=1&pointer=/a`,
    '/api/v1/decisions': '/api/v1/decisions?scope=acme&scope=none',
    '/api/v1/lineage': '/api/v1/lineage?scope=acme',
    '/api/v1/events': '',
  });
  const walk = async () => {
    const bodies: Record<string, unknown> = {};
    for (const [path, url] of Object.entries(urls()))
      bodies[path] = await held(`${base()}${url === '' ? path : url}`, path);
    return bodies;
  };

  test('is what the document has, field by field, of every GET route', async () => {
    const gets = Object.entries(document.paths).filter(([, { get }]) => get !== undefined);
    expect(gets.map(([path]) => path).toSorted()).toEqual([...Object.keys(urls()), '/metrics'].toSorted());
    const bodies = await walk();
    // Nothing was held to the schema of an empty list alone.
    expect(bodies['/api/v1/scopes']).toMatchObject({
      items: [{ problems: [{ file: 'more.yaml' }], gatewayApi: [{ listeners: [{}] }, { parents: [{}] }] }],
    });
    expect(bodies['/api/v1/proxies']).toMatchObject({
      items: [
        { rejected: expect.arrayContaining([expect.objectContaining({ sources: [expect.anything()] })]) },
      ],
    });
    expect(bodies['/api/v1/proxies/{proxy}/config']).toMatchObject({ next: null });
    expect(bodies['/api/v1/decisions']).toMatchObject({ items: [{ scope: 'acme' }] });
    const metrics = await fetch(`${base()}/metrics`);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
  });

  test('is so of what is suspended, held or fails, too, and of what is done', async () => {
    const cli = { method: 'POST', headers: await operator(site.config) };
    const act = '/operator/v1/suspend/{name}';
    const why = 'by=ana&reason=x';
    await held(`${base()}/operator/v1/suspend/acme?${why}&forMs=3600000`, act, { init: cli });
    await held(`${base()}/operator/v1/suspend/none?${why}`, act, { status: 404, init: cli });
    await held(`${base()}/operator/v1/suspend/acme?by=x`, act, { status: 400, init: cli });
    await held(`${base()}/operator/v1/suspend/acme?${why}`, act, { status: 401, init: { method: 'POST' } });
    await site.change('unsigned');
    const hook = '/hooks/v1/{provider}/{repository}';
    await held(`${base()}/hooks/v1/generic/mesh`, hook, { status: 202, init: { method: 'POST' } });
    await held(`${base()}/hooks/v1/none/mesh`, hook, { status: 404, init: { method: 'POST' } });
    await until(({ hold }) => hold !== null);
    expect(await walk()).toMatchObject({
      '/api/v1/scopes': { items: [{ suspended: { by: 'ana' }, hold: { rule: expect.any(String) } }] },
      '/api/v1/lineage': { entries: [{ event: 'genesis' }, { event: 'accepted' }, { event: 'held' }] },
    });
    await held(`${base()}/operator/v1/resume/acme?${why}`, '/operator/v1/resume/{name}', { init: cli });
    await held(`${base()}/operator/v1/resume/acme?${why}`, '/operator/v1/resume/{name}', {
      status: 409,
      init: cli,
    });
    await rm(site.repository.dir, { recursive: true });
    await hint(server.httpPort);
    type Repositories = { readonly items: readonly { readonly failure: object | null }[] };
    await ask<Repositories>(server.httpPort, '/api/v1/repositories', ({ items }) =>
      items.every(({ failure }) => failure !== null),
    );
    await walk();
  });

  test.each([
    ['/api/v1/repositories/{name}/verification', '/api/v1/repositories/none/verification', 404],
    ['/api/v1/repositories/{name}/verification', '/api/v1/repositories/%zz/verification', 400],
    ['/api/v1/repositories/{name}/commits/{commit}', '/api/v1/repositories/mesh/commits/x', 400],
    ['/api/v1/scopes', '/api/v1/scopes?limit=0', 400],
    ['/api/v1/proxies/{proxy}/config', '/api/v1/proxies/none/config', 404],
    ['/api/v1/proxies/{proxy}/config', `/api/v1/proxies/${'a'.repeat(1_100)}/config`, 414],
    ['/api/v1/lineage', '/api/v1/lineage?scope=none', 404],
  ])('is an Error: %s, case %#', async (path, url, status) => {
    await held(`${base()}${url}`, path, { status });
  });

  test('of a stream is an Event in each line of data', async () => {
    const answer = await fetch(`${base()}/api/v1/events`, { headers: { accept: 'text/event-stream' } });
    const type = must(answer.headers.get('content-type'));
    const { content } = must(document.paths['/api/v1/events']?.get?.responses['200']);
    expect(Object.keys(content)).toContain(type.split(';')[0]);
    let text = '';
    for await (const bytes of answer.body ?? []) {
      text += Buffer.from(bytes).toString();
      if (text.includes('event: held')) break;
    }
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
    const check = checker(document, '/api/v1/events', 'get', 200);
    const list = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'EventList', items: events, complete: true };
    expect([check(list), check.errors, events.length > 3]).toEqual([true, null, true]);
  });
});
