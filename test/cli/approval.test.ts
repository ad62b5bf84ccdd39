import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
afterAll(() => home.close());

/** The last line of HEAD's message. */
async function statement(): Promise<string> {
  return (await mesh.git('log', '-1', '--format=%B')).trimEnd().split('\n').at(-1) ?? '';
}

async function scope() {
  const { out } = await mesh.cli('verify', '-o', 'json');
  return JSON.parse(out).scopes[0];
}

describe('withdraw', () => {
  test('takes an approval back, and a new one names the next round', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    await mesh.git('checkout', '--quiet', '-b', 'approval');
    expect(await mesh.cli('approve', '--yes', '--main', 'main')).toMatchObject({ code: 0 });
    const withdrawn = await mesh.cli('withdraw', '--yes', '--main', 'main', '-o', 'json');
    expect(withdrawn.code).toBe(0);
    const { scopes } = JSON.parse(withdrawn.out);
    expect(scopes).toMatchObject([{ scope: 'acme', anchor: 'bo', seq: 2, round: 0 }]);
    expect(await statement()).toBe(`Fairlead-Withdraw: ${scopes[0].uid} seq=2`);
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge', 'approval');
    expect((await mesh.cli('verify')).code).toBe(3);
    expect((await scope()).hold).toMatchObject({ signed: ['alice'], rule: 'V3' });

    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    expect(await statement()).toMatch(/ round=1$/);
    expect(await mesh.cli('verify')).toMatchObject({ code: 0 });
  });

  test('fences what it is asked to up to the highest round, and says when there is nothing', async () => {
    await mesh.signAs('bo');
    const nothing = await mesh.cli('withdraw', '--yes');
    expect(nothing).toMatchObject({ code: 3, out: '' });
    expect(nothing.err).toContain('refused (unsaid)');
    expect(await mesh.cli('withdraw', '--yes', '--scope', 'acme')).toMatchObject({ code: 0 });
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    expect(await statement()).toMatch(/ round=1$/);
    expect(await mesh.cli('withdraw', '--yes')).toMatchObject({ code: 0 });
    expect(await statement()).toMatch(/^Fairlead-Withdraw: .* round=1$/);
    expect(await mesh.cli('withdraw', '--yes')).toMatchObject({ code: 3 });
  });

  test('takes back a plain signed commit that was counted, also after the change was reverted', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.git('revert', '--no-edit', 'HEAD');
    expect(await mesh.cli('withdraw', '--yes')).toMatchObject({ code: 0 });
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half again');
    await mesh.signAs('bo');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    expect((await scope()).hold).toMatchObject({ signed: ['bo'] });
  });

  test('a stranger withdraws nothing', async () => {
    await mesh.signAs('mallory');
    const refused = await mesh.cli('withdraw', '--yes', '--scope', 'acme');
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.err).toContain('refused (V1)');
  });
});

describe('renew', () => {
  test('moves seq with a quorum, and voids what was open', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.git('revert', '--no-edit', 'HEAD');
    expect(await mesh.cli('renew', '--scope', 'acme', '--yes')).toMatchObject({ code: 0 });
    expect((await mesh.cli('renew', '--scope', 'acme', '--yes')).err).toContain('refused (signed)');
    await mesh.signAs('bo');
    const renewed = await mesh.cli('renew', '--scope', 'acme', '--yes');
    expect(renewed.err).toContain('with it the quorum is complete');
    expect(await scope()).toMatchObject({ seq: 2, hold: null });
    // Alice's commit of then is older than the epoch of now.
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half again');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    expect((await scope()).hold).toMatchObject({ signed: ['bo'] });
  });

  test('is refused while the scope is held, and needs to be told which', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    expect(await mesh.cli('renew', '--scope', 'acme', '--yes')).toMatchObject({ code: 3 });
    expect(await mesh.cli('renew')).toMatchObject({ code: 64 });
  });
});

describe('approve', () => {
  test('says that another mutation was accepted first', async () => {
    await mesh.git('checkout', '--quiet', '-b', 'mine');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    expect(await mesh.cli('approve', '--yes', '--main', 'main')).toMatchObject({ code: 0 });
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.write('mesh/other.yaml', '# other\n');
    await mesh.commit('Other', 'alice');
    await mesh.signAs('cy');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge', 'mine');
    await mesh.signAs('bo');
    const again = await mesh.cli('approve', '--yes');
    expect(again.code).toBe(0);
    expect(again.err.replace(/\s+/g, ' ')).toContain('Another mutation was accepted first, sign again');
    expect(await statement()).toMatch(/ seq=3 /);
  });

  test('does not sign the same twice, wherever the first is', async () => {
    await mesh.git('checkout', '--quiet', '-b', 'mine');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    expect(await mesh.cli('approve', '--yes', '--main', 'main')).toMatchObject({ code: 0 });
    const again = await mesh.cli('approve', '--yes', '--main', 'main');
    expect(again).toMatchObject({ code: 3 });
    expect(again.err).toContain('refused (signed)');
  });
});

test('a recovery set approves a reconfigure in the place of a lost quorum', async () => {
  const file = `${mesh.dir}/mesh/scope.yaml`;
  const text = await readFile(file, 'utf8');
  const line = async (name: string) =>
    `${name}\n          keys: [{ ssh: ${(await readFile(`${home.dir}/${name}.pub`, 'utf8')).trim()} }]\n`;
  const recovery = `  recovery:\n    threshold: 1\n    anchors:\n        - name: ${await line('mallory')}`;
  await mesh.write('mesh/scope.yaml', text.replace('  owns:\n', `${recovery}  owns:\n`));
  await mesh.commit('A recovery set');
  for (const name of ['alice', 'bo', 'mallory'] as const) {
    await mesh.signAs(name);
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
  }
  expect(await scope()).toMatchObject({ seq: 2, hold: null });
  const lost = await readFile(file, 'utf8');
  await home.key('dave');
  await mesh.write(
    'mesh/scope.yaml',
    lost
      .replace(
        / {2}anchors:\n[\s\S]*? {2}quorum:\n {4}threshold: 2/,
        `  anchors:\n        - name: ${await line('dave')}  quorum:\n    threshold: 1`,
      )
      .replace(recovery, ''),
  );
  await mesh.commit('Everybody lost their keys');
  await mesh.signAs('mallory');
  const approved = await mesh.cli('approve', '--yes');
  expect(approved).toMatchObject({ code: 0 });
  expect((await scope()).hold).toMatchObject({ missing: expect.arrayContaining(['dave']) });
  expect(await mesh.cli('withdraw', '--yes')).toMatchObject({ code: 0 });
  expect((await scope()).lineage.at(-1).withdrawals).toMatchObject([
    { anchor: 'mallory', policy: 'recovery' },
  ]);
  expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
  expect(await statement()).toMatch(/ round=1$/);
  await mesh.git('config', 'user.signingkey', `${home.dir}/dave.pub`);
  expect((await mesh.cli('approve', '--yes')).err).toContain('with it the quorum is complete');
  expect((await scope()).lineage.at(-1)).toMatchObject({ class: 'recover', seq: 3 });
});
