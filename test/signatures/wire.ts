/** SSH's wire encoding (RFC 4251 5), SSHSIG field by field, and the authenticator that no test machine has. */
import { createHash, sign } from 'node:crypto';
import { type AuthenticatorKind, authenticatorKey, publicLine } from '../keys/kinds/index.ts';

/** The fields of an SSHSIG; those after the version are length-prefixed. */
export type Fields = {
  magic: Buffer;
  version: number;
  publicKey: Buffer;
  namespace: Buffer;
  reserved: Buffer;
  hash: Buffer;
  signature: Buffer;
  tail: Buffer;
};

export function lengthPrefixed(bytes: Uint8Array | string): Buffer {
  const content = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

/** A number of at least `width` bytes, big-endian. */
export function bigEndian(value: bigint, width = 0): Buffer {
  const digits = value.toString(16);
  return Buffer.from(digits.padStart(Math.max(2 * width, digits.length + (digits.length % 2)), '0'), 'hex');
}

/** A positive number, minimal. */
export function mpint(value: bigint): Buffer {
  const bytes = value === 0n ? Buffer.alloc(0) : bigEndian(value);
  const zero = (bytes[0] ?? 0) >= 0x80 ? [0] : [];
  return lengthPrefixed(Buffer.from([...zero, ...bytes]));
}

export const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

/** The strings of which a blob consists. */
export function stringsOf(bytes: Uint8Array): readonly Buffer[] {
  const buffer = Buffer.from(bytes);
  const found: Buffer[] = [];
  for (let at = 0; at < buffer.length; ) {
    const end = at + 4 + buffer.readUInt32BE(at);
    found.push(buffer.subarray(at + 4, end));
    at = end;
  }
  return found;
}

export function parseSshsig(armored: string): Fields {
  const bytes = Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
  const [publicKey, namespace, reserved, hash, signature] = stringsOf(bytes.subarray(10));
  if (!publicKey || !namespace || !reserved || !hash || !signature) throw new Error('not an SSHSIG');
  const head = { magic: bytes.subarray(0, 6), version: bytes.readUInt32BE(6) };
  return { ...head, publicKey, namespace, reserved, hash, signature, tail: Buffer.alloc(0) };
}

export function sshsigBlob(fields: Fields): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32BE(fields.version);
  const { publicKey, namespace, reserved, hash, signature } = fields;
  const strings = [publicKey, namespace, reserved, hash, signature].map(lengthPrefixed);
  return Buffer.concat([fields.magic, version, ...strings, fields.tail]);
}

/** In armour, on one line. */
export function printSshsig(fields: Fields): string {
  return `-----BEGIN SSH SIGNATURE-----\n${sshsigBlob(fields).toString('base64')}\n-----END SSH SIGNATURE-----\n`;
}

/** A signature blob: the algorithm's name, and what it made. */
export const blob = (algorithm: string, bytes: Uint8Array): Buffer =>
  Buffer.concat([lengthPrefixed(algorithm), lengthPrefixed(bytes)]);

/** What a key is asked to sign: `message` in its envelope. */
export function envelope(message: Uint8Array, namespace = 'git', hash = 'sha512'): Buffer {
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([Buffer.from('SSHSIG'), ...[namespace, '', hash, digest].map(lengthPrefixed)]);
}

/** An SSHSIG of whatever key and signature blob. */
export function sshsig(line: string, signature: Buffer, namespace = 'git', hash = 'sha512'): Fields {
  return {
    magic: Buffer.from('SSHSIG'),
    version: 1,
    publicKey: keyBlob(line),
    namespace: Buffer.from(namespace),
    reserved: Buffer.alloc(0),
    hash: Buffer.from(hash),
    signature,
    tail: Buffer.alloc(0),
  };
}

/** The base64 of a `.pub` line. */
export function keyBlob(line: string): Buffer {
  return Buffer.from(line.split(' ')[1] ?? '', 'base64');
}

/** A `.pub` line of a blob, whatever is in it. */
export function keyLine(...strings: readonly (Uint8Array | string)[]): string {
  const [type = ''] = strings;
  return `${Buffer.from(type).toString()} ${Buffer.concat(strings.map(lengthPrefixed)).toString('base64')}`;
}

export type Touch = {
  readonly flags?: number;
  readonly counter?: number;
  readonly namespace?: string;
  readonly application?: string;
  readonly algorithm?: string;
};

/** What an authenticator makes of `message` (openssh PROTOCOL.u2f), in software. */
export function touch(kind: AuthenticatorKind, message: Uint8Array, made: Touch = {}): Fields {
  const line = publicLine(kind);
  const strings = stringsOf(keyBlob(line));
  const application = made.application ?? strings.at(-1) ?? '';
  const state = Buffer.alloc(5, made.flags ?? 1);
  state.writeUInt32BE(made.counter ?? 7, 1);
  const digest = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();
  const data = Buffer.concat([digest(application), state, digest(envelope(message, made.namespace))]);
  const key = authenticatorKey(kind);
  const bytes =
    kind === 'sk-ed25519'
      ? sign(null, data, key)
      : ecdsaNumbers(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }));
  const algorithm = made.algorithm ?? String(strings[0]);
  return sshsig(line, Buffer.concat([blob(algorithm, bytes), state]), made.namespace);
}

/** r and s of IEEE P1363 as two numbers. */
export function ecdsaNumbers(p1363: Uint8Array): Buffer {
  const half = p1363.length / 2;
  return Buffer.concat([mpint(toNumber(p1363.subarray(0, half))), mpint(toNumber(p1363.subarray(half)))]);
}
