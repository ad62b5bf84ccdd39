/**
 * The published test keys (README.md beside this file): their public halves as values, and an installation that
 * real `ssh-keygen`, `gpg` and `git commit -S` accept.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const sshNames = ['alice', 'bo', 'dana', 'eli', 'fay', 'mallory'] as const;
export type SshName = (typeof sshNames)[number];
/** Certificates of a primary key that can sign and one signing subkey, which is the one gpg picks. */
export const openpgpNames = ['cy', 'gus'] as const;
export type OpenpgpName = (typeof openpgpNames)[number];

/** Full fingerprints of the primary keys, as `scope.yaml` has them. */
export const fingerprints: Readonly<Record<OpenpgpName, string>> = {
  cy: '5B62173FF6D2E6846B5C6636412097A36DA01F20',
  gus: 'E9B352EDD9C8B0649FFA3817272E0F22197CCF67',
};

/** `ssh-ed25519 AAAA… alice@fairlead.example`, without a line feed. */
export function sshPublicKey(name: SshName): string {
  return readFileSync(join(import.meta.dirname, `${name}.pub`), 'utf8').trim();
}

/** The armoured certificate as it would stand in `anchors/cy.asc`. */
export function openpgpCertificate(name: OpenpgpName): Uint8Array {
  return new Uint8Array(readFileSync(join(import.meta.dirname, `${name}.asc`)));
}

export type InstalledKeys = {
  /** Paths of private keys with mode 0600, the `.pub` beside each: `user.signingKey` for `gpg.format=ssh`. */
  readonly ssh: Readonly<Record<SshName, string>>;
  /** Primary fingerprints: `user.signingKey` for OpenPGP. */
  readonly openpgp: Readonly<Record<OpenpgpName, string>>;
  /** Pass as `GNUPGHOME`; its keyring holds cy and gus, secret keys without a passphrase, trusted. */
  readonly gnupgHome: string;
  /** Ends the gpg-agent of this home and removes what was installed. */
  close(): void;
};

/**
 * Copies the keys to `dir` (made if absent) with the modes that `ssh-keygen` wants, and imports the OpenPGP ones into
 * a GNUPGHOME of its own. That one lies in the system's temporary folder: a socket path has at most 107 bytes.
 */
export function installKeys(dir: string): InstalledKeys {
  mkdirSync(dir, { recursive: true });
  const ssh = Object.fromEntries(sshNames.map((name) => [name, installSsh(dir, name)])) as Record<
    SshName,
    string
  >;
  const gnupgHome = installGnupg();
  const close = () => {
    stopAgent(gnupgHome);
    rmSync(gnupgHome, { recursive: true, force: true });
    for (const path of Object.values(ssh))
      for (const file of [path, `${path}.pub`]) rmSync(file, { force: true });
  };
  return { ssh, openpgp: fingerprints, gnupgHome, close };
}

function installSsh(dir: string, name: SshName): string {
  const path = join(dir, name);
  copyFileSync(join(import.meta.dirname, name), path);
  copyFileSync(join(import.meta.dirname, `${name}.pub`), `${path}.pub`);
  chmodSync(path, 0o600);
  return path;
}

function installGnupg(): string {
  const home = mkdtempSync(join(tmpdir(), 'flgpg-'));
  chmodSync(home, 0o700);
  writeFileSync(join(home, 'gpg.conf'), 'batch\nno-tty\nno-greeting\n');
  const files = openpgpNames.map((name) => join(import.meta.dirname, `${name}.secret.asc`));
  gpg(home, ['--quiet', '--import', ...files]);
  gpg(home, ['--quiet', '--import-ownertrust'], `${Object.values(fingerprints).join(':6:\n')}:6:\n`);
  return home;
}

function gpg(home: string, args: readonly string[], input = ''): void {
  execFileSync('gpg', ['--batch', ...args], {
    env: { ...process.env, GNUPGHOME: home },
    input,
    stdio: 'pipe',
  });
}

/** Ends the gpg-agent that `gpg` started for this home. */
function stopAgent(home: string): void {
  execFileSync('gpgconf', ['--kill', 'gpg-agent'], {
    env: { ...process.env, GNUPGHOME: home },
    stdio: 'pipe',
  });
}
