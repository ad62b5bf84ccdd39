import type { PublicKeyPacket, PublicSubkeyPacket, SignaturePacket } from 'openpgp';
import { checkDepth } from './openpgp-subpacket.ts';
import {
  type Curve,
  curves,
  ecdsaKey,
  ecdsaSignature,
  ed25519Key,
  ed25519Signature,
  type PublicKey,
  rsaKey,
  toBigInt,
} from './public-key.ts';
import { Reader, sameBytes } from './reader.ts';
import { refuse } from './refusal.ts';

/**
 * The one importer of openpgp.js: it parses key material and does the arithmetic; every rule of G14 is ours. It is
 * loaded with the first OpenPGP key: that takes longer than most commands with SSH keys alone.
 */
const openpgp = () => import('openpgp');

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

/** Algorithms (RFC 9580 9.1) that may sign. */
const algorithms = { rsaEncryptSign: 1, rsaSign: 3, ecdsa: 19, eddsaLegacy: 22, ed25519: 27 } as const;

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
  const { PublicKeyPacket, PublicSubkeyPacket } = await openpgp();
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

/** What a key packet holds; refuses what G14 does not allow. Both encodings of Ed25519 are one key. */
export function publicKeyOf(key: SigningKey): PublicKey {
  const { algorithm, publicParams } = key;
  switch (algorithm) {
    case algorithms.ed25519:
      return ed25519Key(field(publicParams, 'A'));
    case algorithms.eddsaLegacy:
      return ed25519Key(nativePoint(field(publicParams, 'Q')));
    case algorithms.ecdsa:
      return ecdsaKey(curveOf(key), field(publicParams, 'Q'));
    case algorithms.rsaEncryptSign:
    case algorithms.rsaSign:
      return rsaKey(field(publicParams, 'n'), field(publicParams, 'e'));
    default:
      return refuse(`${key.getAlgorithmInfo().algorithm} keys cannot sign here`);
  }
}

function curveOf(key: SigningKey): Curve {
  const { curve = '' } = key.getAlgorithmInfo();
  return (
    Object.values(curves).find(({ name }) => name === curve) ?? refuse(`ECDSA over ${curve} is not allowed`)
  );
}

/** openpgp.js does not type what an algorithm's keys and signatures consist of. */
function field(of: unknown, name: string): Uint8Array {
  const value: unknown = typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
  return value instanceof Uint8Array ? value : refuse(`a packet without its ${name}`);
}

/** Strips the octet 0x40, "native point format" (RFC 9580 11.2.2). */
function nativePoint(point: Uint8Array): Uint8Array {
  if (point.length !== 33 || point[0] !== 0x40) refuse('an Ed25519 key that is not in native point format');
  return point.subarray(1);
}

export async function readSignature(body: Uint8Array): Promise<SignaturePacket> {
  checkDepth(body, 1);
  const { SignaturePacket } = await openpgp();
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
  checkHash(signature, key);
  checkNumbers(signature, key);
  const dateless: DatelessVerify = signature;
  await dateless.verify(key, type, data, null, true).catch((error: unknown) => refuse(text(error)));
}

/** Bits of a hash by RFC 9580 9.5: SHA-256, SHA-384, SHA-512. */
const sha2: ReadonlyMap<number | null, number> = new Map([
  [8, 256],
  [9, 384],
  [10, 512],
]);

/** An ECDSA signature's hash is no shorter than its curve's (RFC 9580 5.2.3.2), as gpg has it. */
function checkHash({ hashAlgorithm }: SignaturePacket, key: SigningKey): void {
  const bits = sha2.get(hashAlgorithm) ?? refuse('the hash is none of SHA-256, SHA-384 and SHA-512');
  if (key.algorithm === algorithms.ecdsa && bits < Number(curveOf(key).hash.slice(3)))
    refuse(`the hash is shorter than ${curveOf(key).hash}, which the curve asks for`);
}

/** What only some arithmetic libraries refuse: a verdict does not depend on which is at work (G0). */
function checkNumbers(signature: SignaturePacket, key: SigningKey): void {
  const params: unknown = Reflect.get(signature, 'params');
  if (isRsa(key)) {
    const modulus = field(key.publicParams, 'n');
    if (toBigInt(number(params, 's', modulus.length)) >= toBigInt(modulus))
      refuse('an RSA signature that is not below its modulus');
  }
  if (key.algorithm === algorithms.ecdsa) {
    const curve = curveOf(key);
    ecdsaSignature(curve, number(params, 'r', curve.width), number(params, 's', curve.width));
  }
  if (key.algorithm === algorithms.ed25519) ed25519Signature(field(params, 'RS'));
  if (key.algorithm === algorithms.eddsaLegacy)
    ed25519Signature(Buffer.concat([number(params, 'r', 32), number(params, 's', 32)]));
}

/** A number of a signature in `width` bytes: OpenPGP leaves out the zeros in front. */
function number(params: unknown, name: string, width: number): Uint8Array {
  const bytes = field(params, name);
  if (bytes.length > width) refuse('an OpenPGP signature of which a number is too long');
  return Buffer.concat([Buffer.alloc(width - bytes.length), bytes]);
}

function isRsa({ algorithm }: SigningKey): boolean {
  return algorithm === algorithms.rsaEncryptSign || algorithm === algorithms.rsaSign;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
