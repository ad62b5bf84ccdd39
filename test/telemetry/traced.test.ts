import { execFile } from 'node:child_process';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';
import { createServer, type Server } from '../../src/main.ts';
import { forges } from '../api/deliveries.ts';
import { ask, createSite, NODE_ID, type Site, world } from '../server.ts';
import { AdsClient } from '../xds/client.ts';
import { type Collector, type Received, startCollector } from './collector.ts';

/** One change, from the request that hinted at it to the proxies' ACKs, as a receiver of traces and the log have it. */

const SECRET = 'a-secret-of-the-hook';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const TYPES = ['cluster', 'listener', 'route'] as const;
const TYPE_URLS = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
};

type Line = Readonly<Record<string, unknown>> & { readonly message: string };

let site: Site;
let collector: Collector;
let server: Server;
let lines: Line[];
beforeEach(async () => {
  site = await createSite();
  collector = await startCollector();
  lines = [];
  const secretFile = join(site.folder, 'hook-secret');
  await writeFile(secretFile, `${SECRET}\n`, { mode: 0o600 });
  const repositories = site.config.repositories.map((one) => ({ ...one, webhookSecretFile: secretFile }));
  const note = (fields: object, message: string) => void lines.push({ ...fields, message });
  server = await createServer(
    { ...site.config, repositories, otlpEndpoint: collector.url },
    {
      ...world,
      log: { info: note, warn: note, error: note },
      environment: { ...process.env, OTEL_BSP_SCHEDULE_DELAY: '20' },
    },
  );
  // The first run is over, and its status was looked at.
  await events(({ type }) => type === 'followed');
});
afterEach(async () => {
  await server.close();
  await collector.close();
  await site.close();
});

/** A proxy that acknowledges everything. */
function connect(): AdsClient {
  const client = new AdsClient(server.xdsPort);
  client.send({ node: { id: NODE_ID }, typeUrl: TYPE_URLS.cluster, resourceNamesSubscribe: ['*'] });
  for (const type of TYPES.slice(1))
    client.send({ typeUrl: TYPE_URLS[type], resourceNamesSubscribe: type === 'route' ? ['15080'] : ['*'] });
  const answer = async () => {
    for (;;) client.ack(await client.next());
  };
  answer().catch(() => {}); // The stream ends with the test.
  return client;
}

type Told = Readonly<Record<'type' | 'revision' | 'trace', string | null>>;
const events = async (wanted: (event: Told) => boolean) => {
  const isThere = ({ items }: { readonly items: readonly Told[] }) => items.some(wanted);
  return (await ask(server.httpPort, '/api/v1/events', isThere)).items;
};

type Status = {
  readonly items: readonly { readonly appliedRevision: string | null; readonly trace: string }[];
};
const status = (tip: string) =>
  ask<Status>(server.httpPort, '/api/v1/repositories', ({ items }) => items[0]?.appliedRevision === tip);

async function deliver(headers: Readonly<Record<string, string>>): Promise<void> {
  const github = must(forges.find(({ provider }) => provider === 'github'));
  const { headers: own, body } = github.push('main', crypto.randomUUID());
  const answer = await fetch(`http://127.0.0.1:${server.httpPort}/hooks/v1/github/mesh`, {
    method: 'POST',
    headers: { ...own, ...github.sign(body, SECRET), ...headers },
    body,
  });
  expect(answer.status).toBe(202);
}

const rootsOf = (revision: string) =>
  collector.spans.filter(
    ({ name, attributes }) => name === 'reconcile' && attributes['vcs.ref.head.revision'] === revision,
  );

async function traceOf(revision: string): Promise<readonly [root: Received, children: readonly Received[]]> {
  await expect.poll(() => rootsOf(revision)).toHaveLength(1);
  const root = must(rootsOf(revision)[0]);
  const children = collector.spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
  return [root, children.toSorted((a, b) => a.startMs - b.startMs || a.endMs - b.endMs)];
}

test('a webhook becomes one trace, in that of whoever sent it, with the id that everything else shows', async () => {
  const first = must(site.config.repositories[0]);
  const client = connect();
  await ask<{ items: readonly object[] }>(
    server.httpPort,
    '/api/v1/proxies',
    ({ items }) => items.length > 0,
  );
  const tip = await site.change('signed', 'alice');
  await deliver({ traceparent: `00-${TRACE}-${CALLER}-01` });
  const [root, children] = await traceOf(tip);
  expect(root).toMatchObject({ traceId: TRACE, parentSpanId: CALLER });
  expect(root.attributes).toMatchObject({
    'fairlead.repository': first.name,
    'fairlead.outcome': 'followed',
    'fairlead.trigger': 'github',
    'fairlead.proxies': 1,
    'vcs.ref.head.name': 'main',
  });
  expect(children.map(({ name }) => name)).toEqual([
    'POST /hooks/v1/:provider/:repository',
    'queue',
    'fetch',
    'verify',
    'witness',
    'load',
    'translate',
    'publish',
    'acknowledge',
  ]);
  expect(new Set(children.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  for (const [index, child] of children.entries()) {
    expect(child.startMs).toBeGreaterThanOrEqual(children[index - 1]?.endMs ?? root.startMs);
    expect(child.endMs).toBeLessThanOrEqual(root.endMs);
  }
  expect((await status(tip)).items[0]?.trace).toBe(TRACE);
  const items = await events(({ revision }) => revision === tip);
  for (const event of items.filter(({ revision }) => revision === tip)) expect(event.trace).toBe(TRACE);
  client.close();
});

test('every line of the log that a run writes says of which repository, revision and run it is', async () => {
  const held = await site.change('nobody');
  const before = lines.length;
  await deliver({ traceparent: `00-${TRACE}-${CALLER}-01` });
  await traceOf(held);
  // What a scope has to do with it is told, too.
  await expect.poll(() => lines.some(({ event, scope }) => event === 'held' && scope === 'acme')).toBe(true);
  await rename(site.repository.dir, `${site.repository.dir}-away`);
  const failing = await ask<Status>(server.httpPort, '/api/v1/repositories');
  await deliver({});
  await ask<Status>(server.httpPort, '/api/v1/repositories', ({ items }) => {
    return items[0]?.trace !== failing.items[0]?.trace;
  });
  await rename(`${site.repository.dir}-away`, site.repository.dir);
  const own = lines.slice(before);
  const messages = own.map(({ message }) => message);
  expect(messages).toContain('serving');
  expect(messages.join(' ')).toContain('reconcile failed');
  for (const line of own) {
    expect(line).toMatchObject({
      repository: 'mesh',
      revision: held,
      trace: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  }
  expect(new Set(own.map(({ trace }) => trace)).size).toBeGreaterThan(1);
  expect(own[0]?.trace).toBe(TRACE);
});

test('a request of another trace that comes while one waits is linked', async () => {
  const other = '0af7651916cd43dd8448eb211c80319c';
  const tip = await site.change('signed', 'alice');
  const first = deliver({ traceparent: `00-${TRACE}-${CALLER}-01` });
  const second = deliver({ traceparent: `00-${other}-${CALLER}-01` });
  await Promise.all([first, second]);
  await expect.poll(() => rootsOf(tip).length).toBeGreaterThan(0);
  // Whichever came first: the other is in a run of its own, or linked in the same.
  const ofRuns = () => collector.spans.filter(({ name }) => name.startsWith('POST '));
  await expect.poll(() => ofRuns().length).toBe(2);
  const traces = ofRuns().flatMap(({ traceId, links = [] }) => [
    traceId,
    ...links.map((link) => link.traceId),
  ]);
  expect(new Set(traces)).toEqual(new Set([TRACE, other]));
});

test('nothing of OpenTelemetry is loaded where nobody asked for traces', async () => {
  const main = pathToFileURL(join(import.meta.dirname, '../../src/main.ts')).href;
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context); } });
    const { createServer } = await import(${JSON.stringify(main)});
    const { systemClock } = await import(${JSON.stringify(new URL('reconcile/index.ts', main).href)});
    const quiet = { info() {}, warn() {}, error() {} };
    const world = { log: quiet, clock: systemClock, random: Math.random, environment: process.env };
    const server = await createServer(JSON.parse(process.env.SITE_CONFIG), world);
    await server.close();
    // What prom-client brings is the interface alone.
    const found = [...loaded].filter((url) => /@opentelemetry\\/(?!api\\/)/.test(url));
    console.log(JSON.stringify({ files: loaded.size > 100, found }));
  `;
  const config = { ...site.config, dataDir: join(site.folder, 'other'), otlpEndpoint: null };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, SITE_CONFIG: JSON.stringify(config) },
  });
  expect(JSON.parse(stdout)).toEqual({ files: true, found: [] });
});
