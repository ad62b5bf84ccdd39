import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome, type Home, type Ran, runChild } from './cli/fairlead.ts';
import { cacheDir } from './envoy.ts';

/** `npm pack` of a clean checkout, installed into an empty folder with nothing but runtime dependencies. */
const root = join(import.meta.dirname, '..');
const footprintFile = join(root, '.cache/footprint.txt');

let home: Home;
let packed: readonly string[] = [];
beforeAll(async () => {
  rmSync(footprintFile, { force: true });
  home = await createHome();
  const tarball = await pack(join(home.dir, 'checkout'));
  await mkdir(join(home.dir, 'app'));
  await writeFile(join(home.dir, 'app/package.json'), '{ "private": true }\n');
  const quiet = ['--omit=dev', '--prefer-offline', '--no-audit', '--no-fund'];
  await npm(join(home.dir, 'app'), 'install', ...quiet, tarball);
});
afterAll(() => home.close());

/** What is committed or about to be; its path of the tarball. */
async function pack(checkout: string): Promise<string> {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  for (const file of new Set(
    files.filter((name) =>
      /^(src|scripts|schemas|examples-repo|deploy|docs|(?!node_modules$)[^/]+$)/.test(name),
    ),
  )) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await cp(join(root, file), join(checkout, file));
  }
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
  const said = await npm(checkout, 'pack', '--json', '--silent');
  const [made] = JSON.parse(said.slice(said.indexOf('[\n'))) as {
    readonly filename: string;
    readonly files: readonly { readonly path: string }[];
  }[];
  packed = made?.files.map(({ path }) => path) ?? [];
  return join(checkout, made?.filename ?? '');
}

/** With the machine's own registry and cache. */
async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await runChild('npm', args, {
    cwd,
    environment: { ...process.env, ...node24() },
  });
  if (code !== 0) throw new Error(`npm ${args.join(' ')}: ${err}`);
  return out;
}

function node24(): { readonly PATH: string } {
  return { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
}

/** `npx fairlead` as its user runs it; the Envoy is fetched once per machine. */
function npx(folder: string, ...args: readonly string[]): Promise<Ran> {
  const environment = { ...home.environment, ...node24(), XDG_CACHE_HOME: join(cacheDir(), '..') };
  return runChild('npx', ['--no-install', 'fairlead', ...args], { cwd: join(home.dir, folder), environment });
}

describe('the installed package', () => {
  test('shows its help and its version', async () => {
    expect(await npx('app', '--help')).toMatchObject({ code: 0, out: expect.stringContaining('demo') });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await npx('app', '--version')).toMatchObject({ code: 0, out: `${version}\n` });
  });

  test('tells its demo with a real Envoy', async () => {
    const { code, out, err } = await npx('app', 'demo');
    expect({ code, err: err.replace(/^npm warn .*\n/gm, '') }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/\ndone in [\d.]+ s\n/);
  });

  test('runs from any folder', async () => {
    await mkdir(join(home.dir, 'elsewhere'));
    const bin = join(home.dir, 'app/node_modules/.bin/fairlead');
    const environment = { ...home.environment, ...node24() };
    const ran = await runChild(bin, ['bootstrap', '--namespace', 'demo'], {
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

  test('imports nothing but its runtime dependencies', () => {
    const folder = join(home.dir, 'app/node_modules/fairlead');
    const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const imports = packed
      .filter((path) => /\.m?js$/.test(path))
      .flatMap((path) => [
        ...readFileSync(join(folder, path), 'utf8').matchAll(
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
    const figures = footprint(join(home.dir, 'app'));
    await mkdir(dirname(footprintFile), { recursive: true });
    await writeFile(footprintFile, figures);
    expect(figures).toMatch(/^runtime dependencies: \d+ packages, \d+ of them direct\ninstalled size: /);
  });
});

function footprint(folder: string): string {
  const modules = join(folder, 'node_modules');
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  const own = join(modules, 'fairlead');
  const { dependencies } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
  const counts = `${Object.keys(packages).length - 1} packages, ${Object.keys(dependencies).length} of them direct`;
  const total = bytesOf(modules);
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return `runtime dependencies: ${counts}\ninstalled size: ${mb(total)} (${total} bytes), of it fairlead ${mb(bytesOf(own))}\n`;
}

function bytesOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.map((file) => lstatSync(join(folder, file))).reduce((sum, { size }) => sum + size, 0);
}
