import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { ServerConfig } from '../src/config.ts';
import { createServer } from '../src/main.ts';
import { ask, createSite, followed, world } from './server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

type Repositories = { readonly items: readonly { readonly appliedRevision: string | null }[] };

const bin = join(import.meta.dirname, '../src/cli/bin.mjs');

function start(config: ServerConfig): ChildProcess {
  const { repository, pin } = followed(config);
  const flags = ['--repository', repository, '--pin', pin, '--data-dir', config.dataDir];
  const ports = ['--xds', '127.0.0.1:0', '--http', '127.0.0.1:0', '--poll', '1h'];
  return spawn(process.execPath, [bin, 'serve', ...flags, ...ports], { stdio: 'ignore' });
}

/** Kills a server with the change number `step` of its data folder; false where it was quiet before there were so many. */
async function killAt(config: ServerConfig, step: number): Promise<boolean> {
  const child = start(config);
  const exited = once(child, 'exit');
  let seen = 0;
  const watcher = watch(config.dataDir, { recursive: true });
  let quietTimer: NodeJS.Timeout | undefined;
  const killed = await new Promise<boolean>((resolve) => {
    const rest = () => {
      clearTimeout(quietTimer);
      quietTimer = setTimeout(() => resolve(false), 4_000);
    };
    watcher.on('change', (_, name) => {
      seen += 1;
      if (seen >= step) resolve(true);
      else if (seen === 1 || name !== 'lock') rest(); // It is touched for as long as it is held.
    });
    exited.then(() => resolve(false));
  });
  clearTimeout(quietTimer);
  child.kill('SIGKILL');
  await exited;
  watcher.close();
  return killed;
}

/** What a server that starts on this folder says, once it has applied the tip. */
async function verificationAfter(config: ServerConfig, tip: string): Promise<string> {
  const server = await createServer(config, world);
  try {
    const isApplied = ({ items }: Repositories) => items[0]?.appliedRevision === tip;
    await ask<Repositories>(server.httpPort, '/api/v1/repositories', isApplied);
    const path = `http://127.0.0.1:${server.httpPort}/api/v1/repositories/${followed(config).name}/verification`;
    return await (await fetch(path)).text();
  } finally {
    await server.close();
  }
}

it('kill -9 at any write to the data folder, again and again: the next server says what one says that was never killed', async () => {
  const site = await createSite();
  cleanup.push(site.close);
  await site.change('signed', 'alice');
  await site.change('unsigned');
  const tip = await site.change('signed-again', 'alice');
  const expected = await verificationAfter(site.config, tip);
  const dataDir = join(site.folder, 'killed');
  let kills = 0;
  for (let step = 1, lived = false; !lived; step = Math.ceil(step * 1.8)) {
    await rm(dataDir, { recursive: true, force: true });
    await mkdir(dataDir);
    const config = { ...site.config, dataDir };
    const first = await killAt(config, step);
    // The second one finds what the first left, and does not get far either.
    const second = await killAt(config, 1 + (step % 5));
    kills += Number(first) + Number(second);
    expect(await verificationAfter(config, tip), `killed at change ${step}`).toBe(expected);
    lived = !first;
  }
  expect(kills).toBeGreaterThan(5);
}, 600_000);
