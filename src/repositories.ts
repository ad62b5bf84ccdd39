import { Failure } from './base/failure.ts';
import type { Log } from './base/log.ts';
import { must } from './base/must.ts';
import type { GitConfig } from './cli/index.ts';
import type { RepositoryConfig, ServerConfig } from './config.ts';
import { type Environment, environment } from './environment.ts';
import { createTreeDigests, openGit } from './git/index.ts';
import { openLine, type Pin } from './governance/index.ts';
import { type DataFolder, nodeFiles, readPin } from './reconcile/index.ts';

/** One for each repository, in their order. Throws Failure as `readPin` does, and `config-invalid` where two are of one root. */
export async function readPins(repositories: ServerConfig['repositories']): Promise<readonly Pin[]> {
  const pins = await Promise.all(repositories.map(({ pin }) => readPin(nodeFiles, pin)));
  for (const [index, { uid }] of pins.entries()) {
    const former = pins.findIndex((pin) => pin.uid === uid);
    if (former === index) continue;
    const [one, other] = [must(repositories[former]).name, must(repositories[index]).name];
    throw new Failure('config-invalid', `${one} and ${other} are pinned to the same root`, 'leave one out');
  }
  return pins;
}

/** What is kept of one repository, and its line from the pin on. */
export async function openRepository(
  config: RepositoryConfig,
  pin: Pin,
  folder: DataFolder,
  { log, environment }: { readonly log: Log; readonly environment: Environment },
) {
  const { gitdir, witness, proofs } = await folder.repository(config.name);
  const unjoined = (error: unknown) => {
    const about = { repository: config.name, message: String(error) };
    log.warn(about, 'the packs of the store could not be joined: finding an object takes ever longer');
  };
  const { confirm } = folder;
  const { git, picked } = await openGit({ gitdir, unjoined, confirm, ...gitOptions(config, environment) });
  log.info({ repository: config.name, ...picked }, 'git backend picked');
  const line = openLine(git, createTreeDigests(git), pin);
  return { pin, git, line, files: folder.files, witness, proofs: { folder: proofs, gitdir } };
}

/** The git store that `serve` would have in `gitdir`. */
export function openRemote(config: GitConfig, gitdir: string): ReturnType<typeof openGit> {
  return openGit({ gitdir, ...gitOptions(config, environment()) });
}

function gitOptions(config: GitConfig, environment: Environment) {
  const { sshKeyFile: keyFile, knownHostsFile, username, tokenFile, githubAppFile, caFile, proxy } = config;
  return {
    remote: { url: config.repository, branch: config.branch },
    timeoutMs: config.fetchTimeoutMs,
    backend: config.gitBackend,
    access: { username, tokenFile, githubAppFile, caFile, proxy },
    ssh: keyFile === null || knownHostsFile === null ? null : { keyFile, knownHostsFile },
    environment,
  };
}
