import { homedir } from 'node:os';
import { join } from 'node:path';
import { findEnvoy } from '../src/cli/envoy.ts';

/** Folder of what tests and the demo fetch once per machine. */
export function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fairlead');
}

/** Path of a real Envoy, fetched the first time. Several test files may ask at once. */
export function envoyPath(): Promise<string> {
  return findEnvoy({
    cacheDir: cacheDir(),
    path: process.env.PATH,
    log: (line) => process.stderr.write(`${line}\n`),
  });
}
