import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { armor, enums } from 'openpgp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { ruleset1 } from '../../src/policy/index.ts';
import { dearmorOpenpgp } from '../../src/signatures/armor.ts';
import { forgeKeys, parseOpenpgpKey } from '../../src/signatures/index.ts';
import { readPackets } from '../../src/signatures/openpgp-packet.ts';
import { formatToken, tokenBytes } from '../../src/votes/index.ts';
import { fingerprints, type InstalledKeys, installKeys, openpgpCertificate } from '../keys/index.ts';
import { frame, gpg } from '../signatures/make.ts';
import { createWorld, scopeYaml, type World } from './world.ts';

/** Reconfigure with OpenPGP keys: gus has a primary key and a signing subkey, which is the one that gpg picks. */
const folder = mkdtempSync(join(tmpdir(), 'fairlead-reconfigure-'));
const ruleset = { ...ruleset1, refusedKeys: new Set<string>() };
let keys: InstalledKeys;
beforeAll(() => {
  keys = installKeys(folder);
});
afterAll(() => {
  keys.close();
  rmSync(folder, { recursive: true });
});

const certificate = Buffer.from(openpgpCertificate('gus')).toString();

function gusKey(text = certificate, file = 'anchors/gus.asc'): string {
  return `{ openpgp: ${fingerprints.gus}, file: ${file}, sha256: ${sha256(text)} }`;
}

function withGus(text = certificate): Record<string, string> {
  const anchors = ['x', 'y', { name: 'gus', keys: [gusKey(text)] }];
  return { 'mesh/scope.yaml': scopeYaml({ anchors }), 'mesh/anchors/gus.asc': text };
}

type Signer = string | { readonly gpg: string };
const subkey = { gpg: fingerprints.gus };
const primary = { gpg: `${fingerprints.gus}!` };

/** Proposes the files over `g`, has them approved by all, and merges: the scope at `m`. */
async function proposed(world: World, files: Readonly<Record<string, string>>, signers: readonly Signer[]) {
  world.add('p', { parents: ['g'], files });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  let last = 'p';
  for (const [index, signer] of signers.entries()) {
    const sign = (bytes: Uint8Array) =>
      typeof signer === 'string' ? '' : gpg(keys.gnupgHome, ['-bsa', '-u', signer.gpg], bytes);
    world.add(`a${index}`, {
      parents: [last],
      message,
      ...(typeof signer === 'string' ? { by: signer } : { sign }),
    });
    last = `a${index}`;
  }
  world.add('m', { parents: ['g', last], files });
  return world.scope('m');
}

function genesis(files?: Readonly<Record<string, string>>): World {
  const anchors = ['x', 'y', { name: 'gus', keys: [gusKey()] }];
  const world = createWorld(files === undefined ? { ruleset } : { ruleset, files, anchors });
  world.add('g', {});
  return world;
}

test.each([
  ['a signing subkey', subkey],
  ['the primary key', primary],
])('possession: %s shows that an OpenPGP key is held', async (_name, signer) => {
  const scope = await proposed(genesis(), withGus(), ['x', 'y', signer]);
  expect(scope.hold).toBeNull();
  expect(scope.lineage.at(-1)?.votes.at(-1)).toMatchObject({ anchor: 'gus', fingerprint: fingerprints.gus });
  const { hold } = await proposed(genesis(), withGus(), ['x', 'y']);
  expect(hold?.reason).toContain(`possession: the new key ${fingerprints.gus} of gus has not signed`);
});

test('#34: another certificate than the one that scope.yaml pins is refused', async () => {
  const files = { ...withGus(), 'mesh/anchors/gus.asc': `${certificate}\n` };
  const { hold } = await proposed(genesis(), files, ['x', 'y', subkey]);
  expect(hold).toMatchObject({ rule: 'G6' });
  expect(hold?.reason).toContain('anchors/gus.asc has sha256');
});

test('#26: a certificate without its subkey is the same key, and judges by its own bytes', async () => {
  const smaller = withoutSubkey();
  const parsed = await parseOpenpgpKey(Buffer.from(smaller), fingerprints.gus);
  expect(parsed.ok && parsed.key.materials).toHaveLength(1);
  const before = { 'mesh/anchors/gus.asc': certificate };
  const held = await proposed(genesis(before), withGus(smaller), ['x', subkey]);
  // The old policy takes the subkey's signature, the new one does not know it; and no key was added.
  expect(held.hold?.reason).toBe(
    'old policy 2 of 2: x, gus signed; new policy 1 of 2: x signed; y or gus missing',
  );
  const scope = await proposed(genesis(before), withGus(smaller), ['x', primary]);
  expect(scope).toMatchObject({ seq: 2, hold: null });
});

test('#7, G4: one secret as an SSH key and as an OpenPGP subkey is one key', async () => {
  const parsed = await parseOpenpgpKey(openpgpCertificate('gus'), fingerprints.gus);
  if (!parsed.ok) throw new Error(parsed.reason);
  for (const material of parsed.key.materials) {
    const twin = { name: 'twin', keys: [`{ ssh: "${sshLine(material)}" }`] };
    const anchors = ['x', 'y', { name: 'gus', keys: [gusKey()] }, twin];
    const files = { ...withGus(), 'mesh/scope.yaml': scopeYaml({ anchors }) };
    const { hold } = await proposed(genesis(), files, ['x', 'y', subkey]);
    expect(hold).toMatchObject({ rule: 'G4' });
    expect(hold?.reason).toContain('gus and twin list the same key');
  }
});

test('#77, G17: certificates with more signatures than may be checked are refused before anybody is counted', async () => {
  const world = createWorld({ ruleset: { ...ruleset, signatureChecks: 1 } });
  world.add('g', {});
  expect((await proposed(world, withGus(), ['x'])).hold).toMatchObject({ rule: 'G17', votes: [] });
});

test('#14: the key of a forge is nobody, whoever signs', async () => {
  const material = [...forgeKeys].find((each) => each.startsWith('ed25519:')) ?? '';
  const world = createWorld();
  world.add('g', {});
  const anchors = ['x', 'y', { name: 'forge', keys: [`{ ssh: "${sshLine(material)}" }`] }];
  const { hold } = await proposed(world, { 'mesh/scope.yaml': scopeYaml({ anchors }) }, ['x', 'y', 'z']);
  expect(hold).toMatchObject({ rule: 'G4' });
});

test.each([
  ['DSA', 'ssh-dss', 'are not allowed'],
  ['a certificate authority', 'ssh-ed25519-cert-v01@openssh.com', 'are not allowed'],
])('#41: keys of %s are not allowed, whoever signs', async (_name, type, reason) => {
  const world = createWorld();
  world.add('g', {});
  const anchors = ['x', 'y', { name: 'old', keys: [`{ ssh: "${type} ${'A'.repeat(68)}" }`] }];
  const { hold } = await proposed(world, { 'mesh/scope.yaml': scopeYaml({ anchors }) }, ['x', 'y', 'z']);
  expect(hold).toMatchObject({ rule: 'G6' });
  expect(hold?.reason).toContain(reason);
});

test('G14: an OpenPGP token shows possession; armour, and the signature of a commit with the same lines, do not', async () => {
  const sign = (bytes: Uint8Array) => gpg(keys.gnupgHome, ['-bsa', '-u', fingerprints.gus], bytes);
  const binary = (bytes: Uint8Array) => dearmorOpenpgp(sign(bytes), 'PGP SIGNATURE');
  const world = genesis();
  const tip = await proposed(world, withGus(), ['x', 'y']);
  expect(tip.hold).toMatchObject({ missing: ['gus'] });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  const lines = [message.split('\n')[2] ?? ''];
  const signature = binary(tokenBytes(lines));
  // Everything that gus signs in a commit, as the lines of a token.
  const commit = Buffer.from(`tree ${'0'.repeat(40)}\n\nwords\n\n${lines[0]}`);
  const bad = [
    formatToken(lines, Buffer.from(sign(tokenBytes(lines)))),
    formatToken(lines, Buffer.concat([signature, signature])),
    formatToken([commit.toString()], binary(Buffer.concat([commit, Buffer.from('\n')]))),
  ];
  world.add('n', { parents: ['m'], message: bad.join('\n') });
  expect((await world.scope('n')).hold).toMatchObject({ missing: ['gus'] });
  world.add('o', { parents: ['n'], message: formatToken(lines, signature) });
  const scope = await world.scope('o');
  expect(scope).toMatchObject({ seq: 2, hold: null });
  expect(scope.lineage.at(-1)?.votes.at(-1)).toMatchObject({ anchor: 'gus', form: 'detached' });
});

/** The certificate of gus, cut off before its subkey. */
function withoutSubkey(): string {
  const packets = readPackets(dearmorOpenpgp(certificate, 'PGP PUBLIC KEY BLOCK'));
  const end = packets.findIndex(({ tag }) => tag === 14);
  const kept = packets.slice(0, end).map(({ tag, body }) => frame(tag, body));
  return armor(enums.armor.publicKey, new Uint8Array(Buffer.concat(kept)));
}

/** An SSH line for the material of an Ed25519 key. */
function sshLine(material: string): string {
  const point = Buffer.from(material.replace('ed25519:', ''), 'hex');
  const field = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return `ssh-ed25519 ${Buffer.concat([field(Buffer.from('ssh-ed25519')), field(point)]).toString('base64')} twin`;
}
