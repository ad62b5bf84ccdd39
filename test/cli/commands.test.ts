import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createTreeDigests, openIsomorphic } from '../../src/git/index.ts';
import { formatVerification, openLine, type Pin } from '../../src/governance/index.ts';
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

async function pin(): Promise<Pin> {
  const { apiVersion, kind, ...rest } = JSON.parse(
    await readFile(join(mesh.dir, '.git/fairlead/pin.json'), 'utf8'),
  );
  expect({ apiVersion, kind }).toEqual({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin' });
  return rest;
}

const DELEGATIONS =
  'apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: acme }\nspec: [{ name: shop, path: shop, uid: UID }]\n'.replace(
    'UID',
    'a'.repeat(64),
  );

/** Replaces a text in `scope.yaml`. */
async function edit(old: string, next: string): Promise<void> {
  const text = await readFile(join(mesh.dir, 'mesh/scope.yaml'), 'utf8');
  expect(text).toContain(old);
  await mesh.write('mesh/scope.yaml', text.replace(old, next));
}

/** What governance says by itself. */
async function verified(): Promise<string> {
  const backend = await openIsomorphic({ gitdir: join(mesh.dir, '.git') });
  const line = openLine(backend, createTreeDigests(backend), await pin());
  const verdict = await line.state(await backend.resolve('main'));
  if (!verdict.ok) throw new Error(verdict.reason);
  return formatVerification(verdict.state);
}

describe('verify', () => {
  test('is 0 while every scope is accepted, and 3 while one is held', async () => {
    expect(await mesh.cli('verify')).toMatchObject({ code: 0, err: '' });
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    const held = await mesh.cli('verify');
    expect(held.code).toBe(3);
    expect(held.out).toContain('1 of 2: alice signed; bo or cy missing');
    expect(held.out).toContain('fairlead approve --scope acme');
  });

  test("-o json is governance's own serialisation, byte for byte, and -o yaml the same value", async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    const expected = await verified();
    expect((await mesh.cli('verify', '-o', 'json')).out).toBe(expected);
    expect(parse((await mesh.cli('verify', '-o', 'yaml')).out)).toEqual(JSON.parse(expected));
  });

  test('whichever backend reads, the answer is the same, and --verbose says which it was', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    const expected = await verified();
    for (const backend of ['auto', 'native', 'isomorphic']) {
      const said = await mesh.cli('verify', '-o', 'json', '--git-backend', backend, '--verbose');
      expect(said).toMatchObject({ code: 3, out: expected });
      expect(said.err).toMatch(
        backend === 'auto' ? /^git backend .*: an object takes / : `git backend ${backend}`,
      );
    }
    expect(await mesh.cli('verify', '--git-backend', 'libgit2')).toMatchObject({ code: 64 });
  });

  test('a tip on no line of the pin is refused by G9', async () => {
    await mesh.git('checkout', '--quiet', '--orphan', 'other');
    await mesh.commit('Elsewhere', 'alice');
    const refused = await mesh.cli('verify', '--tip', 'other');
    expect(refused).toMatchObject({ code: 3, out: '' });
    expect(refused.err).toMatch(/^refused \(G9\): /);
  });
});

describe('approve', () => {
  test('shows accepted -> HEAD, signs exactly that, and completes the quorum', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    const approved = await mesh.cli('approve', '--yes', '-o', 'json');
    expect(approved.code).toBe(0);
    expect(approved.err).toContain('+          weight: 50');
    const document = JSON.parse(approved.out);
    expect(document).toMatchObject({ kind: 'Approval', scopes: [{ scope: 'acme', anchor: 'bo', seq: 2 }] });
    const [{ uid, base, next }] = document.scopes;
    const message = await mesh.git('log', '-1', '--format=%B');
    expect(message.split('\n\n').at(-1)).toBe(`Fairlead-Approve: ${uid} seq=2 base=${base} next=${next}`);
    expect(await mesh.git('diff', 'HEAD~1', 'HEAD')).toBe('');
    expect(await mesh.cli('verify')).toMatchObject({ code: 0 });
  });

  test('counts on a branch once that is merged', async () => {
    await mesh.git('checkout', '--quiet', '-b', 'half');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('cy');
    expect(await mesh.cli('approve', '--yes', '--main', 'main')).toMatchObject({ code: 0 });
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge', 'half');
    expect(await mesh.cli('verify')).toMatchObject({ code: 0 });
  });

  test('leaves what is staged out of the commit', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.write('mesh/routes.yaml', ROUTES(100));
    await mesh.git('add', '--all');
    await mesh.signAs('bo');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    expect(await mesh.git('diff', '--name-only', 'HEAD~1', 'HEAD')).toBe('');
    expect(await mesh.git('diff', '--cached', '--name-only')).toBe('mesh/routes.yaml');
  });

  test.each([
    ['nothing differs', 'alice', async () => {}, 'clean'],
    ["the key is no anchor's", 'mallory', () => mesh.write('mesh/routes.yaml', ROUTES(50)), 'V1'],
    ['a record is of no scope', 'bo', () => mesh.write('mesh/delegations.yaml', DELEGATIONS), 'G18'],
    ['the new policy cannot work', 'bo', () => edit('threshold: 2', 'threshold: 4'), 'G6'],
  ] as const)('refuses where %s', async (_, signer, change, rule) => {
    await change();
    await mesh.commit('Change');
    await mesh.signAs(signer);
    const before = await mesh.git('rev-parse', 'HEAD');
    const refused = await mesh.cli('approve', '--yes');
    expect(refused).toMatchObject({ code: 3, out: '' });
    expect(refused.err).toContain(`refused (${rule}): `);
    expect(await mesh.git('rev-parse', 'HEAD')).toBe(before);
  });

  test('refuses a branch that does not contain the accepted state', async () => {
    await mesh.git('branch', 'old');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes');
    await mesh.git('checkout', '--quiet', 'old');
    await mesh.write('mesh/routes.yaml', ROUTES(20));
    await mesh.commit('A fifth', 'alice');
    await mesh.signAs('bo');
    const refused = await mesh.cli('approve', '--yes', '--main', 'main');
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.err).toContain('refused (V2)');
  });

  test('without a terminal and --yes signs nothing', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    const before = await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    const asked = await mesh.cli('approve');
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.err).toContain('[confirmation-needed]');
    expect(await mesh.git('rev-parse', 'HEAD')).toBe(before);
  });

  test('a diff driver of the repository cannot change what is shown', async () => {
    await mesh.git('config', 'diff.lie.textconv', 'echo nothing');
    await mesh.git('config', 'diff.lie.command', 'true');
    await mesh.write('.gitattributes', '*.yaml diff=lie\n');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    expect((await mesh.cli('approve', '--yes')).err).toContain('+          weight: 50');
  });
});

describe('plan', () => {
  test('is 0 for the accepted state, and 1 with what proxies would hear', async () => {
    expect(await mesh.cli('plan')).toMatchObject({ code: 0 });
    await mesh.git('checkout', '--quiet', '-b', 'half');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half');
    const planned = await mesh.cli('plan', '--main', 'main', '-o', 'json');
    expect(planned.code).toBe(1);
    expect(JSON.parse(planned.out)).toMatchObject({
      kind: 'Plan',
      scopes: [
        { scope: 'acme', class: 'update', seq: 2, changes: [{ path: 'routes.yaml', change: 'changed' }] },
      ],
      differences: [{ namespace: 'demo', type: 'RouteConfiguration', name: 'http_proxy', change: 'changed' }],
      problems: [],
    });
  });

  test('shows problems with file, line and column', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(10).replace('weight: 90', 'wieght: 90'));
    await mesh.commit('Typo');
    const planned = await mesh.cli('plan');
    expect(planned.code).toBe(1);
    expect(planned.out).toMatch(/^routes\.yaml:11:11: error FL\d{4} /m);
  });

  test('shows the problems of what is accepted already, although nothing changes', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(10).replace('weight: 90', 'wieght: 90'));
    await mesh.git('checkout', '--quiet', '-b', 'typo');
    await mesh.commit('Typo', 'alice');
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge', 'typo');
    await mesh.signAs('bo');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    const planned = await mesh.cli('plan');
    expect(planned.code).toBe(1);
    expect(planned.out).toMatch(/nothing changes\n\nroutes\.yaml:11:11: error FL2105 /);
  });

  test('is 3 for what cannot be accepted', async () => {
    await mesh.write('mesh/delegations.yaml', DELEGATIONS);
    await mesh.commit('Delegate', 'alice');
    expect(await mesh.cli('plan')).toMatchObject({ code: 3 });
  });

  test('says who decides what about a reconfigure, and what stops being served with it', async () => {
    await edit('namespaces: ["*"]', 'namespaces: [shop]');
    await mesh.commit('Give up demo', 'alice');
    const { code, out } = await mesh.cli('plan', '--main', 'HEAD~1', '-o', 'json');
    expect(code).toBe(1);
    const { scopes, differences } = JSON.parse(out);
    expect(scopes).toMatchObject([
      {
        class: 'reconfigure',
        policy: ['- owns namespace *', '+ owns namespace shop'],
        quorum: { needed: 2 },
      },
    ]);
    expect(differences).toContainEqual(expect.objectContaining({ namespace: 'demo', change: 'removed' }));
  });
});

describe('lineage and explain', () => {
  test('name who signed what, and who can unblock', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    const commit = await mesh.commit('Half', 'alice');
    const lineage = JSON.parse((await mesh.cli('lineage', 'acme', '-o', 'json')).out);
    expect(lineage.entries).toMatchObject([
      { event: 'genesis', seq: 1 },
      { event: 'held', seq: 2, votes: [{ anchor: 'alice', commit, form: 'implicit' }] },
    ]);
    const explained = await mesh.cli('explain', 'acme', '-o', 'json');
    expect(explained.code).toBe(3);
    expect(JSON.parse(explained.out)).toMatchObject({
      kind: 'Explanation',
      state: 'Held',
      unblock: { who: ['bo', 'cy'], command: 'fairlead approve --scope acme' },
    });
  });

  test('a commit is explained by what it did, also by a short id', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    const commit = await mesh.commit('Half', 'alice');
    const explained = await mesh.cli('explain', commit.slice(0, 10), '-o', 'json');
    expect(explained.code).toBe(3);
    expect(JSON.parse(explained.out)).toMatchObject({
      commit,
      mentions: [
        { scope: 'acme', role: 'landed' },
        { scope: 'acme', role: 'vote of alice' },
      ],
    });
  });

  test('an unknown scope is an error that lists the known ones', async () => {
    const unknown = await mesh.cli('lineage', 'nobody');
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.err).toContain('[scope-unknown]');
    expect(unknown.err).toContain('acme');
  });
});

describe('trust', () => {
  test('is idempotent, and refuses a second genesis for a known uid', async () => {
    expect(await mesh.cli('trust')).toMatchObject({ code: 0 });
    await mesh.commit('Later');
    const second = await mesh.cli('trust');
    expect(second).toMatchObject({ code: 3, out: '' });
    expect(second.err).toContain('refused (uid)');
  });

  test('refuses a published test key as an anchor', async () => {
    const key = join(import.meta.dirname, '../keys/alice.pub');
    await home.need('.', 'git', 'init', '--quiet', 'other');
    await home.need('other', 'fairlead', 'init', '--anchor', `alice=${key}`);
    await home.need('other', 'git', 'add', '--all');
    const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.test'];
    await home.need('other', 'git', ...who, 'commit', '--quiet', '-m', 'Begin');
    const refused = await home.fairlead('other', 'trust');
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.err).toContain('refused (G4)');
  });

  test('a pin with an unknown field is not read', async () => {
    await home.write(
      'pin.json',
      JSON.stringify({ ...(await pin()), apiVersion: 'fairlead.dev/v1alpha1', kind: 'Pin', x: 1 }),
    );
    const read = await mesh.cli('verify', '--pin', '../pin.json');
    expect(read).toMatchObject({ code: 2 });
    expect(read.err).toContain('[pin-unreadable]');
  });
});

describe('init', () => {
  test('never rewrites a scope.yaml', async () => {
    const before = await readFile(join(mesh.dir, 'mesh/scope.yaml'), 'utf8');
    expect(await mesh.cli('init', '--anchor', 'alice=../alice.pub')).toMatchObject({ code: 3 });
    expect(await readFile(join(mesh.dir, 'mesh/scope.yaml'), 'utf8')).toBe(before);
  });

  test('finds the key that git signs with, writes a new salt each time, and its mesh can be trusted', async () => {
    const salts = new Set<string>();
    for (const folder of ['one', 'two']) {
      await home.need('.', 'git', 'init', '--quiet', folder);
      await home.need(folder, 'git', 'config', 'user.name', 'Ann Other');
      await home.need(folder, 'git', 'config', 'user.email', 'ann@example.test');
      await home.need(folder, 'git', 'config', 'user.signingkey', join(home.dir, 'bo'));
      await home.need(folder, 'fairlead', 'init');
      const scope = parse(await readFile(join(home.dir, folder, 'mesh/scope.yaml'), 'utf8'));
      const line = (await readFile(join(home.dir, 'bo.pub'), 'utf8')).trim();
      expect(scope.spec.anchors).toEqual([{ name: 'ann-other', keys: [{ ssh: line }] }]);
      salts.add(scope.spec.salt);
      await home.need(folder, 'git', 'add', '--all');
      await home.need(folder, 'git', 'commit', '--quiet', '-S', '-m', 'Begin');
      expect(await home.fairlead(folder, 'trust')).toMatchObject({ code: 0 });
    }
    expect(salts.size).toBe(2);
  });

  test('a threshold that cannot be reached is refused', async () => {
    await rm(join(mesh.dir, 'mesh'), { recursive: true });
    const made = await mesh.cli('init', '--anchor', 'alice=../alice.pub', '--threshold', '2');
    expect(made).toMatchObject({ code: 2 });
    expect(made.err).toContain('[threshold-unreachable]');
  });
});
