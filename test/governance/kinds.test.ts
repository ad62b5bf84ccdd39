import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { type Ruleset, ruleset1 } from '../../src/policy/index.ts';
import { type InstalledKeys, installKeys } from '../keys/index.ts';
import {
  authenticatorKinds,
  certificateOf,
  installKind,
  kindFingerprints,
  type OpenpgpKind,
  openpgpKinds,
  publicLine,
  secretFile,
  sshFileKinds,
} from '../keys/kinds/index.ts';
import { gpg, sshKeygenSign } from '../signatures/make.ts';
import { keyBlob, keyLine, printSshsig, stringsOf, touch } from '../signatures/wire.ts';
import { createWorld, type ScopeSpec, scopeYaml } from './world.ts';

/** Anchors with keys of every kind that G13 and G14 allow: each is one vote, and in two formats still one. */
const folder = mkdtempSync(join(tmpdir(), 'fairlead-anchors-'));
const ruleset = { ...ruleset1, refusedKeys: new Set<string>() };
let keys: InstalledKeys;
beforeAll(() => {
  keys = installKeys(folder);
  gpg(keys.gnupgHome, ['--import', secretFile('pgp-rsa'), secretFile('pgp-256')]);
});
afterAll(() => {
  keys.close();
  rmSync(folder, { recursive: true });
});

const sshAnchor = (name: string, line: string) => ({ name, keys: [`{ ssh: "${line}" }`] });
const path = (kind: OpenpgpKind): string => `mesh/anchors/${kind}.asc`;
const file = (kind: OpenpgpKind): Record<string, string> => ({
  [path(kind)]: Buffer.from(certificateOf(kind)).toString(),
});
const openpgpAnchor = (kind: OpenpgpKind) => ({
  name: kind,
  keys: [
    `{ openpgp: ${kindFingerprints[kind]}, file: anchors/${kind}.asc, sha256: ${sha256(certificateOf(kind))} }`,
  ],
});

test('keys of every kind sign one change together', async () => {
  const signers: readonly (readonly [name: string, sign: (bytes: Uint8Array) => string])[] = [
    ...sshFileKinds.map((kind) => {
      const installed = installKind(folder, kind);
      return [kind, (bytes: Uint8Array) => sshKeygenSign(installed, 'git', 'sha512', bytes)] as const;
    }),
    ...authenticatorKinds.map(
      (kind) => [kind, (bytes: Uint8Array) => printSshsig(touch(kind, bytes))] as const,
    ),
    ...(['pgp-rsa', 'pgp-256'] as const).map(
      (kind) =>
        [
          kind,
          (bytes: Uint8Array) => gpg(keys.gnupgHome, ['-bsa', '-u', kindFingerprints[kind]], bytes),
        ] as const,
    ),
  ];
  const anchors = [
    ...[...sshFileKinds, ...authenticatorKinds].map((kind) => sshAnchor(kind, publicLine(kind))),
    openpgpAnchor('pgp-rsa'),
    openpgpAnchor('pgp-256'),
  ];
  const world = createWorld({
    ruleset,
    anchors,
    threshold: signers.length,
    files: { ...file('pgp-rsa'), ...file('pgp-256') },
  });
  world.add('g', {});
  world.add('p', { parents: ['g'], S: '1' });
  const message = await world.approve('words', { seq: 2, base: 'g', next: 'p' });
  let last = 'p';
  for (const [name, sign] of signers) {
    world.add(name, { parents: [last], S: '1', message, sign });
    last = name;
  }
  world.add('all but one', { parents: ['g', signers.at(-2)?.[0] ?? ''], S: '1' });
  expect((await world.scope('all but one')).hold?.reason).toContain('7 of 8');
  world.add('m', { parents: ['g', last], S: '1' });
  const scope = await world.scope('m');
  expect(scope.hold).toBeNull();
  expect(
    scope.lineage
      .at(-1)
      ?.votes.map(({ anchor }) => anchor)
      .toSorted(),
  ).toEqual(signers.map(([name]) => name).toSorted());
});

/** What a policy with these anchors is held for. */
async function heldFor(
  anchors: ScopeSpec['anchors'],
  files: Readonly<Record<string, string>>,
  rules: Ruleset = ruleset,
) {
  const world = createWorld({ ruleset: rules });
  world.add('g', {});
  world.add('m', {
    parents: ['g'],
    files: { ...files, 'mesh/scope.yaml': scopeYaml({ anchors: anchors ?? [] }) },
  });
  return (await world.scope('m')).hold;
}

test.each(['pgp-256', 'pgp-rsa'] as const)(
  '#7, G4: %s and the same secret for SSH are one key',
  async (kind) => {
    const line = gpg(keys.gnupgHome, ['--export-ssh-key', `${kindFingerprints[kind]}!`]).trim();
    const hold = await heldFor(['x', openpgpAnchor(kind), sshAnchor('twin', line)], file(kind));
    expect(hold).toMatchObject({ rule: 'G4' });
    expect(hold?.reason).toContain(`${kind} and twin list the same key`);
  },
);

test('#7, G4: a secret in a file and in an authenticator is one key', async () => {
  const [, point = ''] = stringsOf(keyBlob(publicLine('sk-ed25519')));
  const twin = sshAnchor('twin', keyLine('ssh-ed25519', point));
  const hold = await heldFor(['x', sshAnchor('sk', publicLine('sk-ed25519')), twin], {});
  expect(hold?.reason).toContain('sk and twin list the same key');
});

test('G4: the ruleset refuses the published key of each kind', async () => {
  for (const kind of [...sshFileKinds, ...authenticatorKinds])
    expect(await heldFor(['x', 'y', sshAnchor('test', publicLine(kind))], {}, ruleset1)).toMatchObject({
      rule: 'G4',
    });
  for (const kind of openpgpKinds)
    expect(await heldFor(['x', 'y', openpgpAnchor(kind)], file(kind), ruleset1)).toMatchObject({
      rule: 'G4',
    });
});
