import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnchorKey, parseSshKey, signerOf, verifySignature } from '../../src/signatures/index.ts';
import { type InstalledKeys, installKeys, type SshName, sshPublicKey } from '../keys/index.ts';
import { openpgp, payload, ssh, sshKeygenSign } from './make.ts';
import { blob, type Fields, parseSshsig, printSshsig } from './wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-ssh-'));
let keys: InstalledKeys;
beforeAll(() => {
  keys = installKeys(folder);
});
afterAll(() => {
  keys.close();
  rmSync(folder, { recursive: true });
});

function anchorKey(name: SshName): AnchorKey {
  const parsed = parseSshKey(sshPublicKey(name));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

/** One field of an SSHSIG replaced. */
const withFields = (change: (fields: Fields) => Partial<Fields>): string => {
  const fields = parseSshsig(sshKeygenSign(keys.ssh.alice));
  return printSshsig({ ...fields, ...change(fields) });
};

const order = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Adds the group order to S: the same equation, another encoding (attack 41). */
function addOrder(blob: Buffer): Buffer {
  const twin = Buffer.from(blob);
  const half = twin.subarray(twin.length - 32);
  const scalar = BigInt(`0x${Buffer.from(half).reverse().toString('hex')}`) + order;
  Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse().copy(half);
  return twin;
}

describe('SSH signatures (G13)', () => {
  const accepted: Record<string, () => string> = {
    'as ssh-keygen makes it, sha512': () => sshKeygenSign(keys.ssh.alice),
    sha256: () => sshKeygenSign(keys.ssh.alice, 'git', 'sha256'),
    'without the last line feed': () => sshKeygenSign(keys.ssh.alice).trimEnd(),
    'in lines of another length': () => withFields(() => ({})),
  };
  test.each(Object.entries(accepted))('accepts: %s', async (_, make) => {
    expect(await verifySignature(ssh(make()), anchorKey('alice'), 'git')).toEqual({ ok: true });
  });

  const refused: Record<string, readonly [make: () => string, reason: RegExp]> = {
    'namespace file (attack 37)': [() => sshKeygenSign(keys.ssh.alice, 'file'), /namespace/],
    'namespace email': [() => sshKeygenSign(keys.ssh.alice, 'email'), /namespace/],
    'namespace rewritten to git': [
      () =>
        printSshsig({ ...parseSshsig(sshKeygenSign(keys.ssh.alice, 'file')), namespace: Buffer.from('git') }),
      /does not match/,
    ],
    'another key': [() => sshKeygenSign(keys.ssh.mallory), /not the key of the anchor/],
    "mallory's signature with alice's key embedded": [
      () =>
        printSshsig({
          ...parseSshsig(sshKeygenSign(keys.ssh.mallory)),
          publicKey: parseSshsig(sshKeygenSign(keys.ssh.alice)).publicKey,
        }),
      /does not match/,
    ],
    'text behind END (attack 44)': [() => `${sshKeygenSign(keys.ssh.alice)}x`, /does not end/],
    'two line feeds behind END': [() => `${sshKeygenSign(keys.ssh.alice)}\n`, /does not end/],
    'space behind END': [() => sshKeygenSign(keys.ssh.alice).replace(/\n$/, ' \n'), /does not end/],
    'text before BEGIN': [() => `\n${sshKeygenSign(keys.ssh.alice)}`, /does not begin/],
    'CRLF lines': [() => sshKeygenSign(keys.ssh.alice).replaceAll('\n', '\r\n'), /does not begin/],
    'an empty line inside': [
      () => sshKeygenSign(keys.ssh.alice).replace('-----\n', '-----\n\n'),
      /empty line/,
    ],
    'two blocks': [() => sshKeygenSign(keys.ssh.alice).repeat(2), /base64/],
    'not base64': [() => sshKeygenSign(keys.ssh.alice).replace('U1NI', 'U1N*'), /base64/],
    'empty armour': [() => '', /does not begin/],
    'no data': [() => '-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n', /does not end/],
    'bytes behind the blob': [() => withFields(() => ({ tail: Buffer.from([0]) })), /behind its end/],
    'another magic': [() => withFields(() => ({ magic: Buffer.from('SSHSIC') })), /not an SSHSIG/],
    'version 2': [() => withFields(() => ({ version: 2 })), /version/],
    'a namespace of a megabyte': [() => withFields(() => ({ namespace: Buffer.alloc(2 ** 20) })), /64 KiB/],
    'a namespace of 40 KB': [() => withFields(() => ({ namespace: Buffer.alloc(40_000) })), /namespace/],
    'reserved not empty': [() => withFields(() => ({ reserved: Buffer.from('x') })), /reserved/],
    'hash sha1': [() => withFields(() => ({ hash: Buffer.from('sha1') })), /hash/],
    'hash exchanged': [() => withFields(() => ({ hash: Buffer.from('sha256') })), /does not match/],
    'signature cut short': [
      () => withFields(({ signature }) => ({ signature: signature.subarray(0, -1) })),
      /cut short/,
    ],
    'signature of 63 bytes': [
      () => withFields(({ signature }) => ({ signature: blob('ssh-ed25519', signature.subarray(-63)) })),
      /64 bytes/,
    ],
    'signature altered': [
      () =>
        withFields(({ signature }) => ({
          signature: Buffer.from(signature.map((b, i) => (i === 40 ? b ^ 1 : b))),
        })),
      /does not match/,
    ],
    'signature of another algorithm': [
      () => withFields(({ signature }) => ({ signature: blob('rsa-sha2-512', signature.subarray(-64)) })),
      /algorithm/,
    ],
    'twin with S + L (attack 41)': [
      () => withFields(({ signature }) => ({ signature: addOrder(signature) })),
      /out of range/,
    ],
    'bytes inside the signature field': [
      () => withFields(({ signature }) => ({ signature: Buffer.concat([signature, Buffer.from([0])]) })),
      /behind its end/,
    ],
  };
  test.each(Object.entries(refused))('refuses: %s', async (_, [make, reason]) => {
    const verdict = await verifySignature(ssh(make()), anchorKey('alice'), 'git');
    expect(verdict).toMatchObject({ ok: false, rule: 'G13', reason: expect.stringMatching(reason) });
  });

  test('refuses every prefix of the armour', async () => {
    const armored = sshKeygenSign(keys.ssh.alice);
    for (let length = 0; length < armored.length - 1; length += 1) {
      const verdict = await verifySignature(ssh(armored.slice(0, length)), anchorKey('alice'), 'git');
      expect(verdict.ok, `${length} characters`).toBe(false);
    }
  });

  test('refuses every flipped bit of the blob', async () => {
    const lines = sshKeygenSign(keys.ssh.alice).trimEnd().split('\n');
    const bytes = Buffer.from(lines.slice(1, -1).join(''), 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const armored = [lines[0], altered.toString('base64'), lines.at(-1)].join('\n');
      expect((await verifySignature(ssh(armored), anchorKey('alice'), 'git')).ok, `bit ${bit}`).toBe(false);
    }
  });

  test('refuses changed bytes', async () => {
    const changed = Buffer.from(payload);
    changed[0] = 0x54;
    const verdict = await verifySignature(
      ssh(sshKeygenSign(keys.ssh.alice), changed),
      anchorKey('alice'),
      'git',
    );
    expect(verdict.ok).toBe(false);
  });

  test('refuses a format that is not the key’s', async () => {
    const verdict = await verifySignature(openpgp(sshKeygenSign(keys.ssh.alice)), anchorKey('alice'), 'git');
    expect(verdict).toMatchObject({ ok: false, rule: 'G13' });
  });

  test('signerOf finds the embedded key, and nobody for other bytes', () => {
    const all = (['alice', 'bo', 'dana'] as const).map(anchorKey);
    expect(signerOf(ssh(sshKeygenSign(keys.ssh.bo)), all)).toBe(all[1]);
    expect(signerOf(ssh(sshKeygenSign(keys.ssh.mallory)), all)).toBeNull();
    expect(signerOf(ssh('garbage'), all)).toBeNull();
    expect(signerOf({ format: 'unknown', armor: '', signed: payload }, all)).toBeNull();
  });
});

describe('SSH public keys', () => {
  test('has the fingerprint that ssh-keygen prints', () => {
    const printed = execFileSync('ssh-keygen', ['-lf', `${keys.ssh.alice}.pub`]).toString();
    expect(anchorKey('alice').fingerprint).toBe(printed.split(' ')[1]);
  });

  test('takes a line with and without a comment for the same key', () => {
    const [type, base64] = sshPublicKey('alice').split(' ');
    for (const line of [`${type} ${base64}`, `${type} ${base64} alice at her laptop`]) {
      expect(parseSshKey(line)).toEqual({ ok: true, key: anchorKey('alice') });
    }
  });

  const make = (...args: readonly string[]): string => {
    const file = join(folder, args.join(''));
    execFileSync('ssh-keygen', ['-q', '-N', '', '-f', file, ...args], { stdio: 'pipe' });
    return execFileSync('ssh-keygen', ['-y', '-f', file]).toString().trim();
  };
  const base64 = (): string => sshPublicKey('alice').split(' ')[1] ?? '';
  const refused: Record<string, readonly [line: () => string, reason: RegExp]> = {
    DSA: [() => `ssh-dss ${base64()}`, /not allowed/],
    'a certificate': [() => `ssh-ed25519-cert-v01@openssh.com ${base64()}`, /not allowed/],
    'a type other than the blob’s': [
      () => `ssh-ed25519 ${make('-t', 'ecdsa', '-b', '384').split(' ')[1]}`,
      /another type/,
    ],
    'options in front': [() => `no-pty ${sshPublicKey('alice')}`, /not an SSH public key line/],
    'two lines': [() => `${sshPublicKey('alice')}\n${sshPublicKey('bo')}`, /not an SSH public key line/],
    'a trailing line feed': [() => `${sshPublicKey('alice')}\n`, /not an SSH public key line/],
    'bytes behind the key': [
      () =>
        `ssh-ed25519 ${Buffer.concat([Buffer.from(base64(), 'base64'), Buffer.from([0])]).toString('base64')}`,
      /behind its end/,
    ],
    'base64 that is not canonical': [() => `ssh-ed25519 ${base64()}=`, /base64/],
    nothing: [() => '', /not an SSH public key line/],
  };
  test.each(Object.entries(refused))('refuses %s', (_, [line, reason]) => {
    expect(parseSshKey(line())).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});
