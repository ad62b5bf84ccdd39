import type { CommitSignature } from '../git/index.ts';
import type { AnchorKey, OpenpgpKey, SshKey } from './key.ts';
import { checkOpenpgpSignature, issuerOf } from './openpgp-signature.ts';
import { sameBytes } from './reader.ts';
import { type Attempt, attempt, attemptAsync } from './refusal.ts';
import { checkSshSignature, embeddedKey } from './sshsig.ts';

type SignatureVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly rule: 'G13' | 'G14'; readonly reason: string };

/**
 * Which of `keys` can have made the signature, by what it says about its maker, without cryptography (G17); null if
 * none of them or if it says nothing. A key that may sign goes before a certificate that only lists it.
 */
export function signerOf(signature: CommitSignature, keys: readonly AnchorKey[]): AnchorKey | null {
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
const makers = new WeakMap<CommitSignature, Maker>();

function makerOf({ format, armor }: CommitSignature): Maker {
  const embedded = format === 'ssh' ? attempt(() => embeddedKey(armor)) : null;
  const issuer = format === 'openpgp' ? attempt(() => issuerOf(armor)) : null;
  return {
    publicKey: embedded?.ok === true ? embedded.value : null,
    issuer: issuer?.ok === true ? issuer.value : null,
  };
}

/** Does `signature` verify under `key` (G13, G14)? `namespace` is SSHSIG's; OpenPGP has none. */
export async function verifySignature(
  signature: CommitSignature,
  key: AnchorKey,
  namespace: 'git',
): Promise<SignatureVerdict> {
  const rule = key.format === 'ssh' ? 'G13' : 'G14';
  if (signature.format !== key.format) {
    return { ok: false, rule, reason: `the signature is ${signature.format}, the key ${key.format}` };
  }
  const checked = await check(signature, key, namespace);
  return checked.ok ? { ok: true } : { ok: false, rule, reason: checked.reason };
}

async function check(signature: CommitSignature, key: AnchorKey, namespace: string): Promise<Attempt<void>> {
  const { armor, signed } = signature;
  return key.format === 'ssh'
    ? attemptAsync(() => checkSshSignature(armor, signed, key, namespace))
    : attemptAsync(() => checkOpenpgpSignature(armor, signed, key));
}

function isSsh(key: AnchorKey): key is SshKey {
  return key.format === 'ssh';
}

function isOpenpgp(key: AnchorKey): key is OpenpgpKey {
  return key.format === 'openpgp';
}
