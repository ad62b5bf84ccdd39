import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { hex } from './reader.ts';
import { refuse } from './refusal.ts';

/**
 * A public key that either format may hold, checked once (G13, G14): with what is refused here, somebody else than the
 * owner could sign, or one key could be written in two ways.
 */
export type PublicKey = {
  /** The raw public key (G4): one name for one secret, whichever format lists it. */
  readonly material: string;
  /** The same key for node:crypto. */
  readonly object: KeyObject;
};

/** `point` as RFC 8032 5.1.2 encodes it: 32 bytes. */
export function ed25519Key(point: Uint8Array): PublicKey {
  if (point.length !== 32) refuse('the Ed25519 key does not have 32 bytes');
  const y = coordinate(point);
  if (y >= prime25519) refuse('the Ed25519 key is not in its canonical encoding');
  if (smallOrder.has(y)) refuse('the Ed25519 key is of small order: everybody can sign with it');
  return publicKey(`ed25519:${hex(point)}`, { kty: 'OKP', crv: 'Ed25519', x: base64url(point) });
}

/**
 * R and S, 64 bytes. OpenSSL refuses an S of another encoding, and an R of small order in its later versions only: a verdict is
 * the same on every machine (G0), so both are said here.
 */
export function ed25519Signature(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 64) refuse('the Ed25519 signature does not have 64 bytes');
  if (smallOrder.has(coordinate(bytes.subarray(0, 32)) % prime25519))
    refuse('an Ed25519 signature of which R is of small order');
  if (toBigInt(bytes.subarray(32).toReversed()) >= order25519)
    refuse('an Ed25519 signature of which S is out of range');
  return bytes;
}

/** y, without the sign of x. */
function coordinate(point: Uint8Array): bigint {
  return toBigInt(point.toReversed()) & (2n ** 255n - 1n);
}

const order25519 = 2n ** 252n + 27742317777372353535851937790883648493n;
const prime25519 = 2n ** 255n - 19n;

/** The y of the eight points of which the order divides 8: for x = 0, y = 0, and two of order 8. */
const smallOrder: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  prime25519 - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

export type CurveName = 'nistP256' | 'nistP384' | 'nistP521';

export type Curve = {
  readonly name: CurveName;
  /** Bytes of a coordinate. */
  readonly width: number;
  /** The number of points, which r and s of a signature are below. */
  readonly order: bigint;
  /** Of SSH's signatures (RFC 5656 6.2.1), and the shortest that an OpenPGP one may have. */
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly jwk: 'P-256' | 'P-384' | 'P-521';
};

/** SP 800-186 3.2.1. */
export const curves: Readonly<Record<CurveName, Curve>> = {
  nistP256: {
    name: 'nistP256',
    width: 32,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    hash: 'sha256',
    jwk: 'P-256',
  },
  nistP384: {
    name: 'nistP384',
    width: 48,
    order: BigInt(`0x${'f'.repeat(48)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`),
    hash: 'sha384',
    jwk: 'P-384',
  },
  nistP521: {
    name: 'nistP521',
    width: 66,
    order: BigInt(`0x1${'f'.repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`),
    hash: 'sha512',
    jwk: 'P-521',
  },
};

/** `point` as SEC 1 2.3.3 encodes it without compression: 0x04, x, y. OpenSSL refuses what is not on the curve. */
export function ecdsaKey({ name, width, jwk }: Curve, point: Uint8Array): PublicKey {
  if (point[0] !== 0x04 || point.length !== 1 + 2 * width)
    refuse('an ECDSA key that is not an uncompressed point');
  const [x, y] = [point.subarray(1, 1 + width), point.subarray(1 + width)].map(base64url);
  const key = { kty: 'EC', crv: jwk, x: x ?? '', y: y ?? '' };
  return publicKey(`ecdsa-${name}:${hex(point)}`, key, `the ECDSA key is not a point of ${jwk}`);
}

/** r and s side by side (IEEE P1363). Both s and order − s are signatures: G4 counts anchors, so a twin is no vote. */
export function ecdsaSignature({ width, order }: Curve, r: Uint8Array, s: Uint8Array): Uint8Array {
  const fields = [r, s].map((bytes) => {
    const value = toBigInt(bytes);
    if (value === 0n || value >= order) refuse('an ECDSA signature of which r or s is out of range');
    return Buffer.from(value.toString(16).padStart(2 * width, '0'), 'hex');
  });
  return Buffer.concat(fields);
}

/** The longest that is in use; a check costs the square of it. */
const maxRsaBits = 8192;

/** Modulus and exponent, big-endian, without leading zeros. The exponent is FIPS 186-5's (5.4 e), OpenSSL's at most. */
export function rsaKey(modulus: Uint8Array, exponent: Uint8Array): PublicKey {
  const [n, e] = [toBigInt(modulus), toBigInt(exponent)];
  const bits = n.toString(2).length;
  if (modulus[0] === 0 || exponent[0] === 0) refuse('an RSA key with needless zeros');
  if (bits < 3072) refuse(`RSA keys need 3072 bits, this one has ${bits}`);
  if (bits > maxRsaBits) refuse(`RSA keys have ${maxRsaBits} bits at most, this one has ${bits}`);
  if (n % 2n === 0n) refuse('the RSA modulus is even');
  if (e % 2n === 0n || e <= 65536n || e >= 2n ** 64n)
    refuse(`the RSA exponent is ${e < 2n ** 64n ? e : 'longer than 64 bits'}; use 65537`);
  const key = { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) };
  return publicKey(`rsa:${hex(modulus)}:${hex(exponent)}`, key);
}

function publicKey(material: string, key: JsonWebKey, reason = 'not a public key'): PublicKey {
  try {
    return { material, object: createPublicKey({ key, format: 'jwk' }) };
  } catch {
    return refuse(reason);
  }
}

/** Big-endian. */
export function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes) || '0'}`);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
