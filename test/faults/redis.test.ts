import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createServer, type Server } from '../../src/main.ts';
import { answerGit, type HttpRemote, serve } from '../git/http-remote.ts';
import { startRedis, type TestRedis } from '../redis.ts';
import { createSite, followed, type Site, world } from '../server.ts';
import { AdsClient } from '../xds/client.ts';
import { CLUSTER } from '../xds/resources.ts';

/** Two whole servers on one Redis and one repository, each with a proxy, while commits arrive. */
type Replica = { readonly server: Server; readonly proxy: Proxy; readonly remote: Remote };
type Remote = HttpRemote & { readonly most: () => number };
type Proxy = { readonly names: ReadonlySet<string>; close(): void };

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 90_000, interval: 20 });

let site: Site;
let redis: TestRedis;
let replicas: readonly Replica[];
let commits = 0;

beforeAll(async () => {
  site = await createSite();
  redis = await startRedis();
  replicas = [await replica('one'), await replica('two')];
});
afterAll(async () => {
  for (const { server, proxy, remote } of replicas ?? []) {
    proxy.close();
    await server.close();
    await remote.close();
  }
  await redis?.close();
  await site?.close();
});

async function replica(name: string): Promise<Replica> {
  const folder = join(site.folder, name);
  await mkdir(folder);
  const from = await remote();
  const repository = { ...followed(site.config), repository: from.url, pollMs: 500 };
  const config = {
    ...{ ...site.config, dataDir: join(folder, 'state'), repositories: [repository] },
    redis: { host: '127.0.0.1', port: redis.port, db: 0, tls: false },
  };
  await mkdir(config.dataDir);
  const server = await createServer(config, world);
  return { server, proxy: connect(server.xdsPort), remote: from };
}

/** The repository behind real git's own HTTP, and how many of its requests were in flight at the same time at most. */
async function remote(): Promise<Remote> {
  let inFlight = 0;
  let most = 0;
  const { dir } = site.repository;
  const served = await serve((request, response) => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    response.once('close', () => {
      inFlight -= 1;
    });
    answerGit(dirname(dir), request, response);
  });
  return { ...served, url: `${served.url}/${basename(dir)}/.git`, most: () => most };
}

/** A proxy that acknowledges all that it gets; by name what it has. */
function connect(port: number): Proxy {
  const names = new Set<string>();
  const stream = new AdsClient(port);
  stream.send({ node: { id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local' }, typeUrl: CLUSTER });
  const hear = async () => {
    for (;;) {
      const response = await stream.next();
      for (const { name } of response.resources) names.add(name);
      for (const name of response.removedResources) names.delete(name);
      stream.ack(response);
    }
  };
  hear().catch(() => {}); // It ends with its server.
  return { names, close: () => stream.close() };
}

/** A signed commit that both serve to their proxies. */
async function commitArrives(): Promise<void> {
  commits += 1;
  const name = `service-${commits}`;
  const tip = await site.change(name, 'alice');
  await waitFor(async () => {
    for (const { server, proxy } of replicas) {
      expect([...proxy.names].join(' ')).toContain(`${name}.shop`);
      const { items } = await get<{ items: object[] }>(server, 'api/v1/repositories');
      expect(items).toMatchObject([{ appliedRevision: tip, failure: null }]);
    }
  });
}

async function get<T>(server: Server, path: string): Promise<T> {
  return (await fetch(`http://127.0.0.1:${server.httpPort}/${path}`)).json() as Promise<T>;
}

/** What each says of it where somebody asks whether all is well; null: nothing. */
async function say(code: string | null): Promise<void> {
  await waitFor(async () => {
    for (const { server } of replicas) {
      const { ready, message } = await get<{ ready: boolean; message: string }>(server, 'readyz');
      expect(ready).toBe(true);
      if (code === null) expect(message).not.toContain('without Redis');
      else expect(message).toContain(`without Redis (${code}`);
      const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text();
      const told = /^fairlead_repository_condition\{.*reason="WithoutRedis"\} 1$/m.test(metrics);
      expect(told).toBe(code !== null);
    }
  });
}

let stopped = 0;
async function signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
  if (name === 'SIGSTOP') stopped = Number(/process_id:(\d+)/.exec(await redis.client().info('server'))?.[1]);
  process.kill(stopped, name);
}

/** Once in the queue: waiting, in flight or delayed, and at most once more after what is in flight. */
async function jobs(): Promise<number> {
  const client = redis.client();
  const counts = await Promise.all([
    client.llen('fairlead:repositories:wait'),
    client.llen('fairlead:repositories:active'),
    client.zcard('fairlead:repositories:delayed'),
  ]);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** However often each asked its remote, it never did so twice at once. */
afterEach(() => {
  for (const { remote } of replicas) {
    expect(remote.requests.length).toBeGreaterThan(1);
    expect(remote.most()).toBe(1);
  }
});

const config = (name: string, value: string) => redis.client().config('SET', name, value);

it.each<readonly [string, string | null, () => Promise<unknown>, () => Promise<unknown>]>([
  ['killed and restarted', 'redis-unreachable', () => redis.kill(), () => redis.start()],
  ['flushed', null, () => redis.client().flushall(), async () => {}],
  ['full', 'redis-full', () => config('maxmemory', '1mb'), () => config('maxmemory', '0')],
  ['slow', 'redis-slow', () => signal('SIGSTOP'), () => signal('SIGCONT')],
])(
  'Redis %s while commits arrive: each is served, nothing runs twice at once, no job is doubled, and it is said',
  async (_, code, break_, mend) => {
    await say(null);
    await waitFor(async () => expect(await jobs()).toBe(1));
    await break_();
    await commitArrives();
    await say(code);
    await mend();
    await say(null);
    await commitArrives();
    await waitFor(async () => expect(await jobs()).toBe(1));
  },
);

it('Redis gone for good: commits are served, and a server ends', async () => {
  await redis.kill();
  await commitArrives();
  await say('redis-unreachable');
  const [first] = replicas;
  await first?.server.close();
});
