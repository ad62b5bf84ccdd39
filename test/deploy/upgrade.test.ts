import { readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createServer, type Server } from '../../src/main.ts';
import { ask, createSite, followed, hint, type Site, world } from '../server.ts';
import { root } from './files.ts';

let site: Site;
const running: Server[] = [];
beforeEach(async () => {
  site = await createSite();
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
  await site.close();
});

type Repositories = { readonly items: readonly { readonly appliedRevision: string | null }[] };

async function start(): Promise<Server> {
  const server = await createServer(site.config, world);
  running.push(server);
  return server;
}

async function stop(): Promise<void> {
  await running.pop()?.close();
}

async function serves(server: Server, tip: string): Promise<void> {
  const applied = ({ items }: Repositories) => items[0]?.appliedRevision === tip;
  await ask<Repositories>(server.httpPort, '/api/v1/repositories', applied);
}

/** What another version has made, under the name that the server is told. */
async function madeByAnother(format: string): Promise<void> {
  await mkdir(site.config.dataDir, { recursive: true });
  await writeFile(join(site.config.dataDir, 'format'), format);
}

async function refusal(): Promise<string> {
  const error = await start().catch((error: unknown) => error);
  expect(error).toMatchObject({ code: 'data-format', fix: expect.stringContaining('docs/upgrade.md') });
  return error instanceof Error ? error.message : '';
}

test('a rollback from a newer format finds the folder as it was left, and serves at once, also without the remote', async () => {
  const { dataDir } = site.config;
  const server = await start();
  const tip = await site.change('signed', 'alice');
  await hint(server.httpPort);
  await serves(server, tip);
  await stop();
  await rename(dataDir, `${dataDir}.1`);
  await madeByAnother('fairlead-data 2\n');
  expect(await refusal()).toContain('has format 2, of a newer version');
  await rename(dataDir, `${dataDir}.2`);
  await rename(`${dataDir}.1`, dataDir);
  await rename(site.repository.dir, `${site.repository.dir}.away`);
  await serves(await start(), tip);
  await stop();
  await rename(`${site.repository.dir}.away`, site.repository.dir);
});

test('an upgrade from an older format goes on from the pinned tip, and lets nobody set the line back', async () => {
  const { dataDir } = site.config;
  const genesis = await site.repository.git('rev-parse', 'HEAD');
  const tip = await site.change('signed', 'alice');
  await madeByAnother('fairlead-data 0\n');
  expect(await refusal()).toContain('has format 0, of an older version');
  await rename(dataDir, `${dataDir}.0`);
  const { pin } = followed(site.config);
  await writeFile(pin, JSON.stringify({ ...JSON.parse(await readFile(pin, 'utf8')), tip }));
  await site.repository.git('update-ref', 'refs/heads/main', genesis.trim());
  await serves(await start(), tip);
});

test('docs/upgrade.md has what a version says of each format', async () => {
  const page = readFileSync(join(root, 'docs/upgrade.md'), 'utf8');
  for (const format of ['fairlead-data 2\n', 'fairlead-data 0\n', 'fairlead-dat']) {
    await madeByAnother(format);
    const [, said = ''] =
      /(has format \d, of an? \w+ version|which no version wrote)/.exec(await refusal()) ?? [];
    expect(page).toContain(`\`${said}\``);
  }
});
