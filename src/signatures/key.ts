import type { KeyObject } from 'node:crypto';
import type { SigningKey } from './openpgp-packet.ts';

/** A key of an anchor, normalised (G4): `material` is the raw public key, equal for one secret in either format. */
export type AnchorKey = SshKey | OpenpgpKey;

export type SshKey = {
  readonly format: 'ssh';
  /** Equal for equal keys: what a verdict about a signature may be remembered by. */
  readonly id: string;
  /** `ed25519:…`, `ecdsa-nistP256:…` or `rsa:<n>:<e>`, in hex; of an `sk-` key the same as of a plain one. */
  readonly material: string;
  /** `SHA256:` and base64 without padding, as `ssh-keygen -lf` prints it. */
  readonly fingerprint: string;
  /** The key in SSH's wire encoding (RFC 4253 6.6): what an SSHSIG embeds. */
  readonly publicKey: Uint8Array;
  /** The type in it, such as `ssh-ed25519`: which of `sshKinds` it is. */
  readonly type: string;
  /** The same key for node:crypto. */
  readonly object: KeyObject;
};

export type OpenpgpKey = {
  readonly format: 'openpgp';
  /** As an SSH key's; of the certificate's bytes, since another certificate of this key may refuse what this one allows. */
  readonly id: string;
  /** Of the primary key, as an SSH key's. */
  readonly material: string;
  /** Of the primary key and of every subkey that may sign. */
  readonly materials: readonly string[];
  /** Of the primary key: 40 (v4) or 64 (v6) upper-case hex digits. */
  readonly fingerprint: string;
  /** Signature packets in the certificate: what reading it cost (G17). */
  readonly checks: number;
  readonly certificate: Certificate;
};

/** What a pinned certificate says about its keys; both maps are by full fingerprint. */
type Certificate = {
  /** The keys that may sign. Never empty. */
  readonly signing: ReadonlyMap<string, SigningKey>;
  /** The others, with the reason why a signature of theirs is refused. */
  readonly refused: ReadonlyMap<string, string>;
};
