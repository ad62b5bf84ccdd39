import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecretFile } from '../../base/secret-file.ts';
import type { PartialRepository } from '../../config.ts';
import type { Context, GitConfig } from '../context.ts';
import { short } from '../output.ts';
import { readPin } from '../pin-file.ts';
import { type Check, type Finding, failed, ok, warn } from './check.ts';

const REMOTE_TIMEOUT_MS = 10_000;

/** Null where no repository is configured. */
export function gitConfigOf(config: PartialRepository): GitConfig | null {
  const { repository, branch, fetchTimeoutMs, gitBackend, username } = config;
  if (repository === null || branch === null) return null;
  if (fetchTimeoutMs === null || gitBackend === null || username === null) return null;
  return { ...config, repository, branch, fetchTimeoutMs, gitBackend, username };
}

export const pin: Check = {
  ...ofEachRepository('pin', pinFinding),
  needsConfig: true,
};

async function pinFinding(_: Context, config: PartialRepository): Promise<Finding> {
  if (config.pin === null) return warn('none is named', 'fairlead trust makes one: --pin pin.json');
  const { commit, path, uid } = await readPin(config.pin);
  return ok(`${short(commit)}, path ${path}, uid ${short(uid)}`);
}

/** Whether deliveries could be believed; whether any arrive, a forge's own page says. */
export const webhooks: Check = {
  ...ofEachRepository('webhooks', webhooksFinding),
  needsConfig: true,
};

async function webhooksFinding(_: Context, { webhookSecretFile }: PartialRepository): Promise<Finding> {
  if (webhookSecretFile === null) return ok('none are expected: the poll sees what is pushed');
  const lines = (await readSecretFile(webhookSecretFile)).split('\n');
  const count = lines.filter((line) => line.trim() !== '').length;
  return ok(
    `signed by ${count === 1 ? 'the secret' : `any of the ${count} secrets`} in ${webhookSecretFile}`,
  );
}

/** Asks for the tip, and fetches nothing. */
export const remote: Check = {
  ...ofEachRepository('remote', remoteFinding),
  needsConfig: true,
};

async function remoteFinding(context: Context, config: PartialRepository): Promise<Finding> {
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
}

type RunOne = (context: Context, repository: PartialRepository) => Promise<Finding>;

/** Where there are several, each finding says of which repository it is. */
export function ofEachRepository(name: string, run: RunOne): Check {
  return {
    name,
    run: async (context, { repositories }) =>
      Promise.all(
        repositories.map(async (repository) => {
          const found = await run(context, repository).catch(failed);
          return { ...found, about: repositories.length > 1 ? repository.name : null };
        }),
      ),
  };
}
