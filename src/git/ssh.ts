import { isAbsolute, join } from 'node:path';
import { sshFileUnusable } from './failures.ts';
import { type Files, isAbsent } from './files.ts';
import type { Environment } from './native-git.ts';

/** Absolute paths of the private key, and of the keys by which hosts are known. */
export type SshSettings = { readonly keyFile: string; readonly knownHostsFile: string };

/**
 * Writes the one ssh configuration that counts into `folder`, and gives the variables that make git use it.
 * Throws `Failure` `ssh-file-unusable`.
 */
export async function prepareSsh(
  files: Files,
  folder: string,
  settings: SshSettings,
  timeoutMs: number,
): Promise<Environment> {
  const { keyFile, knownHostsFile } = settings;
  for (const path of [keyFile, knownHostsFile]) checkPath(path);
  const { mode, uid } = await statOf(files, keyFile);
  // As ssh itself: what another owns, such as a credential of systemd, its group may read.
  if ((mode & (uid === process.getuid?.() ? 0o077 : 0o037)) !== 0)
    throw sshFileUnusable(keyFile, 'can be read by others', `run \`chmod 600 ${keyFile}\``);
  await statOf(files, knownHostsFile);
  const config = join(folder, 'ssh_config');
  await files.writeFile(config, sshConfig(settings, timeoutMs));
  // Git gives this line to a shell, as it stands: the only thing in it that varies is a variable in quotes.
  return {
    GIT_SSH_COMMAND: 'exec ssh -F "$FAIRLEAD_SSH_CONFIG"',
    GIT_SSH_VARIANT: 'ssh',
    FAIRLEAD_SSH_CONFIG: config,
  };
}

/** What would be read as something else than a path in ssh_config(5): tokens, variables, quotes. */
function checkPath(path: string): void {
  if (isAbsolute(path) && !/[%$"\\\p{Cc}]/u.test(path)) return;
  throw sshFileUnusable(
    path,
    'is no path that ssh takes literally',
    'use an absolute path without % $ " and \\',
  );
}

async function statOf(files: Files, path: string): Promise<{ readonly mode: number; readonly uid: number }> {
  try {
    return await files.stat(path);
  } catch (error) {
    const why = isAbsent(error) ? 'does not exist' : 'cannot be read';
    throw sshFileUnusable(path, why, 'check the path, its owner and its permissions');
  }
}

/** Nothing of the user's or the system's ssh configuration, no agent, no question: this key to a host of these keys. */
function sshConfig({ keyFile, knownHostsFile }: SshSettings, timeoutMs: number): string {
  return `Host *
	BatchMode yes
	IdentityFile "${keyFile}"
	IdentitiesOnly yes
	IdentityAgent none
	PreferredAuthentications publickey
	UserKnownHostsFile "${knownHostsFile}"
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
	UpdateHostKeys no
	CanonicalizeHostname no
	ProxyCommand none
	ControlMaster no
	ControlPath none
	ForwardAgent no
	ForwardX11 no
	ClearAllForwardings yes
	PermitLocalCommand no
	RequestTTY no
	ConnectTimeout ${Math.ceil(timeoutMs / 1000)}
`;
}
