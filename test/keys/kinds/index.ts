/** Published test keys of each kind that G13 and G14 allow (README.md in the folder above). */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** SSH keys that `ssh-keygen` can sign with. */
export const sshFileKinds = ['ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa-3072'] as const;
export type SshFileKind = (typeof sshFileKinds)[number];
/** FIDO keys of an authenticator in software: private halves as PKCS #8, made for `ssh:` and `ssh:mesh`. */
export const authenticatorKinds = ['sk-ed25519', 'sk-ecdsa'] as const;
export type AuthenticatorKind = (typeof authenticatorKinds)[number];

/** Certificates of a primary key that can sign and one signing subkey. */
export const openpgpKinds = ['pgp-256', 'pgp-384', 'pgp-521', 'pgp-rsa', 'pgp-v4-27', 'pgp-v6'] as const;
export type OpenpgpKind = (typeof openpgpKinds)[number];
/** Full fingerprints of the primary keys. */
export const kindFingerprints: Readonly<Record<OpenpgpKind, string>> = {
  'pgp-256': 'F6EB2D25B88174B1DA09563F043866A7C8315CD0',
  'pgp-384': 'F8B0EDD7738021750E5B729E395D340A54595034',
  'pgp-521': '6BF275BDEF4A263A238FE1DD1179DBBE465CC870',
  'pgp-rsa': '0A95F400EDD7DB055DB96F0B2A45B7E72ED0AD42',
  'pgp-v4-27': '225D839DF65E931460B714685B6B8897AC7B5913',
  'pgp-v6': 'A8976B7EDAF1ABFCA4AA7D56794164628B08DFD63EB9D6BBFEB177A98DF3B2F7',
};

/** Those that gpg 2.2 cannot read, algorithm 27 and version 6: no second judge. */
export const withoutJudge = ['pgp-v4-27', 'pgp-v6'] as const;
/** Those that it can. */
export const withJudge = ['pgp-256', 'pgp-384', 'pgp-521', 'pgp-rsa'] as const;

/** A line of a `.pub` file, without a line feed. */
export function publicLine(kind: SshFileKind | AuthenticatorKind): string {
  return readFileSync(join(import.meta.dirname, `${kind}.pub`), 'utf8').trim();
}

/** Copies a private key to `folder` with the mode that `ssh-keygen` wants, and returns its path. */
export function installKind(folder: string, kind: SshFileKind): string {
  const path = join(folder, kind);
  for (const end of ['', '.pub']) copyFileSync(join(import.meta.dirname, `${kind}${end}`), `${path}${end}`);
  chmodSync(path, 0o600);
  return path;
}

export function authenticatorKey(kind: AuthenticatorKind): KeyObject {
  return createPrivateKey(readFileSync(join(import.meta.dirname, `${kind}.pem`)));
}

export function certificateOf(kind: OpenpgpKind): Uint8Array {
  return new Uint8Array(readFileSync(join(import.meta.dirname, `${kind}.asc`)));
}

export function secretFile(kind: OpenpgpKind): string {
  return join(import.meta.dirname, `${kind}.secret.asc`);
}
