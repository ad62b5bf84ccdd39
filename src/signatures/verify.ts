import type { CommitSignature } from '../git/index.ts';
import { dearmorSsh } from './armor.ts';
import type { AnchorKey, OpenpgpKey, SshKey } from './key.ts';
import { checkOpenpgpSignature, dearmorSignature, issuerOf } from './openpgp-signature.ts';
import { sameBytes } from './reader.ts';
import { type Attempt, attempt, attemptAsync, refuse } from './refusal.ts';
import { checkSshSignature, embeddedKey, type Namespace } from './sshsig.ts';

/** A commit's signature in its armour, or a token's as plain bytes (formats.md, Detached). */
export type Signature = CommitSignature | DetachedSignature;

type DetachedSignature = {
  readonly format: 'ssh' | 'openpgp' | 'unknown';
  /** An SSHSIG, or one binary OpenPGP packet. */
  readonly blob: Uint8Array;
  readonly signed: Uint8Array;
};

type SignatureVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly rule: 'G13' | 'G14'; readonly reason: string };

/** The signature of a token: an SSHSIG says so, an OpenPGP packet has the first bit set. */
export function detachedSignature(blob: Uint8Array, signed: Uint8Array): DetachedSignature {
  const format = blob[0] === 0x53 ? 'ssh' : (blob[0] ?? 0) >= 0x80 ? 'openpgp' : 'unknown';
  return { format, blob, signed };
}

/**
 * Which of `keys` can have made the signature, by what it says about its maker, without cryptography (G17); null if
 * none of them or if it says nothing. A key that may sign goes before a certificate that only lists it.
 */
export function signerOf(signature: Signature, keys: readonly AnchorKey[]): AnchorKey | null {
  const maker = makers.get(signature) ?? makerOf(signature);
  makers.set(signature, maker);
  if (maker.publicKey !== null) {
    const embedded = maker.publicKey;
    return keys.find((key) => isSsh(key) && sameBytes(key.publicKey, embedded)) ?? null;
  }
  const { issuer } = maker;
  if (issuer === null) return null;
  const certificates = keys.filter(isOpenpgp);
  const signing = certificates.find(({ certificate }) => certificate.signing.has(issuer));
  return signing ?? certificates.find(({ certificate }) => certificate.refused.has(issuer)) ?? null;
}

/** What a signature says about its maker: the embedded SSH key, or the full fingerprint of an OpenPGP one. */
type Maker = { readonly publicKey: Uint8Array | null; readonly issuer: string | null };

/** Read once: whether a commit is an anchor's is asked for every scope that it may speak about. */
const makers = new WeakMap<Signature, Maker>();

function makerOf(signature: Signature): Maker {
  const { format } = signature;
  const embedded = format === 'ssh' ? attempt(() => embeddedKey(bytesOf(signature))) : null;
  const issuer = format === 'openpgp' ? attempt(() => issuerOf(bytesOf(signature))) : null;
  return {
    publicKey: embedded?.ok === true ? embedded.value : null,
    issuer: issuer?.ok === true ? issuer.value : null,
  };
}

/**
 * Does `signature` verify under `key` (G13, G14)? `namespace` is SSHSIG's; OpenPGP has none, and needs none here: a
 * commit's bytes begin with `tree `, a token's with `Fairlead-`.
 */
export async function verifySignature(
  signature: Signature,
  key: AnchorKey,
  namespace: Namespace,
): Promise<SignatureVerdict> {
  const rule = key.format === 'ssh' ? 'G13' : 'G14';
  if (signature.format !== key.format) {
    return { ok: false, rule, reason: `the signature is ${signature.format}, the key ${key.format}` };
  }
  const checked = await check(signature, key, namespace);
  return checked.ok ? { ok: true } : { ok: false, rule, reason: checked.reason };
}

async function check(signature: Signature, key: AnchorKey, namespace: Namespace): Promise<Attempt<void>> {
  const { signed } = signature;
  return key.format === 'ssh'
    ? attemptAsync(async () => checkSshSignature(bytesOf(signature), signed, key, namespace))
    : attemptAsync(async () => checkOpenpgpSignature(bytesOf(signature), signed, key));
}

/** Armour is git's, plain bytes are a token's. */
function bytesOf(signature: Signature): Uint8Array {
  const length = 'blob' in signature ? signature.blob.length : signature.armor.length;
  if (length > maxLength) refuse('a signature of more than 64 KiB');
  if ('blob' in signature) return signature.blob;
  if (signature.format === 'unknown') refuse('the signature is of no known format');
  return signature.format === 'ssh' ? dearmorSsh(signature.armor) : dearmorSignature(signature.armor);
}

/** One by the longest key has 2 KiB; a commit is not read again and again for what can be none (G17). */
const maxLength = 64 * 1024;

function isSsh(key: AnchorKey): key is SshKey {
  return key.format === 'ssh';
}

function isOpenpgp(key: AnchorKey): key is OpenpgpKey {
  return key.format === 'openpgp';
}
