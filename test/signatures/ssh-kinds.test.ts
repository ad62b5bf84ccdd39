import { execFileSync } from 'node:child_process';
import { constants, createHash, createPrivateKey, type KeyObject, privateEncrypt, sign } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnchorKey, parseSshKey, verifySignature } from '../../src/signatures/index.ts';
import {
  authenticatorKinds,
  installKind,
  publicLine,
  type SshFileKind,
  sshFileKinds,
} from '../keys/kinds/index.ts';
import { sshKeygenAccepts } from './judges.ts';
import { payload, ssh, sshKeygenSign } from './make.ts';
import {
  bigEndian,
  blob,
  ecdsaNumbers,
  envelope,
  keyBlob,
  lengthPrefixed,
  mpint,
  parseSshsig,
  printSshsig,
  sshsig,
  stringsOf,
  toNumber,
  touch,
} from './wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-kinds-'));
const paths = new Map<SshFileKind, string>();
beforeAll(() => {
  for (const kind of sshFileKinds) paths.set(kind, installKind(folder, kind));
});
afterAll(() => rmSync(folder, { recursive: true }));

const path = (kind: SshFileKind): string => paths.get(kind) ?? '';

function anchorKey(line: string): AnchorKey {
  const parsed = parseSshKey(line);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

/** The private key for node:crypto, by way of a copy in PKCS #8. */
function secretKey(kind: SshFileKind): KeyObject {
  const copy = join(folder, `${kind}.pem`);
  copyFileSync(path(kind), copy);
  execFileSync('ssh-keygen', ['-q', '-p', '-m', 'PKCS8', '-N', '', '-f', copy], { stdio: 'pipe' });
  return createPrivateKey(readFileSync(copy));
}

/** Our verdict, or the reason of the refusal; and that of `ssh-keygen -Y verify`. */
async function judged(
  line: string,
  armored: string,
  signed = payload,
): Promise<{ ours: string; openssh: boolean }> {
  const parsed = parseSshKey(line);
  const openssh = sshKeygenAccepts(folder, line, armored, signed);
  if (!parsed.ok) return { ours: parsed.reason, openssh };
  const verdict = await verifySignature(ssh(armored, signed), parsed.key, 'git');
  return { ours: verdict.ok ? 'accepted' : verdict.reason, openssh };
}

const accepted = { ours: 'accepted', openssh: true };

describe('signatures of each kind of SSH key (G13): accepted, and by ssh-keygen too', () => {
  test.each(sshFileKinds)('%s', async (kind) => {
    for (const hash of ['sha256', 'sha512'] as const)
      expect(await judged(publicLine(kind), sshKeygenSign(path(kind), 'git', hash)), hash).toEqual(accepted);
  });

  test('rsa-sha2-256, which ssh-keygen never makes', async () => {
    const made = sign('sha256', envelope(payload), secretKey('rsa-3072'));
    const fields = sshsig(publicLine('rsa-3072'), blob('rsa-sha2-256', made));
    expect(await judged(publicLine('rsa-3072'), printSshsig(fields))).toEqual(accepted);
  });

  // Made once, by ssh-keygen: such a key takes it half a minute. Nobody has the private halves.
  test.each(['4096', '8192'])('RSA of %s bits', async (bits) => {
    const made = (what: string) => readFileSync(join(import.meta.dirname, 'rsa', `${bits}.${what}`), 'utf8');
    const line = made('pub').trimEnd();
    const [, , n = Buffer.of()] = stringsOf(keyBlob(line));
    expect(toNumber(n).toString(2)).toHaveLength(Number(bits));
    expect(await judged(line, made('sig'))).toEqual(accepted);
  });

  const touches = {
    'somebody touched it': {},
    'user verified by PIN': { flags: 0x05 },
    'the counter at its end': { counter: 0xffff_ffff },
    'a counter of zero, as of authenticators that count nothing': { counter: 0 },
  };
  describe.each(authenticatorKinds)('%s', (kind) => {
    test.each(Object.entries(touches))('%s', async (_, made) => {
      expect(await judged(publicLine(kind), printSshsig(touch(kind, payload, made)))).toEqual(accepted);
    });
  });

  test('each key verifies its own signatures only', async () => {
    const kinds = [...sshFileKinds, ...authenticatorKinds];
    const made = new Map<string, string>([
      ...sshFileKinds.map((kind) => [kind, sshKeygenSign(path(kind))] as const),
      ...authenticatorKinds.map((kind) => [kind, printSshsig(touch(kind, payload))] as const),
    ]);
    for (const maker of kinds)
      for (const kind of kinds) {
        const verdict = await verifySignature(ssh(made.get(maker) ?? ''), anchorKey(publicLine(kind)), 'git');
        expect(verdict.ok, `${maker} under ${kind}`).toBe(maker === kind);
      }
  });
});

describe('the twin of an ECDSA signature', () => {
  test.each(['ecdsa-256', 'ecdsa-384', 'ecdsa-521'] as const)(
    '%s: (r, n − s) verifies as OpenSSH has it; it is the same anchor’s one vote (G4)',
    async (kind) => {
      const [r, s] = numbersOf(kind);
      const twin = printSshsig(ecdsaFields(kind, mpint(r), mpint(orders[kind] - s)));
      expect(twin).not.toBe(sshKeygenSign(path(kind)));
      expect(await judged(publicLine(kind), twin)).toEqual(accepted);
    },
  );
});

type EcdsaKind = 'ecdsa-256' | 'ecdsa-384' | 'ecdsa-521';
const orders: Readonly<Record<EcdsaKind, bigint>> = {
  'ecdsa-256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  'ecdsa-384': 2n ** 384n - 1388124618062372383947042015309946732620727252194336364173n,
  'ecdsa-521': 2n ** 521n - 657877501894328237357444332315020117536923257219387276263472201219398408051703n,
};

/** r and s of a signature by ssh-keygen. */
function numbersOf(kind: EcdsaKind): readonly [bigint, bigint] {
  const [, numbers = Buffer.alloc(0)] = stringsOf(parseSshsig(sshKeygenSign(path(kind))).signature);
  const [r = Buffer.alloc(0), s = Buffer.alloc(0)] = stringsOf(numbers);
  return [toNumber(r), toNumber(s)];
}

function ecdsaFields(kind: EcdsaKind, ...numbers: readonly Uint8Array[]): ReturnType<typeof sshsig> {
  const algorithm = `ecdsa-sha2-nistp${kind.slice(6)}`;
  return sshsig(publicLine(kind), blob(algorithm, Buffer.concat(numbers)));
}

const accepts = true;
const refuses = false;
type Case = readonly [make: () => readonly [line: string, armored: string], reason: RegExp, openssh: boolean];

/** Under the published key of its kind. */
const under = (
  kind: Parameters<typeof publicLine>[0],
  fields: ReturnType<typeof sshsig>,
): readonly [string, string] => [publicLine(kind), printSshsig(fields)];

const cases: Record<string, Case> = {};
for (const kind of ['ecdsa-256', 'ecdsa-384', 'ecdsa-521'] as const) {
  const n = orders[kind];
  const made = (change: (r: bigint, s: bigint) => readonly Uint8Array[]) => () =>
    under(kind, ecdsaFields(kind, ...change(...numbersOf(kind))));
  const padded = (value: bigint): Buffer =>
    lengthPrefixed(Buffer.concat([Buffer.alloc(2), bigEndian(value)]));
  Object.assign(cases, {
    [`${kind}: r = 0`]: [made((_, s) => [mpint(0n), mpint(s)]), /out of range/, refuses],
    [`${kind}: s = 0`]: [made((r) => [mpint(r), mpint(0n)]), /out of range/, refuses],
    [`${kind}: r = s = 0`]: [made(() => [mpint(0n), mpint(0n)]), /out of range/, refuses],
    [`${kind}: r = n`]: [made((_, s) => [mpint(n), mpint(s)]), /out of range/, refuses],
    [`${kind}: r + n`]: [made((r, s) => [mpint(r + n), mpint(s)]), /out of range/, refuses],
    [`${kind}: s + n`]: [made((r, s) => [mpint(r), mpint(s + n)]), /out of range/, refuses],
    [`${kind}: s = 1`]: [made((r) => [mpint(r), mpint(1n)]), /does not match/, refuses],
    [`${kind}: r and s exchanged`]: [made((r, s) => [mpint(s), mpint(r)]), /does not match/, refuses],
    [`${kind}: needless zeros before r`]: [
      made((r, s) => [padded(r), mpint(s)]),
      /needless zeros/,
      // libcrypto's reader of numbers drops them.
      accepts,
    ],
    [`${kind}: a negative s`]: [
      made((r) => [mpint(r), lengthPrefixed(Buffer.from([0x80, 1]))]),
      /negative/,
      refuses,
    ],
    [`${kind}: a third number`]: [made((r, s) => [mpint(r), mpint(s), mpint(1n)]), /behind its end/, refuses],
    [`${kind}: one number`]: [made((r) => [mpint(r)]), /cut short/, refuses],
    [`${kind}: in DER`]: [
      () => {
        const der = sign(`sha${{ 256: 256, 384: 384, 521: 512 }[kind.slice(6)]}`, envelope(payload), {
          key: secretKey(kind),
        });
        return under(kind, ecdsaFields(kind, der));
      },
      /cut short|behind its end/,
      refuses,
    ],
    [`${kind}: under another hash than the curve’s`]: [
      () => {
        const made = sign(kind === 'ecdsa-256' ? 'sha512' : 'sha256', envelope(payload), {
          key: secretKey(kind),
          dsaEncoding: 'ieee-p1363',
        });
        return under(kind, ecdsaFields(kind, ecdsaNumbers(made)));
      },
      /does not match/,
      refuses,
    ],
    [`${kind}: named as another curve’s signature`]: [
      () => {
        const fields = parseSshsig(sshKeygenSign(path(kind)));
        const [, numbers = Buffer.alloc(0)] = stringsOf(fields.signature);
        const other = kind === 'ecdsa-256' ? 'ecdsa-sha2-nistp384' : 'ecdsa-sha2-nistp256';
        return under(kind, { ...fields, signature: blob(other, numbers) });
      },
      /another algorithm/,
      refuses,
    ],
  } satisfies Record<string, Case>);
}

const rsaBytes = 384;
const rsaModulus = (): bigint => toNumber(stringsOf(keyBlob(publicLine('rsa-3072')))[2] ?? Buffer.alloc(0));
const rsaMade = (): bigint => toNumber(sign('sha512', envelope(payload), secretKey('rsa-3072')));
const rsaFields = (bytes: Uint8Array, algorithm = 'rsa-sha2-512'): readonly [string, string] =>
  under('rsa-3072', sshsig(publicLine('rsa-3072'), blob(algorithm, bytes)));

/** DER of DigestInfo (RFC 8017 9.2) up to the digest. */
const digestInfo = {
  sha1: '3021300906052b0e03021a05000414',
  sha256: '3031300d060960864801650304020105000420',
  sha512: '3051300d060960864801650304020305000440',
  sha512WithoutNull: '304f300b0609608648016503040203' + '0440',
} as const;

/** A signature by the secret key over bytes that PKCS #1 would not write: `00 01 FF… 00 DigestInfo digest` and changes. */
function rsaOver(change: {
  readonly type?: number;
  readonly padding?: number;
  readonly info?: string;
  readonly hash?: string;
  readonly garbage?: 'behind' | 'between';
}): readonly [string, string] {
  const info = Buffer.from(change.info ?? digestInfo.sha512, 'hex');
  const digest = createHash(change.hash ?? 'sha512')
    .update(envelope(payload))
    .digest();
  const room = rsaBytes - 3 - info.length - digest.length;
  const padding = Buffer.alloc(change.garbage === undefined ? room : 8, change.padding ?? 0xff);
  const garbage = Buffer.alloc(room - padding.length, 0xa5);
  const head = Buffer.from([0, change.type ?? 1, ...padding, 0]);
  const parts = change.garbage === 'between' ? [head, garbage, info, digest] : [head, info, digest, garbage];
  const key = { key: secretKey('rsa-3072'), padding: constants.RSA_NO_PADDING };
  return rsaFields(privateEncrypt(key, Buffer.concat(parts)));
}

Object.assign(cases, {
  'RSA: garbage behind the digest (Bleichenbacher 2006)': [
    () => rsaOver({ garbage: 'behind' }),
    /does not match/,
    refuses,
  ],
  'RSA: garbage between padding and digest': [
    () => rsaOver({ garbage: 'between' }),
    /does not match/,
    refuses,
  ],
  'RSA: padding of zeros': [() => rsaOver({ padding: 0 }), /does not match/, refuses],
  'RSA: padding of type 2, encryption’s': [() => rsaOver({ type: 2 }), /does not match/, refuses],
  'RSA: DigestInfo without NULL': [
    () => rsaOver({ info: digestInfo.sha512WithoutNull }),
    /does not match/,
    refuses,
  ],
  'RSA: SHA-1 within rsa-sha2-512': [
    () => rsaOver({ info: digestInfo.sha1, hash: 'sha1' }),
    /does not match/,
    refuses,
  ],
  'RSA: SHA-256 within rsa-sha2-512': [
    () => rsaOver({ info: digestInfo.sha256, hash: 'sha256' }),
    /does not match/,
    refuses,
  ],
  'RSA: PSS padding': [
    () => {
      const key = { key: secretKey('rsa-3072'), padding: constants.RSA_PKCS1_PSS_PADDING };
      return rsaFields(sign('sha512', envelope(payload), key));
    },
    /does not match/,
    refuses,
  ],
  'RSA: ssh-rsa, which is SHA-1': [
    () => rsaFields(sign('sha1', envelope(payload), secretKey('rsa-3072')), 'ssh-rsa'),
    /another algorithm/,
    refuses,
  ],
  'RSA: s + n': [() => rsaFields(bigEndian(rsaMade() + rsaModulus(), rsaBytes)), /does not match/, refuses],
  'RSA: s = 0': [() => rsaFields(Buffer.alloc(rsaBytes)), /does not match/, refuses],
  'RSA: s = 1': [() => rsaFields(bigEndian(1n, rsaBytes)), /does not match/, refuses],
  'RSA: a zero before s': [() => rsaFields(bigEndian(rsaMade(), rsaBytes + 1)), /does not match/, refuses],
  'RSA: no bytes': [() => rsaFields(Buffer.alloc(0)), /does not match/, refuses],
  'RSA: bytes behind s': [
    () => {
      const [line, armored] = rsaFields(bigEndian(rsaMade(), rsaBytes));
      const fields = parseSshsig(armored);
      return [
        line,
        printSshsig({ ...fields, signature: Buffer.concat([fields.signature, Buffer.alloc(1)]) }),
      ];
    },
    /behind its end/,
    refuses,
  ],
} satisfies Record<string, Case>);

for (const kind of authenticatorKinds) {
  const fields = (change: Partial<ReturnType<typeof touch>>): readonly [string, string] =>
    under(kind, { ...touch(kind, payload), ...change });
  const altered = (fromEnd: number): Buffer => {
    const bytes = Buffer.from(touch(kind, payload).signature);
    bytes[bytes.length - fromEnd] = (bytes[bytes.length - fromEnd] ?? 0) ^ 4;
    return bytes;
  };
  Object.assign(cases, {
    [`${kind}: nobody touched it`]: [
      () => under(kind, touch(kind, payload, { flags: 0 })),
      /touched/,
      // -Y verify asks for no touch, sshd does.
      accepts,
    ],
    [`${kind}: verified by PIN, yet nobody touched it`]: [
      () => under(kind, touch(kind, payload, { flags: 4 })),
      /touched/,
      accepts,
    ],
    [`${kind}: the flags changed`]: [() => fields({ signature: altered(5) }), /does not match/, refuses],
    [`${kind}: the counter changed`]: [() => fields({ signature: altered(1) }), /does not match/, refuses],
    [`${kind}: made for another application`]: [
      () => under(kind, touch(kind, payload, { application: 'https://example.com' })),
      /does not match/,
      refuses,
    ],
    [`${kind}: without flags and counter`]: [
      () => fields({ signature: touch(kind, payload).signature.subarray(0, -5) }),
      /cut short/,
      refuses,
    ],
    [`${kind}: bytes behind the counter`]: [
      () => fields({ signature: Buffer.concat([touch(kind, payload).signature, Buffer.alloc(1)]) }),
      /behind its end/,
      refuses,
    ],
    [`${kind}: as a plain signature`]: [
      () => {
        const [, bytes = Buffer.alloc(0)] = stringsOf(touch(kind, payload).signature.subarray(0, -5));
        return fields({
          signature: blob(kind === 'sk-ecdsa' ? 'ecdsa-sha2-nistp256' : 'ssh-ed25519', bytes),
        });
      },
      /another algorithm/,
      refuses,
    ],
  } satisfies Record<string, Case>);
}
cases['sk-ecdsa: as a web page has it (webauthn)'] = [
  () =>
    under(
      'sk-ecdsa',
      touch('sk-ecdsa', payload, { algorithm: 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com' }),
    ),
  /another algorithm/,
  refuses,
];

describe('what no key of its kind may have made (attack 41)', () => {
  test.each(Object.entries(cases))('%s', async (_, [make, reason, openssh]) => {
    const verdict = await judged(...make());
    expect(verdict).toEqual({ ours: expect.stringMatching(reason), openssh });
  });
});

test('RSA: without the zero that s begins with, once in 256 messages; OpenSSH puts it back', async () => {
  const key = secretKey('rsa-3072');
  for (let number = 0; ; number += 1) {
    const message = new TextEncoder().encode(`message ${number}`);
    const made = sign('sha512', envelope(message), key);
    if (made[0] !== 0) continue;
    const [line, whole] = rsaFields(made);
    const [, short] = rsaFields(made.subarray(1));
    expect(await judged(line, whole, message)).toEqual(accepted);
    expect(await judged(line, short, message)).toEqual({
      ours: 'the signature does not match the bytes',
      openssh: true,
    });
    return;
  }
});
