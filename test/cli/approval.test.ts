import { readFile, writeFile } from 'node:fs/promises';
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

describe('approve of what is not checked out', () => {
  /** A branch `half` that nobody signed, and main checked out with work that is not committed. */
  async function propose(): Promise<string> {
    await mesh.git('checkout', '--quiet', '-b', 'half');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    const head = await mesh.commit('Half');
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.write('mesh/routes.yaml', ROUTES(77));
    await mesh.git('add', '--all');
    await mesh.write('mesh/mine.yaml', '# mine\n');
    return head;
  }
  const refs = () => mesh.git('for-each-ref');
  const state = async () => [
    await mesh.git('status', '--porcelain', '--branch'),
    await mesh.git('diff', 'HEAD'),
  ];

  test('signs a local branch in place, and says what it approves and which branch moved', async () => {
    const head = await propose();
    const before = await state();
    const main = await mesh.git('rev-parse', 'main');
    await mesh.signAs('alice');
    const approved = await mesh.cli('approve', 'half', '--yes');
    expect(approved.code).toBe(0);
    const commit = await mesh.git('rev-parse', 'half');
    const said = approved.err.replace(/\s+/g, ' ');
    expect(said).toContain(`this approves the branch half at ${head.slice(0, 10)}: Half`);
    expect(said).toContain('accepted -> half');
    expect(said).toContain('+ weight: 50');
    expect(said).not.toContain('weight: 77');
    expect(said).toContain(`the branch half moved from ${head.slice(0, 10)} to ${commit.slice(0, 10)}`);
    expect(said).toContain('bo or cy missing; git push origin half');
    expect(approved.out).toBe(`alice approved acme seq 2 at ${commit.slice(0, 10)}\n`);
    expect(await mesh.git('rev-parse', 'half^', 'half^{tree}')).toBe(
      `${head}\n${await mesh.git('rev-parse', `${head}^{tree}`)}`,
    );
    expect(await state()).toEqual(before);
    await mesh.signAs('bo');
    const { code, out } = await mesh.cli('approve', 'heads/half', '--yes', '-o', 'json');
    expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, branch: 'half', token: null });
    expect(await state()).toEqual(before);
    expect(await mesh.git('rev-parse', 'main')).toBe(main);
    await mesh.git('reset', '--quiet', '--hard');
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge', 'half');
    expect(await scope()).toMatchObject({ seq: 2, hold: null });
  });

  test('signs a token for any commit, and moves nothing', async () => {
    const head = await propose();
    await mesh.git('update-ref', 'refs/remotes/origin/half', head);
    await mesh.git('branch', '--quiet', '-D', 'half');
    const before = [await refs(), ...(await state())];
    const tokens: string[] = [];
    for (const [name, ref] of [
      ['alice', 'origin/half'],
      ['bo', head],
    ] as const) {
      await mesh.signAs(name);
      const { code, out, err } = await mesh.cli('approve', ref, '--detached', '--yes');
      expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^fairlead1:/) });
      expect(err.replace(/\s+/g, ' ')).toContain(`this approves ${ref} at ${head.slice(0, 10)}: Half`);
      tokens.push(out.trim());
    }
    expect([await refs(), ...(await state())]).toEqual(before);
    await mesh.git('reset', '--quiet', '--hard');
    await mesh.git('merge', '--quiet', '--squash', 'origin/half');
    await mesh.git('commit', '--quiet', '-m', 'Half', '-m', tokens.join('\n'));
    expect(await scope()).toMatchObject({ seq: 2, hold: null });
  });

  test.each<readonly [string, string, number, string]>([
    ['a branch of a remote', 'origin/half', 2, 'origin/half is no local branch'],
    ['a tag', 'v1', 2, 'fairlead approve v1 --detached'],
    ['a commit', 'half~0', 2, '[not-a-branch]'],
    ['nothing that there is', 'nowhere', 2, '[ref-missing]'],
    ['an option', '--output=half', 64, 'half'],
    ['what is accepted already', 'main', 3, 'main is the accepted state'],
    ['a branch that lacks what is accepted', 'old', 3, 'old does not contain'],
  ])('refuses %s, and moves nothing', async (_, ref, code, said) => {
    const head = await propose();
    await mesh.git('reset', '--quiet', '--hard');
    await mesh.git('update-ref', 'refs/remotes/origin/half', head);
    await mesh.git('tag', 'v1', head);
    await mesh.git('branch', 'old', head);
    await mesh.git('clean', '--quiet', '--force');
    if (ref === 'old') {
      await mesh.write('mesh/other.yaml', '# other\n');
      await mesh.commit('Other', 'alice');
      await mesh.signAs('cy');
      expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    }
    await mesh.signAs('bo');
    const before = await refs();
    const refused = await mesh.cli('approve', ref, '--yes', '--main', 'main');
    expect(refused).toMatchObject({ code, out: '' });
    expect(refused.err.replace(/\s+/g, ' ')).toContain(said);
    expect(await refs()).toBe(before);
  });

  test('does not move a branch that somebody moves meanwhile', async () => {
    await propose();
    await mesh.signAs('alice');
    const script = `#!/bin/sh\ngit -C '${mesh.dir}' update-ref refs/heads/half main\nexec ssh-keygen "$@"\n`;
    await writeFile(`${mesh.dir}/.git/slow`, script, { mode: 0o755 });
    await mesh.git('config', 'gpg.ssh.program', `${mesh.dir}/.git/slow`);
    const failed = await mesh.cli('approve', 'half', '--yes');
    expect(failed).toMatchObject({ code: 2, out: '', err: expect.stringContaining('[branch-moved]') });
    expect(await mesh.git('rev-parse', 'half')).toBe(await mesh.git('rev-parse', 'main'));
  });

  test('where git cannot sign, no branch is moved', async () => {
    await propose();
    await mesh.signAs('alice');
    await mesh.git('config', 'gpg.ssh.program', 'false');
    const before = await refs();
    const failed = await mesh.cli('approve', 'half', '--yes');
    expect(failed).toMatchObject({ code: 2, out: '' });
    expect(failed.err).toContain('[program-failed]');
    expect(await refs()).toBe(before);
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
