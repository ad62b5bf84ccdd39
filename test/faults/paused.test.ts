import { createHash } from 'node:crypto';
import { readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { openDataFolder } from '../../src/reconcile/data-folder.ts';
import { nodeFiles } from '../../src/reconcile/files.ts';
import { nodeProcesses } from '../../src/reconcile/lock-holder.ts';
import { ask, createSite, followed, world } from '../server.ts';
import { startServer } from './process.ts';

type Repositories = { readonly items: readonly { readonly appliedRevision: string | null }[] };
type Events = { readonly items: readonly { readonly type: string; readonly revision: string | null }[] };
type Line = { readonly level: string | number; readonly msg: string; readonly code?: string };

/** All that is in a folder, and what it says. */
async function contents(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const bytes = entry.isFile() ? await readFile(path) : '';
    found[path] = createHash('sha256').update(bytes).digest('hex');
  }
  return found;
}

it('a server that was paused until another took its folder ends by itself, and writes nothing more', async () => {
  const site = await createSite();
  onTestFinished(site.close);
  const { repository, pin } = followed(site.config);
  const { dataDir } = site.config;
  const [port = 0] = await freePorts(1);
  const from = ['--repository', repository, '--pin', pin, '--data-dir', dataDir];
  const ports = ['--xds', '127.0.0.1:0', '--http', `127.0.0.1:${port}`];
  const log = join(site.folder, 'log');
  const server = startServer({ flags: [...from, ...ports, '--poll', '1s'], log });
  onTestFinished(() => server.kill('SIGKILL'));
  await vi.waitFor(() => fetch(`http://127.0.0.1:${port}/livez`), { timeout: 60_000 });
  // What came before the first look is told of no change.
  const genesis = await site.repository.id();
  await ask<Events>(port, '/api/v1/events', ({ items }) =>
    items.some(({ revision }) => revision === genesis),
  );
  const first = await site.change('first', 'alice');
  await ask<Repositories>(port, '/api/v1/repositories', ({ items }) => items[0]?.appliedRevision === first);
  // What is logged of that comes a while later.
  await ask<Events>(port, '/api/v1/events', ({ items }) => {
    return items.some(({ type, revision }) => type === 'accepted' && revision === first);
  });

  server.signal('SIGSTOP');
  const before = await contents(join(dataDir, 'repositories'));
  // Polls are due when it goes on, and there is something to fetch and to follow.
  await site.change('second', 'alice');
  const lock = join(dataDir, 'lock');
  const longAgo = new Date(Date.now() - 31_000);
  await utimes(lock, longAgo, longAgo);
  const self = { ...nodeProcesses.self, pidNamespace: 'pid:[another]' };
  const taken = await openDataFolder(dataDir, world, nodeFiles, { ...nodeProcesses, self });
  onTestFinished(() => taken.close());
  server.signal('SIGCONT');

  expect(await server.ended).toBe('2');
  expect(await contents(join(dataDir, 'repositories'))).toEqual(before);
  expect(JSON.parse(await readFile(lock, 'utf8'))).toEqual(self);
  const lines = (await server.log()).trim().split('\n');
  const said = lines.map((line): Line => JSON.parse(line));
  const errors = said.filter(({ level }) => level === 'error' || Number(level) >= 50);
  expect(errors).toEqual([
    expect.objectContaining({ code: 'data-taken', msg: expect.stringContaining('pid:[another]') }),
  ]);
  expect(said.at(-1)?.msg).toBe('draining');
});
