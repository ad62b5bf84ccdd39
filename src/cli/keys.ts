import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { parseSshKey } from '../signatures/index.ts';
import type { Context } from './context.ts';
import { need, run } from './native.ts';

/** A key that the user can sign with. `line` is the public key as `scope.yaml` has it, `file` where that was found, if in one. */
export type UserKey =
  | { readonly format: 'ssh'; readonly fingerprint: string; readonly line: string; readonly file?: string }
  | { readonly format: 'openpgp'; readonly fingerprint: string };

/** The key that `git commit -S` uses here. Throws Failure no-signing-key. */
export async function signingKey(context: Context, folder: string): Promise<UserKey> {
  const format = (await gitConfig(context, folder, 'gpg.format')) ?? 'openpgp';
  const key =
    format === 'ssh'
      ? await sshSigningKey(context, folder)
      : format === 'openpgp'
        ? await openpgpSigningKey(context, folder)
        : null;
  if (key !== null) return key;
  const fix = 'git config gpg.format ssh && git config user.signingkey ~/.ssh/id_ed25519.pub';
  throw new Failure('no-signing-key', `git has no signing key of the format ${format} here`, fix);
}

/** Keys of this user: git's own first, then the agent's, those in `~/.ssh`, and gpg's. SSH ones of the kinds that G13 allows. */
export async function findKeys(context: Context, folder: string): Promise<readonly UserKey[]> {
  const configured = await signingKey(context, folder).catch(() => null);
  const ssh = await sshSigningKey(context, folder).catch(() => null);
  const { environment } = context;
  const agent = await run('ssh-add', ['-L'], { environment }).catch(() => null);
  const lines = agent?.code === 0 ? agent.out.split('\n') : [];
  const home = join(environment.HOME ?? '', '.ssh');
  const names = (await readdir(home).catch(() => [])).filter((name) => name.endsWith('.pub')).sort();
  const inFiles = await Promise.all(names.map((name) => sshKeyIn(join(home, name))));
  const found: readonly (UserKey | null)[] = [
    configured,
    ssh,
    ...lines.map(sshKey),
    ...inFiles,
    ...(await openpgpKeys(context, folder)),
  ];
  // Of one that is found twice, the place of the first, and what the last knows: a file is more than to have it in an agent.
  return [...new Map(found.flatMap((key) => (key === null ? [] : [[key.fingerprint, key]]))).values()];
}

async function sshKeyIn(file: string): Promise<UserKey | null> {
  const key = sshKey(await readFile(file, 'utf8').catch(() => ''));
  return key === null ? null : { ...key, file };
}

/** Keys whose secret half gpg has. */
async function openpgpKeys(context: Context, folder: string): Promise<readonly UserKey[]> {
  const program = (await gitConfig(context, folder, 'gpg.program', 'path')) ?? 'gpg';
  const args = ['--batch', '--with-colons', '--list-secret-keys'];
  const listed = await run(program, args, { environment: context.environment }).catch(() => null);
  return (listed?.out.split(/^(?=sec:)/m) ?? []).flatMap((text) => {
    const fingerprint = primaryFingerprint(text);
    return fingerprint === null ? [] : [{ format: 'openpgp', fingerprint }];
  });
}

/** A key line, with its fingerprint as `ssh-keygen -lf` prints it; null for one that G13 refuses and anything else. */
export function sshKey(line: string): (UserKey & { readonly format: 'ssh' }) | null {
  const parsed = parseSshKey(line.trim());
  return parsed.ok ? { format: 'ssh', fingerprint: parsed.key.fingerprint, line: line.trim() } : null;
}

/** A value of git's configuration, or null. */
export async function gitConfig(
  context: Context,
  folder: string,
  name: string,
  type: 'path' | null = null,
): Promise<string | null> {
  const typed = type === null ? [] : [`--type=${type}`];
  const { code, out } = await run('git', ['-C', folder, 'config', ...typed, '--get', name], {
    environment: context.environment,
  });
  return code === 0 && out !== '' ? out : null;
}

async function sshSigningKey(context: Context, folder: string): Promise<UserKey | null> {
  const value = await gitConfig(context, folder, 'user.signingkey', 'path');
  if (value === null) return null;
  const literal = sshKey(value.replace(/^key::/, ''));
  if (literal !== null) return literal;
  for (const file of value.endsWith('.pub') ? [value] : [`${value}.pub`, value]) {
    const text = await readFile(file, 'utf8').catch(() => null);
    const key = text === null ? null : sshKey(text);
    if (key !== null) return key;
  }
  return null;
}

async function openpgpSigningKey(context: Context, folder: string): Promise<UserKey | null> {
  const program = (await gitConfig(context, folder, 'gpg.program', 'path')) ?? 'gpg';
  const user =
    (await gitConfig(context, folder, 'user.signingkey')) ?? (await gitConfig(context, folder, 'user.email'));
  if (user === null) return null;
  const args = ['--batch', '--with-colons', '--list-secret-keys', '--', user];
  const { out } = await run(program, args, { environment: context.environment });
  const fingerprint = primaryFingerprint(out);
  return fingerprint === null ? null : { format: 'openpgp', fingerprint };
}

/** The first primary key of gpg's colon listing. */
function primaryFingerprint(listing: string): string | null {
  return (
    /^(?:sec|pub):[^\n]*\n(?:grp:[^\n]*\n)*fpr:+([0-9A-F]{40}|[0-9A-F]{64}):/m.exec(listing)?.[1] ?? null
  );
}

export type Certificate = { readonly fingerprint: string; readonly armor: string };

/** The OpenPGP certificate of a fingerprint in the user's keyring, or in an armoured file. */
export async function certificate(context: Context, given: string): Promise<Certificate> {
  const { environment, cwd } = context;
  const options = { environment, cwd };
  if (/^[0-9A-Fa-f]{40}$/.test(given)) {
    const fingerprint = given.toUpperCase();
    const armor = await need('gpg', ['--batch', '--armor', '--export', fingerprint], options);
    if (armor !== '') return { fingerprint, armor: `${armor}\n` };
    throw new Failure('key-missing', `gpg has no key ${fingerprint}`, 'import it, or name an armoured file');
  }
  const armor = await readFile(join(cwd, given), 'utf8').catch(() => null);
  const listing = await run('gpg', ['--batch', '--with-colons', '--show-keys', '--', given], options);
  const fingerprint = primaryFingerprint(listing.out);
  if (armor !== null && fingerprint !== null) return { fingerprint, armor };
  throw new Failure(
    'key-unreadable',
    `${given} is no OpenPGP certificate`,
    'gpg --armor --export <fingerprint>',
  );
}
