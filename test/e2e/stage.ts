import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../src/cli/demo/child.ts';
import { freePorts, startEcho } from '../../src/cli/demo/services.ts';
import { expectShare, measure } from '../../src/cli/demo/traffic.ts';
import type { ServerConfig } from '../../src/config.ts';
import { createServer, type Server } from '../../src/main.ts';
import { bootstrap } from '../../src/translate/index.ts';
import { envoyPath } from '../envoy.ts';
import { createFolder } from '../repository.ts';
import { hint, noRedis, repositoryOf, world } from '../server.ts';
import { createMesh, HOST, type Mesh } from './mesh.ts';

/** A real Envoy that is configured by a server. */
export type Envoy = {
  readonly nodeId: string;
  readonly httpProxyPort: number;
  /** Resolves when it has its first configuration and listens as that says; rejects when it ends before. */
  readonly ready: Promise<unknown>;
  /** Value of a counter or gauge of its admin interface; 0 where it is not there yet. */
  stat(name: string): Promise<number>;
  /** `host:port` of its admin interface. */
  admin(): Promise<string>;
  /** What it has logged. */
  log(): Promise<string>;
  /** Sends requests to `HOST` through its HTTP proxy port; throws unless v2 answers this share of them. */
  expectShare(v2: number): Promise<void>;
};

/** Everything of one test: real git, a real server in this process, real Envoys, two echo services. */
export type Stage = {
  readonly mesh: Mesh;
  readonly folder: string;
  serve(): Promise<Server>;
  envoy(server: Pick<Server, 'xdsPort'>, nodeId?: string): Promise<Envoy>;
  /** Undoes everything, last first, even where some of it fails. */
  close(): Promise<void>;
};

const REQUESTS = 600;
const DEADLINE_MS = 60_000;
const POLL_MS = 20;

export const NODE_ID = 'sidecar~10.0.0.1~web-1.demo~demo.svc.cluster.local';

export async function createStage(): Promise<Stage> {
  await using starting = new AsyncDisposableStack();
  const folder = await createFolder();
  starting.defer(() => folder.close());
  const echoes = [await startEcho('v1'), await startEcho('v2')] as const;
  for (const echo of echoes) starting.defer(() => echo.close());
  const mesh = await createMesh(folder.dir, [echoes[0].port, echoes[1].port]);
  starting.defer(() => mesh.close());
  const config = await configOf(folder.dir, mesh);
  const binary = await envoyPath();
  const running = starting.move();
  let envoys = 0;
  return {
    mesh,
    folder: folder.dir,
    async serve() {
      const server = await createServer(config, world);
      running.defer(() => server.close());
      return server;
    },
    async envoy(server, nodeId = NODE_ID) {
      envoys += 1;
      const dir = join(folder.dir, `envoy-${envoys}`);
      await mkdir(dir);
      const started = await startEnvoy({ binary, dir, nodeId, xdsPort: server.xdsPort });
      running.defer(started.close);
      return started;
    },
    close: () => running.disposeAsync(),
  };
}

async function configOf(folder: string, { remote, pin }: Mesh): Promise<ServerConfig> {
  const dataDir = join(folder, 'state');
  await mkdir(dataDir);
  const free = { host: '127.0.0.1', port: 0 };
  const times = {
    removalTimeoutMs: 30_000,
    maxConnectionAgeMs: null,
    keepaliveMs: 30_000,
    otlpEndpoint: null,
    ...noRedis,
  };
  const repositories = [repositoryOf({ repository: remote, pin })];
  return { dataDir, repositories, ...times, xds: free, http: free };
}

type EnvoyOptions = {
  readonly binary: string;
  readonly dir: string;
  readonly nodeId: string;
  readonly xdsPort: number;
};

async function startEnvoy({ binary, dir, nodeId, xdsPort }: EnvoyOptions) {
  const [httpProxyPort = 0] = await freePorts(1);
  const metadata = { FAIRLEAD: { httpProxyPort } };
  // Admin port 0: Envoy takes a free one and writes it into a file.
  const options = { nodeId, metadata, xdsHost: '127.0.0.1', xdsPort, adminPort: 0, statsPort: null };
  const [file, log, admin] = [join(dir, 'envoy.json'), join(dir, 'envoy.log'), join(dir, 'admin')];
  await writeFile(file, JSON.stringify(bootstrap(options)));
  const flags = ['--disable-hot-restart', '--concurrency', '2', '--log-level', 'info'];
  const args = ['-c', file, ...flags, '--admin-address-path', admin];
  const ready = /all dependencies initialized/;
  const child = startChild({ program: binary, args, cwd: dir, environment: process.env, log, ready });
  const stat = async (name: string) => {
    const answer = await fetch(`http://${await readFile(admin, 'utf8')}/stats?format=json`);
    const { stats } = (await answer.json()) as { stats: readonly { name?: string; value?: number }[] };
    return stats.find((found) => found.name === name)?.value ?? 0;
  };
  const listening = async () => {
    await child.ready;
    // It says so just before it listens.
    while ((await stat('listener_manager.workers_started')) === 0) await child.ready;
  };
  const first = listening();
  // Whoever does not wait for it is told by what depends on it.
  first.catch(() => undefined);
  return {
    nodeId,
    httpProxyPort,
    ready: first,
    close: child.close,
    admin: () => readFile(admin, 'utf8'),
    log: () => readFile(log, 'utf8'),
    stat,
    async expectShare(v2: number) {
      expectShare(await measure(httpProxyPort, `http://${HOST}/`, REQUESTS), v2);
    },
  };
}

type Proxies = {
  readonly items: readonly {
    readonly proxy: string;
    readonly revision: string;
    readonly fullyAcked: { readonly revision: string; readonly atMs: number } | null;
    readonly types: readonly { readonly typeUrl: string; readonly state: string; readonly sent: string }[];
    readonly rejected: readonly {
      readonly typeUrl: string;
      readonly message: string;
      readonly sources: readonly { readonly file: string; readonly line: number }[];
    }[];
  }[];
};

type ProxyStatus = Proxies['items'][number];

/** What an endpoint of the server's interface answers, asked until `accept` takes it; throws after a minute. */
export async function eventually<T>(
  server: Server,
  path: string,
  accept: (body: T) => boolean,
  startMs = performance.now(),
): Promise<T> {
  for (;;) {
    const body = (await (await fetch(`http://127.0.0.1:${server.httpPort}${path}`)).json()) as T;
    if (accept(body)) return body;
    if (performance.now() - startMs > DEADLINE_MS)
      throw new Error(`${path} is still ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The one proxy of this node id, when `accept` takes it. */
export async function proxyWhen(
  server: Server,
  nodeId: string,
  accept: (proxy: ProxyStatus) => boolean,
): Promise<ProxyStatus> {
  const find = ({ items }: Proxies) => items.find(({ proxy }) => proxy === nodeId);
  const fits = (body: Proxies) => {
    const found = find(body);
    return found !== undefined && accept(found);
  };
  const found = find(await eventually<Proxies>(server, '/api/v1/proxies', fits));
  if (found === undefined) throw new Error(`${nodeId} is not connected`);
  return found;
}

/** Tells the server to look, and waits until it serves what was accepted at `tip`. */
export async function serving(server: Server, tip: string): Promise<void> {
  type Repositories = { readonly items: readonly { readonly appliedRevision: string | null }[] };
  await hint(server.httpPort);
  const applied = ({ items }: Repositories) => items[0]?.appliedRevision === tip;
  await eventually(server, '/api/v1/repositories', applied);
}

/** Waits, too, until the Envoy has acknowledged all of it. */
export async function served(server: Server, tip: string, { nodeId }: Envoy): Promise<ProxyStatus> {
  await serving(server, tip);
  return proxyWhen(server, nodeId, ({ fullyAcked }) => fullyAcked?.revision === tip);
}
