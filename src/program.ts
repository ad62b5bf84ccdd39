import { readFile } from 'node:fs/promises';
import { Failure } from './base/failure.ts';
import { runCommandLine } from './cli/index.ts';
import type { EffectiveConfig, Flags } from './config.ts';
import { cacheDir, environment } from './environment.ts';

/** Most commands need no server and none of its settings: they are loaded by those that do. */
const server = () => import('./main.ts');
const settings = () => import('./config.ts');

/** The program: `argv` without node and script. The exit code. */
export function run(argv: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
  // Whoever reads us may have read enough: `fairlead lineage acme | head`.
  for (const stream of [stdout, stderr]) stream.on('error', ignoreClosedPipe);
  const env = environment();
  return runCommandLine(argv, {
    environment: env,
    cwd: process.cwd(),
    cacheDir: cacheDir(env),
    stdin,
    stdout,
    stderr,
    serve: async (flags) => {
      const { completeConfig } = await settings();
      return (await server()).serve(completeConfig(await readConfig(flags)));
    },
    readConfig,
    inspectDataFolder: async (path) => (await server()).inspectDataFolder(path),
    inspectRedis: async (config) => (await server()).inspectRedis(config),
    openRemote: async (config, gitdir) => (await server()).openRemote(config, gitdir),
  });
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function readConfig(flags: Flags): Promise<EffectiveConfig> {
  const { configFile, effectiveConfig } = await settings();
  const cwd = process.cwd();
  const path = configFile(flags, environment(), cwd);
  if (path === null) return effectiveConfig({ flags, environment: environment(), cwd, file: null });
  const text = await readFile(path, 'utf8').catch((cause: unknown) => unreadable(path, cause));
  return effectiveConfig({ flags, environment: environment(), cwd, file: { path, text } });
}

function unreadable(path: string, cause: unknown): never {
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  const message = missing ? `there is no file ${path}` : `${path} cannot be read: ${cause}`;
  throw new Failure('config-invalid', message, 'correct --config or FAIRLEAD_CONFIG', { cause });
}
