import { execFileSync, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, open, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/index.ts';
import { commandsFor } from '../../src/cli/commands/index.ts';
import type { Context } from '../../src/cli/context.ts';
import { findEnvoy } from '../../src/cli/envoy.ts';
import { table, wrap } from '../../src/cli/output.ts';
import { envoyPath } from '../envoy.ts';
import { apiSource } from '../server.ts';
import { BIN, createHome, type Home, runChild } from './fairlead.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

describe('exit codes', () => {
  test.each([
    ['help', ['--help'], 0],
    ['the version', ['--version'], 0],
    ['an unknown command', ['frobnicate'], 64],
    ['an unknown option', ['verify', '--frobnicate'], 64],
    ['an unknown format', ['verify', '-o', 'xml'], 64],
    ['no repository', ['verify'], 2],
    ['no server', ['status', '--server', 'http://127.0.0.1:1'], 2],
    [
      'a gateway that captures',
      ['bootstrap', '--namespace', 'demo', '--type', 'router', '--capture', 'ports'],
      2,
    ],
    ['an unknown mode', ['bootstrap', '--namespace', 'demo', '--capture', 'tproxy'], 64],
    ['a malformed node', ['bootstrap', '--namespace', 'Not_A_Label'], 2],
  ] as const)('%s', async (_, args, code) => {
    expect(await home.fairlead('.', ...args)).toMatchObject({ code });
  });

  test('errors are on standard error, with a code and a fix', async () => {
    const { out, err } = await home.fairlead('.', 'verify');
    expect(out).toBe('');
    expect(err).toMatch(/^error: .* \[no-repository\]\n {2}fix: .+\n$/);
  });
});

describe('where what a command says cannot be written', () => {
  const onto = async (stdio: StdioOptions, ...args: readonly string[]) => {
    const child = spawn(process.execPath, [BIN, ...args], { stdio, env: home.environment, cwd: home.dir });
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      err += chunk;
    });
    const [code] = await once(child, 'close');
    return { code, err };
  };

  test('its data: an error of its own, and no difference', async () => {
    await using full = await open('/dev/full', 'w');
    const { code, err } = await onto(['ignore', full.fd, 'pipe'], '--version');
    expect(code).toBe(2);
    expect(err).toMatch(
      /^error: standard output cannot be written: ENOSPC.* \[output-unwritable\]\n {2}fix: .+\n$/,
    );
  });

  test('what it says beside: the same data and exit code', async () => {
    await using full = await open('/dev/full', 'w');
    expect(await onto(['ignore', 'ignore', full.fd], 'verify')).toMatchObject({ code: 2 });
    expect(await onto(['ignore', 'ignore', full.fd], 'frobnicate')).toMatchObject({ code: 64 });
  });
});

test('a command is loaded alone, by any of its names', async () => {
  for (const word of ['verify', 'proxy-config', 'pc']) expect(await commandsFor(word)).toHaveLength(1);
  for (const word of ['--help', 'verfy']) expect((await commandsFor(word)).length).toBeGreaterThan(1);
});

test('a command on a clone starts without the server, its settings, manifests and isomorphic-git', async () => {
  const listing = `import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => { process.stderr.write(url + '\\n'); return next(url, context); } });`;
  const preload = `data:text/javascript,${encodeURIComponent(listing)}`;
  const { err } = await home.run('.', process.execPath, '--import', preload, BIN, 'verify');
  expect(err).toContain('/src/governance/index.ts');
  expect(err).not.toMatch(
    /src\/(?:main|config|settings)\.ts|src\/(?:manifests|xds)\/|node_modules\/isomorphic-git/,
  );
});

test('a reader that has read enough is no error', async () => {
  const child = spawn(process.execPath, [BIN, 'bootstrap', '--namespace', 'demo'], { env: home.environment });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  expect({ code, said }).toEqual({ code: 0, said: '' });
});

test('a checkout that is not installed says so', async () => {
  const folder = await mkdtemp(join(home.dir, 'bare-'));
  await cp(join(BIN, '../../../src'), join(folder, 'src'), { recursive: true });
  const { code, err } = await runChild(process.execPath, [join(folder, 'src/cli/bin.mjs')], {
    cwd: folder,
    environment: home.environment,
  });
  expect({ code, err }).toMatchObject({
    code: 2,
    err: expect.stringMatching(/\[not-installed\]\n {2}fix: npm ci\n$/),
  });
});

test('every command is listed once, and its help is at most 80 columns wide', async () => {
  const { out } = await home.fairlead('.', '--help');
  const names = [...out.matchAll(/^ {2}([a-z][a-z-]+)(?:\|[a-z]+)? /gm)].map(([, name]) => name);
  expect(names).toHaveLength((await commandsFor(undefined)).length);
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('the help of every command is at most 80 columns wide, and ends with an example', async () => {
  for (const build of await commandsFor(undefined)) {
    let out = '';
    const command = build({ environment: {} } as Context);
    const writeOut = (text: string) => {
      out += text;
    };
    command.configureOutput({ writeOut, getOutHelpWidth: () => 80 }).outputHelp();
    const [usage = '', example = ''] = out.split(/^Examples/m);
    expect(usage.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(example).toContain(`fairlead ${command.name()}`);
  }
});

describe('serve --print-config', () => {
  test('prints what is in force as a file, from flags, a file and defaults', async () => {
    const text = 'apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\nrepository: mesh.git\npoll: 5m\n';
    await home.write('config.yaml', text);
    const args = ['--config', 'config.yaml', '--pin', 'pin.json', '--data-dir', 'state', '--print-config'];
    const { code, out } = await home.fairlead('.', 'serve', ...args);
    expect(code).toBe(0);
    expect(out).toContain(`\npoll: 5m  # ${home.dir}/config.yaml:4:7\n`);
    expect(out).toContain('\ndataDir: state  # --data-dir\n');
    expect(out).toContain('\nbranch: main  # default\n');
  });

  test.each([
    ['a file that is not there', 'none.yaml', /there is no file .*none\.yaml/],
    ['a folder', '.', /is a folder and not a file/],
    ['a mistake in the file', 'wrong.yaml', /wrong\.yaml:3:1: error FL2105 .*did you mean branch\?/],
  ])('%s is an error', async (_, file, message) => {
    await home.write('wrong.yaml', 'apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\nbrnch: main\n');
    const { code, out, err } = await home.fairlead('.', 'serve', '--config', file);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });
});

describe('bootstrap', () => {
  test('is accepted by a real Envoy', async () => {
    const args = ['--namespace', 'demo', '--label', 'app=echo', '--service-account', 'echo'];
    const { out } = await home.fairlead('.', 'bootstrap', ...args);
    expect(JSON.parse(out)).toMatchObject({
      node: {
        id: 'sidecar~127.0.0.1~sidecar.demo~demo.svc.cluster.local',
        metadata: { LABELS: { app: 'echo' } },
      },
    });
    await home.write('envoy.json', out);
    const validated = await home.run('.', await envoyPath(), '--mode', 'validate', '-c', 'envoy.json');
    expect(validated).toMatchObject({ code: 0 });
  });

  test.each([
    [['--capture', 'redirect'], 'sidecar', { capture: 'redirect' }],
    [['--type', 'router', '--ip', '10.0.0.7,2001:db8::7'], 'router', undefined],
  ] as const)('with %j', async (args, type, FAIRLEAD) => {
    const { out } = await home.fairlead('.', 'bootstrap', '--namespace', 'demo', ...args);
    const { node } = JSON.parse(out) as {
      node: { id: string; metadata: { FAIRLEAD?: object; INSTANCE_IPS?: string } };
    };
    expect(node.id.split('~')[0]).toBe(type);
    expect(node.metadata.FAIRLEAD).toEqual(FAIRLEAD);
    expect(node.metadata.INSTANCE_IPS).toBe(type === 'router' ? '10.0.0.7,2001:db8::7' : undefined);
  });
});

describe('status and proxy-status', () => {
  test('a server that does not speak our API is an error', async () => {
    const server = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const asked = await home.fairlead('.', 'proxy-status', '--server', url);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.err).toContain('[server-refused]');
    server.close();
  });

  describe('of a long list', () => {
    const keys = Array.from({ length: 450 }, (_, index) => `${1_000 + index}`);
    const source = apiSource({
      scopes: () => keys.map((key) => ({ path: `acme.${key}`, seq: 1, sync: '-', health: '-', hold: null })),
      proxies: () => keys.map((key) => ({ proxy: `sidecar~${key}`, revision: 'r', types: [], rejected: [] })),
    });

    test.each([
      ['status', 'scopes'],
      ['proxy-status', 'proxies'],
    ])('%s shows the %s of every page once', async (command, list) => {
      const api = createApi(source, { info() {}, warn() {}, error() {} });
      const port = await api.listen('127.0.0.1', 0);
      const server = `http://127.0.0.1:${port}`;
      const { code, out } = await home.fairlead('.', command, '-o', 'json', '--server', server);
      await api.close();
      expect(code).toBe(0);
      expect(JSON.parse(out)[list]).toEqual(list === 'scopes' ? source.scopes() : source.proxies());
    });

    test('pages that never end are an error', async () => {
      const server = createServer((_, response) => response.end('{"items":[1],"next":"a"}'));
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const asked = await home.fairlead('.', 'proxy-status', '--server', url);
      server.close();
      expect(asked).toMatchObject({ code: 2 });
      expect(asked.err).toContain('[server-refused]');
    });
  });
});

describe('the launcher', () => {
  /** A Node that says it is older: what `bin.mjs` does depends on that and on what lies beside it. */
  const older = `data:text/javascript,${encodeURIComponent(
    "Object.defineProperty(process.versions,'node',{value:'20.1.0'})",
  )}`;

  test('on an older Node runs the bundled one with the same arguments, and passes the code on', async () => {
    const ran = await home.run('.', process.execPath, '--import', older, BIN, 'verify', '-o', 'xml');
    expect(ran).toMatchObject({ code: 64 });
  });

  test('on an older Node runs one that is installed beside the package', async () => {
    const modules = join(await mkdtemp(join(home.dir, 'app-')), 'node_modules');
    for (const folder of ['fairlead/src/cli', 'fairlead/dist', 'node/bin']) {
      await mkdir(join(modules, folder), { recursive: true });
    }
    await symlink(process.execPath, join(modules, 'node/bin/node'));
    await cp(BIN, join(modules, 'fairlead/src/cli/bin.mjs'));
    await writeFile(join(modules, 'fairlead/package.json'), '{ "type": "module" }');
    await writeFile(join(modules, 'fairlead/dist/program.js'), 'export const run = (argv) => argv.length;');
    const bin = join(modules, 'fairlead/src/cli/bin.mjs');
    expect(await home.run('.', process.execPath, '--import', older, bin, 'a', 'b', 'c')).toMatchObject({
      code: 3,
    });
  });

  /** Real ones where this machine has them, as people do; and always the one that says so. */
  const olders = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .filter((node) => existsSync(node) && isOlder(node))
    .map((node) => [node, []] as const);

  test.each([[process.execPath, ['--import', older]] as const, ...olders])(
    'on an older Node alone says one clear line (%s)',
    async (node, args) => {
      const alone = join(await mkdtemp(join(home.dir, 'alone-')), 'src/cli');
      await mkdir(alone, { recursive: true });
      await cp(BIN, join(alone, 'bin.mjs'));
      const ran = await home.run('.', node, ...args, join(alone, 'bin.mjs'), 'verify');
      expect(ran).toMatchObject({ code: 2, out: '' });
      expect(ran.err).toMatch(/^fairlead needs Node 24 or newer, this is v\d+\.\d+\.\d+: .*\n$/);
    },
  );

  function isOlder(node: string): boolean {
    return Number.parseInt(execFileSync(node, ['--version'], { encoding: 'utf8' }).slice(1), 10) < 24;
  }
});

describe('findEnvoy', () => {
  const log = () => {};

  test('prefers the one on PATH', async () => {
    const folder = join(home.dir, 'path');
    await mkdir(folder);
    await writeFile(join(folder, 'envoy'), '#!/bin/sh\n');
    await chmod(join(folder, 'envoy'), 0o755);
    // A folder may be called so, too: that of the Python package is.
    await mkdir(join(home.dir, 'package', 'envoy'), { recursive: true });
    const path = `/nowhere:${join(home.dir, 'package')}:${folder}`;
    expect(await findEnvoy({ cacheDir: '/nowhere', path, log })).toBe(join(folder, 'envoy'));
  });

  test('says what to do where it cannot be kept', async () => {
    const found = findEnvoy({ cacheDir: '/dev/null/fairlead', path: '', log });
    await expect(found).rejects.toMatchObject({
      code: 'envoy-unavailable',
      fix: expect.stringContaining('PATH'),
    });
  });

  test('gives a real one of the pinned version', async () => {
    const { out } = await runChild(await envoyPath(), ['--version'], {
      cwd: home.dir,
      environment: home.environment,
    });
    expect(out).toMatch(/\/1\.\d+\.\d+\//);
  });
});

describe('text', () => {
  test('wraps at single spaces, keeps columns, and never loses a word', () => {
    expect(wrap('  rule      one two three', '    ', 18)).toBe('  rule      one\n    two three');
    expect(wrap('word', '  ', 2)).toBe('word');
    expect(wrap('one two three\nfour five six', '  ', 8)).toBe('one two\n  three\n  four\n  five\n  six');
  });

  test('pads columns without trailing spaces', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['long', 'x'],
          ['s', ''],
        ],
      ),
    ).toBe('A     B\nlong  x\ns\n');
  });
});
