import { hash, type KeyObject, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { SshKey } from './key.ts';
import { ascii, Reader, sameBytes } from './reader.ts';
import { refuse } from './refusal.ts';
import { type Question, sshKinds } from './ssh-kinds.ts';

/** What a signature is for (openssh PROTOCOL.sshsig): git's commits, or a token of ours (formats.md, Detached). */
export type Namespace = 'git' | 'fairlead';

/** An SSHSIG, version 1, in the form that G13 allows. */
type SshSignature = {
  readonly publicKey: Uint8Array;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  /** Algorithm and what it made, in SSH's wire encoding (RFC 4253 6.6). */
  readonly blob: Uint8Array;
};

/** The key that an SSHSIG embeds, in wire encoding; it has not been asked whether it signed. */
export function embeddedKey(sshsig: Uint8Array): Uint8Array {
  return readSshSignature(sshsig).publicKey;
}

/** Refuses unless `sshsig` is a signature of `key` over `signed` in `namespace`. Many at once take as many cores. Enforces G13. */
export async function checkSshSignature(
  sshsig: Uint8Array,
  signed: Uint8Array,
  key: SshKey,
  namespace: Namespace,
): Promise<void> {
  const signature = readSshSignature(sshsig);
  if (signature.namespace !== namespace) refuse(`namespace is not ${namespace}`);
  if (!sameBytes(signature.publicKey, key.publicKey)) refuse('the embedded key is not the key of the anchor');
  const { digest, data, signature: made } = readBlob(signature, signedBytes(signature, signed), key);
  if (!(await verifyAside(digest, data, asked(key.object), made)))
    refuse('the signature does not match the bytes');
}

type Asked = KeyObject | { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' };

/** The encoding is ECDSA's; node:crypto takes twice as long to see that an object with a key in it is no key. */
function asked(key: KeyObject): Asked {
  return key.asymmetricKeyType === 'ec' ? { key, dsaEncoding: 'ieee-p1363' } : key;
}

/** In the thread pool. */
const verifyAside = promisify<string | null, Uint8Array, Asked, Uint8Array, boolean>(verify);

function readSshSignature(sshsig: Uint8Array): SshSignature {
  const reader = new Reader(sshsig, 'the SSH signature');
  if (ascii(reader.take(6)) !== 'SSHSIG') refuse('not an SSHSIG');
  if (reader.uint(4) !== 1) refuse('SSHSIG of another version than 1');
  const publicKey = reader.sshString();
  const namespace = ascii(reader.sshString());
  if (reader.sshString().length > 0) refuse('the reserved field is not empty');
  const hash = ascii(reader.sshString());
  if (hash !== 'sha256' && hash !== 'sha512') refuse('the hash is neither sha256 nor sha512');
  const blob = reader.sshString();
  reader.end();
  return { publicKey, namespace, hash, blob };
}

function readBlob({ blob }: SshSignature, data: Uint8Array, key: SshKey): Question {
  const kind = sshKinds.get(key.type) ?? refuse(`SSH keys of type ${key.type} are not allowed`);
  const reader = new Reader(blob, 'the SSH signature');
  const algorithm = ascii(reader.sshString());
  if (!kind.algorithms.includes(algorithm))
    refuse(`the signature is of another algorithm than ${kind.algorithms.join(' or ')}`);
  const question = kind.question(reader, algorithm, data, key.publicKey);
  reader.end();
  return question;
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
