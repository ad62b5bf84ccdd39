import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { dearmorSsh } from './armor.ts';
import type { SshKey } from './key.ts';
import { ascii, Reader, sameBytes } from './reader.ts';
import { refuse } from './refusal.ts';
import { ed25519Point } from './ssh-key.ts';

/** An SSHSIG, version 1 (openssh PROTOCOL.sshsig), in the form that G13 allows. */
type SshSignature = {
  readonly publicKey: Uint8Array;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  /** 64 bytes. */
  readonly ed25519: Uint8Array;
};

/** SubjectPublicKeyInfo of Ed25519 (RFC 8410 4) up to the 32 bytes of the key. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** The key that an armoured SSHSIG embeds, in wire encoding; it has not been asked whether it signed. */
export function embeddedKey(armor: string): Uint8Array {
  return readSshSignature(armor).publicKey;
}

/** Refuses unless `armor` is a signature of `key` over `signed` in `namespace`. Many at once take as many cores. */
export async function checkSshSignature(
  armor: string,
  signed: Uint8Array,
  key: SshKey,
  namespace: string,
): Promise<void> {
  const signature = readSshSignature(armor);
  if (signature.namespace !== namespace) refuse(`namespace is not ${namespace}`);
  if (!sameBytes(signature.publicKey, key.publicKey)) refuse('the embedded key is not the key of the anchor');
  const bytes = signedBytes(signature, signed);
  // OpenSSL refuses S >= L (RFC 8032 5.1.7), so there is no second encoding of one signature; a test holds it to that.
  if (!(await verifyAside(null, bytes, keyObject(key), signature.ed25519)))
    refuse('the signature does not match the bytes');
}

/** In the thread pool. */
const verifyAside = promisify<null, Uint8Array, KeyObject, Uint8Array, boolean>(verify);

function readSshSignature(armor: string): SshSignature {
  const reader = new Reader(dearmorSsh(armor), 'the SSH signature');
  if (ascii(reader.take(6)) !== 'SSHSIG') refuse('not an SSHSIG');
  if (reader.uint(4) !== 1) refuse('SSHSIG of another version than 1');
  const publicKey = reader.sshString();
  const namespace = ascii(reader.sshString());
  if (reader.sshString().length > 0) refuse('the reserved field is not empty');
  const hash = ascii(reader.sshString());
  if (hash !== 'sha256' && hash !== 'sha512') refuse('the hash is neither sha256 nor sha512');
  const ed25519 = ed25519Signature(reader.sshString());
  reader.end();
  return { publicKey, namespace, hash, ed25519 };
}

function ed25519Signature(blob: Uint8Array): Uint8Array {
  const reader = new Reader(blob, 'the Ed25519 signature');
  if (ascii(reader.sshString()) !== 'ssh-ed25519')
    refuse('the signature is of another algorithm than ssh-ed25519');
  const signature = reader.sshString();
  reader.end();
  if (signature.length !== 64) refuse('the Ed25519 signature does not have 64 bytes');
  return signature;
}

/** What the key signed: the envelope with the digest of the message, never the message itself. */
function signedBytes(signature: SshSignature, message: Uint8Array): Uint8Array {
  const digest = hash(signature.hash, message, 'buffer');
  const fields = [
    Buffer.from(signature.namespace, 'latin1'),
    Buffer.alloc(0),
    Buffer.from(signature.hash),
    digest,
  ];
  return Buffer.concat([Buffer.from('SSHSIG'), ...fields.flatMap((field) => [length(field), field])]);
}

function length(field: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(field.length);
  return bytes;
}

/** One per key: making it costs as much as a third of a check. */
const keyObjects = new WeakMap<SshKey, KeyObject>();

function keyObject(key: SshKey): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const der = Buffer.concat([spkiPrefix, ed25519Point(key.publicKey)]);
  const made = createPublicKey({ key: der, format: 'der', type: 'spki' });
  keyObjects.set(key, made);
  return made;
}
