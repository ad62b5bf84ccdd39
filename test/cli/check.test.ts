import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, symlink } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ApiSource, createApi } from '../../src/api/index.ts';
import { machineChecks } from '../../src/cli/checks/index.ts';
import { createServer } from '../../src/main.ts';
import { startRedis } from '../redis.ts';
import { apiSource, ask, createSite, followed, quiet, type Site, world } from '../server.ts';
import { BIN, createHome, type Home, runChild } from './fairlead.ts';

let home: Home;
let site: Site;
beforeAll(async () => {
  home = await createHome();
  site = await createSite();
});
afterAll(() => Promise.all([home.close(), site.close()]));

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

type Report = {
  readonly kind: string;
  readonly checks: readonly {
    readonly check: string;
    readonly about: string | null;
    readonly state: string;
    readonly message: string;
    readonly fix: string | null;
    readonly see: string;
  }[];
};

async function check(...args: readonly string[]) {
  const { code, out, err } = await home.fairlead('.', 'check', '-o', 'json', ...args);
  expect(err).toBe('');
  const report = JSON.parse(out) as Report;
  return { code, report, of: (name: string) => report.checks.find((one) => one.check === name) };
}

const ports = ['--xds', '127.0.0.1:0', '--http', '127.0.0.1:0'];
const settings = () => {
  const { dataDir } = site.config;
  const { repository, pin } = followed(site.config);
  return ['--repository', repository, '--pin', pin, '--data-dir', dataDir, ...ports];
};

describe('check --pre', () => {
  test('says ok of a machine on which a server can start, line by line', async () => {
    const { code, out } = await home.fairlead('.', 'check', '--pre', ...settings());
    const states = out.split('\n').filter((line) => /^[√‼×]/.test(line));
    const alone = machineChecks.filter(({ name }) => !name.startsWith('redis-'));
    const names = ['config', ...alone.map(({ name }) => name)];
    expect(states.map((line) => /^. ([a-z-]+)/.exec(line)?.[1])).toEqual(names);
    const sections = ['configuration', ...new Set(machineChecks.map(({ section }) => section))];
    expect([...out.matchAll(/^(.+)\n-+$/gm)].map(([, section]) => section)).toEqual(sections);
    // No Envoy is in this home: a machine of a server alone needs none, and what is started only after this starts.
    expect(states.filter((line) => !line.startsWith('√'))).toEqual([]);
    expect(code).toBe(0);
  });

  test('each finding names a section of the documentation', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/checks.md'), 'utf8');
    const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    const names = ['config', ...machineChecks.map(({ name }) => name)];
    expect(sections).toEqual([...names, 'server', 'repository', 'scope', 'proxy']);
    const { report } = await check('--pre', ...settings());
    expect(report).toMatchObject({ kind: 'CheckReport', apiVersion: 'fairlead.dev/v1alpha1' });
    for (const one of report.checks) expect(one.see).toBe(`docs/checks.md#${one.check}`);
  });

  test('says which backend would read the repository', async () => {
    const { of } = await check('--pre', ...settings(), '--git-backend', 'isomorphic');
    expect(of('git')).toMatchObject({
      state: 'ok',
      message: expect.stringContaining('isomorphic would be used'),
    });
  });

  test('without settings warns about what a server needs', async () => {
    const { code, of } = await check('--pre', ...ports);
    expect(code).toBe(1);
    expect([of('pin')?.state, of('remote')?.state]).toEqual(['warn', 'warn']);
  });

  test('a mistake in the configuration leaves the checks that need it out', async () => {
    await home.write('wrong.yaml', 'apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\nbrnch: main\n');
    const { code, report, of } = await check('--pre', '--config', 'wrong.yaml');
    expect(code).toBe(2);
    expect(of('config')).toMatchObject({ state: 'fail', message: expect.stringContaining('wrong.yaml:3:1') });
    expect(report.checks.map((one) => one.check)).toEqual(['config', 'node', 'git', 'envoy']);
  });

  test.each([
    ['pin', ['--pin', 'none.json'], '[pin-missing]'],
    ['pin', ['--pin', 'broken.json'], '[pin-unreadable]'],
    ['remote', ['--repository', 'http://127.0.0.1:1/mesh.git'], '[remote-unreachable]'],
    ['remote', ['--branch', 'none'], '[branch-missing]'],
    ['webhooks', ['--webhook-secret-file', 'none'], '[secret-file-unusable]'],
    ['http-port', ['--http', '192.0.2.1:80'], '[port-unusable]'],
    ['remote', ['--repository', 'ssh://git@127.0.0.1/mesh.git'], '[ssh-unconfigured]'],
  ])('%s fails with %j', async (name, args, text) => {
    await home.write('broken.json', '{');
    const { code, of } = await check('--pre', ...settings(), ...args);
    expect(code).toBe(2);
    expect(of(name)).toMatchObject({ state: 'fail', message: expect.stringContaining(text) });
    expect(of(name)?.fix).not.toBeNull();
  });

  test('a port that somebody listens on', async () => {
    const taken = createTcpServer().listen(0, '127.0.0.1');
    cleanup.push(() => taken.close());
    await once(taken, 'listening');
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const { of } = await check('--pre', ...settings(), '--xds', address);
    expect(of('xds-port')).toMatchObject({ state: 'fail', message: expect.stringContaining(address) });
  });

  test('a data folder that a running server holds, and one of another version', async () => {
    const folder = join(home.dir, 'held');
    await mkdir(folder);
    // This very process, as a lock names its holder.
    const holder = { host: hostname(), pid: process.pid, startedMs: 1 };
    await home.write('held/lock', JSON.stringify(holder));
    const held = await check('--pre', ...settings(), '--data-dir', folder);
    expect(held.of('data-dir')).toMatchObject({
      state: 'fail',
      message: expect.stringContaining('is held by'),
    });
    await home.write('held/format', 'fairlead-data 99\n');
    const other = await check('--pre', ...settings(), '--data-dir', folder);
    expect(other.of('data-dir')).toMatchObject({
      state: 'fail',
      message: expect.stringContaining('[data-format]'),
    });
  });

  test('a Redis that is well, evicts keys, refuses who asks or is not there', async () => {
    const redis = await startRedis(['--user', 'narrow', 'on', '>s3cret', '~fairlead:*', '+@all', '-@stream']);
    cleanup.push(() => redis.close());
    const at = ['--redis', `redis://127.0.0.1:${redis.port}`];
    const states = async (...args: readonly string[]) => {
      const { report } = await check('--pre', ...settings(), ...args);
      const found = report.checks.filter((one) => one.check.startsWith('redis'));
      for (const one of found) expect(one.see).toBe(`docs/checks.md#${one.check}`);
      return found.map((one) => [one.check, one.state, one.message, one.fix].join(' '));
    };
    expect(await states(...at)).toEqual([
      expect.stringMatching(/^redis ok 127\.0\.0\.1:\d+ answers in plain text/),
      expect.stringMatching(/^redis-version ok \d+\.\d+/),
      expect.stringMatching(/^redis-memory ok maxmemory-policy is noeviction/),
      expect.stringMatching(/^redis-rights ok/),
    ]);
    await redis.client().config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect((await states(...at))[2]).toMatch(/^redis-memory fail .*allkeys-lru.*redis-eviction.*noeviction/);
    await home.write('password', 's3cret\n');
    await chmod(join(home.dir, 'password'), 0o600);
    const user = ['--redis-username', 'narrow', '--redis-password-file', 'password'];
    expect((await states(...at, ...user))[3]).toMatch(/^redis-rights fail xadd: .* ~fairlead:\*/);
    await home.write('password', 'wrong\n');
    expect(await states(...at, ...user)).toEqual([
      expect.stringMatching(/^redis fail .*WRONGPASS.*redis-refused/),
    ]);
    await redis.kill();
    expect(await states(...at)).toEqual([expect.stringMatching(/^redis fail .*redis-unreachable/)]);
  });

  test('a data folder that is not there yet is not made', async () => {
    const { of } = await check('--pre', ...settings(), '--data-dir', 'new/state');
    expect(of('data-dir')).toMatchObject({ state: 'ok' });
    const { code } = await home.run('.', 'test', '-e', 'new');
    expect(code).toBe(1);
  });

  test('a machine without git, with an Envoy that does not run', async () => {
    const folder = join(home.dir, 'bare');
    await mkdir(folder);
    await symlink(process.execPath, join(folder, 'node'));
    await home.write('bare/envoy', '#!/bin/sh\n');
    await chmod(join(folder, 'envoy'), 0o755);
    const environment = { ...home.environment, PATH: folder };
    const args = [BIN, 'check', '--pre', '-o', 'json', ...settings()];
    const { out } = await runChild(process.execPath, args, { cwd: dirname(folder), environment });
    const { checks } = JSON.parse(out) as Report;
    const of = (name: string) => checks.find((one) => one.check === name);
    expect(of('git')?.message).toContain('no git command; isomorphic would be used');
    expect(of('envoy')?.state).toBe('fail');
  });
});

describe('check of a server', () => {
  test('that is well, and of one with a held scope', async () => {
    const { config, change, close } = await createSite();
    cleanup.push(close);
    const server = await createServer(config, world);
    cleanup.push(server.close);
    await ask(server.httpPort, '/readyz', ({ ready }: { ready: boolean }) => ready);
    const address = `http://127.0.0.1:${server.httpPort}`;
    const well = await check('--server', address);
    expect(well.code).toBe(0);
    expect(well.report.checks.map((one) => one.about)).toEqual([address, 'mesh', 'acme']);
    await change('unsigned');
    await home.fairlead('.', 'reconcile', '--with-source', '--server', address);
    const held = await check('--server', address);
    expect(held.code).toBe(1);
    expect(held.of('scope')).toMatchObject({ about: 'acme', state: 'warn', fix: 'fairlead explain acme' });
  });

  const repository = (more: object) => ({
    name: 'mesh',
    followedTip: 'a'.repeat(40),
    fetch: { ageMs: 1, failingSinceMs: null, pollMs: 60_000 },
    failure: null,
    refused: null,
    ...more,
  });
  const failure = (stage: string) => ({ failure: { stage, code: 'c', message: 'm', fix: 'f' } });
  const refused = { refused: { tip: 'b'.repeat(40), rule: 'G9', reason: 'r' } };
  const stale = {
    conditions: [{ type: 'SourceVerified', status: 'True', reason: 'Stale', message: 'behind' }],
  };
  const untranslated = {
    conditions: [{ type: 'Translated', status: 'False', reason: 'BuildFailed', message: 'no mesh' }],
  };
  const aged = (ageMs: number | null) => ({ fetch: { ageMs, failingSinceMs: null, pollMs: 60_000 } });
  const rejected = [{ name: 'listener', message: 'cannot bind' }];

  test.each<readonly [string, Partial<ApiSource>, string, string, number]>([
    ['that is not ready', { ready: () => ({ ready: false, message: 'pending' }) }, 'server', 'fail', 2],
    ['whose remote fails', { repositories: () => [repository(failure('fetch'))] }, 'repository', 'warn', 1],
    ['that cannot write', { repositories: () => [repository(failure('witness'))] }, 'repository', 'fail', 2],
    ['that refused a tip', { repositories: () => [repository(refused)] }, 'repository', 'warn', 1],
    ['whose remote is behind', { repositories: () => [repository(stale)] }, 'repository', 'warn', 1],
    ['whose runs hang', { repositories: () => [repository(aged(600_001))] }, 'repository', 'warn', 1],
    ['that is polled late', { repositories: () => [repository(aged(600_000))] }, 'repository', 'ok', 0],
    ['whose first run hangs', { repositories: () => [repository(aged(null))] }, 'repository', 'fail', 2],
    ['that cannot translate', { repositories: () => [repository(untranslated)] }, 'repository', 'fail', 2],
    ['with a refusing proxy', { proxies: () => [{ proxy: 's~1~web.shop~d', rejected }] }, 'proxy', 'warn', 1],
    [
      'with documents left out',
      { scopes: () => [{ path: 'acme', seq: 1, hold: null, problems: [{ severity: 'error' }] }] },
      'scope',
      'warn',
      1,
    ],
  ])('%s', async (_, more, name, state, expected) => {
    const source = apiSource({ repositories: () => [repository({})], ...more });
    const api = createApi(source, quiet);
    cleanup.push(() => api.close());
    const { code, of } = await check('--server', `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`);
    expect(of(name)).toMatchObject({ state });
    expect(code).toBe(expected);
  });

  test('says of the scope what somebody has stopped there, and not of its repository', async () => {
    const suspended = (reason: string) => [{ type: 'Suspended', status: 'True', reason, message: 'by ana' }];
    const scope = { path: 'acme', seq: 1, hold: null, problems: [] };
    const of = async (reasons: { readonly repository: string; readonly scope: string }) => {
      const source = apiSource({
        repositories: () => [repository({ conditions: suspended(reasons.repository) })],
        scopes: () => [{ ...scope, conditions: reasons.scope === '' ? [] : suspended(reasons.scope) }],
      });
      const api = createApi(source, quiet);
      cleanup.push(() => api.close());
      const { report } = await check('--server', `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`);
      return report.checks.flatMap(({ about, fix }) => (fix === null ? [] : [`${about}: ${fix}`]));
    };
    const letGo = (name: string) => `fairlead resume ${name} --reason … lets it go on`;
    const aScope = { repository: 'ScopesSuspended', scope: 'Suspended' };
    expect(await of(aScope)).toEqual([`acme: ${letGo('acme')}`]);
    const all = { repository: 'Suspended', scope: '' };
    expect(await of(all)).toEqual([`mesh: ${letGo('repository/mesh')}`]);
  });

  test('-o short shows what is not well, with what to do and where to read about it', async () => {
    const api = createApi(apiSource({ repositories: () => [repository(refused)] }), quiet);
    cleanup.push(() => api.close());
    const address = `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`;
    const { code, out } = await home.fairlead('.', 'check', '-o', 'short', '--server', address);
    expect(code).toBe(1);
    expect(out).toBe(
      [
        'repositories',
        '------------',
        '‼ repository mesh: the tip bbbbbbbbbb is refused (G9): r',
        '    fix: put the main line back; see fairlead verify',
        '    see: docs/checks.md#repository',
        '',
        'The checks came to ‼',
        '',
      ].join('\n'),
    );
  });

  test('--wait looks again while something fails, and gives up in the end', async () => {
    let looks = 0;
    const ready = () => ({ ready: ++looks > 2, message: 'pending' });
    const api = createApi(apiSource({ ready }), quiet);
    cleanup.push(() => api.close());
    const address = ['--server', `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`];
    expect(await check('--wait', '60s', ...address)).toMatchObject({ code: 0 });
    expect(looks).toBe(3);
    looks = -1_000;
    const late = await check('--wait', '100ms', ...address);
    expect(late).toMatchObject({ code: 4 });
    expect(late.of('server')).toMatchObject({ state: 'fail', message: 'pending' });
  });

  test('that nobody runs', async () => {
    const { code, of } = await check('--server', 'http://127.0.0.1:1');
    expect(code).toBe(2);
    expect(of('server')?.message).toContain('[server-unreachable]');
  });
});
