import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home, type Ran, runChild } from './cli/fairlead.ts';
import { copied, root, stages, words } from './deploy/files.ts';
import { cacheDir } from './envoy.ts';
import { leadsOn, linksOf } from './pages.ts';

/** What deploy/docker/Dockerfile installs, by the command that it runs, out of nothing but what it copies. */
const footprintFile = join(root, '.cache/footprint.txt');

let home: Home;
let app: string;
let packed: readonly string[] = [];
beforeAll(async () => {
  rmSync(footprintFile, { force: true });
  home = await createHome();
  app = join(home.dir, 'app');
  const checkout = join(home.dir, 'checkout');
  await copyCheckout(checkout);
  const ran = await runChild(process.execPath, ['scripts/install.ts', app], {
    cwd: checkout,
    environment: { ...process.env, ...node24() },
  });
  if (ran.code !== 0) throw new Error(`scripts/install.ts: ${ran.err}`);
  const all = readdirSync(app, { recursive: true, encoding: 'utf8' });
  packed = all.filter((path) => !path.startsWith('node_modules') && lstatSync(join(app, path)).isFile());
});
afterAll(() => home.close());

/** What is committed or about to be, of what the image is built from; the rest is made of it. */
async function copyCheckout(checkout: string): Promise<void> {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', ...copied()];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((name) => name !== '')) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await cp(join(root, file), join(checkout, file));
  }
  // In place of `npm ci`.
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
}

function node24(): { readonly PATH: string } {
  return { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
}

/** As the image's ENTRYPOINT runs it, with this Node; the Envoy is fetched once per machine. */
function fairlead(...args: readonly string[]): Promise<Ran> {
  const environment = { ...home.environment, ...node24(), XDG_CACHE_HOME: join(cacheDir(), '..') };
  return runChild(process.execPath, [bin(), ...args], { cwd: home.dir, environment });
}

function bin(): string {
  const [, image = []] = stages();
  const [, program = ''] = words(image.find(({ name }) => name === 'ENTRYPOINT')?.rest ?? '[]');
  return program.replace('/opt/fairlead', app);
}

describe('the installed package', () => {
  test('is what the image holds, by the command that has made it here', () => {
    const [build = [], image = []] = stages();
    const runs = build.filter(({ name }) => name === 'RUN').map(({ rest }) => words(rest));
    expect(runs).toEqual([
      ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'],
      ['node', 'scripts/install.ts', '/opt/fairlead'],
    ]);
    const copies = image.filter(({ name, rest }) => name === 'COPY' && rest.includes('/opt/fairlead'));
    expect(copies.map(({ rest }) => rest)).toEqual(['--from=build /opt/fairlead /opt/fairlead']);
  });

  test('has the versions of the lock file, and nothing that is only for development', () => {
    const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')).packages;
    const locked = read(join(root, 'package-lock.json'));
    const there = Object.entries<{ version: string }>(read(join(app, 'node_modules/.package-lock.json')));
    expect(there.length).toBeGreaterThan(30);
    for (const [name, { version }] of there) {
      expect(locked[name], name).toMatchObject({ version });
      expect(locked[name], name).not.toHaveProperty('dev');
    }
  });

  test('is put into no folder that has something in it', async () => {
    const again = await runChild(process.execPath, [join(root, 'scripts/install.ts'), app], {
      cwd: home.dir,
      environment: process.env,
    });
    expect(again).toMatchObject({ code: 64, err: expect.stringContaining('is not empty') });
  });

  test('shows its help and its version', async () => {
    expect(await fairlead('--help')).toMatchObject({ code: 0, out: expect.stringContaining('demo') });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await fairlead('--version')).toMatchObject({ code: 0, out: `${version}\n` });
  });

  test('tells its demo with a real Envoy', async () => {
    const { code, out, err } = await fairlead('demo');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/\ndone in [\d.]+ s\n/);
  });

  test('runs from any folder', async () => {
    await mkdir(join(home.dir, 'elsewhere'));
    const environment = { ...home.environment, ...node24() };
    const ran = await runChild(bin(), ['bootstrap', '--namespace', 'demo'], {
      cwd: join(home.dir, 'elsewhere'),
      environment,
    });
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.out)).toHaveProperty('static_resources');
  });

  test('holds JavaScript, schemas, the examples and its licence, and no TypeScript', () => {
    const wanted = [
      'dist/program.js',
      'src/cli/bin.mjs',
      'schemas/ServerConfig.json',
      'LICENSE',
      'README.md',
    ];
    expect(packed).toEqual(
      expect.arrayContaining([...wanted, 'examples-repo/mesh/scope.yaml', 'docs/problems/FL3301.md']),
    );
    expect(packed.filter((path) => /\.tsx?$|^test\/|^scripts\//.test(path))).toEqual([]);
  });

  test('has pages whose links lead to what is in it', () => {
    const pages = packed.filter((path) => path.endsWith('.md'));
    expect(pages).toEqual(
      expect.arrayContaining(['README.md', 'docs/operations.md', 'docs/decisions/README.md']),
    );
    const links = pages.flatMap((page) => linksOf(app, page).map((link) => ({ page, link })));
    expect(links.filter(({ page, link }) => !leadsOn(app, page, link))).toEqual([]);
    expect(links.length).toBeGreaterThan(100);
  });

  test('imports nothing but its runtime dependencies', () => {
    const { dependencies } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'));
    const imports = packed
      .filter((path) => /\.m?js$/.test(path))
      .flatMap((path) => [
        ...readFileSync(join(app, path), 'utf8').matchAll(
          // What only some servers need is imported when it is asked for.
          /^(?:import|export) (?:[^'";=(]* from )?['"]([^.'"][^'"]*)|\bimport\(['"]([^.'"][^'"]*)/gm,
        ),
      ])
      .map(([, name, asked = '']) => name ?? asked)
      .filter((name) => !name.startsWith('node:'))
      .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0]);
    expect([...new Set(imports)].sort()).toEqual(Object.keys(dependencies).sort());
  });

  test('is weighed: CI prints the figures', async () => {
    const figures = footprint(app);
    await mkdir(dirname(footprintFile), { recursive: true });
    await writeFile(footprintFile, figures);
    expect(figures).toMatch(/^runtime dependencies: \d+ packages, \d+ of them direct\ninstalled size: /);
  });
});

function footprint(folder: string): string {
  const modules = join(folder, 'node_modules');
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const counts = `${Object.keys(packages).length} packages, ${Object.keys(dependencies).length} of them direct`;
  const total = bytesOf(folder);
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const own = total - bytesOf(modules);
  return `runtime dependencies: ${counts}\ninstalled size: ${mb(total)} (${total} bytes), of it fairlead ${mb(own)}\n`;
}

function bytesOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.map((file) => lstatSync(join(folder, file))).reduce((sum, { size }) => sum + size, 0);
}
