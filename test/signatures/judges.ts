/** The second judges: what OpenSSH says about the same key, signature and bytes. */
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
