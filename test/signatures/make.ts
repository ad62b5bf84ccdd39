/** Makes the signatures and certificates that the tests judge: with real `ssh-keygen` and `gpg`, or packet by packet. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  armor,
  enums,
  type PrivateKey,
  PublicKeyPacket,
  readPrivateKey,
  SecretKeyPacket,
  SecretSubkeyPacket,
  SignaturePacket,
} from 'openpgp';
import type { CommitSignature } from '../../src/git/commit.ts';

/** What git hands to a signing program: a commit without its signature header. */
export const payload = new TextEncoder().encode(
  [
    'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904',
    'author Alice <alice@fairlead.example> 1700000000 +0000',
    'committer Alice <alice@fairlead.example> 1700000000 +0000',
    '',
    'Route payments to v2\n',
  ].join('\n'),
);

export const ssh = (armored: string, signed = payload): CommitSignature => ({
  format: 'ssh',
  armor: armored,
  signed,
});
export const openpgp = (armored: string, signed = payload): CommitSignature => ({
  format: 'openpgp',
  armor: armored,
  signed,
});

/** `ssh-keygen -Y sign`, as git calls it. */
export function sshKeygenSign(
  privateKey: string,
  namespace = 'git',
  hash: 'sha256' | 'sha512' = 'sha512',
  signed: Uint8Array = payload,
): string {
  const file = `${privateKey}.payload`;
  writeFileSync(file, signed);
  const options = ['-O', `hashalg=${hash}`];
  execFileSync('ssh-keygen', ['-Y', 'sign', '-n', namespace, '-f', privateKey, ...options, file], {
    stdio: 'pipe',
  });
  const signature = readFileSync(`${file}.sig`, 'utf8');
  rmSync(`${file}.sig`);
  return signature;
}

/** Runs gpg in `home` and returns its output as text. */
export function gpg(home: string, args: readonly string[], input: Uint8Array | string = ''): string {
  const options = ['--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', ...args];
  return execFileSync('gpg', options, {
    env: { ...process.env, GNUPGHOME: home },
    input,
    stdio: 'pipe',
  }).toString();
}

/** `gpg -bsa`, as git calls it. */
export function gpgSign(home: string, key: string, ...options: readonly string[]): string {
  return gpg(home, [...options, '-bsa', '-u', key], payload);
}

export function publicCertificate(home: string, key: string): Uint8Array {
  return new TextEncoder().encode(gpg(home, ['--armor', '--export', key]));
}

export type Secret = SecretKeyPacket | SecretSubkeyPacket;

/** The primary secret key of cy, gus or a kind of `test/keys/kinds`, or of an armoured secret key. */
export async function primarySecret(nameOrArmor: string): Promise<Secret> {
  return secretPacket((await readSecret(nameOrArmor)).keyPacket);
}

export async function subkeySecret(name: string): Promise<Secret> {
  return secretPacket((await readSecret(name)).subkeys[0]?.keyPacket);
}

function secretPacket(packet: unknown): Secret {
  if (packet instanceof SecretKeyPacket || packet instanceof SecretSubkeyPacket) return packet;
  throw new Error('not a secret key');
}

export async function readSecret(nameOrArmor: string): Promise<PrivateKey> {
  if (nameOrArmor.startsWith('-----')) return readPrivateKey({ armoredKey: nameOrArmor });
  const folder = nameOrArmor.startsWith('pgp-') ? '../keys/kinds' : '../keys';
  const file = join(import.meta.dirname, folder, `${nameOrArmor}.secret.asc`);
  return readPrivateKey({ armoredKey: readFileSync(file, 'utf8') });
}

/** What openpgp.js needs to make a signature packet and its types do not show. */
type Writable = { -readonly [field in keyof SignaturePacket]: SignaturePacket[field] } & {
  sign(key: Secret, data: object, date: Date, detached: boolean, config: object): Promise<void>;
};

export type SignatureOptions = {
  readonly type?: number;
  readonly hash?: number;
  readonly date?: string;
  readonly fields?: (packet: SignaturePacket) => void;
};

/** The body of one signature packet over `data`, with whatever type, hash and subpackets a case wants. */
export async function signPacket(
  key: Secret,
  data: object,
  options: SignatureOptions = {},
): Promise<SignaturePacket> {
  const packet = new SignaturePacket();
  packet.signatureType = options.type ?? enums.signature.binary;
  packet.publicKeyAlgorithm = key.algorithm;
  packet.hashAlgorithm = options.hash ?? enums.hash.sha512;
  options.fields?.(packet);
  const writable = packet as unknown as Writable;
  const config = { nonDeterministicSignaturesViaNotation: false };
  await writable.sign(key, data, new Date(options.date ?? '2024-01-01T00:00:00Z'), true, config);
  return packet;
}

/** Literal data as openpgp.js hashes it. */
export const literal = (bytes: Uint8Array): object => ({ text: null, getBytes: () => bytes });

/** A packet with a header of the new format, long length. */
export function frame(tag: number, body: Uint8Array): Uint8Array {
  const head = Buffer.from([0xc0 | tag, 0xff, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return new Uint8Array(Buffer.concat([head, body]));
}

/** With its checksum: without one, gpg 2.2 takes END for data where the last group is full. */
export function armorSignature(...packets: readonly Uint8Array[]): string {
  const bytes = new Uint8Array(Buffer.concat(packets));
  return armor(enums.armor.signature, bytes, undefined, undefined, undefined, true).replaceAll('\r\n', '\n');
}

/** The public half of a secret key packet. */
export function publicBody(key: Secret): Uint8Array {
  const writable = key as unknown as { writePublicKey(): Uint8Array };
  return writable.writePublicKey();
}

export async function publicPacket(key: Secret): Promise<PublicKeyPacket> {
  const packet = new PublicKeyPacket();
  await packet.read(publicBody(key));
  return packet;
}
