import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enums, generateKey, readKey, type SignaturePacket } from 'openpgp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnchorKey,
  forgeKeys,
  isListed,
  parseOpenpgpKey,
  parseSshKey,
  signerOf,
  testKeys,
  verifySignature,
} from '../../src/signatures/index.ts';
import {
  fingerprints,
  type InstalledKeys,
  installKeys,
  openpgpCertificate,
  openpgpNames,
  sshNames,
  sshPublicKey,
} from '../keys/index.ts';
import {
  authenticatorKinds,
  certificateOf,
  kindFingerprints,
  openpgpKinds,
  publicLine,
  sshFileKinds,
} from '../keys/kinds/index.ts';
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
  publicCertificate,
  publicPacket,
  readSecret,
  type Secret,
  signPacket,
  subkeySecret,
} from './make.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-cert-'));
let keys: InstalledKeys;
let cy: Secret;
let sub: Secret;
let gus: Secret;
beforeAll(async () => {
  keys = installKeys(folder);
  cy = await primarySecret('cy');
  sub = await subkeySecret('cy');
  gus = await primarySecret('gus');
});
afterAll(() => {
  keys.close();
  rmSync(folder, { recursive: true });
});

const flag = { certify: 1, sign: 2, encrypt: 12, authenticate: 32 } as const;
const user = new TextEncoder().encode('cy <cy@fairlead.example>');

type Made = {
  readonly by?: Secret;
  readonly date?: string;
  readonly hash?: number;
  readonly fields?: (signature: SignaturePacket) => void;
};
const flags =
  (value: number) =>
  (signature: SignaturePacket): void => {
    signature.keyFlags = new Uint8Array([value]);
  };

const primary = (): Uint8Array => frame(6, publicBody(cy));
const subkey = (): Uint8Array => frame(14, publicBody(sub));
const userId = (): Uint8Array => frame(13, user);

/** A self-certification of the user id. */
async function certification(keyFlags: number | null, made: Made = {}): Promise<Uint8Array> {
  const data = { key: await publicPacket(cy), userID: { write: () => user } };
  const fields = (signature: SignaturePacket): void => {
    if (keyFlags !== null) flags(keyFlags)(signature);
    made.fields?.(signature);
  };
  const type = enums.signature.certPositive;
  return frame(2, (await signPacket(made.by ?? cy, data, { ...made, type, fields })).write());
}

/** A direct signature, or a revocation, of the primary key. */
async function direct(type: number, keyFlags = 0, made: Made = {}): Promise<Uint8Array> {
  const data = { key: await publicPacket(cy) };
  return frame(
    2,
    (await signPacket(made.by ?? cy, data, { ...made, type, fields: flags(keyFlags) })).write(),
  );
}

/** The back-signature of the subkey, by whatever key and of whatever type. */
async function back(
  by = sub,
  type: number = enums.signature.keyBinding,
  hash?: number,
): Promise<SignaturePacket> {
  const data = { key: await publicPacket(cy), bind: await publicPacket(sub) };
  return signPacket(by, data, hash === undefined ? { type } : { type, hash });
}

async function binding(
  keyFlags: number,
  embedded: SignaturePacket | null,
  made: Made = {},
): Promise<Uint8Array> {
  const data = { key: await publicPacket(cy), bind: await publicPacket(sub) };
  const fields = (signature: SignaturePacket): void => {
    flags(keyFlags)(signature);
    signature.embeddedSignature = embedded;
    made.fields?.(signature);
  };
  const type = enums.signature.subkeyBinding;
  return frame(2, (await signPacket(made.by ?? cy, data, { ...made, type, fields })).write());
}

async function subkeyRevocation(): Promise<Uint8Array> {
  const data = { key: await publicPacket(cy), bind: await publicPacket(sub) };
  return frame(2, (await signPacket(cy, data, { type: enums.signature.subkeyRevocation })).write());
}

type Parts = readonly (Uint8Array | Promise<Uint8Array>)[];

async function parse(parts: Parts): ReturnType<typeof parseOpenpgpKey> {
  return parseOpenpgpKey(new Uint8Array(Buffer.concat(await Promise.all(parts))), fingerprints.cy);
}

/** May `signer` sign under a certificate of these packets? */
async function maySign(signer: Secret, parts: Parts): Promise<string> {
  const parsed = await parse(parts);
  if (!parsed.ok) return `certificate: ${parsed.reason}`;
  const made = await signPacket(signer, literal(payload), { date: '2030-01-01T00:00:00Z' });
  const signature = openpgp(armorSignature(frame(2, made.write())));
  expect(signerOf(signature, [parsed.key])).toBe(parsed.key);
  const verdict = await verifySignature(signature, parsed.key, 'git');
  return verdict.ok ? 'yes' : verdict.reason;
}

const expired = (signature: SignaturePacket): void => {
  signature.keyExpirationTime = 1;
  signature.keyNeverExpires = false;
};
const signatureExpired = (signature: SignaturePacket): void => {
  signature.signatureExpirationTime = 1;
  signature.signatureNeverExpires = false;
};
const later = '2025-01-01T00:00:00Z';

describe('a subkey of a pinned certificate (G14)', () => {
  const good = (): Parts => [primary(), userId(), certification(flag.certify | flag.sign)];
  const cases: Record<string, readonly [parts: () => Promise<Parts>, answer: RegExp]> = {
    'with binding and back-signature': [async () => [subkey(), binding(flag.sign, await back())], /^yes$/],
    'that has expired': [
      async () => [subkey(), binding(flag.sign, await back(), { fields: expired })],
      /^yes$/,
    ],
    'of which the binding has expired': [
      async () => [subkey(), binding(flag.sign, await back(), { fields: signatureExpired })],
      /^yes$/,
    ],
    'bound again, for signing': [
      async () => [subkey(), binding(flag.encrypt, null), binding(flag.sign, await back(), { date: later })],
      /^yes$/,
    ],
    'bound again, for signing, in front of the old binding': [
      async () => [subkey(), binding(flag.sign, await back(), { date: later }), binding(flag.encrypt, null)],
      /^yes$/,
    ],
    'bound again, no longer for signing': [
      async () => [subkey(), binding(flag.sign, await back()), binding(flag.encrypt, null, { date: later })],
      /not for signing/,
    ],
    'without a back-signature': [async () => [subkey(), binding(flag.sign, null)], /no back-signature/],
    'with a back-signature by another key': [
      async () => [subkey(), binding(flag.sign, await back(gus))],
      /back-signature of the subkey is not valid/,
    ],
    'with a back-signature by the primary key': [
      async () => [subkey(), binding(flag.sign, await back(cy))],
      /back-signature of the subkey is not valid/,
    ],
    'with a back-signature of another type': [
      async () => [subkey(), binding(flag.sign, await back(sub, enums.signature.subkeyBinding))],
      /no back-signature/,
    ],
    'for encryption': [async () => [subkey(), binding(flag.encrypt, await back())], /not for signing/],
    'for authentication': [
      async () => [subkey(), binding(flag.authenticate, await back())],
      /not for signing/,
    ],
    'without a binding': [async () => [subkey()], /no valid binding/],
    'bound by somebody else': [
      async () => [subkey(), binding(flag.sign, await back(), { by: gus })],
      /no valid binding/,
    ],
    revoked: [async () => [subkey(), subkeyRevocation(), binding(flag.sign, await back())], /revoked/],
    'revoked, then bound again': [
      async () => [subkey(), subkeyRevocation(), binding(flag.sign, await back(), { date: later })],
      /revoked/,
    ],
    'listed twice': [
      async () => [subkey(), subkeyRevocation(), subkey(), binding(flag.sign, await back())],
      /certificate: .*twice/,
    ],
  };
  test.each(Object.entries(cases))('%s', async (_, [parts, answer]) => {
    expect(await maySign(sub, [...good(), ...(await parts())])).toMatch(answer);
  });
});

describe('the primary key of a pinned certificate (G14)', () => {
  const cases: Record<string, readonly [parts: () => Parts, answer: RegExp]> = {
    'may sign by its user id': [() => [userId(), certification(flag.sign)], /^yes$/],
    'may sign by a direct signature': [() => [direct(enums.signature.key, flag.sign)], /^yes$/],
    'has expired': [() => [userId(), certification(flag.sign, { fields: expired })], /^yes$/],
    'may sign since': [
      () => [userId(), certification(flag.certify), certification(flag.sign, { date: later })],
      /^yes$/,
    ],
    'a newer self-signature without flags changes nothing': [
      () => [userId(), certification(flag.sign), certification(null, { date: later })],
      /^yes$/,
    ],
    'may no longer sign': [
      () => [userId(), certification(flag.sign), certification(flag.certify, { date: later })],
      /certificate: no key .* may sign/,
    ],
    'may only certify': [() => [userId(), certification(flag.certify)], /certificate: no key .* may sign/],
    'has no flags': [() => [userId(), certification(null)], /certificate: no key .* may sign/],
    'is certified by somebody else': [
      () => [userId(), certification(flag.sign, { by: gus })],
      /certificate: no key .* may sign/,
    ],
    'has no self-signature': [() => [userId()], /certificate: no key .* may sign/],
    'is revoked': [
      () => [direct(enums.signature.keyRevocation), userId(), certification(flag.sign)],
      /certificate: .*revoked/,
    ],
    'is revoked at an odd place': [
      () => [userId(), certification(flag.sign), direct(enums.signature.keyRevocation)],
      /certificate: .*revoked/,
    ],
    'is revoked, then certified again': [
      () => [direct(enums.signature.keyRevocation), userId(), certification(flag.sign, { date: later })],
      /certificate: .*revoked/,
    ],
    'is revoked by a key that it may have named': [
      () => [direct(enums.signature.keyRevocation, 0, { by: gus }), userId(), certification(flag.sign)],
      /certificate: .*revoked/,
    ],
  };
  test.each(Object.entries(cases))('%s', async (_, [parts, answer]) => {
    expect(await maySign(cy, [primary(), ...parts()])).toMatch(answer);
  });

  test('a primary key that may only certify does not sign for its subkey', async () => {
    const parts = [
      primary(),
      userId(),
      certification(flag.certify),
      subkey(),
      binding(flag.sign, await back()),
    ];
    expect(await maySign(sub, parts)).toBe('yes');
    expect(await maySign(cy, parts)).toMatch(/no valid self-signature/);
  });

  test('a certificate that lists a foreign key does not take its signatures (signerOf)', async () => {
    const foreign = frame(14, publicBody(gus));
    const thief = await parse([primary(), userId(), certification(flag.sign), foreign]);
    const owner = await parseOpenpgpKey(openpgpCertificate('gus'), fingerprints.gus);
    if (!thief.ok || !owner.ok) throw new Error('both are certificates');
    const signature = openpgp(gpgSign(keys.gnupgHome, `${fingerprints.gus}!`));
    expect(signerOf(signature, [thief.key, owner.key])).toBe(owner.key);
    expect(await verifySignature(signature, thief.key, 'git')).toMatchObject({ ok: false, rule: 'G14' });
    expect(thief.key).toMatchObject({ materials: [thief.key.material] });
  });
});

describe('the bytes of a pinned certificate', () => {
  const bytes = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
  const binary = async (): Promise<Uint8Array> =>
    (await readKey({ armoredKey: Buffer.from(openpgpCertificate('cy')).toString() })).write();

  test('binary, armoured and with CRLF are the same key', async () => {
    const text = Buffer.from(openpgpCertificate('cy')).toString().replaceAll('\r\n', '\n');
    for (const form of [await binary(), Buffer.from(text), Buffer.from(text.replaceAll('\n', '\r\n'))]) {
      expect(await parseOpenpgpKey(form, fingerprints.cy)).toMatchObject({ ok: true });
    }
  });

  const refused: Record<string, readonly [make: () => Promise<Uint8Array> | Uint8Array, reason: RegExp]> = {
    'another certificate': [() => openpgpCertificate('gus'), /fingerprint/],
    'two certificates': [
      async () => bytes(await binary(), frame(6, publicBody(gus))),
      /more than one certificate/,
    ],
    'the same certificate twice': [
      async () => bytes(await binary(), await binary()),
      /more than one certificate/,
    ],
    'two armoured certificates': [
      () => bytes(openpgpCertificate('cy'), openpgpCertificate('gus')),
      /empty line|base64|header/,
    ],
    'an armoured secret key': [
      () => readFileSync(join(import.meta.dirname, '../keys/cy.secret.asc')),
      /secret key/,
    ],
    'a binary secret key': [async () => (await readSecret('cy')).write(), /packet 5/],
    'a signature': [() => Buffer.from(gpgSign(keys.gnupgHome, fingerprints.cy)), /does not begin/],
    'a literal packet inside': [async () => bytes(await binary(), frame(11, payload)), /packet 11/],
    'a key packet with bytes behind its key': [
      async () => bytes(frame(6, bytes(publicBody(cy), new Uint8Array([0]))), userId()),
      /bytes that are not part/,
    ],
    'cut short': [async () => (await binary()).slice(0, -1), /cut short/],
    nothing: [() => new Uint8Array(), /does not begin/],
    'no key': [() => userId(), /does not begin/],
    'more packets than anybody needs': [
      async () => bytes(await binary(), ...Array.from({ length: 256 }, userId)),
      /256 packets/,
    ],
  };
  test.each(Object.entries(refused))('refuses %s', async (_, [make, reason]) => {
    const parsed = await parseOpenpgpKey(new Uint8Array(await make()), fingerprints.cy);
    expect(parsed).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });

  test('any changed byte gives a value: a refusal, or cy’s keys and no other', async () => {
    const certificate = await binary();
    for (let at = 0; at < certificate.length; at += 1) {
      const altered = Buffer.from(certificate);
      altered.writeUInt8(altered.readUInt8(at) ^ 0x55, at);
      const parsed = await parseOpenpgpKey(altered, fingerprints.cy);
      const materials = parsed.ok && parsed.key.format === 'openpgp' ? parsed.key.materials : [];
      expect(
        materials.every((material) => testKeys.has(material)),
        `byte ${at}`,
      ).toBe(true);
    }
  });

  test('wants the full fingerprint in upper case', async () => {
    for (const fingerprint of [fingerprints.cy.toLowerCase(), fingerprints.cy.slice(-16), '']) {
      expect((await parseOpenpgpKey(openpgpCertificate('cy'), fingerprint)).ok).toBe(false);
    }
  });
});

describe('certificates and signatures that gpg makes', () => {
  const generate = (
    name: string,
    algorithm: string,
    usage: string,
    ...options: readonly string[]
  ): string => {
    gpg(keys.gnupgHome, [...options, '--quick-gen-key', `${name}@fairlead.example`, algorithm, usage, '1d']);
    const listed = gpg(keys.gnupgHome, ['--with-colons', '--list-keys', `${name}@fairlead.example`]);
    return /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
  };
  const parseOf = async (fingerprint: string): ReturnType<typeof parseOpenpgpKey> =>
    parseOpenpgpKey(publicCertificate(keys.gnupgHome, fingerprint), fingerprint);
  async function keyOf(fingerprint: string): Promise<AnchorKey> {
    const parsed = await parseOf(fingerprint);
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.key;
  }

  test.each(['ed25519', 'nistp256', 'nistp384', 'nistp521', 'rsa3072'])('accepts %s', async (algorithm) => {
    const fingerprint = generate(`ok-${algorithm}`, algorithm, 'sign');
    const signature = openpgp(gpgSign(keys.gnupgHome, fingerprint));
    expect(await verifySignature(signature, await keyOf(fingerprint), 'git')).toEqual({ ok: true });
  });

  test.each(['rsa2048', 'dsa2048', 'brainpoolP256r1', 'secp256k1'])(
    'refuses %s (attack 41)',
    async (algorithm) => {
      expect(await parseOf(generate(`no-${algorithm}`, algorithm, 'sign'))).toMatchObject({ ok: false });
    },
  );

  test.each(['SHA1', 'SHA224'])('refuses %s over RSA (attack 39)', async (digest) => {
    const fingerprint = generate(`digest-${digest}`, 'rsa3072', 'sign');
    const options = ['--digest-algo', digest, '--allow-weak-digest-algos'];
    const signature = openpgp(gpgSign(keys.gnupgHome, fingerprint, ...options));
    const verdict = await verifySignature(signature, await keyOf(fingerprint), 'git');
    expect(verdict).toMatchObject({ ok: false, rule: 'G14', reason: expect.stringContaining('SHA-256') });
  });

  test('a key that expired in 2020 still verifies, but its owner’s gpg would not', async () => {
    const then = ['--faked-system-time', '20200101T000000'];
    const fingerprint = generate('expired', 'ed25519', 'sign', ...then);
    const signature = openpgp(gpgSign(keys.gnupgHome, fingerprint, ...then));
    expect(() => gpgSign(keys.gnupgHome, fingerprint)).toThrow();
    expect(await verifySignature(signature, await keyOf(fingerprint), 'git')).toEqual({ ok: true });
  });

  test('a certificate with its revocation in the pinned bytes is refused', async () => {
    const fingerprint = generate('revoked', 'ed25519', 'sign');
    expect(await parseOf(fingerprint)).toMatchObject({ ok: true });
    const revocation = readFileSync(join(keys.gnupgHome, 'openpgp-revocs.d', `${fingerprint}.rev`), 'utf8');
    gpg(keys.gnupgHome, ['--import'], revocation.replace(':-----BEGIN', '-----BEGIN'));
    expect(await parseOf(fingerprint)).toEqual({ ok: false, reason: expect.stringMatching(/revoked/) });
  });

  test('the usual layout: certify, and subkeys to sign, encrypt and authenticate', async () => {
    const fingerprint = generate('layout', 'ed25519', 'cert');
    for (const [algorithm, usage] of [
      ['ed25519', 'sign'],
      ['cv25519', 'encr'],
      ['ed25519', 'auth'],
    ] as const) {
      gpg(keys.gnupgHome, ['--quick-add-key', fingerprint, algorithm, usage]);
    }
    const key = await keyOf(fingerprint);
    expect(key).toMatchObject({ materials: { length: 2 } });
    const signature = openpgp(gpgSign(keys.gnupgHome, fingerprint));
    expect(await verifySignature(signature, key, 'git')).toEqual({ ok: true });
  });
});

test('version 6 keys with algorithm 27 have a fingerprint of 64 digits and verify (RFC 9580)', async () => {
  const config = { v6Keys: true };
  const userIDs = [{ name: 'six' }];
  const made = await generateKey({
    type: 'curve25519',
    userIDs,
    config,
    format: 'armored',
    date: new Date(0),
  });
  const secret = await primarySecret(made.privateKey);
  const fingerprint = secret.getFingerprint().toUpperCase();
  const parsed = await parseOpenpgpKey(Buffer.from(made.publicKey), fingerprint);
  if (!parsed.ok) throw new Error(parsed.reason);
  expect(fingerprint).toMatch(/^[0-9A-F]{64}$/);
  const signature = frame(2, (await signPacket(secret, literal(payload))).write());
  expect(await verifySignature(openpgp(armorSignature(signature)), parsed.key, 'git')).toEqual({ ok: true });
});

describe('keys that are nobody’s (G4)', () => {
  test('every published test key is listed, every subkey too', async () => {
    const parsed = [
      ...sshNames.map((name) => parseSshKey(sshPublicKey(name))),
      ...[...sshFileKinds, ...authenticatorKinds].map((kind) => parseSshKey(publicLine(kind))),
      ...(await Promise.all(
        openpgpNames.map((name) => parseOpenpgpKey(openpgpCertificate(name), fingerprints[name])),
      )),
      ...(await Promise.all(
        openpgpKinds.map((kind) => parseOpenpgpKey(certificateOf(kind), kindFingerprints[kind])),
      )),
    ];
    const found = parsed.map((result) => (result.ok ? result.key : null));
    const materials: string[] = [];
    for (const key of found) {
      if (key === null) throw new Error('a published test key is refused');
      expect(isListed(key, testKeys), key.fingerprint).toBe(true);
      expect(isListed(key, forgeKeys)).toBe(false);
      materials.push(...(key.format === 'ssh' ? [key.material] : key.materials));
    }
    const digest = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
    expect([...testKeys].toSorted()).toEqual(
      materials.map((name) => (testKeys.has(name) ? name : digest(name))).toSorted(),
    );
  });

  test('a test key under another certificate is listed by its material', async () => {
    const line = gpg(keys.gnupgHome, ['--export-ssh-key', `${fingerprints.gus}!`]).trim();
    const parsed = parseSshKey(line);
    expect(parsed.ok && isListed(parsed.key, testKeys)).toBe(true);
  });

  test('the key with which GitLab.com signs for its users', () => {
    const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIADOCCUoN3Q1UPQqUvp845fKy7haJH17qsSkVXzWXilW';
    const parsed = parseSshKey(line);
    expect(parsed.ok && isListed(parsed.key, forgeKeys)).toBe(true);
  });
});
