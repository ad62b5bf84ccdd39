import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCommit } from '../../src/git/index.ts';
import {
  type AnchorKey,
  detachedSignature,
  parseOpenpgpKey,
  parseSshKey,
  signerOf,
  verifySignature,
} from '../../src/signatures/index.ts';
import {
  fingerprints,
  type InstalledKeys,
  installKeys,
  openpgpCertificate,
  sshPublicKey,
} from '../keys/index.ts';
import { authenticatorKinds, installKind, publicLine, sshFileKinds } from '../keys/kinds/index.ts';
import { payload, ssh, sshKeygenSign } from './make.ts';
import { type Fields, parseSshsig, sshsigBlob, touch } from './wire.ts';

/** What a token signs (formats.md, Detached). */
const lines = new TextEncoder().encode(
  `Fairlead-Approve: ${'1c'.repeat(32)} seq=2 base=${'ab'.repeat(32)} next=${'cd'.repeat(32)}\n`,
);

const folder = mkdtempSync(join(tmpdir(), 'fairlead-token-'));
let keys: InstalledKeys;
beforeAll(() => {
  keys = installKeys(folder);
});
afterAll(() => {
  keys.close();
  rmSync(folder, { recursive: true });
});

function sshKey(line: string): AnchorKey {
  const parsed = parseSshKey(line);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

async function cy(): Promise<AnchorKey> {
  const parsed = await parseOpenpgpKey(openpgpCertificate('cy'), fingerprints.cy);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

const byAlice = (namespace: string): Fields =>
  parseSshsig(sshKeygenSign(keys.ssh.alice, namespace, 'sha512', lines));

/** A binary packet, as `gpg --detach-sign` writes it without `--armor`. */
const byGpg = (bytes: Uint8Array): Uint8Array =>
  execFileSync('gpg', ['--batch', '--quiet', '-b', '-u', fingerprints.cy], {
    env: { ...process.env, GNUPGHOME: keys.gnupgHome },
    input: bytes,
    stdio: 'pipe',
  });

describe('the signature of a token (formats.md, Detached)', () => {
  test('SSH: the plain SSHSIG, namespace fairlead', async () => {
    const signature = detachedSignature(sshsigBlob(byAlice('fairlead')), lines);
    const alice = sshKey(sshPublicKey('alice'));
    expect(signerOf(signature, [sshKey(sshPublicKey('bo')), alice])).toBe(alice);
    expect(await verifySignature(signature, alice, 'fairlead')).toEqual({ ok: true });
  });

  test.each([...sshFileKinds, ...authenticatorKinds])('%s', async (kind) => {
    const fields =
      kind === 'sk-ed25519' || kind === 'sk-ecdsa'
        ? touch(kind, lines, { namespace: 'fairlead' })
        : parseSshsig(sshKeygenSign(installKind(folder, kind), 'fairlead', 'sha256', lines));
    const signature = detachedSignature(sshsigBlob(fields), lines);
    expect(await verifySignature(signature, sshKey(publicLine(kind)), 'fairlead')).toEqual({ ok: true });
  });

  test('OpenPGP: one binary packet', async () => {
    const signature = detachedSignature(byGpg(lines), lines);
    const key = await cy();
    expect(signerOf(signature, [sshKey(sshPublicKey('alice')), key])).toBe(key);
    expect(await verifySignature(signature, key, 'fairlead')).toEqual({ ok: true });
  });

  const refused: Record<string, readonly [make: () => Uint8Array, reason: RegExp]> = {
    'in armour': [() => Buffer.from(sshKeygenSign(keys.ssh.alice, 'fairlead', 'sha512', lines)), /unknown/],
    'of namespace git': [() => sshsigBlob(byAlice('git')), /namespace/],
    'of namespace Fairlead': [() => sshsigBlob(byAlice('Fairlead')), /namespace/],
    'with a byte behind it': [
      () => Buffer.concat([sshsigBlob(byAlice('fairlead')), Buffer.alloc(1)]),
      /behind/,
    ],
    'cut short': [() => sshsigBlob(byAlice('fairlead')).subarray(0, -1), /cut short/],
    'of other lines': [
      () => sshsigBlob(parseSshsig(sshKeygenSign(keys.ssh.alice, 'fairlead'))),
      /does not match/,
    ],
    empty: [() => new Uint8Array(), /unknown/],
  };
  test.each(Object.entries(refused))('refused: %s', async (_, [make, reason]) => {
    const verdict = await verifySignature(
      detachedSignature(make(), lines),
      sshKey(sshPublicKey('alice')),
      'fairlead',
    );
    expect(verdict).toEqual({ ok: false, rule: 'G13', reason: expect.stringMatching(reason) });
  });

  const packets: Record<string, readonly [make: () => Uint8Array, reason: RegExp]> = {
    'two packets': [() => Buffer.concat([byGpg(lines), byGpg(lines)]), /exactly one/],
    'a byte behind the packet': [() => Buffer.concat([byGpg(lines), Buffer.alloc(1)]), /marker bit/],
    'of other lines': [() => byGpg(payload), /./],
    'in text mode': [
      () =>
        execFileSync('gpg', ['--batch', '--quiet', '--textmode', '-b', '-u', fingerprints.cy], {
          env: { ...process.env, GNUPGHOME: keys.gnupgHome },
          input: lines,
          stdio: 'pipe',
        }),
      /type 0x00/,
    ],
  };
  test.each(Object.entries(packets))('refused: OpenPGP, %s', async (_, [make, reason]) => {
    const verdict = await verifySignature(detachedSignature(make(), lines), await cy(), 'fairlead');
    expect(verdict).toEqual({ ok: false, rule: 'G14', reason: expect.stringMatching(reason) });
  });
});

describe('no signature is both a commit’s and a token’s', () => {
  test('SSH: the namespace is signed', async () => {
    const alice = sshKey(sshPublicKey('alice'));
    const commit = sshKeygenSign(keys.ssh.alice);
    expect(await verifySignature(ssh(commit), alice, 'git')).toEqual({ ok: true });
    const token = detachedSignature(sshsigBlob(parseSshsig(commit)), payload);
    expect(await verifySignature(token, alice, 'fairlead')).toMatchObject({ ok: false });
  });

  test('OpenPGP has no namespace, and the bytes differ: a commit’s begin with “tree ”, a token’s with “Fairlead-”', async () => {
    const signature = byGpg(lines);
    const key = await cy();
    expect(await verifySignature(detachedSignature(signature, lines), key, 'fairlead')).toEqual({ ok: true });
    // The signed bytes are what is left of a commit without its signature header; no such commit can be read.
    const armor = Buffer.from(signature).toString('base64');
    const header = `gpgsig -----BEGIN PGP SIGNATURE-----\n \n ${armor}\n -----END PGP SIGNATURE-----\n`;
    for (const at of [0, lines.length]) {
      const raw = Buffer.concat([lines.subarray(0, at), Buffer.from(header), lines.subarray(at)]);
      expect(() => parseCommit('0'.repeat(40), raw)).toThrow(
        expect.objectContaining({ code: 'object-malformed' }),
      );
    }
  });
});
