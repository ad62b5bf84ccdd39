/** SSH keys and signatures that ssh-keygen does not make, byte by byte (RFC 4253 6.6, PROTOCOL.sshsig). */
import { createHash } from 'node:crypto';
import { type SshName, sshPublicKey } from '../../keys/index.ts';
import { armorSignature, frame, literal, signPacket, subkeySecret } from '../../signatures/make.ts';

function field(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** An integer of that many bits that looks like any other, top and lowest bit set. */
function integer(bits: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; parts.length * 64 < bits / 8; at += 1)
    parts.push(createHash('sha512').update(`integer ${bits} ${at}`).digest());
  const bytes = Buffer.concat(parts).subarray(0, bits / 8);
  bytes.writeUInt8(bytes.readUInt8(0) | 0x80, 0);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) | 1, bytes.length - 1);
  return field(Buffer.concat([Buffer.from([0]), bytes]));
}

function line(type: string, ...parts: readonly Buffer[]): string {
  return `${type} ${Buffer.concat([field(type), ...parts]).toString('base64')}`;
}

const exponent = field(Buffer.from([1, 0, 1]));
/** Uncompressed, and on no curve. */
const point = field(Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]));

export const oddKeys: Readonly<Record<string, string>> = {
  'RSA of 1024 bits': line('ssh-rsa', exponent, integer(1024)),
  'RSA of 2048 bits': line('ssh-rsa', exponent, integer(2048)),
  DSA: line('ssh-dss', integer(1024), integer(160), integer(1024), integer(1024)),
  secp256k1: line('ecdsa-sha2-secp256k1', field('secp256k1'), point),
  'a point on no curve': line('ecdsa-sha2-nistp256', field('nistp256'), point),
  'Ed25519 of 31 bytes': line('ssh-ed25519', field(Buffer.alloc(31, 3))),
  'another type inside': `ssh-ed25519 ${Buffer.concat([field('ssh-rsa'), exponent, integer(2048)]).toString('base64')}`,
};

/** A certificate for the key of `name`, as an authority would issue it. */
export function certificateLine(name: SshName): string {
  const key = Buffer.from(sshPublicKey(name).split(' ')[1] ?? '', 'base64').subarray(-32);
  const nothing = field('');
  const forever = Buffer.alloc(8, 0xff);
  return line(
    'ssh-ed25519-cert-v01@openssh.com',
    field(Buffer.alloc(32, 1)),
    field(key),
    Buffer.alloc(8),
    Buffer.from([0, 0, 0, 1]),
    field(name),
    field(field(name)),
    Buffer.alloc(8),
    forever,
    nothing,
    nothing,
    nothing,
    field(Buffer.concat([field('ssh-ed25519'), field(Buffer.alloc(32, 2))])),
    field(Buffer.concat([field('ssh-ed25519'), field(Buffer.alloc(64, 3))])),
  );
}

/** The signature with another public key in it: only the signature proper is made with the key. */
export function withEmbeddedKey(armor: string, keyLine: string): string {
  const blob = blobOf(armor);
  const key = Buffer.from(keyLine.split(' ')[1] ?? '', 'base64');
  return armored(
    Buffer.concat([blob.subarray(0, 10), field(key), blob.subarray(14 + blob.readUInt32BE(10))]),
  );
}

/** The twin of an Ed25519 signature: S + L, which sloppy verifiers take for another signature of the same bytes. */
export function addOrder(armor: string): string {
  const blob = Buffer.from(blobOf(armor));
  plusOrder(blob.subarray(-32)).copy(blob, blob.length - 32);
  return armored(blob);
}

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function plusOrder(scalar: Uint8Array): Buffer {
  const value = BigInt(`0x${Buffer.from(scalar).reverse().toString('hex')}`) + ORDER;
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

/** The same for OpenPGP by cy's subkey, of which the last 32 bytes are S (its form of EdDSA is little-endian). */
export async function addOrderOpenpgp(bytes: Uint8Array): Promise<string> {
  for (let second = 0; second < 60; second += 1) {
    const date = `2024-01-01T00:00:${String(second).padStart(2, '0')}Z`;
    const body = Buffer.from((await signPacket(await subkeySecret('cy'), literal(bytes), { date })).write());
    if (body.readUInt16BE(body.length - 34) <= 248) continue;
    const twin = plusOrder(body.subarray(-32));
    twin.copy(body, body.length - 32);
    body.writeUInt16BE(BigInt(`0x${twin.toString('hex')}`).toString(2).length, body.length - 34);
    return armorSignature(frame(2, body));
  }
  throw new Error('no signature with a full S');
}

export function blobOf(armor: string): Buffer {
  return Buffer.from(armor.replace(/-----[^\n]*\n?/g, ''), 'base64');
}

function armored(blob: Uint8Array): string {
  const lines =
    Buffer.from(blob)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}
