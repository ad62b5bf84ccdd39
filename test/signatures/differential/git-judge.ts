/** git as the second judge: a repository of loose commits, and the configuration that lists the same keys. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Corpus } from './corpus.ts';

export interface GitJudge {
  /** Writes a commit object, whatever its bytes, and returns its id. */
  add(raw: Uint8Array): string;
  /**
   * Of commits that git can read, those of which the signature is good: one process for all. U is not good enough: of
   * an SSH signature by whomever it says that too, where `verify-commit` fails.
   */
  accepted(ids: readonly string[]): ReadonlySet<string>;
  /** `git verify-commit` of one commit, which git may not even be able to read. */
  accepts(id: string): boolean;
}

export function gitJudge(folder: string, corpus: Corpus): GitJudge {
  const repository = join(folder, 'judge.git');
  execFileSync('git', ['init', '-q', '--bare', repository]);
  const allowed = join(folder, 'allowed-signers');
  writeFileSync(allowed, corpus.allowed);
  const environment = {
    ...process.env,
    GNUPGHOME: corpus.gnupgHome,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    LC_ALL: 'C',
  };
  const options = ['-C', repository, '-c', `gpg.ssh.allowedSignersFile=${allowed}`];
  const add = (raw: Uint8Array): string => {
    const object = Buffer.concat([Buffer.from(`commit ${raw.length}\0`), raw]);
    const id = createHash('sha1').update(object).digest('hex');
    const place = join(repository, 'objects', id.slice(0, 2));
    mkdirSync(place, { recursive: true });
    const file = join(place, id.slice(2));
    if (!existsSync(file)) writeFileSync(file, deflateSync(object, { level: 1 }));
    return id;
  };
  const accepted = (ids: readonly string[]): ReadonlySet<string> => {
    if (ids.length === 0) return new Set();
    const { stdout, status, stderr } = spawnSync(
      'git',
      [...options, 'log', '--no-walk=unsorted', '--stdin', '--format=%H %G?'],
      { input: `${ids.join('\n')}\n`, env: environment, maxBuffer: 2 ** 28 },
    );
    if (status !== 0) throw new Error(`git could not read what we accepted: ${stderr}`);
    const good = stdout.toString().matchAll(/^([0-9a-f]{40}) G$/gm);
    return new Set([...good].map(([, id]) => id ?? ''));
  };
  const accepts = (id: string): boolean =>
    spawnSync('git', [...options, 'verify-commit', id], { env: environment }).status === 0;
  return { add, accepted, accepts };
}
