import { enums, PublicKeyPacket, PublicSubkeyPacket, SignaturePacket } from 'openpgp';
import { hex, Reader, sameBytes } from './reader.ts';
import { refuse } from './refusal.ts';

/** The one importer of openpgp.js: it parses key material and does the arithmetic; every rule of G14 is ours. */

/** A public key that may be asked whether it made a signature. */
export type SigningKey = PublicKeyPacket | PublicSubkeyPacket;

export type Packet = { readonly tag: number; readonly body: Uint8Array };

export const tag = {
  signature: 2,
  publicKey: 6,
  trust: 12,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
} as const;

/** Signature types (RFC 9580 5.2.1) that governance reads. */
export const signatureType = {
  binary: 0x00,
  subkeyBinding: 0x18,
  keyBinding: 0x19,
  key: 0x1f,
  keyRevocation: 0x20,
  subkeyRevocation: 0x28,
} as const;

/** All packets of a binary block (RFC 9580 4.2), old and new headers, definite lengths only, consumed exactly. */
export function readPackets(bytes: Uint8Array): readonly Packet[] {
  const reader = new Reader(bytes, 'the OpenPGP block');
  const packets: Packet[] = [];
  while (reader.left > 0) {
    const head = reader.uint(1);
    if ((head & 0x80) === 0) refuse('an OpenPGP packet without its marker bit');
    const packetTag = (head & 0x40) === 0 ? (head >> 2) & 0x0f : head & 0x3f;
    const bodyLength = (head & 0x40) === 0 ? oldLength(reader, head & 3) : newLength(reader);
    packets.push({ tag: packetTag, body: reader.take(bodyLength) });
  }
  return packets;
}

function oldLength(reader: Reader, kind: number): number {
  if (kind === 3) refuse('an OpenPGP packet of indeterminate length');
  return reader.uint(1 << kind);
}

function newLength(reader: Reader): number {
  const first = reader.uint(1);
  if (first < 192) return first;
  if (first === 255) return reader.uint(4);
  if (first > 223) refuse('an OpenPGP packet of partial lengths');
  return (first - 192) * 256 + reader.uint(1) + 192;
}

/** A key packet whose bytes are the one encoding of its content, so that its fingerprint binds all of them. */
export async function readKey(packet: Packet): Promise<SigningKey> {
  const key = packet.tag === tag.publicKey ? new PublicKeyPacket() : new PublicSubkeyPacket();
  await key.read(packet.body).catch((error: unknown) => refuse(`unreadable key packet: ${text(error)}`));
  if (key.version !== 4 && key.version !== 6)
    refuse(`OpenPGP keys of version ${key.version} are not allowed`);
  if (!sameBytes(key.write(), packet.body)) refuse('a key packet with bytes that are not part of its key');
  return key;
}

/** 40 or 64 upper-case hex digits. */
export function fingerprintOf(key: SigningKey): string {
  return key.getFingerprint().toUpperCase();
}

/** The raw public key (G4), equal for both of OpenPGP's Ed25519 encodings and for SSH's; refuses what G13 and G14 do not allow. */
export function materialOf(key: SigningKey): string {
  const { algorithm, bits = 0, curve = '' } = key.getAlgorithmInfo();
  const parameter = (name: string): Uint8Array => {
    const value: unknown = Reflect.get(key.publicParams, name);
    return value instanceof Uint8Array ? value : refuse(`a key packet without its ${name}`);
  };
  if (key.algorithm === enums.publicKey.ed25519) return `ed25519:${hex(parameter('A'))}`;
  if (key.algorithm === enums.publicKey.eddsaLegacy) return `ed25519:${hex(nativePoint(parameter('Q')))}`;
  if (key.algorithm === enums.publicKey.ecdsa) {
    if (!/^nistP(256|384|521)$/.test(curve)) refuse(`ECDSA over ${curve} is not allowed`);
    if (parameter('Q')[0] !== 0x04) refuse('an ECDSA key that is not an uncompressed point');
    return `ecdsa-${curve}:${hex(parameter('Q'))}`;
  }
  if (key.algorithm !== enums.publicKey.rsaEncryptSign && key.algorithm !== enums.publicKey.rsaSign) {
    refuse(`${algorithm} keys cannot sign here`);
  }
  if (bits < 3072) refuse(`RSA keys need 3072 bits, this one has ${bits}`);
  return `rsa:${hex(parameter('n'))}:${hex(parameter('e'))}`;
}

/** Strips the octet 0x40, "native point format" (RFC 9580 11.2.2). */
function nativePoint(point: Uint8Array): Uint8Array {
  if (point.length !== 33 || point[0] !== 0x40) refuse('an Ed25519 key that is not in native point format');
  return point.subarray(1);
}

export function readSignature(body: Uint8Array): SignaturePacket {
  const signature = new SignaturePacket();
  try {
    signature.read(body);
  } catch (error) {
    refuse(`unreadable signature packet: ${text(error)}`);
  }
  return signature;
}

/** `date: null` switches every check of a date off; openpgp.js documents it, its types do not have it. */
interface DatelessVerify {
  verify(
    key: SigningKey,
    type: number,
    data: object,
    date: Date | null | undefined,
    detached: boolean,
  ): Promise<void>;
}

/**
 * Refuses unless `key` made `signature` over `data`, at whatever date. The caller has checked the signature's own type:
 * openpgp.js hashes `data` as `type` says and does not compare.
 */
export async function checkSignature(
  signature: SignaturePacket,
  key: SigningKey,
  type: number,
  data: object,
): Promise<void> {
  if (!isSha2(signature.hashAlgorithm)) refuse('the hash is none of SHA-256, SHA-384 and SHA-512');
  const dateless: DatelessVerify = signature;
  await dateless.verify(key, type, data, null, true).catch((error: unknown) => refuse(text(error)));
}

/** RFC 9580 9.5: 8 SHA-256, 9 SHA-384, 10 SHA-512. */
function isSha2(hash: number | null): boolean {
  return hash === 8 || hash === 9 || hash === 10;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
