import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseTarGzip } from 'nanotar';
import { packagePage } from './package-pages.ts';

/**
 * `node scripts/install.ts <folder>`, in a checkout after `npm ci`: packs it, and makes of the package an installation
 * in a folder that is empty or not there yet, with its runtime dependencies exactly as the lock file has them. The
 * image of deploy/docker is made by it, and test/package.test.ts runs what it makes.
 */
const root = join(import.meta.dirname, '..');

const [given] = process.argv.slice(2);
if (given === undefined) end('usage: node scripts/install.ts <folder>');
const folder = resolve(given);
await mkdir(folder, { recursive: true });
if ((await readdir(folder)).length > 0) end(`${folder} is not empty: name a new folder, and switch to it`);
await unpack(await pack());
await copyFile(join(root, 'package-lock.json'), join(folder, 'package-lock.json'));
// No script of a dependency runs, nor our own, which generate what the package has already.
npm(folder, 'ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund');
process.stdout.write(`installed: ${join(folder, 'src/cli/bin.mjs')}\n`);

function end(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(64);
}

/** The bytes of the tarball. */
async function pack(): Promise<Uint8Array> {
  const destination = await mkdtemp(join(tmpdir(), 'fairlead-pack-'));
  try {
    npm(root, 'pack', '--silent', '--pack-destination', destination);
    const [name = ''] = await readdir(destination);
    return await readFile(join(destination, name));
  } finally {
    await rm(destination, { recursive: true });
  }
}

/** All of a package lies below `package/`. Its pages link to nothing that is not in it. */
async function unpack(tarball: Uint8Array): Promise<void> {
  const entries = (await parseTarGzip(tarball)).map((entry) => ({
    ...entry,
    name: entry.name.replace('package/', ''),
  }));
  const has = (path: string) => entries.some(({ name }) => name === path || name.startsWith(`${path}/`));
  for (const { name, data, attrs } of entries) {
    if (data === undefined) continue;
    const bytes = name.endsWith('.md') ? packagePage(name, Buffer.from(data).toString(), has) : data;
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes, { mode: Number.parseInt(attrs?.mode ?? '644', 8) & 0o777 });
  }
}

function npm(cwd: string, ...args: readonly string[]): void {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}
