/** The second judges: what OpenSSH and GnuPG say about the same key, signature and bytes. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `ssh-keygen -Y verify`, as git calls it, where `line` is the only key that it trusts. */
export function sshKeygenAccepts(
  folder: string,
  line: string,
  armored: string,
  signed: Uint8Array,
  namespace = 'git',
): boolean {
  const [allowed, signature] = [join(folder, 'allowed'), join(folder, 'judged.sig')];
  writeFileSync(allowed, `anchor ${line}\n`);
  writeFileSync(signature, armored);
  const options = ['-Y', 'verify', '-f', allowed, '-I', 'anchor', '-n', namespace, '-s', signature];
  return spawnSync('ssh-keygen', options, { input: signed }).status === 0;
}

/** `gpg --verify`, as git calls it, with the keyring of `home`. */
export function gpgAccepts(folder: string, home: string, armored: string, signed: Uint8Array): boolean {
  const signature = join(folder, 'judged.asc');
  writeFileSync(signature, armored);
  const options = ['--batch', '--status-fd=1', '--keyid-format=long', '--verify', signature, '-'];
  return spawnSync('gpg', options, { input: signed, env: { ...process.env, GNUPGHOME: home } }).status === 0;
}
