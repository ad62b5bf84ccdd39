import type { CommitSignature } from '../../git/index.ts';
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
  if (signature.format === 'ssh') {
    const embedded = attempt(() => embeddedKey(signature.armor));
    return embedded.ok
      ? (keys.find((key) => isSsh(key) && sameBytes(key.publicKey, embedded.value)) ?? null)
      : null;
  }
  if (signature.format !== 'openpgp') return null;
  const issuer = attempt(() => issuerOf(signature.armor));
  if (!issuer.ok) return null;
  const certificates = keys.filter(isOpenpgp);
  const signing = certificates.find(({ certificate }) => certificate.signing.has(issuer.value));
  return signing ?? certificates.find(({ certificate }) => certificate.refused.has(issuer.value)) ?? null;
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
    ? attempt(() => checkSshSignature(armor, signed, key, namespace))
    : attemptAsync(() => checkOpenpgpSignature(armor, signed, key));
}

function isSsh(key: AnchorKey): key is SshKey {
  return key.format === 'ssh';
}

function isOpenpgp(key: AnchorKey): key is OpenpgpKey {
  return key.format === 'openpgp';
}
