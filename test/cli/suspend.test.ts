import { chmod, copyFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ServerConfig } from '../../src/config.ts';
import { createServer, type Server } from '../../src/main.ts';
import { ask, createSite, hint, world } from '../server.ts';
import { createHome, type Home } from './fairlead.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

/** Commands that ask a server, as whoever may read its data folder. */
const commandsOf =
  ({ dataDir }: ServerConfig, server: () => Server) =>
  (name: string, ...args: readonly string[]) => {
    const may = name === 'suspend' || name === 'resume' ? ['--data-dir', dataDir] : [];
    return home.fairlead('.', name, ...args, ...may, '--server', `http://127.0.0.1:${server().httpPort}`);
  };

type Scopes = { readonly items: readonly { readonly seq: number; readonly sync: string }[] };

test('a scope that somebody suspends stays as it is, says so everywhere, and goes on when resumed', async () => {
  const { config, change, close } = await createSite();
  cleanup.push(close);
  let server = await createServer(config, world);
  cleanup.push(() => server.close());
  const run = commandsOf(config, () => server);
  await ask<{ ready: boolean }>(server.httpPort, '/readyz', ({ ready }) => ready);

  const stopped = await run('suspend', 'acme', '--reason', 'incident 4711', '--by', 'ana', '--until', '2h');
  expect(stopped).toMatchObject({
    code: 0,
    out: expect.stringContaining('acme at seq 1: suspended by ana, until '),
  });
  await change('changed', 'alice');
  await hint(server.httpPort);
  await ask<Scopes>(server.httpPort, '/api/v1/scopes', ({ items }) => items[0]?.sync === 'OutOfSync');

  // A restart knows it.
  await server.close();
  server = await createServer(config, world);
  const [scope] = (await ask<Scopes>(server.httpPort, '/api/v1/scopes', ({ items }) => items[0]?.seq === 2))
    .items;
  expect(scope).toMatchObject({ sync: 'OutOfSync', suspended: { by: 'ana', reason: 'incident 4711' } });
  const said =
    /acme: suspended by ana at [^ ]+: incident 4711; until [^ ]+ \(seq 1 is served, seq 2 is accepted\)/;
  expect((await run('status')).out.replaceAll(/\s+/g, ' ')).toMatch(said);
  expect(await run('check')).toMatchObject({ code: 1, out: expect.stringContaining('suspended by ana') });
  expect(await run('reconcile')).toMatchObject({ code: 1, out: expect.stringContaining('suspended: acme') });
  expect((await ask<{ message: string }>(server.httpPort, '/readyz')).message).toContain('suspended: acme');

  expect(await run('resume', 'scope/acme', '--reason', 'over', '--by', 'ben')).toMatchObject({
    code: 0,
    out: 'acme: resumed by ben: over\n',
  });
  await ask<Scopes>(server.httpPort, '/api/v1/scopes', ({ items }) => items[0]?.sync === 'Synced');
  expect(await run('resume', 'acme', '--reason', 'over')).toMatchObject({ code: 2 });
  type Events = { readonly items: readonly { readonly type: string; readonly message: string }[] };
  const { items } = await ask<Events>(server.httpPort, '/api/v1/events');
  expect(items.filter(({ type }) => type === 'suspended' || type === 'resumed')).toMatchObject([
    { type: 'resumed', repository: 'mesh', scope: 'acme', message: 'by ben: over' },
  ]);
});

test('whoever waits for what is suspended is told so at once', async () => {
  const { config, change, close } = await createSite();
  cleanup.push(close);
  const server = await createServer(config, world);
  cleanup.push(() => server.close());
  const run = commandsOf(config, () => server);
  await ask<{ ready: boolean }>(server.httpPort, '/readyz', ({ ready }) => ready);
  const by = ['--by', 'ana', '--reason', 'the forge moves'];
  for (const what of ['scope/acme', 'repository/mesh']) await run('suspend', what, ...by);
  const tip = await change('changed', 'alice');
  const forTip = ['--for', `revision=${tip}`, '--timeout', '20s'];
  const said = { code: 1, out: expect.stringMatching(/^mesh: suspended by ana/) };
  expect(await run('wait', 'mesh', ...forTip)).toMatchObject(said);
  await run('resume', 'mesh', ...by);
  const seconds = { code: 1, out: expect.stringMatching(/seq 1\s+is\s+served,\s+seq 2\s+is\s+accepted/) };
  expect(await run('wait', 'scope/acme', ...forTip)).toMatchObject(seconds);
  expect(await run('wait', 'mesh', ...forTip)).toMatchObject(seconds);
  await run('resume', 'scope/acme', ...by);
  expect(await run('wait', 'mesh', ...forTip)).toMatchObject({ code: 0 });
});

test('a suspended repository is not fetched', async () => {
  const { config, change, close } = await createSite();
  cleanup.push(close);
  const server = await createServer(config, world);
  cleanup.push(() => server.close());
  const run = commandsOf(config, () => server);
  await ask<{ ready: boolean }>(server.httpPort, '/readyz', ({ ready }) => ready);
  const by = ['--by', 'ana', '--reason', 'the forge moves'];
  expect((await run('suspend', 'repository/mesh', ...by)).code).toBe(0);
  const tip = await change('changed', 'alice');
  const stopped = await run('reconcile', '-o', 'json');
  expect(stopped.code).toBe(1);
  expect(JSON.parse(stopped.out).followedTip).not.toBe(tip);
  expect((await run('check')).out).toContain('mesh: suspended by ana');
  expect((await run('resume', 'mesh', ...by)).code).toBe(0);
  expect(JSON.parse((await run('reconcile', '-o', 'json')).out).followedTip).toBe(tip);
});

test('what cannot be suspended is refused with what to do', async () => {
  const { config, close } = await createSite();
  cleanup.push(close);
  const server = await createServer(config, world);
  cleanup.push(() => server.close());
  await ask<{ ready: boolean }>(server.httpPort, '/readyz', ({ ready }) => ready);
  const command = commandsOf(config, () => server);
  const run = (...args: readonly string[]) => command('suspend', ...args);
  const why = ['--reason', 'x'];
  for (const act of ['suspend', 'resume']) {
    const { err } = await command(act, 'scope/none', ...why);
    expect(err).toContain('there is no repository or scope scope/none that is served [not-found]');
    expect(err).toContain('fix: fairlead get repositories and fairlead get scopes list them');
  }
  expect((await run('acme', ...why, '--until', '2020-01-01T00:00:00Z')).err).toContain('[suspend-past]');
  expect((await run('acme', ...why, '--until', 'soon')).err).toContain('write a duration');
  for (const until of ['99999999h', '87601h', '9999-01-01T00:00:00Z']) {
    const tooLong = await run('acme', ...why, '--until', until);
    expect(tooLong).toMatchObject({
      code: 64,
      err: expect.stringContaining('write at most 87600h (10 years)'),
    });
  }
  expect((await run('acme')).err).toContain('--reason');
});

test('only who can read the data folder of the server stops changes there', async () => {
  const { config, close } = await createSite();
  cleanup.push(close);
  const logged: unknown[] = [];
  const log = (...told: readonly unknown[]) => void logged.push(...told);
  let server = await createServer(config, { ...world, log: { info: log, warn: log, error: log } });
  cleanup.push(() => server.close());
  // Only what is served can be stopped.
  await ask<{ ready: boolean }>(server.httpPort, '/readyz', ({ ready }) => ready);
  const address = () => `http://127.0.0.1:${server.httpPort}`;
  const suspend = (...args: readonly string[]) =>
    home.fairlead('.', 'suspend', 'acme', '--reason', 'x', '--by', 'ana', '--server', address(), ...args);
  const file = join(config.dataDir, 'operator-token');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const token = (await readFile(file, 'utf8')).trim();
  expect(token).toMatch(/^[\w-]{43}$/);

  // What a proxy on the machine passes on, with no word about for whom.
  const asked = `${address()}/operator/v1/suspend/acme?reason=x&by=eve`;
  for (const headers of [{ 'x-fairlead': 'cli' }, { authorization: `Bearer ${'A'.repeat(43)}` }])
    expect((await fetch(asked, { method: 'POST', headers })).status).toBe(401);

  const absent = await suspend();
  expect(absent).toMatchObject({ code: 2, err: expect.stringContaining('--data-dir') });
  expect(absent.err).toContain('operator-token does not exist [operator-token-unusable]');
  const copy = join(home.dir, 'token');
  await copyFile(file, copy);
  await chmod(copy, 0o644);
  expect((await suspend('--token-file', 'token')).err).toContain('can be read or changed by others');
  await chmod(copy, 0o600);
  const elsewhere = await suspend('--token-file', 'token', '--server', 'http://replica-1:15014');
  expect(elsewhere).toMatchObject({ code: 2, err: expect.stringContaining('[credentials-unsafe]') });
  const done = await suspend('--token-file', 'token');
  expect(done).toMatchObject({ code: 0, err: '' });

  await server.close();
  server = await createServer(config, world);
  const old = await suspend('--token-file', 'token');
  expect(old).toMatchObject({ code: 2, err: expect.stringContaining('[unauthorized]') });
  expect(await suspend('--data-dir', config.dataDir)).toMatchObject({ code: 0 });
  const said = [absent, elsewhere, done, old, logged].map((one) => JSON.stringify(one)).join();
  expect(said).not.toContain(token);
});
