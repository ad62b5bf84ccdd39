import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { createMessage, generateKey, type PrivateKey, sign as signOpenpgp } from 'openpgp';

/** One anchor of a generated history: how its key stands in `scope.yaml`, and how it signs the bytes of a commit. */
export type Signer = {
  readonly name: string;
  /** The entry of `keys`, as YAML flow. */
  readonly key: string;
  /** Files of the scope's directory that the key needs. */
  readonly files: Readonly<Record<string, string>>;
  /** The armoured signature of `git commit -S`. */
  sign(bytes: Uint8Array): Promise<string>;
};

/** An Ed25519 SSH key that is the same in every run; SSHSIG as ssh-keygen writes it. */
export function sshSigner(name: string): Signer {
  const seed = createHash('sha256').update(`bench anchor ${name}`).digest();
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  const wire = Buffer.concat([field('ssh-ed25519'), field(spki.subarray(-32))]);
  return {
    name,
    key: `{ ssh: "${`ssh-ed25519 ${wire.toString('base64')} ${name}`}" }`,
    files: {},
    sign: async (bytes) => sshsig(bytes, secret, wire),
  };
}

/** The line of git's `gpg.ssh.allowedSignersFile` for a signer. */
export function allowedSigner({ key, name }: Signer): string {
  return `${name}@example.test namespaces="git" ${/ssh-ed25519 \S+/.exec(key)?.[0] ?? ''}`;
}

function sshsig(message: Uint8Array, secret: KeyObject, wire: Uint8Array): string {
  const hash = createHash('sha512').update(message).digest();
  const about = [field('git'), field(''), field('sha512')];
  const signed = Buffer.concat([Buffer.from('SSHSIG'), ...about, field(hash)]);
  const signature = Buffer.concat([field('ssh-ed25519'), field(sign(null, signed, secret))]);
  const version = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([Buffer.from('SSHSIG'), version, field(wire), ...about, field(signature)]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}

/** A string of the SSH wire encoding (RFC 4251 5). */
function field(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A fresh OpenPGP key (Ed25519 that signs itself); its certificate stands in `anchors/`. */
export async function openpgpSigner(name: string): Promise<Signer> {
  const date = new Date('2024-01-01T00:00:00Z');
  const userIDs = [{ name, email: `${name}@example.test` }];
  const made = await generateKey({ userIDs, type: 'ecc', format: 'object', date, subkeys: [] });
  const certificate = made.publicKey.armor().replaceAll('\r\n', '\n');
  const sha256 = createHash('sha256').update(certificate).digest('hex');
  const fingerprint = made.publicKey.getFingerprint().toUpperCase();
  const file = `anchors/${name}.asc`;
  return {
    name,
    key: `{ openpgp: ${fingerprint}, file: ${file}, sha256: ${sha256} }`,
    files: { [file]: certificate },
    sign: (bytes) => openpgpSignature(bytes, made.privateKey),
  };
}

async function openpgpSignature(bytes: Uint8Array, secret: PrivateKey): Promise<string> {
  const message = await createMessage({ binary: bytes });
  const date = new Date('2024-06-01T00:00:00Z');
  const armor = await signOpenpgp({ message, signingKeys: secret, detached: true, date });
  return `${String(armor).replaceAll('\r\n', '\n').trimEnd()}\n`;
}
