import { hash } from 'node:crypto';
import {
  type Curve,
  curves,
  ecdsaKey,
  ecdsaSignature,
  ed25519Key,
  ed25519Signature,
  type PublicKey,
  rsaKey,
} from './public-key.ts';
import { ascii, Reader } from './reader.ts';
import { refuse } from './refusal.ts';

/** What is asked of node:crypto: did the key make `signature` over `data`? No digest: the algorithm has its own. */
export type Question = {
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
  readonly data: Uint8Array;
  /** Ed25519 and RSA: as it stands. ECDSA: IEEE P1363. */
  readonly signature: Uint8Array;
};

/** What differs between the SSH keys that G13 allows; the type's name and the ends are checked around it. */
type Kind = {
  /** Reads a public key blob behind its type. */
  readonly key: (blob: Reader) => PublicKey;
  /** The names that a signature blob of such a key may begin with. */
  readonly algorithms: readonly string[];
  /** Reads a signature blob behind its algorithm. `data` is what was to be signed; `blob` that of the key. */
  readonly question: (signature: Reader, algorithm: string, data: Uint8Array, blob: Uint8Array) => Question;
};

const ed25519 = 'ssh-ed25519';
const skEd25519 = 'sk-ssh-ed25519@openssh.com';
const skEcdsa = 'sk-ecdsa-sha2-nistp256@openssh.com';

/** By the type that stands in a public key; one entry is one kind. */
export const sshKinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [
    ed25519,
    {
      key: (blob) => ed25519Key(blob.sshString()),
      algorithms: [ed25519],
      question: (signature, _, data) => ({
        digest: null,
        data,
        signature: ed25519Signature(signature.sshString()),
      }),
    },
  ],
  ['ecdsa-sha2-nistp256', ecdsa(curves.nistP256)],
  ['ecdsa-sha2-nistp384', ecdsa(curves.nistP384)],
  ['ecdsa-sha2-nistp521', ecdsa(curves.nistP521)],
  [
    'ssh-rsa',
    {
      key: (blob) => {
        const exponent = blob.sshMpint();
        return rsaKey(blob.sshMpint(), exponent);
      },
      algorithms: ['rsa-sha2-256', 'rsa-sha2-512'],
      question: (signature, algorithm, data) => ({
        digest: algorithm === 'rsa-sha2-256' ? 'sha256' : 'sha512',
        data,
        // OpenSSL refuses one that is not as long as the modulus, or not below it.
        signature: signature.sshString(),
      }),
    },
  ],
  [
    skEd25519,
    {
      key: (blob) => {
        const key = ed25519Key(blob.sshString());
        blob.sshString();
        return key;
      },
      algorithms: [skEd25519],
      question: (signature, _, data, blob) => {
        const bytes = ed25519Signature(signature.sshString());
        return { digest: null, data: authenticated(signature, data, blob), signature: bytes };
      },
    },
  ],
  [
    skEcdsa,
    {
      key: (blob) => {
        const key = ecdsaPoint(curves.nistP256, blob);
        blob.sshString();
        return key;
      },
      algorithms: [skEcdsa],
      question: (signature, _, data, blob) => {
        const bytes = ecdsaBytes(curves.nistP256, signature);
        return { digest: 'sha256', data: authenticated(signature, data, blob), signature: bytes };
      },
    },
  ],
]);

/** RFC 5656 3.1. */
function ecdsa(curve: Curve): Kind {
  return {
    key: (blob) => ecdsaPoint(curve, blob),
    algorithms: [`ecdsa-sha2-${sshName(curve)}`],
    question: (signature, _, data) => ({
      digest: curve.hash,
      data,
      signature: ecdsaBytes(curve, signature),
    }),
  };
}

function sshName({ name }: Curve): string {
  return name.toLowerCase();
}

function ecdsaPoint(curve: Curve, blob: Reader): PublicKey {
  if (ascii(blob.sshString()) !== sshName(curve)) refuse(`the ECDSA key does not name ${sshName(curve)}`);
  return ecdsaKey(curve, blob.sshString());
}

function ecdsaBytes(curve: Curve, signature: Reader): Uint8Array {
  const numbers = new Reader(signature.sshString(), 'the ECDSA signature');
  const r = numbers.sshMpint();
  const s = numbers.sshMpint();
  numbers.end();
  return ecdsaSignature(curve, r, s);
}

const userPresent = 0x01;

/**
 * What a FIDO authenticator signs instead of `data` (openssh PROTOCOL.u2f): SHA-256 of the application for which the
 * key was made (any: `ssh:` is only ssh-keygen's habit), flags, a counter, SHA-256 of the data. Somebody touched it, or
 * it is no vote (G13); that it also asked for a PIN is welcome, and the counter proves nothing here.
 */
function authenticated(signature: Reader, data: Uint8Array, blob: Uint8Array): Uint8Array {
  const state = signature.take(5);
  if (((state[0] ?? 0) & userPresent) === 0) refuse('the authenticator was not touched (user presence)');
  return Buffer.concat([digest(applicationOf(blob)), state, digest(data)]);
}

/** The last field of an `sk-` key. */
function applicationOf(blob: Uint8Array): Uint8Array {
  const reader = new Reader(blob, 'the SSH key');
  let last = reader.sshString();
  while (reader.left > 0) last = reader.sshString();
  return last;
}

function digest(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
