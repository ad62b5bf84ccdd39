import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import type { ServerConfig } from '../src/config.ts';
import { createServer } from '../src/main.ts';
import { ask, createSite, followed, world } from './server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

type Repositories = {
  readonly items: readonly {
    readonly appliedRevision: string | null;
    readonly runs: { readonly finished: number };
  }[];
};

const bin = join(import.meta.dirname, '../src/cli/bin.mjs');

function start(config: ServerConfig) {
  const { repository, pin } = followed(config);
  const flags = ['--repository', repository, '--pin', pin, '--data-dir', config.dataDir];
  const ports = ['--xds', '127.0.0.1:0', '--http', '127.0.0.1:0', '--poll', '1h'];
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  return spawn(process.execPath, [bin, 'serve', ...flags, ...ports], { stdio: [...stdio] });
}

/** Resolves when it listens and the run that it begins with is over; never, if it ends before. */
async function started(stderr: Readable): Promise<void> {
  for await (const line of createInterface({ input: stderr })) {
    const { msg, httpPort } = JSON.parse(line);
    if (msg !== 'listening') continue;
    stderr.resume();
    const isOver = ({ items }: Repositories) => (items[0]?.runs.finished ?? 0) > 0;
    return void (await ask<Repositories>(httpPort, '/api/v1/repositories', isOver));
  }
  await new Promise(() => {});
}

/** Kills a server with the change number `step` of its data folder; false where it had started before there were so many. */
async function killAt(config: ServerConfig, step: number): Promise<boolean> {
  const child = start(config);
  const exited = once(child, 'exit');
  let seen = 0;
  const watcher = watch(config.dataDir, { recursive: true });
  const killed = await new Promise<boolean>((resolve) => {
    watcher.on('change', () => {
      seen += 1;
      if (seen >= step) resolve(true);
    });
    started(child.stderr).then(
      () => resolve(false),
      () => {}, // It was killed meanwhile.
    );
    exited.then(() => resolve(false));
  });
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
