import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BIN = join(import.meta.dirname, '../../src/cli/bin.mjs');

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** A home of its own, in which real git, ssh-keygen and `fairlead` run as a user would run them. */
export type Home = {
  readonly dir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Runs a program in a folder of the home. */
  run(folder: string, program: string, ...args: readonly string[]): Promise<Ran>;
  /** As `run`, and rejects where it fails; its standard output. */
  need(folder: string, program: string, ...args: readonly string[]): Promise<string>;
  fairlead(folder: string, ...args: readonly string[]): Promise<Ran>;
  /** A new SSH key; the path of its private half. */
  key(name: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  close(): Promise<void>;
};

/** A folder with `bin/fairlead` on its PATH and no configuration of git but its own. */
export async function createHome(): Promise<Home> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'fl-')));
  const shims = join(dir, 'bin');
  await mkdir(shims);
  await writeFile(join(shims, 'fairlead'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`, {
    mode: 0o755,
  });
  await writeFile(
    join(dir, '.gitconfig'),
    '[init]\n\tdefaultBranch = main\n[gpg]\n\tformat = ssh\n[advice]\n\tdetachedHead = false\n',
  );
  const environment = homeEnvironment(dir, shims);
  const run: Home['run'] = (folder, program, ...args) =>
    runChild(program, args, { cwd: join(dir, folder), environment });
  const need: Home['need'] = async (folder, program, ...args) => {
    const { code, out, err } = await run(folder, program, ...args);
    if (code === 0) return out.trimEnd();
    throw new Error(`${program} ${args.join(' ')}: status ${code}: ${err}`);
  };
  return {
    dir,
    environment,
    run,
    need,
    fairlead: (folder, ...args) => run(folder, 'fairlead', ...args),
    async key(name) {
      await need('.', 'ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', name);
      return join(dir, name);
    },
    write: (path, text) => writeFile(join(dir, path), text),
    close: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }),
  };
}

function homeEnvironment(dir: string, shims: string): Readonly<Record<string, string | undefined>> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(GIT_|GPG_|SSH_|FAIRLEAD_|VITEST)/.test(name),
  );
  const time = 'Thu, 01 Jan 2026 12:00:00 +0000';
  return {
    ...Object.fromEntries(kept),
    HOME: dir,
    PATH: `${shims}:${process.env.PATH}`,
    TMPDIR: dir,
    GIT_CONFIG_NOSYSTEM: '1',
    // A command that ends up elsewhere must not find somebody's repository.
    GIT_CEILING_DIRECTORIES: dir,
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_DATE: time,
    GIT_COMMITTER_DATE: time,
    NO_COLOR: '1',
    LC_ALL: 'C',
  };
}

type Options = {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called with everything that standard output has had so far. */
  readonly onOutput?: (out: string, kill: (signal: NodeJS.Signals) => void) => void;
};

/** Runs a program to its end, without a terminal; never rejects for its exit code. */
export function runChild(
  program: string,
  args: readonly string[],
  { cwd, environment, onOutput }: Options,
): Promise<Ran> {
  const child = spawn(program, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk;
    onOutput?.(text.out, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...text }));
  });
}
