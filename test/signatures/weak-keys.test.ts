import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseSshKey, verifySignature } from '../../src/signatures/index.ts';
import { sshPublicKey } from '../keys/index.ts';
import { publicLine } from '../keys/kinds/index.ts';
import { sshKeygenAccepts } from './judges.ts';
import { payload, ssh } from './make.ts';
import {
  bigEndian,
  blob,
  envelope,
  keyBlob,
  keyLine,
  mpint,
  printSshsig,
  sshsig,
  stringsOf,
  toNumber,
} from './wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-weak-'));
afterAll(() => rmSync(folder, { recursive: true }));

const p = 2n ** 255n - 19n;
const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const littleEndian = (value: bigint): Buffer => bigEndian(value, 32).reverse();
const sign = 2n ** 255n;
/** A y of order 8; the other is p minus it. */
const order8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

/** Every encoding of a point of which the order divides 8, canonical or not. */
const smallOrder: Record<string, bigint> = {
  'the neutral point': 1n,
  'the neutral point, sign set': 1n + sign,
  'the neutral point, not canonical': 1n + p,
  'the neutral point, not canonical, sign set': 1n + p + sign,
  'order 2': p - 1n,
  'order 2, sign set': p - 1n + sign,
  'order 4': 0n,
  'order 4, sign set': sign,
  'order 4, not canonical': p,
  'order 4, not canonical, sign set': p + sign,
  'order 8': order8,
  'order 8, sign set': order8 + sign,
  'order 8, the other': p - order8,
  'order 8, the other, sign set': p - order8 + sign,
};

describe('Ed25519 keys with which everybody could sign', () => {
  test.each(Object.entries(smallOrder))('%s, plain, for an authenticator', (_, y) => {
    for (const line of [
      keyLine('ssh-ed25519', littleEndian(y)),
      keyLine('sk-ssh-ed25519@openssh.com', littleEndian(y), 'ssh:'),
    ])
      expect(parseSshKey(line)).toEqual({
        ok: false,
        reason: expect.stringMatching(/small order|canonical/),
      });
  });

  test('the reason: ssh-keygen, as older OpenSSL, takes a signature that nobody made', () => {
    const neutral = littleEndian(1n);
    const line = keyLine('ssh-ed25519', neutral);
    const forged = blob('ssh-ed25519', Buffer.concat([neutral, Buffer.alloc(32)]));
    expect(sshKeygenAccepts(folder, line, printSshsig(sshsig(line, forged)), payload)).toBe(true);
  });

  test.each([0n, 1n, 5n, 18n])('y = p + %s is a second encoding', (y) => {
    const parsed = parseSshKey(keyLine('ssh-ed25519', littleEndian(p + y)));
    expect(parsed).toEqual({ ok: false, reason: expect.stringMatching(/canonical/) });
  });
});

describe('Ed25519 signatures with an R that only the owner of the key can choose', () => {
  /** The secret scalar and the point of a published test key (RFC 8032 5.1.5; the seed ends the first field of the file). */
  const owner = (): { scalar: bigint; line: string } => {
    const text = readFileSync(join(import.meta.dirname, '../keys/alice'), 'utf8');
    const file = Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64');
    const line = sshPublicKey('alice');
    const point = stringsOf(keyBlob(line))[1] ?? Buffer.alloc(0);
    const seed = file.subarray(file.lastIndexOf(point) - 32, file.lastIndexOf(point));
    const bytes = createHash('sha512').update(seed).digest().subarray(0, 32).reverse();
    return { scalar: (toNumber(bytes) & ((1n << 255n) - 8n)) | (1n << 254n), line };
  };
  /** S = h·a, so S·B = R + h·A where R is the neutral point. */
  const made = (encodedR: bigint, addend = 0n): readonly [line: string, armored: string] => {
    const { scalar, line } = owner();
    const r = littleEndian(encodedR);
    const point = stringsOf(keyBlob(line))[1] ?? Buffer.alloc(0);
    const digest = createHash('sha512').update(r).update(point).update(envelope(payload)).digest();
    const s = (((toNumber(digest.reverse()) % order) * scalar) % order) + addend;
    const bytes = Buffer.concat([r, littleEndian(s)]);
    return [line, printSshsig(sshsig(line, blob('ssh-ed25519', bytes)))];
  };
  const cases: Record<string, readonly [encodedR: bigint, addend: bigint, reason: RegExp, openssh: boolean]> =
    {
      'the neutral point: no honest signer meets it; OpenSSL takes it or not, by version': [
        1n,
        0n,
        /small order/,
        true,
      ],
      'the neutral point with its sign set': [1n + sign, 0n, /small order/, false],
      'the neutral point, not canonical': [1n + p, 0n, /small order/, false],
      'another point, not canonical': [3n + p, 0n, /does not match/, false],
      'order 8': [order8, 0n, /small order/, false],
      'S + L: OpenSSH 9.2 does not look (attack 41)': [1n, order, /small order/, true],
      'S + 2 L': [1n, 2n * order, /small order/, false],
      'S + L under another R': [2n, order, /out of range/, false],
    };
  test.each(Object.entries(cases))('%s', async (_, [encodedR, addend, reason, openssh]) => {
    const [line, armored] = made(encodedR, addend);
    const parsed = parseSshKey(line);
    if (!parsed.ok) throw new Error(parsed.reason);
    const verdict = await verifySignature(ssh(armored), parsed.key, 'git');
    expect(verdict).toEqual({ ok: false, rule: 'G13', reason: expect.stringMatching(reason) });
    expect(sshKeygenAccepts(folder, line, armored, payload)).toBe(openssh);
  });
});

const point256 = (): Buffer => stringsOf(keyBlob(publicLine('ecdsa-256')))[2] ?? Buffer.alloc(0);
const prime256 = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const ecdsa = (point: Uint8Array, curve = 'nistp256'): string => keyLine('ecdsa-sha2-nistp256', curve, point);
const number = (value: bigint): Buffer => mpint(value).subarray(4);
const modulus = (): bigint => toNumber(stringsOf(keyBlob(publicLine('rsa-3072')))[2] ?? Buffer.alloc(0));
const rsa = (e: bigint, n: bigint): string => keyLine('ssh-rsa', number(e), number(n));

describe('SSH keys that G13 refuses (attack 41)', () => {
  const refused: Record<string, readonly [line: () => string, reason: RegExp]> = {
    'ECDSA: the point at infinity': [() => ecdsa(Buffer.alloc(1)), /uncompressed/],
    'ECDSA: the point at infinity, in full length': [() => ecdsa(Buffer.alloc(65)), /uncompressed/],
    'ECDSA: x = y = 0': [() => ecdsa(Buffer.concat([Buffer.from([4]), Buffer.alloc(64)])), /not a point/],
    'ECDSA: not on the curve': [
      () => ecdsa(Buffer.from(point256().map((byte, at) => (at === 64 ? byte ^ 1 : byte)))),
      /not a point/,
    ],
    'ECDSA: x + p': [
      () => {
        // The x of a point below 2^256 − p, so that x + p still has 32 bytes: (5, y) is on P-256.
        const y = 0x459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbccn;
        return ecdsa(Buffer.concat([Buffer.from([4]), bigEndian(5n + prime256, 32), bigEndian(y, 32)]));
      },
      /not a point/,
    ],
    'ECDSA: compressed': [
      () => ecdsa(Buffer.concat([Buffer.from([2]), point256().subarray(1, 33)])),
      /uncompressed/,
    ],
    'ECDSA: hybrid': [() => ecdsa(Buffer.concat([Buffer.from([6]), point256().subarray(1)])), /uncompressed/],
    'ECDSA: cut short': [() => ecdsa(point256().subarray(0, -1)), /uncompressed/],
    'ECDSA: another curve within': [() => ecdsa(point256(), 'nistp384'), /does not name nistp256/],
    'ECDSA: a point of another curve': [
      () => ecdsa(stringsOf(keyBlob(publicLine('ecdsa-384')))[2] ?? Buffer.alloc(0)),
      /uncompressed/,
    ],
    'ECDSA: nistp192': [() => keyLine('ecdsa-sha2-nistp192', 'nistp192', Buffer.alloc(49)), /the curves are/],
    'ECDSA: secp256k1': [
      () => keyLine('ecdsa-sha2-1.3.132.0.10', '1.3.132.0.10', point256()),
      /the curves are/,
    ],
    'ECDSA: bytes behind the point': [
      () => keyLine('ecdsa-sha2-nistp256', 'nistp256', point256(), ''),
      /behind its end/,
    ],
    'RSA: e = 1, with which everybody can sign': [() => rsa(1n, modulus()), /exponent is 1;/],
    'RSA: e = 3': [() => rsa(3n, modulus()), /exponent is 3;/],
    'RSA: e = 65536': [() => rsa(65536n, modulus()), /exponent is 65536;/],
    'RSA: e = 65538': [() => rsa(65538n, modulus()), /exponent is 65538;/],
    'RSA: e of 65 bits': [() => rsa(2n ** 64n + 1n, modulus()), /longer than 64 bits/],
    'RSA: e = 0': [() => rsa(0n, modulus()), /exponent is 0;/],
    'RSA: an even modulus': [() => rsa(65537n, modulus() - 1n), /even/],
    'RSA: 2048 bits': [() => rsa(65537n, 2n ** 2047n + 1n), /3072 bits, this one has 2048/],
    'RSA: 3071 bits': [() => rsa(65537n, 2n ** 3070n + 1n), /3072 bits, this one has 3071/],
    'RSA: 8193 bits': [() => rsa(65537n, 2n ** 8192n + 1n), /8192 bits at most/],
    'RSA: a modulus of zero': [() => rsa(65537n, 0n), /this one has 1/],
    'RSA: a negative modulus': [() => keyLine('ssh-rsa', number(65537n), bigEndian(modulus())), /negative/],
    'RSA: needless zeros before the modulus': [
      () => keyLine('ssh-rsa', number(65537n), Buffer.concat([Buffer.alloc(2), bigEndian(modulus())])),
      /needless zeros/,
    ],
    'RSA: needless zeros before the exponent': [
      () => keyLine('ssh-rsa', Buffer.from([0, 1, 0, 1]), number(modulus())),
      /needless zeros/,
    ],
    'RSA named as a signature algorithm': [
      () => keyLine('rsa-sha2-512', number(65537n), number(modulus())),
      /the key is ssh-rsa/,
    ],
    DSA: [() => keyLine('ssh-dss', number(5n), number(5n), number(5n), number(5n)), /DSA has 1024 bits/],
    'a certificate': [
      () => keyLine('ssh-ed25519-cert-v01@openssh.com', Buffer.alloc(32)),
      /list the key itself/,
    ],
    'a certificate of an authenticator': [
      () => keyLine('sk-ssh-ed25519-cert-v01@openssh.com', Buffer.alloc(32)),
      /list the key itself/,
    ],
    XMSS: [() => keyLine('ssh-xmss@openssh.com', Buffer.alloc(32)), /use one of ssh-ed25519/],
    'sk-: without an application': [
      () => keyLine('sk-ssh-ed25519@openssh.com', stringsOf(keyBlob(publicLine('sk-ed25519')))[1] ?? ''),
      /cut short/,
    ],
    'sk-: bytes behind the application': [
      () =>
        keyLine('sk-ssh-ed25519@openssh.com', ...stringsOf(keyBlob(publicLine('sk-ed25519'))).slice(1), ''),
      /behind its end/,
    ],
    'sk-: ECDSA over another curve': [
      () => keyLine('sk-ecdsa-sha2-nistp256@openssh.com', 'nistp384', point256(), 'ssh:'),
      /does not name nistp256/,
    ],
  };
  test.each(Object.entries(refused))('%s', (_, [line, reason]) => {
    expect(parseSshKey(line())).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});

test('a secret is one key, whether an authenticator holds it or a file does (G4)', () => {
  const [, point = '', application = ''] = stringsOf(keyBlob(publicLine('sk-ed25519')));
  const lines = [
    keyLine('sk-ssh-ed25519@openssh.com', point, application),
    keyLine('sk-ssh-ed25519@openssh.com', point, 'ssh:other'),
    keyLine('ssh-ed25519', point),
  ];
  const keys = lines.map(parseSshKey).map((parsed) => (parsed.ok ? parsed.key : null));
  expect(new Set(keys.map((key) => key?.material)).size).toBe(1);
  expect(new Set(keys.map((key) => key?.id)).size).toBe(lines.length);
});
