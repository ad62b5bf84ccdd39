import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enums, readSignature, type SignaturePacket } from 'openpgp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnchorKey,
  parseOpenpgpKey,
  parseSshKey,
  signerOf,
  verifySignature,
} from '../../src/signatures/index.ts';
import {
  fingerprints,
  type InstalledKeys,
  installKeys,
  type OpenpgpName,
  openpgpCertificate,
} from '../keys/index.ts';
import {
  armorSignature,
  frame,
  gpg,
  gpgSign,
  literal,
  openpgp,
  payload,
  primarySecret,
  type Secret,
  type SignatureOptions,
  signPacket,
  ssh,
  subkeySecret,
} from './make.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-pgp-'));
let keys: InstalledKeys;
beforeAll(() => {
  keys = installKeys(folder);
});
afterAll(() => {
  keys.close();
  rmSync(folder, { recursive: true });
});

async function anchorKey(name: OpenpgpName): Promise<AnchorKey> {
  const parsed = await parseOpenpgpKey(openpgpCertificate(name), fingerprints[name]);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

const cyPrimary = (): Promise<Secret> => primarySecret('cy');
const cySubkey = (): Promise<Secret> => subkeySecret('cy');

/** A signature packet of cy's subkey, framed. */
async function packet(options: SignatureOptions = {}): Promise<Uint8Array> {
  return frame(2, (await signPacket(await cySubkey(), literal(payload), options)).write());
}

/** The signature packet's body that real gpg made. */
async function gpgBody(): Promise<Uint8Array> {
  const { packets } = await readSignature({ armoredSignature: gpgSign(keys.gnupgHome, fingerprints.cy) });
  const [first] = packets;
  if (first === undefined) throw new Error('gpg made a signature');
  return first.write();
}

const order = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The last MPI of a body is S, 32 bytes in little-endian order: adds the group order (attack 41). */
function addOrder(body: Uint8Array): Uint8Array {
  const twin = Buffer.from(body);
  const half = twin.subarray(twin.length - 32);
  if (twin.readUInt16BE(twin.length - 34) > 256) throw new Error('S is not 32 bytes long');
  const scalar = BigInt(`0x${Buffer.from(half).reverse().toString('hex')}`) + order;
  Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse().copy(half);
  twin.writeUInt16BE(bitLength(half), twin.length - 34);
  return twin;
}

const bitLength = (bytes: Uint8Array): number =>
  BigInt(`0x${Buffer.from(bytes).toString('hex')}`).toString(2).length;

/** A body of which S has exactly 32 bytes and the top octet of its little-endian form is not zero. */
async function fullBody(): Promise<Uint8Array> {
  for (let second = 0; ; second += 1) {
    const date = `2024-01-01T00:00:${String(second).padStart(2, '0')}Z`;
    const body = (await signPacket(await cySubkey(), literal(payload), { date })).write();
    if (Buffer.from(body).readUInt16BE(body.length - 34) > 248) return body;
  }
}

/** The unhashed area of a version 4 body replaced. */
function withUnhashed(body: Uint8Array, area: Uint8Array): Uint8Array {
  const bytes = Buffer.from(body);
  const at = 6 + bytes.readUInt16BE(4);
  const rest = bytes.subarray(at + 2 + bytes.readUInt16BE(at));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(area.length);
  return Buffer.concat([bytes.subarray(0, at), length, area, rest]);
}

const unsigned = (type: number, body: Uint8Array): Uint8Array =>
  Buffer.from([body.length + 1, type, ...body]);
/** A subpacket with a signature in which is a subpacket with a signature, and so on. */
function nested(levels: number): Uint8Array {
  let area = Buffer.alloc(0);
  for (let level = 0; level < levels; level += 1) {
    const body = Buffer.concat([
      Buffer.from([4, 0, 1, 8, area.length >> 8, area.length & 0xff]),
      area,
      Buffer.alloc(4),
    ]);
    const length = Buffer.from([255, 0, 0, (body.length + 1) >> 8, (body.length + 1) & 0xff]);
    area = Buffer.concat([length, Buffer.from([32]), body]);
  }
  return area;
}

const noFingerprint = (signature: SignaturePacket): void => {
  // `sign` sets the issuer; a subpacket is only written for what is not null when it is asked for.
  Object.defineProperty(signature, 'issuerFingerprint', { get: () => null, set: () => {} });
};
const critical = (signature: SignaturePacket): void => {
  const name = 'critical@fairlead.example';
  signature.rawNotations = [{ name, value: new Uint8Array([1]), humanReadable: false, critical: true }];
};
const signatureExpires = (signature: SignaturePacket): void => {
  signature.signatureExpirationTime = 1;
  signature.signatureNeverExpires = false;
};

describe('OpenPGP signatures (G14)', () => {
  const accepted: Record<string, () => Promise<string> | string> = {
    'as gpg makes it, with the signing subkey': () => gpgSign(keys.gnupgHome, fingerprints.cy),
    'gpg with the primary key': () => gpgSign(keys.gnupgHome, `${fingerprints.cy}!`),
    'gpg with SHA-256': () => gpgSign(keys.gnupgHome, fingerprints.cy, '--digest-algo', 'SHA256'),
    'gpg with an armour header': () => gpgSign(keys.gnupgHome, fingerprints.cy, '--comment', 'made by hand'),
    'with an old date': async () => armorSignature(await packet({ date: '1999-12-31T00:00:00Z' })),
    'with a date far ahead': async () => armorSignature(await packet({ date: '2099-12-31T00:00:00Z' })),
    'that expired after a second': async () => armorSignature(await packet({ fields: signatureExpires })),
    'without the last line feed': () => gpgSign(keys.gnupgHome, fingerprints.cy).trimEnd(),
    'with other unhashed bytes (attack 46)': async () =>
      armorSignature(frame(2, withUnhashed(await gpgBody(), new Uint8Array()))),
  };
  test.each(Object.entries(accepted))('accepts: %s', async (_, make) => {
    expect(await verifySignature(openpgp(await make()), await anchorKey('cy'), 'git')).toEqual({ ok: true });
  });

  const refused: Record<string, readonly [make: () => Promise<string> | string, reason: RegExp]> = {
    'another certificate’s key': [() => gpgSign(keys.gnupgHome, fingerprints.gus), /no key of certificate/],
    'text mode 0x01 of gpg (attack 40)': [
      () => gpgSign(keys.gnupgHome, fingerprints.cy, '--textmode'),
      /type 0x00/,
    ],
    'type 0x02': [
      async () => armorSignature(await packet({ type: enums.signature.standalone })),
      /type 0x00/,
    ],
    'SHA3-256': [async () => armorSignature(await packet({ hash: enums.hash.sha3_256 })), /SHA-256/],
    'two packets (attack 45)': [async () => armorSignature(await packet(), await packet()), /exactly one/],
    'two packets, the first of somebody else': [
      async () => {
        const gus = await primarySecret('gus');
        return armorSignature(frame(2, (await signPacket(gus, literal(payload))).write()), await packet());
      },
      /exactly one/,
    ],
    'a marker packet besides': [
      async () => armorSignature(frame(10, Buffer.from('PGP')), await packet()),
      /exactly one/,
    ],
    'another packet than a signature': [() => armorSignature(frame(11, payload)), /exactly one/],
    'bytes behind the packet': [
      async () => armorSignature(await packet(), new Uint8Array([0])),
      /marker bit/,
    ],
    'a packet of partial lengths': [() => armorSignature(new Uint8Array([0xc2, 0xe1, 4, 0])), /partial/],
    'a packet of indeterminate length': [() => armorSignature(new Uint8Array([0x8b, 4, 0])), /indeterminate/],
    'no issuer fingerprint': [
      async () => armorSignature(await packet({ fields: noFingerprint })),
      /full issuer/,
    ],
    'the issuer fingerprint only in unhashed bytes': [
      async () => {
        const body = (
          await signPacket(await cySubkey(), literal(payload), { fields: noFingerprint })
        ).write();
        const issuer = Buffer.concat([
          Buffer.from([22, 33, 4]),
          Buffer.from(await subkeyFingerprint(), 'hex'),
        ]);
        return armorSignature(frame(2, withUnhashed(body, issuer)));
      },
      /full issuer/,
    ],
    'an unknown critical notation': [
      async () => armorSignature(await packet({ fields: critical })),
      /critical/i,
    ],
    'an unhashed area that runs over its end': [
      async () => armorSignature(frame(2, withUnhashed(await gpgBody(), new Uint8Array([200, 200, 16])))),
      /cut short/,
    ],
    'version 3': [
      async () => armorSignature(frame(2, Buffer.from(await gpgBody()).fill(3, 0, 1))),
      /version 3/,
    ],
    'twin with S + L (attack 41)': [
      async () => armorSignature(frame(2, addOrder(await fullBody()))),
      /out of range/,
    ],
    'a signature over a key, not a document': [
      async () => {
        const key = await cyPrimary();
        const made = await signPacket(key, { key }, { type: enums.signature.key });
        return armorSignature(frame(2, made.write()));
      },
      /type 0x00/,
    ],
    'text behind END (attack 44)': [() => `${gpgSign(keys.gnupgHome, fingerprints.cy)}x\n`, /does not end/],
    'text before BEGIN': [() => `x\n${gpgSign(keys.gnupgHome, fingerprints.cy)}`, /does not begin/],
    'two blocks': [() => gpgSign(keys.gnupgHome, fingerprints.cy).repeat(2), /empty line|base64/],
    'a malformed header line': [
      () => gpgSign(keys.gnupgHome, fingerprints.cy).replace('-----\n\n', '-----\nno header\n\n'),
      /header/,
    ],
    'no empty line': [
      () => gpgSign(keys.gnupgHome, fingerprints.cy).replace('-----\n\n', '-----\n'),
      /empty line/,
    ],
    'no checksum, which gpg 2.2 stumbles over one time in three': [
      () => gpgSign(keys.gnupgHome, fingerprints.cy).replace(/^=....\n/m, ''),
      /checksum/,
    ],
    'a wrong checksum, as gpg has it': [
      () => gpgSign(keys.gnupgHome, fingerprints.cy).replace(/^=....$/m, '=AAAA'),
      /checksum/,
    ],
    'a header of clear text': [
      () => gpgSign(keys.gnupgHome, fingerprints.cy).replace('-----\n\n', '-----\nHash: SHA512\n\n'),
      /header/,
    ],
    'another key in the unsigned part': [
      async () => armorSignature(frame(2, withUnhashed(await gpgBody(), unsigned(16, Buffer.alloc(8))))),
      /names another issuer/,
    ],
    'another fingerprint in the unsigned part': [
      async () => armorSignature(frame(2, withUnhashed(await gpgBody(), unsigned(33, Buffer.alloc(21, 4))))),
      /names another issuer/,
    ],
    'a critical subpacket in the unsigned part': [
      async () =>
        armorSignature(frame(2, withUnhashed(await gpgBody(), unsigned(0x80 | 20, Buffer.alloc(8))))),
      /critical/,
    ],
    'a signature within the unsigned part': [
      async () => armorSignature(frame(2, withUnhashed(await gpgBody(), nested(1)))),
      /within a signature/,
    ],
    'signatures within signatures, as deep as the cap of 64 KiB lets them be': [
      async () => armorSignature(frame(2, withUnhashed(await gpgBody(), nested(1_500)))),
      /within a signature/,
    ],
    'a megabyte': [() => `-----BEGIN PGP SIGNATURE-----\n\n${'A'.repeat(2 ** 20)}`, /64 KiB/],
    'empty armour': [() => '', /does not begin/],
  };
  test.each(Object.entries(refused))('refuses: %s', async (_, [make, reason]) => {
    const verdict = await verifySignature(openpgp(await make()), await anchorKey('cy'), 'git');
    expect(verdict).toMatchObject({ ok: false, rule: 'G14', reason: expect.stringMatching(reason) });
  });

  const subkeyFingerprint = async (): Promise<string> => (await cySubkey()).getFingerprint();

  test('the twin is made from a signature that is accepted', async () => {
    const body = await fullBody();
    const verdict = await verifySignature(
      openpgp(armorSignature(frame(2, body))),
      await anchorKey('cy'),
      'git',
    );
    expect(verdict).toEqual({ ok: true });
  });

  test('refuses every prefix of the armour', async () => {
    const key = await anchorKey('cy');
    const armored = gpgSign(keys.gnupgHome, fingerprints.cy);
    for (let length = 0; length < armored.length - 1; length += 1) {
      expect((await verifySignature(openpgp(armored.slice(0, length)), key, 'git')).ok, `${length}`).toBe(
        false,
      );
    }
  });

  test('a flipped bit is refused, but in the unhashed issuer id that nothing relies on', async () => {
    const key = await anchorKey('cy');
    const body = Buffer.from(await gpgBody());
    const unhashedAt = 6 + body.readUInt16BE(4);
    const unhashedEnd = unhashedAt + 2 + body.readUInt16BE(unhashedAt);
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const at = bit >> 3;
      if (at >= unhashedAt && at < unhashedEnd) continue;
      const altered = Buffer.from(body);
      altered.writeUInt8(altered.readUInt8(at) ^ (1 << (bit & 7)), at);
      const verdict = await verifySignature(openpgp(armorSignature(frame(2, altered))), key, 'git');
      // An MPI's bit count is rounded up to bytes; a change within the last byte is another spelling of the number.
      if (verdict.ok) expect(mpiCounts(body), `bit ${bit}`).toContain(at);
    }
  });

  /** Offsets of the low byte of each bit count behind the unhashed area of an EdDSA body. */
  function mpiCounts(body: Buffer): readonly number[] {
    const unhashedAt = 6 + body.readUInt16BE(4);
    const first = unhashedAt + 2 + body.readUInt16BE(unhashedAt) + 2;
    return [first + 1, first + 2 + Math.ceil(body.readUInt16BE(first) / 8) + 1];
  }

  test('refuses changed bytes, line endings too', async () => {
    const signature = gpgSign(keys.gnupgHome, fingerprints.cy);
    const crlf = Buffer.from(Buffer.from(payload).toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
    const verdict = await verifySignature(openpgp(signature, crlf), await anchorKey('cy'), 'git');
    expect(verdict.ok).toBe(false);
  });

  test('refuses a format that is not the key’s', async () => {
    const verdict = await verifySignature(ssh('x'), await anchorKey('cy'), 'git');
    expect(verdict).toMatchObject({ ok: false, rule: 'G14' });
  });

  test('signerOf finds the certificate of the issuer, and nobody for other bytes', async () => {
    const all = [await anchorKey('gus'), await anchorKey('cy')];
    expect(signerOf(openpgp(gpgSign(keys.gnupgHome, fingerprints.cy)), all)).toBe(all[1]);
    expect(signerOf(openpgp(gpgSign(keys.gnupgHome, `${fingerprints.gus}!`)), all)).toBe(all[0]);
    expect(signerOf(openpgp(gpgSign(keys.gnupgHome, fingerprints.gus)), all.slice(1))).toBeNull();
    expect(signerOf(openpgp(gpgSign(keys.gnupgHome, fingerprints.cy, '--textmode')), all)).toBeNull();
    expect(signerOf(openpgp('garbage'), all)).toBeNull();
  });

  test('one secret has one material as SSH and as OpenPGP key (G4)', async () => {
    const line = gpg(keys.gnupgHome, ['--export-ssh-key', `${fingerprints.cy}!`]).trim();
    const parsed = parseSshKey(line);
    expect(parsed).toMatchObject({ ok: true, key: { material: (await anchorKey('cy')).material } });
  });
});
