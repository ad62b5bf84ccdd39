import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateEnvoy } from '../envoy.ts';
import { run } from '../native.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { gitConfigOf, ofEachRepository } from './source.ts';

const NODE = 24;

export const node: Check = {
  name: 'node',
  async run() {
    const { node: version } = process.versions;
    if (Number.parseInt(version, 10) >= NODE) return ok(version);
    return fail(`${version} is too old`, `install Node ${NODE} or newer`);
  },
};

/** Its version, and which backend would read the repository. */
export const git: Check = {
  ...ofEachRepository('git', async (context, config) => {
    const { environment } = context;
    const asked = await run('git', ['version'], { environment }).catch(() => null);
    const version = asked?.out.replace(/^git version /, '') ?? null;
    const settings = gitConfigOf(config);
    if (settings !== null) {
      const folder = await mkdtemp(join(tmpdir(), 'fairlead-check-'));
      try {
        const { git: backend, picked } = await context.openRemote(settings, folder);
        await backend.close();
        return ok(`${version ?? 'no git command'}; ${picked.backend} would be used: ${picked.reason}`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    if (version !== null) return ok(version);
    return warn('no git command: isomorphic-git would be used', 'install git for SSH and large repositories');
  }),
};

export const envoy: Check = {
  name: 'envoy',
  async run({ cacheDir, environment }) {
    const binary = await locateEnvoy({ cacheDir, path: environment.PATH });
    if (binary === null) return ok('none on PATH or in the cache; only a machine with proxies needs one');
    const { code, out, err } = await run(binary, ['--version'], { environment });
    const version = /\/(\d+\.\d+\.\d+[^/]*)\//.exec(out)?.[1];
    if (code === 0 && version !== undefined) return ok(`${version} at ${binary}`);
    return fail(
      `${binary} does not run: ${(err || out).split('\n').at(-1)}`,
      'install an Envoy for this machine',
    );
  },
};
