import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, open, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RepositoryConfig, ServerConfig } from '../src/config.ts';
import { envoy } from '../src/generated/envoy.js';
import { openIsomorphic } from '../src/git/index.ts';
import { formatVerification } from '../src/governance/index.ts';
import { createServer, type Server } from '../src/main.ts';
import { pipeline } from '../src/pipeline.ts';
import { parseProxy } from '../src/translate/index.ts';
import { ask, createSite, followed, hint, NODE_ID, type Site, world } from './server.ts';

type Repositories = {
  readonly items: readonly {
    readonly followedTip: string | null;
    readonly appliedRevision: string | null;
    readonly failure: { readonly code: string } | null;
    readonly fetch: { readonly failingSinceMs: number | null };
    readonly stages: { readonly ackMs: number | null };
    readonly conditions: readonly { readonly type: string }[];
  }[];
};

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

async function site(): Promise<Site> {
  const made = await createSite();
  cleanup.push(made.close);
  return made;
}

async function serve(config: ServerConfig): Promise<Server> {
  const server = await createServer(config, world);
  cleanup.push(server.close);
  return server;
}

const serving = (port: number, tip: string, at = 0) =>
  ask<Repositories>(port, '/api/v1/repositories', ({ items }) => items[at]?.appliedRevision === tip);

/** A proxy that asks for clusters and acknowledges what it gets; their names, response by response. */
function connectProxy(port: number) {
  const bytes = (value: Buffer) => value;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
  const call = client.makeBidiStreamRequest(path, bytes, bytes);
  const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
  const send = (fields: object) => {
    const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;
    call.write(Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl, ...fields }).finish()));
  };
  const heard = async function* () {
    for await (const message of call) {
      const { nonce, resources } = envoy.service.discovery.v3.DeltaDiscoveryResponse.decode(message);
      send({ responseNonce: nonce });
      yield resources.map(({ name }) => name);
    }
  };
  call.on('error', () => {});
  send({ node: { id: NODE_ID }, resourceNamesSubscribe: ['*'] });
  cleanup.push(async () => {
    call.cancel();
    client.close();
  });
  return heard();
}

describe('a server', () => {
  it('serves what was signed, from the commit to the proxy', async () => {
    const { config, repository, change, pin } = await site();
    const server = await serve(config);
    const proxy = connectProxy(server.xdsPort);
    expect((await proxy.next()).value?.join(' ')).toContain('genesis.shop');
    const tip = await change('signed', 'alice');
    await hint(server.httpPort);
    expect((await proxy.next()).value?.join(' ')).toContain('signed.shop');
    const { items } = await serving(server.httpPort, tip);
    expect(items[0]).toMatchObject({ name: 'mesh', followedTip: tip, failure: null });

    const objects = await openIsomorphic({ gitdir: repository.gitdir });
    const parsed = parseProxy(NODE_ID, {});
    if (!parsed.ok) throw new Error(parsed.reason);
    const result = await pipeline({ objects, pin, tip, proxies: [parsed.proxy] });
    if (!result.ok) throw new Error(result.reason);
    const url = `http://127.0.0.1:${server.httpPort}/api/v1/repositories/mesh/verification`;
    expect(await (await fetch(url)).text()).toBe(formatVerification(result.state));
    expect(result.snapshots.get(NODE_ID)?.status).toBe('Ready');

    const lineage = await ask(server.httpPort, '/api/v1/lineage?scope=acme');
    expect(lineage).toMatchObject({
      scope: 'acme',
      entries: [{ event: 'genesis' }, { event: 'accepted', seq: 2 }],
    });
    const proxies = await ask(server.httpPort, '/api/v1/proxies');
    expect(proxies).toMatchObject({ total: 1, items: [{ proxy: NODE_ID, rejected: [] }] });
  });

  it('serves nothing that nobody signed', async () => {
    const { config, change } = await site();
    await change('signed', 'alice');
    const server = await serve(config);
    const tip = await change('unsigned');
    await hint(server.httpPort);
    await serving(server.httpPort, tip);
    const scopes = await ask(server.httpPort, '/api/v1/scopes');
    expect(scopes).toMatchObject({ items: [{ path: 'acme', seq: 2, sync: 'Held', health: 'Healthy' }] });
    const proxy = connectProxy(server.xdsPort);
    const clusters = (await proxy.next()).value?.join(' ');
    expect(clusters).toContain('signed.shop');
    expect(clusters).not.toContain('unsigned.shop');
  });

  it('serves on after a restart with its remote gone, and comes back when it does', async () => {
    const { config, repository, change } = await site();
    const tip = await change('signed', 'alice');
    const first = await serve(config);
    await serving(first.httpPort, tip);
    await first.close();
    await rename(repository.gitdir, `${repository.gitdir}.away`);

    const second = await serve(config);
    const proxy = connectProxy(second.xdsPort);
    expect((await proxy.next()).value?.join(' ')).toContain('signed.shop');
    const failing = ({ items }: Repositories) => items[0]?.fetch.failingSinceMs !== null;
    const { items } = await ask<Repositories>(second.httpPort, '/api/v1/repositories', failing);
    expect(items[0]).toMatchObject({ followedTip: tip, appliedRevision: tip });
    await ask(second.httpPort, '/readyz', ({ ready }: { ready: boolean }) => ready);

    await rename(`${repository.gitdir}.away`, repository.gitdir);
    const next = await change('later', 'alice');
    await hint(second.httpPort);
    await serving(second.httpPort, next);
  });

  it('lets a proxy wait, and is not ready, until something is verified', async () => {
    const { config, repository } = await site();
    await rename(repository.gitdir, `${repository.gitdir}.away`);
    const server = await serve(config);
    const proxy = connectProxy(server.xdsPort);
    const first = proxy.next();
    const failed = ({ items }: Repositories) => items[0]?.failure != null;
    await ask<Repositories>(server.httpPort, '/api/v1/repositories', failed);
    expect(await ask(server.httpPort, '/readyz')).toMatchObject({ ready: false });
    await rename(`${repository.gitdir}.away`, repository.gitdir);
    await hint(server.httpPort);
    expect((await first).value?.join(' ')).toContain('genesis.shop');
  });

  it('says while its streams drain that it ends, and takes nothing more', async () => {
    const { config } = await site();
    const server = await serve(config);
    await ask(server.httpPort, '/readyz', ({ ready }: { ready: boolean }) => ready);
    // A stream that nobody drains.
    const bytes = (value: Buffer) => value;
    const client = new Client(`127.0.0.1:${server.xdsPort}`, credentials.createInsecure());
    const watch = '/grpc.health.v1.Health/Watch';
    const stream = client.makeServerStreamRequest(watch, bytes, bytes, Buffer.alloc(0));
    stream.on('error', () => {});
    await once(stream, 'data');
    // However long this machine takes to ask, it is not cut off before.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    cleanup.push(async () => void vi.useRealTimers());
    const closed = server.close();
    const url = `http://127.0.0.1:${server.httpPort}`;
    const asked = async (path: string, method = 'GET') => {
      const answer = await fetch(`${url}${path}`, { method });
      return [path, answer.status, (await answer.text()).includes('this server ends')];
    };
    const answers = [asked('/readyz'), asked('/livez'), asked('/healthz'), asked('/metrics')];
    answers.push(asked('/api/v1/scopes'), asked('/hooks/v1/generic/mesh', 'POST'));
    expect(await Promise.all(answers)).toEqual([
      ['/readyz', 503, true],
      ['/livez', 200, false],
      ['/healthz', 200, false],
      ['/metrics', 200, false],
      ['/api/v1/scopes', 503, true],
      ['/hooks/v1/generic/mesh', 503, true],
    ]);
    // Then it is cut off.
    vi.runOnlyPendingTimers();
    vi.useRealTimers();
    await closed;
    client.close();
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  it('shares its data folder with nobody, and holds nothing when it could not start', async () => {
    const { config } = await site();
    const raw = vi.spyOn(console, 'error');
    const server = await serve(config);
    await expect(serve(config)).rejects.toMatchObject({ code: 'data-in-use' });
    await server.close();
    const taken = createTcpServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    for (const setting of ['http', 'xds']) {
      await expect(serve({ ...config, [setting]: { host: '127.0.0.1', port } })).rejects.toMatchObject({
        code: 'port-unusable',
        message: expect.stringContaining(`${setting} 127.0.0.1:${port}`),
      });
    }
    await expect(serve(other(config, { pin: join(config.dataDir, 'none') }))).rejects.toMatchObject({
      code: 'pin-missing',
    });
    expect(raw).not.toHaveBeenCalled(); // The log is JSON.
    await expect(serve(other(config, { pin: config.dataDir }))).rejects.toMatchObject({
      code: 'pin-unreadable',
      fix: expect.stringContaining('--pin'),
    });
    taken.close();
    await serve(config);
  });
});

describe('several repositories', () => {
  it('are one mesh, which nobody hears of before each has something to serve', async () => {
    const [shop, bank] = [await createSite('shop'), await createSite('bank')];
    cleanup.push(shop.close, bank.close);
    const away = `${bank.repository.dir}-away`;
    await rename(bank.repository.dir, away);
    const repositories = [
      { ...followed(shop.config), name: 'shop' },
      { ...followed(bank.config), name: 'bank' },
    ];
    const server = await serve({ ...shop.config, repositories });
    await serving(server.httpPort, await tipOf(shop));
    const ready = await fetch(`http://127.0.0.1:${server.httpPort}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { message: expect.stringMatching(/^bank: /) },
    ]);
    const proxy = connectProxy(server.xdsPort);
    const first = proxy.next();
    const [told] = (await ask<Repositories>(server.httpPort, '/api/v1/repositories')).items;
    expect(told?.conditions.find(({ type }) => type === 'Distributed')).toMatchObject({
      status: 'Unknown',
      message: 'another repository has nothing to serve yet',
    });

    await rename(away, bank.repository.dir);
    await hint(server.httpPort, 'bank');
    const clusters = (await first).value?.join(' ');
    expect(clusters).toContain('genesis.shop');
    expect(clusters).toContain('genesis.bank');

    const tip = await bank.change('signed', 'alice');
    await hint(server.httpPort, 'bank');
    expect((await proxy.next()).value?.join(' ')).toContain('signed.bank');
    await serving(server.httpPort, tip, 1);
  });

  it('leave to each other what they own: of two that claim a name it is the former’s', async () => {
    const [shop, thief] = [await createSite('shop'), await createSite('shop')];
    cleanup.push(shop.close, thief.close);
    await thief.change('stolen', 'alice');
    const repositories = [
      { ...followed(shop.config), name: 'shop' },
      { ...followed(thief.config), name: 'thief' },
    ];
    const server = await serve({ ...shop.config, repositories });
    const proxy = connectProxy(server.xdsPort);
    const clusters = (await proxy.next()).value?.join(' ');
    expect(clusters).toContain('genesis.shop');
    expect(clusters).not.toContain('stolen.shop');
    const { items } = await ask<{ items: { problems: { message: string }[] }[] }>(
      server.httpPort,
      '/api/v1/scopes',
    );
    expect(JSON.stringify(items.map(({ problems }) => problems))).toContain(
      'acme of another repository owns the namespace shop',
    );
  });

  it('are not one repository twice', async () => {
    const { config } = await site();
    const repositories = ['one', 'two'].map((name) => ({ ...followed(config), name }));
    await expect(serve({ ...config, repositories })).rejects.toMatchObject({
      message: 'one and two are pinned to the same root',
    });
  });

  it('fail one by one', async () => {
    const [shop, bank] = [await createSite('shop'), await createSite('bank')];
    cleanup.push(shop.close, bank.close);
    const repositories = [
      { ...followed(shop.config), name: 'shop' },
      { ...followed(bank.config), name: 'bank' },
    ];
    const server = await serve({ ...shop.config, repositories });
    await serving(server.httpPort, await tipOf(shop));
    const proxy = connectProxy(server.xdsPort);
    await proxy.next();
    await rename(bank.repository.dir, `${bank.repository.dir}-away`);
    await hint(server.httpPort, 'bank');
    const failed = ({ items }: Repositories) => items[1]?.failure !== null;
    await ask<Repositories>(server.httpPort, '/api/v1/repositories', failed);
    await shop.change('signed', 'alice');
    await hint(server.httpPort, 'shop');
    expect((await proxy.next()).value?.join(' ')).toContain('signed.shop');
    await rename(`${bank.repository.dir}-away`, bank.repository.dir);
  });
});

describe('a witness that an operator has to look at', () => {
  const witnessOf = ({ dataDir }: ServerConfig, name: string) =>
    join(dataDir, 'repositories', name, 'witness.json');

  it('stops its own repository, until it is whole again', async () => {
    const [shop, bank] = [await createSite('shop'), await createSite('bank')];
    cleanup.push(shop.close, bank.close);
    const repositories = [
      { ...followed(bank.config), name: 'bank' },
      { ...followed(shop.config), name: 'shop' },
    ];
    const config = { ...shop.config, repositories };
    const first = await serve(config);
    const accepted = await tipOf(bank);
    await serving(first.httpPort, accepted);
    await serving(first.httpPort, await tipOf(shop), 1);
    await first.close();
    const file = witnessOf(config, 'bank');
    const whole = await readFile(file, 'utf8');
    await writeFile(file, whole.slice(0, 90));
    await bank.change('later', 'alice');

    const server = await serve(config);
    const tip = await shop.change('signed', 'alice');
    for (const name of ['bank', 'shop']) await hint(server.httpPort, name);
    const { items } = await serving(server.httpPort, tip, 1);
    expect(items[1]).toMatchObject({ followedTip: tip, failure: null });
    const {
      items: [stopped],
    } = await ask<Repositories>(server.httpPort, '/api/v1/repositories');
    expect(stopped).toMatchObject({
      followedTip: null,
      appliedRevision: null,
      failure: { code: 'witness-corrupt', stage: 'restore' },
    });
    const ready = await fetch(`http://127.0.0.1:${server.httpPort}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { message: expect.stringMatching(/^bank: witness-corrupt: .*restore .* from a backup/) },
    ]);
    // Without it, what a proxy still has of it would be taken away, and its names would be the shop's.
    const proxy = connectProxy(server.xdsPort);
    const told = proxy.next();

    await writeFile(file, whole);
    await hint(server.httpPort, 'bank');
    const clusters = (await told).value?.join(' ');
    expect(clusters).toContain('signed.shop');
    expect(clusters).toMatch(/(?:genesis|later)\.bank/);
  });

  it('keeps a server from starting that follows nothing else', async () => {
    const made = await site();
    const { config } = made;
    const first = await serve(config);
    await serving(first.httpPort, await tipOf(made));
    await first.close();
    await writeFile(witnessOf(config, 'mesh'), '{');
    await expect(serve(config)).rejects.toMatchObject({ code: 'witness-corrupt' });
  });
});

async function tipOf({ repository }: Site): Promise<string> {
  return (await repository.git('rev-parse', 'HEAD')).trim();
}

/** With its repository told otherwise. */
function other(config: ServerConfig, changes: Partial<RepositoryConfig>): ServerConfig {
  return { ...config, repositories: [{ ...followed(config), ...changes }] };
}

/** `fairlead serve` as a process of its own. */
function startProcess(config: ServerConfig) {
  const bin = join(import.meta.dirname, '../src/cli/bin.mjs');
  const { repository, pin } = followed(config);
  const flags = ['--repository', repository, '--pin', pin, '--data-dir', config.dataDir];
  const ports = ['--xds', '127.0.0.1:0', '--http', '127.0.0.1:0', '--poll', '1h'];
  return spawn(process.execPath, [bin, 'serve', ...flags, ...ports], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The same once it listens. */
async function serveProcess(
  config: ServerConfig,
): Promise<{ child: ChildProcess; httpPort: number; out: string[] }> {
  const child = startProcess(config);
  const out: string[] = [];
  child.stdout.on('data', (chunk) => out.push(String(chunk)));
  for await (const line of createInterface({ input: child.stderr })) {
    const { msg, httpPort } = JSON.parse(line);
    if (msg === 'listening') {
      child.stderr.resume();
      return { child, httpPort, out };
    }
  }
  throw new Error('the server ended before it listened');
}

describe('fairlead serve', () => {
  it('drains on SIGTERM, with nothing but JSON lines on stderr', async () => {
    const { config } = await site();
    const { child, httpPort, out } = await serveProcess(config);
    await ask(httpPort, '/readyz', ({ ready }: { ready: boolean }) => ready);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(out).toEqual([]);
  });

  it('ends on SIGTERM while it starts, though a file never answers', async () => {
    const { config } = await site();
    const pin = join(config.dataDir, '..', 'pipe');
    await promisify(execFile)('mkfifo', [pin]);
    const child = startProcess(other(config, { pin }));
    cleanup.push(async () => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    // Who writes into a pipe can open it without waiting as soon as somebody reads.
    const { O_WRONLY, O_NONBLOCK } = constants;
    const read = () => open(pin, O_WRONLY | O_NONBLOCK).catch(() => null);
    let pipe = await read();
    for (; pipe === null; pipe = await read()) await delay(20);
    cleanup.push(pipe.close.bind(pipe));
    child.kill('SIGTERM');
    expect(await exited).toEqual([null, 'SIGTERM']);
  });

  it('goes on where a killed one was', async () => {
    const { config, change } = await site();
    const tip = await change('signed', 'alice');
    const first = await serveProcess(config);
    await serving(first.httpPort, tip);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const second = await serve(other(config, { repository: join(config.dataDir, 'gone') }));
    const { items } = await ask<Repositories>(second.httpPort, '/api/v1/repositories');
    expect(items[0]).toMatchObject({ followedTip: tip, appliedRevision: tip });
  });
});
