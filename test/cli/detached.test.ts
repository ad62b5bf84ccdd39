import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createHome, type Home } from './fairlead.ts';
import { createMeshes, type Mesh, ROUTES } from './mesh.ts';

let home: Home;
let fresh: () => Promise<Mesh>;
let mesh: Mesh;
beforeAll(async () => {
  home = await createHome();
  fresh = await createMeshes(home);
});
beforeEach(async () => {
  mesh = await fresh();
});
afterAll(async () => {
  await home.run('.', 'gpgconf', '--kill', 'all');
  await home.close();
});

const TOKEN = /^fairlead1:[\w-]+:[\w-]+$/;

async function scope() {
  const { out } = await mesh.cli('verify', '-o', 'json');
  return JSON.parse(out).scopes[0];
}

/** A branch `half`, as a reviewer has it. */
async function propose(): Promise<void> {
  await mesh.git('checkout', '--quiet', '-b', 'half');
  await mesh.write('mesh/routes.yaml', ROUTES(50));
  await mesh.commit('Half');
}

async function token(name: 'alice' | 'bo' | 'cy', ...args: readonly string[]): Promise<string> {
  await mesh.signAs(name);
  const { code, out } = await mesh.cli('approve', '--detached', '--yes', '--main', 'main', ...args);
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/\n$/) });
  return out.trimEnd();
}

test('tokens survive a squash whose message has them', async () => {
  await propose();
  const before = await mesh.git('rev-parse', 'HEAD');
  const [alice, bo] = [await token('alice'), await token('bo')];
  expect(alice).toMatch(TOKEN);
  expect(await mesh.git('rev-parse', 'HEAD')).toBe(before);
  await mesh.git('checkout', '--quiet', 'main');
  await mesh.git('merge', '--quiet', '--squash', 'half');
  await mesh.git('commit', '--quiet', '-m', 'Half (#7)', '-m', `* Half\n\n${alice}`, '-m', bo);
  expect(await scope()).toMatchObject({ seq: 2, hold: null });
  expect((await scope()).lineage.at(-1).votes).toMatchObject([{ form: 'detached' }, { form: 'detached' }]);
});

test('--into puts a token into the message of a commit that is still to be made, once', async () => {
  await propose();
  await mesh.write('message.txt', 'Half (#7)\n');
  const said = await token('alice', '--into', 'message.txt');
  expect(said).toBe('alice approved acme seq 2');
  await token('bo', '--into', 'message.txt');
  const text = await readFile(`${mesh.dir}/message.txt`, 'utf8');
  const [title, , first = '', , second = ''] = text.split('\n');
  expect([title, first, second]).toEqual([
    'Half (#7)',
    expect.stringMatching(TOKEN),
    expect.stringMatching(TOKEN),
  ]);
  await mesh.git('checkout', '--quiet', 'main');
  await mesh.git('merge', '--quiet', '--squash', 'half');
  await mesh.git('commit', '--quiet', '--file', 'message.txt');
  expect(await scope()).toMatchObject({ seq: 2, hold: null });
});

test('a token counts in a later commit, and can be withdrawn by another', async () => {
  await propose();
  const bo = await token('bo');
  await mesh.git('checkout', '--quiet', 'main');
  await mesh.git('merge', '--quiet', '--squash', 'half');
  await mesh.commit('Half');
  const alice = await token('alice');
  const withdrawn = await mesh.cli('withdraw', '--detached', '--yes', '--scope', 'acme', '-o', 'json');
  const { token: fence, commit } = JSON.parse(withdrawn.out);
  expect(commit).toBeNull();
  await mesh.git('commit', '--quiet', '--allow-empty', '-m', 'Approvals', '-m', `${bo} ${alice}\n${fence}`);
  expect((await scope()).hold).toMatchObject({ signed: ['bo'] });
  expect((await mesh.cli('explain', 'acme', '-o', 'json')).out).toContain('"detached"');
  await mesh.signAs('bo');
  expect((await mesh.cli('approve', '--detached', '--yes')).err).toContain('refused (signed)');
  // Alice's own words fenced her, so the next ones name a round.
  const again = await token('alice');
  const [, lines = ''] = again.split(':');
  expect(Buffer.from(lines, 'base64url').toString()).toMatch(/ round=1\n$/);
  await mesh.git('commit', '--quiet', '--allow-empty', '-m', again);
  expect(await scope()).toMatchObject({ seq: 2, hold: null });
});

test('with an OpenPGP key, and the program that git signs with', async () => {
  const user = 'Gwen <gwen@example.test>';
  await home.need(
    '.',
    'gpg',
    '--batch',
    '--quiet',
    '--passphrase',
    '',
    '--quick-gen-key',
    user,
    'ed25519',
    'sign',
    'never',
  );
  const listed = await home.need('.', 'gpg', '--batch', '--with-colons', '--list-keys', 'gwen');
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
  await home.need('.', 'git', 'init', '--quiet', 'openpgp');
  const git = (...args: readonly string[]) => home.need('openpgp', 'git', ...args);
  for (const [name, value] of [
    ['user.name', 'Gwen'],
    ['user.email', 'gwen@example.test'],
    ['gpg.format', 'openpgp'],
    ['user.signingkey', fingerprint],
  ] as const)
    await git('config', name, value);
  await home.need('openpgp', 'fairlead', 'init', '--name', 'solo', '--yes', '--statements', 'Required');
  await git('add', '--all');
  await git('commit', '--quiet', '-m', 'Begin');
  await home.need('openpgp', 'fairlead', 'trust');
  await home.write('openpgp/mesh/notes.yaml', '# notes\n');
  await git('add', '--all');
  await git('commit', '--quiet', '-m', 'Notes');
  const signed = await home.need('openpgp', 'fairlead', 'approve', '--detached', '--yes');
  expect(signed).toMatch(TOKEN);
  await git('commit', '--quiet', '--allow-empty', '-m', `Approved ${signed}`);
  expect(await home.fairlead('openpgp', 'verify')).toMatchObject({ code: 0 });
});

test('where git cannot sign, nothing is printed', async () => {
  await propose();
  await mesh.signAs('alice');
  await mesh.git('config', 'gpg.ssh.program', 'false');
  const failed = await mesh.cli('approve', '--detached', '--yes', '--main', 'main');
  expect(failed).toMatchObject({ code: 2, out: '' });
  expect(failed.err).toContain('[program-failed]');
});
