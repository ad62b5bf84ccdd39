import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PartialConfig } from '../../config.ts';
import type { GitConfig } from '../context.ts';
import { short } from '../output.ts';
import { readPin } from '../pin-file.ts';
import { type Check, ok, warn } from './check.ts';

const REMOTE_TIMEOUT_MS = 10_000;

/** Null where no repository is configured. */
export function gitConfigOf(config: PartialConfig): GitConfig | null {
  const { repository, branch, fetchTimeoutMs, gitBackend, sshKeyFile, knownHostsFile } = config;
  if (repository === null || branch === null || fetchTimeoutMs === null || gitBackend === null) return null;
  return { repository, branch, fetchTimeoutMs, gitBackend, sshKeyFile, knownHostsFile };
}

export const pin: Check = {
  name: 'pin',
  needsConfig: true,
  async run(_, config) {
    if (config.pin === null) return warn('none is named', 'fairlead trust makes one: --pin pin.json');
    const { commit, path, uid } = await readPin(config.pin);
    return ok(`${short(commit)}, path ${path}, uid ${short(uid)}`);
  },
};

/** Asks for the tip, and fetches nothing. */
export const remote: Check = {
  name: 'remote',
  needsConfig: true,
  async run(context, config) {
    const settings = gitConfigOf(config);
    if (settings === null) return warn('no repository is named', 'say which to serve: --repository');
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-check-'));
    try {
      const timeoutMs = Math.min(settings.fetchTimeoutMs, REMOTE_TIMEOUT_MS);
      const { git } = await context.openRemote({ ...settings, fetchTimeoutMs: timeoutMs }, folder);
      const tip = await git.remoteTip().finally(() => git.close());
      return ok(`${settings.branch} of ${settings.repository} is at ${short(tip)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
