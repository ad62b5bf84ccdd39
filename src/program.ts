import { readFile } from 'node:fs/promises';
import { Failure } from './base/failure.ts';
import { runCommandLine } from './cli/index.ts';
import type { EffectiveConfig, Flags } from './config.ts';
import { cacheDir, environment } from './environment.ts';

/** Most commands need no server and none of its parts and settings: they are loaded by those that do. */
const server = () => import('./serve.ts');
const repositories = () => import('./repositories.ts');
const reconcile = () => import('./reconcile/index.ts');
const settings = () => import('./config.ts');

/** The program: `argv` without node and script. The exit code. */
export function run(argv: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
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
    inspectDataFolder: async (path) => (await reconcile()).inspectDataFolder(path),
    inspectRedis: async (config) => (await reconcile()).inspectRedis(config),
    openRemote: async (config, gitdir) => (await repositories()).openRemote(config, gitdir),
  });
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
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  const message =
    code === 'ENOENT'
      ? `there is no file ${path}`
      : code === 'EISDIR'
        ? `${path} is a folder and not a file`
        : `${path} cannot be read: ${code ?? cause}`;
  throw new Failure('config-invalid', message, 'correct --config or FAIRLEAD_CONFIG', { cause });
}
