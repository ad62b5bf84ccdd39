/** Honest signed commits of every kind of key, as raw bytes, and the keys that an anchor would list for them. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnchorKey, parseOpenpgpKey, parseSshKey } from '../../../src/signatures/index.ts';
import {
  fingerprints,
  type InstalledKeys,
  installKeys,
  openpgpCertificate,
  sshPublicKey,
} from '../../keys/index.ts';
import {
  authenticatorKinds,
  certificateOf,
  installKind,
  kindFingerprints,
  publicLine,
  secretFile,
  sshFileKinds,
  withJudge,
  withoutJudge,
} from '../../keys/kinds/index.ts';
import { armorSignature, frame, gpg, literal, signPacket, sshKeygenSign, subkeySecret } from '../make.ts';
import { printSshsig, touch } from '../wire.ts';

export type Format = 'ssh' | 'openpgp';

export type Honest = {
  /** The kind of the key, and how it was used. */
  readonly name: string;
  readonly format: Format;
  /** The commit without its signature, and the signature. */
  readonly payload: Buffer;
  readonly armor: string;
  readonly key: AnchorKey;
  /** Can git's own programs judge it? Not algorithm 27 and version 6. */
  readonly judge: boolean;
};

export type Corpus = {
  readonly commits: readonly Honest[];
  readonly keys: readonly AnchorKey[];
  /** Lines for `gpg.ssh.allowedSignersFile`. */
  readonly allowed: string;
  readonly gnupgHome: string;
  close(): void;
};

const tree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const person = (name: string, time: number): string =>
  `${name} <${name.toLowerCase()}@fairlead.example> ${time} +0000`;

/** Commits as people make them: roots, with one parent, merges, a note of their encoding, statements, UTF-8. */
function payloads(name: string, at: number): readonly Buffer[] {
  const parent = (digit: string): string => `parent ${digit.repeat(40)}\n`;
  const head = (parents: string): string =>
    `tree ${tree}\n${parents}author ${person(name, 1_700_000_000 + at)}\ncommitter ${person(name, 1_700_000_100 + at)}\n`;
  const statement = `Fairlead-Approve: ${'1c'.repeat(32)} seq=2 base=${'ab'.repeat(32)} next=${'cd'.repeat(32)}\n`;
  return [
    `${head('')}\nRoute payments to v2\n`,
    `${head(parent('a'))}\nGrüße aus Köln\n\n${statement}`,
    `${head(parent('b') + parent('c'))}\nMerge branch 'topic'\n\nSee the discussion.\n`,
    `${head(parent('d'))}encoding UTF-8\n\n`,
  ].map((text) => Buffer.from(text));
}

/** A raw commit, with the header where git puts it: before the blank line. */
export function assemble(payload: Uint8Array, armor: string): Buffer {
  const bytes = Buffer.from(payload);
  const at = bytes.indexOf('\n\n') + 1;
  const header = `gpgsig ${armor.replace(/\n$/, '').replaceAll('\n', '\n ')}\n`;
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(header), bytes.subarray(at)]);
}

/** `folder` is the caller's to remove. */
export async function buildCorpus(folder: string): Promise<Corpus> {
  const installed = installKeys(folder);
  gpg(installed.gnupgHome, ['--import', ...withJudge.map(secretFile)]);
  appendFileSync(join(installed.gnupgHome, 'gpg.conf'), 'trust-model always\n');
  const commits: Honest[] = [];
  const ssh = (name: string, line: string, sign: (payload: Buffer, at: number) => string): void => {
    const key = parsed(parseSshKey(line));
    for (const [at, payload] of payloads(name, commits.length).entries())
      commits.push({ name, format: 'ssh', payload, armor: sign(payload, at), key, judge: true });
  };
  const hash = (at: number): 'sha256' | 'sha512' => (at === 1 ? 'sha256' : 'sha512');
  ssh('ed25519', sshPublicKey('alice'), (payload, at) =>
    sshKeygenSign(installed.ssh.alice, 'git', hash(at), payload),
  );
  for (const kind of sshFileKinds) {
    const file = installKind(folder, kind);
    ssh(kind, publicLine(kind), (payload, at) => sshKeygenSign(file, 'git', hash(at), payload));
  }
  for (const kind of authenticatorKinds)
    ssh(kind, publicLine(kind), (payload, at) =>
      printSshsig(touch(kind, payload, { flags: at === 1 ? 5 : 1 })),
    );
  commits.push(...(await openpgpCommits(installed)));
  const lines = [sshPublicKey('alice'), ...[...sshFileKinds, ...authenticatorKinds].map(publicLine)];
  return {
    commits,
    keys: [...new Set(commits.map(({ key }) => key))],
    allowed: lines.map((line, at) => `anchor${at} ${line}\n`).join(''),
    gnupgHome: installed.gnupgHome,
    close: installed.close,
  };
}

async function openpgpCommits(installed: InstalledKeys): Promise<readonly Honest[]> {
  const made: Honest[] = [];
  const byGpg = [
    { name: 'pgp-ed25519', bytes: openpgpCertificate('cy'), fingerprint: fingerprints.cy },
    ...withJudge.map((kind) => ({
      name: kind,
      bytes: certificateOf(kind),
      fingerprint: kindFingerprints[kind],
    })),
  ];
  for (const { name, bytes, fingerprint } of byGpg) {
    const key = parsed(await parseOpenpgpKey(bytes, fingerprint));
    for (const [at, payload] of payloads(name, 100 + made.length).entries()) {
      const armor = gpgArmor(installed.gnupgHome, at === 1 ? `${fingerprint}!` : fingerprint, payload);
      made.push({ name, format: 'openpgp', payload, armor, key, judge: true });
    }
  }
  for (const kind of withoutJudge) {
    const key = parsed(await parseOpenpgpKey(certificateOf(kind), kindFingerprints[kind]));
    for (const payload of payloads(kind, 100 + made.length)) {
      const packet = await signPacket(await subkeySecret(kind), literal(payload));
      const armor = armorSignature(frame(2, packet.write()));
      made.push({ name: kind, format: 'openpgp', payload, armor, key, judge: false });
    }
  }
  return made;
}

function gpgArmor(home: string, key: string, payload: Uint8Array): string {
  const options = ['--batch', '--quiet', '-bsa', '-u', key];
  return execFileSync('gpg', options, {
    env: { ...process.env, GNUPGHOME: home },
    input: payload,
    stdio: 'pipe',
  }).toString();
}

function parsed(key: { ok: true; key: AnchorKey } | { ok: false; reason: string }): AnchorKey {
  if (!key.ok) throw new Error(key.reason);
  return key.key;
}
