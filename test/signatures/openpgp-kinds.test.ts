import { constants, createHash, createPrivateKey, type KeyObject, privateEncrypt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enums } from 'openpgp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnchorKey,
  parseOpenpgpKey,
  parseSshKey,
  signerOf,
  verifySignature,
} from '../../src/signatures/index.ts';
import { fingerprints, type InstalledKeys, installKeys, openpgpCertificate } from '../keys/index.ts';
import {
  certificateOf,
  kindFingerprints,
  type OpenpgpKind,
  openpgpKinds,
  secretFile,
  withJudge,
  withoutJudge,
} from '../keys/kinds/index.ts';
import { gpgAccepts } from './judges.ts';
import {
  armorSignature,
  frame,
  gpg,
  gpgSign,
  literal,
  openpgp,
  payload,
  primarySecret,
  publicBody,
  signPacket,
  subkeySecret,
} from './make.ts';
import { bigEndian, keyLine, toNumber } from './wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-pgpk-'));
let keys: InstalledKeys;
beforeAll(() => {
  keys = installKeys(folder);
  gpg(keys.gnupgHome, ['--import', ...withJudge.map(secretFile)]);
});
afterAll(() => {
  keys.close();
  rmSync(folder, { recursive: true });
});

async function anchorKey(kind: OpenpgpKind): Promise<AnchorKey & { format: 'openpgp' }> {
  const parsed = await parseOpenpgpKey(certificateOf(kind), kindFingerprints[kind]);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

type Judged = { readonly ours: string; readonly gpg: boolean };

async function judged(kind: OpenpgpKind, armored: string): Promise<Judged> {
  const key = await anchorKey(kind);
  const verdict = await verifySignature(openpgp(armored), key, 'git');
  return {
    ours: verdict.ok ? 'accepted' : verdict.reason,
    gpg: gpgAccepts(folder, keys.gnupgHome, armored, payload),
  };
}

describe('signatures of each kind of OpenPGP key (G14)', () => {
  test.each(withJudge)(
    '%s: by gpg, with the subkey and the primary key; gpg accepts it too',
    async (kind) => {
      for (const name of [kindFingerprints[kind], `${kindFingerprints[kind]}!`])
        expect(await judged(kind, gpgSign(keys.gnupgHome, name))).toEqual({ ours: 'accepted', gpg: true });
    },
  );

  test.each(withoutJudge)('%s: no second judge, gpg 2.2 cannot read it', async (kind) => {
    for (const secret of [await primarySecret(kind), await subkeySecret(kind)]) {
      const armored = armorSignature(frame(2, (await signPacket(secret, literal(payload))).write()));
      expect(signerOf(openpgp(armored), [await anchorKey('pgp-rsa'), await anchorKey(kind)])).toBe(
        await anchorKey(kind),
      );
      expect(await judged(kind, armored)).toEqual({ ours: 'accepted', gpg: false });
    }
  });

  test('each key verifies its own signatures only', async () => {
    for (const maker of openpgpKinds) {
      const made = await signPacket(await subkeySecret(maker), literal(payload));
      for (const kind of openpgpKinds) {
        const signature = openpgp(armorSignature(frame(2, made.write())));
        const verdict = await verifySignature(signature, await anchorKey(kind), 'git');
        expect(verdict.ok, `${maker} under ${kind}`).toBe(maker === kind);
      }
    }
  });

  test('version 6 has no checksum in its armour (RFC 9580 6.1)', async () => {
    const made = await signPacket(await subkeySecret('pgp-v6'), literal(payload));
    const armored = armorSignature(frame(2, made.write())).replace(/^=....\n/m, '');
    expect(armored).not.toContain('\n=');
    expect((await judged('pgp-v6', armored)).ours).toBe('accepted');
  });

  test.each(withoutJudge)('%s: a changed bit is refused wherever it stands', async (kind) => {
    const key = await anchorKey(kind);
    const body = Buffer.from((await signPacket(await subkeySecret(kind), literal(payload))).write());
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const altered = Buffer.from(body);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const verdict = await verifySignature(openpgp(armorSignature(frame(2, altered))), key, 'git');
      expect(verdict.ok && bit, `bit ${bit}`).toBe(false);
    }
  });
});

describe('one secret has one material as SSH and as OpenPGP key (G4)', () => {
  test.each(withJudge)('%s, as gpg exports it for SSH', async (kind) => {
    const { material, materials } = await anchorKey(kind);
    const listed = gpg(keys.gnupgHome, ['--with-colons', '--list-keys', kindFingerprints[kind]]);
    const fingerprints = [...listed.matchAll(/^fpr:+([0-9A-F]{40}):/gm)].map(([, found]) => found);
    const ssh = fingerprints.map((found) => {
      const parsed = parseSshKey(gpg(keys.gnupgHome, ['--export-ssh-key', `${found}!`]).trim());
      return parsed.ok ? parsed.key.material : parsed.reason;
    });
    expect(ssh).toEqual(materials);
    expect(ssh[0]).toBe(material);
  });

  test.each(withoutJudge)('%s, from its raw point, plain and for an authenticator', async (kind) => {
    const points = [await primarySecret(kind), await subkeySecret(kind)].map(
      ({ publicParams }) => publicParams as { readonly A: Uint8Array },
    );
    for (const line of [
      (point: Uint8Array) => keyLine('ssh-ed25519', point),
      (point: Uint8Array) => keyLine('sk-ssh-ed25519@openssh.com', point, 'ssh:'),
    ]) {
      const ssh = points.map(({ A }) => parseSshKey(line(A)));
      expect(ssh.map((parsed) => parsed.ok && parsed.key.material)).toEqual(
        (await anchorKey(kind)).materials,
      );
    }
  });

  test('a key that only logs in is no key of the certificate: it cannot vote by it', async () => {
    gpg(keys.gnupgHome, ['--quick-gen-key', 'auth@fairlead.example', 'ed25519', 'sign', 'never']);
    const listed = gpg(keys.gnupgHome, ['--with-colons', '--list-keys', 'auth@fairlead.example']);
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
    gpg(keys.gnupgHome, ['--quick-add-key', fingerprint, 'ed25519', 'auth', 'never']);
    const certificate = gpg(keys.gnupgHome, ['--armor', '--export', fingerprint]);
    const parsed = await parseOpenpgpKey(Buffer.from(certificate), fingerprint);
    const login = parseSshKey(gpg(keys.gnupgHome, ['--export-ssh-key', fingerprint]).trim());
    if (!parsed.ok || !login.ok) throw new Error('both are keys');
    expect(parsed.key.materials).toHaveLength(1);
    expect(parsed.key.materials).not.toContain(login.key.material);
  });
});

/** The body of a version 4 key packet (RFC 9580 5.5.2.2) and its fingerprint. */
function keyPacket(
  algorithm: number,
  ...fields: readonly Uint8Array[]
): { body: Buffer; fingerprint: string } {
  const body = Buffer.concat([Buffer.from([4, 0x65, 0x91, 0x4e, 0x80, algorithm]), ...fields]);
  const head = Buffer.from([0x99, body.length >> 8, body.length & 0xff]);
  return { body, fingerprint: createHash('sha1').update(head).update(body).digest('hex').toUpperCase() };
}

function mpi(bytes: Uint8Array): Buffer {
  const value = toNumber(bytes);
  const bits = value === 0n ? 0 : value.toString(2).length;
  return Buffer.concat([
    Buffer.from([bits >> 8, bits & 0xff]),
    value === 0n ? Buffer.alloc(0) : bigEndian(value),
  ]);
}

const oid = (hex: string): Buffer => Buffer.from([hex.length / 2, ...Buffer.from(hex, 'hex')]);
const ed25519Oid = oid('2b06010401da470f01');
const p256Oid = oid('2a8648ce3d030107');
const modulus = async (): Promise<bigint> => {
  const { publicParams } = await primarySecret('pgp-rsa');
  return toNumber((publicParams as { readonly n: Uint8Array }).n);
};

describe('OpenPGP keys that G14 refuses, as G13 refuses them (attack 41)', () => {
  const neutral = Buffer.from([1, ...Buffer.alloc(31)]);
  const odd = (bits: number): Uint8Array => bigEndian(2n ** BigInt(bits - 1) + 1n);
  type Weak = ReturnType<typeof keyPacket>;
  const refused: Record<string, readonly [make: () => Promise<Weak> | Weak, reason: RegExp]> = {
    'Ed25519 of small order': [() => keyPacket(27, neutral), /small order/],
    'EdDSA of small order': [
      () => keyPacket(22, ed25519Oid, mpi(Buffer.concat([Buffer.from([0x40]), neutral]))),
      /small order/,
    ],
    'EdDSA in another point format': [
      () => keyPacket(22, ed25519Oid, mpi(Buffer.concat([Buffer.from([0x04]), neutral]))),
      /native point format|unreadable/,
    ],
    'ECDSA off the curve': [
      () => keyPacket(19, p256Oid, mpi(Buffer.from([4, ...Buffer.alloc(64, 1)]))),
      /not a point/,
    ],
    'ECDSA, compressed': [
      () => keyPacket(19, p256Oid, mpi(Buffer.from([2, ...Buffer.alloc(32, 1)]))),
      /uncompressed|unreadable/,
    ],
    'ECDSA at infinity': [() => keyPacket(19, p256Oid, mpi(Buffer.alloc(1))), /uncompressed|unreadable/],
    'RSA of 2048 bits': [() => keyPacket(1, mpi(odd(2048)), mpi(bigEndian(65537n))), /has 2048/],
    'RSA of 8193 bits': [() => keyPacket(1, mpi(odd(8193)), mpi(bigEndian(65537n))), /8192 bits at most/],
    'RSA with e = 1': [
      async () => keyPacket(1, mpi(bigEndian(await modulus())), mpi(bigEndian(1n))),
      /exponent is 1;/,
    ],
    'RSA with e = 3': [
      async () => keyPacket(1, mpi(bigEndian(await modulus())), mpi(bigEndian(3n))),
      /exponent is 3;/,
    ],
    'RSA with an even modulus': [
      async () => keyPacket(1, mpi(bigEndian((await modulus()) - 1n)), mpi(bigEndian(65537n))),
      /even/,
    ],
    'RSA for encryption only': [
      async () => keyPacket(2, mpi(bigEndian(await modulus())), mpi(bigEndian(65537n))),
      /cannot sign|unreadable/,
    ],
    'RSA with needless zeros': [
      async () =>
        keyPacket(1, Buffer.from([12, 8, 0, ...bigEndian(await modulus())]), mpi(bigEndian(65537n))),
      /not part of its key|needless|unreadable/,
    ],
  };
  test.each(Object.entries(refused))('%s', async (_, [make, reason]) => {
    const { body, fingerprint } = await make();
    const parsed = await parseOpenpgpKey(new Uint8Array(frame(6, body)), fingerprint);
    expect(parsed).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});

/** The body of a version 4 signature with other numbers at its end. */
function withNumbers(body: Uint8Array, ...numbers: readonly Uint8Array[]): string {
  const bytes = Buffer.from(body);
  const unhashed = 6 + bytes.readUInt16BE(4);
  const end = unhashed + 2 + bytes.readUInt16BE(unhashed) + 2;
  return armorSignature(frame(2, Buffer.concat([bytes.subarray(0, end), ...numbers])));
}

/** The numbers of a version 4 signature body. */
function numbersOf(body: Uint8Array): readonly bigint[] {
  const bytes = Buffer.from(body);
  const unhashed = 6 + bytes.readUInt16BE(4);
  const found: bigint[] = [];
  for (let at = unhashed + 2 + bytes.readUInt16BE(unhashed) + 2; at < bytes.length; ) {
    const end = at + 2 + ((bytes.readUInt16BE(at) + 7) >> 3);
    found.push(toNumber(bytes.subarray(at + 2, end)));
    at = end;
  }
  return found;
}

const n256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const made = async (kind: OpenpgpKind, hash?: number): Promise<Uint8Array> =>
  (await signPacket(await subkeySecret(kind), literal(payload), hash === undefined ? {} : { hash })).write();

describe('what no key of its kind may have made (attack 41)', () => {
  const accepts = true;
  const refuses = false;
  const number = (value: bigint): Buffer => mpi(bigEndian(value));
  const ecdsa = (change: (r: bigint, s: bigint) => readonly Buffer[]) => async (): Promise<string> => {
    const body = await made('pgp-256');
    const [r = 0n, s = 0n] = numbersOf(body);
    return withNumbers(body, ...change(r, s));
  };
  const rsa = (change: (s: bigint, n: bigint) => readonly Buffer[]) => async (): Promise<string> => {
    const body = await made('pgp-rsa');
    const { publicParams } = await subkeySecret('pgp-rsa');
    const n = toNumber((publicParams as { readonly n: Uint8Array }).n);
    return withNumbers(body, ...change(numbersOf(body)[0] ?? 0n, n));
  };

  const cases: Record<
    string,
    readonly [kind: OpenpgpKind, make: () => Promise<string>, ours: RegExp, gpg: boolean]
  > = {
    'ECDSA: the twin (r, n − s) verifies, and is the same vote (G4)': [
      'pgp-256',
      ecdsa((r, s) => [number(r), number(n256 - s)]),
      /^accepted$/,
      accepts,
    ],
    'ECDSA: untouched': ['pgp-256', ecdsa((r, s) => [number(r), number(s)]), /^accepted$/, accepts],
    'ECDSA: r = 0': ['pgp-256', ecdsa((_, s) => [number(0n), number(s)]), /out of range/, refuses],
    'ECDSA: s = 0': ['pgp-256', ecdsa((r) => [number(r), number(0n)]), /out of range/, refuses],
    'ECDSA: r + n': ['pgp-256', ecdsa((r, s) => [number(r + n256), number(s)]), /too long/, refuses],
    'ECDSA: s + n': ['pgp-256', ecdsa((r, s) => [number(r), number(s + n256)]), /too long/, refuses],
    'ECDSA: a third number': [
      'pgp-256',
      ecdsa((r, s) => [number(r), number(s), number(1n)]),
      /unreadable/,
      accepts,
    ],
    'ECDSA P-384 with SHA-256': [
      'pgp-384',
      async () =>
        withNumbers(
          await made('pgp-384', enums.hash.sha256),
          ...numbersOf(await made('pgp-384', enums.hash.sha256)).map(number),
        ),
      /shorter than sha384/,
      refuses,
    ],
    'ECDSA P-521 with SHA-384': [
      'pgp-521',
      async () => armorSignature(frame(2, await made('pgp-521', enums.hash.sha384))),
      /shorter than sha512/,
      refuses,
    ],
    'Ed25519: an R of small order': [
      'pgp-v4-27',
      async () => withNumbers(await made('pgp-v4-27'), Buffer.from([1, ...Buffer.alloc(63)])),
      /small order/,
      refuses,
    ],
    'Ed25519: S = L': [
      'pgp-v4-27',
      async () => {
        const l = bigEndian(2n ** 252n + 27742317777372353535851937790883648493n, 32).reverse();
        return withNumbers(await made('pgp-v4-27'), Buffer.concat([Buffer.alloc(32, 2), l]));
      },
      /out of range/,
      refuses,
    ],
    'RSA: s + n': ['pgp-rsa', rsa((s, n) => [number(s + n)]), /not below|too long/, accepts],
    'RSA: s = 1': ['pgp-rsa', rsa(() => [number(1n)]), /failed/, refuses],
    'RSA: n − s': ['pgp-rsa', rsa((s, n) => [number(n - s)]), /failed/, refuses],
    'RSA: garbage behind the digest': [
      'pgp-rsa',
      async () => {
        const body = await made('pgp-rsa');
        const digest = createHash('sha512').update(payload).update(trailer(body)).digest();
        const info = Buffer.from('3051300d060960864801650304020305000440', 'hex');
        const head = Buffer.concat([Buffer.from([0, 1, ...Buffer.alloc(8, 0xff), 0]), info, digest]);
        const block = Buffer.concat([head, Buffer.alloc(384 - head.length)]);
        const key = { key: await rsaSecret(), padding: constants.RSA_NO_PADDING };
        return withNumbers(body, mpi(privateEncrypt(key, block)));
      },
      /failed/,
      refuses,
    ],
  };
  test.each(Object.entries(cases))('%s', async (_, [kind, make, ours, gpg]) => {
    expect(await judged(kind, await make())).toEqual({ ours: expect.stringMatching(ours), gpg });
  });

  /** What is hashed behind the document (RFC 9580 5.2.4). */
  function trailer(body: Uint8Array): Buffer {
    const signed = body.subarray(0, 6 + Buffer.from(body).readUInt16BE(4));
    const end = Buffer.from([4, 0xff, 0, 0, 0, 0]);
    end.writeUInt32BE(signed.length, 2);
    return Buffer.concat([signed, end]);
  }

  async function rsaSecret(): Promise<KeyObject> {
    const { publicParams, privateParams } = await subkeySecret('pgp-rsa');
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
    const { n, e } = publicParams as Record<'n' | 'e', Uint8Array>;
    // OpenPGP's u is the inverse of p modulo q; JWK's qi of q modulo p: so p and q change places.
    const { d, p, q, u } = privateParams as Record<'d' | 'p' | 'q' | 'u', Uint8Array>;
    const rest = (prime: Uint8Array): string => text(bigEndian(toNumber(d) % (toNumber(prime) - 1n)));
    const numbers = { n: text(n), e: text(e), d: text(d), p: text(q), q: text(p), dp: rest(q), dq: rest(p) };
    return createPrivateKey({ key: { kty: 'RSA', ...numbers, qi: text(u) }, format: 'jwk' });
  }
});

describe('versions do not mix', () => {
  test('a version 4 signature by a version 6 key, and the reverse', async () => {
    const six = Buffer.from(await made('pgp-v6'));
    const four = Buffer.from(await made('pgp-v4-27'));
    for (const [body, version, kind] of [
      [six, 4, 'pgp-v6'],
      [four, 6, 'pgp-v4-27'],
    ] as const) {
      body[0] = version;
      const verdict = await verifySignature(
        openpgp(armorSignature(frame(2, body))),
        await anchorKey(kind),
        'git',
      );
      expect(verdict).toMatchObject({ ok: false, rule: 'G14' });
    }
  });

  test('version 6 is salted: another salt, one of another length, none', async () => {
    const key = await anchorKey('pgp-v6');
    const body = Buffer.from(await made('pgp-v6'));
    const at = body.length - 64 - 32 - 1;
    expect(body[at]).toBe(32);
    const tail = body.subarray(at + 33);
    const cut = (length: number): Buffer =>
      Buffer.concat([
        body.subarray(0, at),
        Buffer.from([length]),
        body.subarray(at + 1, at + 1 + length),
        tail,
      ]);
    const other = Buffer.from(body);
    other.writeUInt8(other.readUInt8(at + 1) ^ 1, at + 1);
    for (const altered of [other, cut(31), cut(16), cut(0)]) {
      const verdict = await verifySignature(openpgp(armorSignature(frame(2, altered))), key, 'git');
      expect(verdict).toMatchObject({ ok: false, rule: 'G14' });
    }
  });

  test('a subkey of another version does not sign for the certificate', async () => {
    const cy = Buffer.from(openpgpCertificate('cy')).toString();
    expect(cy).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    const foreign = frame(14, publicBody(await subkeySecret('pgp-v6')));
    const own = frame(6, publicBody(await primarySecret('cy')));
    const parsed = await parseOpenpgpKey(new Uint8Array(Buffer.concat([own, foreign])), fingerprints.cy);
    expect(parsed).toMatchObject({ ok: false, reason: expect.stringMatching(/may sign/) });
  });
});
