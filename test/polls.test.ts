import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { ServerConfig } from '../src/config.ts';
import { createServer, type Server } from '../src/main.ts';
import { serveGit } from './git/http-remote.ts';
import { startRedis } from './redis.ts';
import { ask, createSite, followed, world } from './server.ts';

const POLL_MS = 500;

type Repositories = {
  readonly items: readonly {
    readonly appliedRevision: string | null;
    readonly runs: { readonly finished: number };
  }[];
};
const repositories = (server: Server, accept: (found: Repositories['items'][number]) => boolean) =>
  ask<Repositories>(server.httpPort, '/api/v1/repositories', ({ items: [first] }) => {
    return first !== undefined && accept(first);
  });
const finished = async (server: Server) =>
  (await repositories(server, () => true)).items[0]?.runs.finished ?? 0;

it('three replicas ask their remote once an interval, together, and each now and then', async () => {
  const [site, redis] = await Promise.all([createSite(), startRedis()]);
  onTestFinished(redis.close);
  onTestFinished(site.close);
  const remote = await serveGit(dirname(site.repository.dir));
  onTestFinished(remote.close);
  const url = `${remote.url}/${basename(site.repository.dir)}/.git`;
  const replica = async (name: string) => {
    const dataDir = join(site.folder, name);
    await mkdir(dataDir);
    const config: ServerConfig = {
      ...site.config,
      dataDir,
      repositories: [{ ...followed(site.config), repository: url, pollMs: POLL_MS }],
      redis: { host: '127.0.0.1', port: redis.port, db: 0, tls: false },
    };
    const server = await createServer(config, world);
    onTestFinished(server.close);
    await ask<{ message: string }>(
      server.httpPort,
      '/readyz',
      ({ message }) => !/without Redis/.test(message),
    );
    return server;
  };
  const servers = [await replica('one'), await replica('two'), await replica('three')];
  /** An `ls-remote` is one such request, and a fetch another. */
  const asked = () => remote.requests.filter((request) => /^GET .*info\/refs/.test(request)).length;
  const more = async (count: number) => {
    const before = asked();
    await vi.waitFor(() => expect(asked()).toBeGreaterThanOrEqual(before + count), 60_000);
  };
  const tip = await site.change('first', 'alice');
  for (const server of servers) await repositories(server, ({ appliedRevision }) => appliedRevision === tip);

  // What each has begun with is over.
  await more(6);
  const runs = await Promise.all(servers.map(finished));
  const beganMs = performance.now();
  await more(24);
  const eachMs = (performance.now() - beganMs) / 24;
  expect(eachMs).toBeGreaterThan(0.9 * POLL_MS);
  const since = await Promise.all(servers.map(finished));
  for (const [at, count] of since.entries()) expect(count - (runs[at] ?? 0)).toBeGreaterThan(1);

  // Whoever goes takes nothing with it, and neither does a Redis that forgets.
  await servers[0]?.close();
  await redis.client().flushall();
  await more(5);
  const last = await site.change('last', 'alice');
  for (const server of servers.slice(1))
    await repositories(server, ({ appliedRevision }) => appliedRevision === last);
});
