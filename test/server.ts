import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ApiSource } from '../src/api/index.ts';
import type { Log } from '../src/base/log.ts';
import { must } from '../src/base/must.ts';
import type { RepositoryConfig, ServerConfig } from '../src/config.ts';
import { createTreeDigests, openIsomorphic } from '../src/git/index.ts';
import { makePin, type Pin } from '../src/governance/index.ts';
import type { World } from '../src/main.ts';
import { type LoopObserver, systemClock } from '../src/reconcile/index.ts';
import { createFolder, createRepository, createSshKey, type TestRepository } from './repository.ts';

/** A mesh repository of one scope, `acme`, that alice alone can change; its pin; and a configuration to serve it. */
export type Site = {
  readonly repository: TestRepository;
  readonly folder: string;
  readonly pin: Pin;
  readonly config: ServerConfig;
  /** Changes the mesh's one service, signed by alice or by nobody; the commit. */
  change(name: string, by?: 'alice'): Promise<string>;
  /** Commits the worktree as it is. */
  commit(message: string, by?: 'alice'): Promise<string>;
  close(): Promise<void>;
};

export const NODE_ID = 'sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local';

/** `namespace`: the only one that the scope owns, and in which its service is; otherwise it owns all. */
export async function createSite(namespace?: string): Promise<Site> {
  const folder = await createFolder();
  const repository = await createRepository();
  const ssh = await createSshKey(folder.dir, 'alice');
  await repository.write('mesh/scope.yaml', scopeYaml(readFileSync(`${ssh}.pub`, 'utf8').trim(), namespace));
  await repository.write('mesh/service.yaml', serviceYaml('genesis', namespace));
  const genesis = await repository.commit('genesis');
  const objects = await openIsomorphic({ gitdir: repository.gitdir });
  const made = await makePin(objects, createTreeDigests(objects), genesis, 'mesh');
  if (!made.ok) throw new Error(made.reason);
  const pinFile = join(folder.dir, 'pin.json');
  await writeFile(pinFile, JSON.stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin', ...made.pin }));
  const dataDir = join(folder.dir, 'state');
  await mkdir(dataDir);
  const commit = (message: string, by?: 'alice') =>
    repository.commit(message, by === undefined ? {} : { sign: { ssh } });
  return {
    repository,
    folder: folder.dir,
    pin: made.pin,
    config: {
      dataDir,
      repositories: [repositoryOf({ repository: repository.dir, pin: pinFile })],
      removalTimeoutMs: 30_000,
      maxConnectionAgeMs: null,
      keepaliveMs: 30_000,
      otlpEndpoint: null,
      ...noRedis,
      xds: { host: '127.0.0.1', port: 0 },
      http: { host: '127.0.0.1', port: 0 },
    },
    async change(name, by) {
      await repository.write('mesh/service.yaml', serviceYaml(name, namespace));
      return commit(name, by);
    },
    commit,
    async close() {
      await repository.close();
      await folder.close();
    },
  };
}

/** One process by itself. */
export const noRedis = {
  redis: null,
  redisSentinel: null,
  redisCluster: null,
  redisUsername: null,
  redisPasswordFile: null,
  redisSentinelPasswordFile: null,
  redisCaFile: null,
  redisPrefix: 'fairlead',
} as const;

/** How a test follows a repository: by hints alone. */
export function repositoryOf(about: Pick<RepositoryConfig, 'repository' | 'pin'>): RepositoryConfig {
  return {
    name: 'mesh',
    branch: 'main',
    gitBackend: 'auto',
    sshKeyFile: null,
    knownHostsFile: null,
    tokenFile: null,
    username: 'git',
    githubAppFile: null,
    caFile: null,
    proxy: null,
    webhookSecretFile: null,
    pollMs: 3_600_000,
    fetchTimeoutMs: 60_000,
    ...about,
  };
}

/** The one repository that a site follows. */
export function followed({ repositories }: ServerConfig): RepositoryConfig {
  return must(repositories[0]);
}

function scopeYaml(key: string, namespace = '*'): string {
  return `apiVersion: fairlead.dev/v1alpha1
kind: Scope
metadata: { name: acme }
spec:
  ruleset: 1
  salt: 5b0c9a4e7f1d42c6a3e88d10b7f4c92e
  anchors: [{ name: alice, keys: [{ ssh: "${key}" }] }]
  quorum: { threshold: 1 }
  owns: { namespaces: ["${namespace}"], hosts: [${namespace === '*' ? '"*"' : ''}] }
`;
}

function serviceYaml(name: string, namespace = 'shop'): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ports: [{ name: http, port: 80 }] }
`;
}

/** Leaves the machine to who is waited for. */
const PAUSE_MS = 5;

/** What a server answers; asked again until `accept` takes it. A test that waits in vain ends by vitest's timeout. */
export async function ask<T>(
  port: number,
  path: string,
  accept: (body: T) => boolean = () => true,
): Promise<T> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    const body = (await answer.json()) as T;
    if (accept(body)) return body;
    await delay(PAUSE_MS);
  }
}

/** How who can read the data folder of a running server asks it to stop changes. */
export async function operator({ dataDir }: Pick<ServerConfig, 'dataDir'>) {
  const token = await readFile(join(dataDir, 'operator-token'), 'utf8');
  return { authorization: `Bearer ${token.trim()}` };
}

export async function hint(port: number, repository = 'mesh'): Promise<void> {
  const url = `http://127.0.0.1:${port}/hooks/v1/generic/${repository}`;
  const answer = await fetch(url, { method: 'POST' });
  expect(answer.status).toBe(202);
}

/** Hears every run, says nothing. */
export const unwatched: LoopObserver = {
  began: () => ({ trace: '', step() {}, offered() {}, judged() {}, pushed() {}, ended() {}, acked() {} }),
};

export const quiet: Log = { info() {}, warn() {}, error() {} };

/** As `fairlead serve` has it, without its log. */
export const world: World = {
  log: quiet,
  clock: systemClock,
  random: Math.random,
  environment: process.env,
  lost() {},
};

/** Of what the API could show, what is given; the rest is empty, and what is triggered is taken. */
export function apiSource(given: Partial<ApiSource>): ApiSource {
  return {
    ready: () => ({ ready: true, message: '' }),
    draining: () => false,
    repositories: () => [],
    verification: () => null,
    follows: async () => true,
    scopes: () => [],
    proxies: () => [],
    proxyConfig: () => null,
    partOrigin: () => null,
    decisions: () => [],
    lineage: () => null,
    hooks: () => new Map(),
    trigger: async () => true,
    metrics: async () => '',
    eventsSince: () => ({ items: [], complete: true }),
    onEvent: () => () => {},
    hooked() {},
    mayOperate: () => false,
    suspend: async () => ({ suspension: {} }),
    resume: async () => ({ suspension: {} }),
    ...given,
  };
}
