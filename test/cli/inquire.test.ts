import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/index.ts';
import { apiSource, quiet } from '../server.ts';
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

async function answer(...args: readonly string[]) {
  const { code, out, err } = await mesh.cli(...args, '-o', 'json');
  return { code, err, document: out === '' ? null : JSON.parse(out) };
}

describe('explain', () => {
  test('names the first unclean commit, and the votes that are open after a revert', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    const landed = await mesh.commit('Half', 'alice');
    await mesh.git('revert', '--no-edit', 'HEAD');
    const { code, document } = await answer('explain', 'acme');
    expect(code).toBe(0);
    expect(document).toMatchObject({
      firstUnclean: landed,
      live: [{ anchor: 'alice', commit: landed, form: 'implicit' }],
      late: [],
    });
    const { out } = await mesh.cli('explain', 'acme');
    expect(out.replace(/\s+/g, ' ')).toContain('fairlead renew --scope acme');
    await mesh.cli('withdraw', '--yes');
    expect((await answer('explain', 'acme')).document.live).toEqual([]);
  });

  test('says which approval came too late', async () => {
    await mesh.git('checkout', '--quiet', '-b', 'mine');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes', '--main', 'main');
    const words = await mesh.git('rev-parse', 'HEAD');
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.write('mesh/other.yaml', '# other\n');
    await mesh.commit('Other', 'alice');
    await mesh.signAs('cy');
    await mesh.cli('approve', '--yes');
    const taken = await mesh.git('rev-parse', 'HEAD');
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge', 'mine');
    const { code, document } = await answer('explain', 'acme');
    expect(code).toBe(3);
    expect(document.late).toEqual([{ anchor: 'bo', commit: words, seq: 2, by: taken }]);
    const { out } = await mesh.cli('explain', 'acme');
    expect(out.replace(/\s+/g, ' ')).toContain('Another mutation was accepted first');
  });
});

describe('explain of a commit whose words say nothing', () => {
  const SOMEBODY = 'e'.repeat(64);

  /** The line that bo would sign for what has landed. */
  async function line(): Promise<string> {
    const { document } = await answer('explain', 'acme');
    const { uid, hold } = document;
    const { seq, base, next } = hold.candidate;
    return `Fairlead-Approve: ${uid} seq=${seq} base=${base} next=${next}`;
  }
  const tokenOf = (lines: string) => `fairlead1:${Buffer.from(lines).toString('base64url')}:AAAA`;

  test.each<readonly [string, (line: string) => string, string, string]>([
    [
      'a malformed line',
      (line) => line.replace(' seq', '  seq'),
      'acme: a malformed line',
      'fairlead approve --scope acme',
    ],
    ['no uid', () => 'Fairlead-Approve: acme seq=2', 'any scope: a malformed line', 'fairlead approve'],
    [
      'two lines',
      (line) => `${line}\n${line}`,
      'acme: two lines for one scope',
      'fairlead approve --scope acme',
    ],
    [
      'a group without its members',
      (line) => `${line} group=${SOMEBODY}`,
      'acme: the lines of its group are not those that the group is the digest of',
      'fairlead approve --scope acme',
    ],
    [
      'lines above the last paragraph',
      (line) => `${line}\n\nCo-authored-by: Cy <cy@example.test>`,
      'any scope: its lines are not in the last paragraph of the message',
      'fairlead approve',
    ],
    [
      'a scope that is elsewhere',
      () => `Fairlead-Approve: ${SOMEBODY}`,
      'the uid eeeeeeeeee: a malformed line',
      'fairlead approve',
    ],
    [
      'a withdrawal',
      (line) => line.replace('Approve', 'Withdraw').replace(/ base=.*/, ' round=01'),
      'acme: a malformed line',
      'fairlead withdraw --scope acme',
    ],
    [
      'a token',
      (line) => tokenOf(`${line} group=${SOMEBODY}\n`),
      'acme: the lines of its group are not those that the group is the digest of',
      'fairlead approve --scope acme --detached',
    ],
    [
      'a token of other words',
      () => tokenOf('approved\n'),
      'any scope: the token is not whole, or holds something else than statement lines',
      'fairlead approve --detached',
    ],
  ])('%s', async (_, words, reason, fix) => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    const commit = await mesh.commit(`Approve\n\n${words(await line())}`, 'bo');
    expect((await answer('explain', 'acme')).document.hold.signed).toEqual(['alice']);
    const { out } = await mesh.cli('explain', commit);
    expect(out.replace(/\s+/g, ' ')).toContain(`say nothing about ${reason} fix ${fix} it writes`);
    const { document } = await answer('explain', commit);
    expect(document.fix).toBe(fix);
    expect(reason).toContain(document.void[0].reason);
  });

  test('a commit that nobody signed, and the fix that ends the hold', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    const commit = await mesh.commit(`Approve\n\n${await line()}`);
    const { document } = await answer('explain', commit);
    expect(document.void).toMatchObject([
      { form: 'explicit', scope: 'acme', reason: 'the commit is not signed' },
    ]);
    await mesh.signAs('bo');
    expect(await mesh.cli(...document.fix.split(' ').slice(1), '--yes')).toMatchObject({ code: 0 });
    const { document: after } = await answer('explain', 'HEAD');
    expect(after).toMatchObject({ void: [], fix: null, mentions: [{ entry: { event: 'accepted' } }, {}] });
  });
});

describe('lineage --rejected', () => {
  test('shows holds in line order with the commits that were no votes, in every format', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    const first = await mesh.commit('Half', 'mallory');
    await mesh.git('revert', '--no-edit', 'HEAD');
    await mesh.write('mesh/scope.yaml', 'kind: Scope\n');
    const second = await mesh.commit('No scope', 'alice');
    const { code, document } = await answer('lineage', '--rejected');
    expect(code).toBe(0);
    expect(document).toMatchObject({
      kind: 'Rejections',
      rejections: [
        { scope: 'acme', seq: 2, commit: first, rule: 'Quorum', refused: [{ rule: 'V1', anchor: null }] },
        { scope: 'acme', seq: 2, commit: second, rule: 'G12', class: 'reconfigure' },
      ],
    });
    expect((await mesh.cli('lineage', 'acme', '--rejected')).out).toContain('no vote: nobody at');
    expect((await mesh.cli('lineage', '--rejected', '-o', 'yaml')).out).toContain('kind: Rejections');
  });

  test('a lineage is of a scope', async () => {
    const missing = await mesh.cli('lineage');
    expect(missing).toMatchObject({ code: 2, out: '' });
    expect(missing.err).toContain('[scope-missing]');
  });
});

describe('key-impact', () => {
  test('is 0 while every decision can still be made', async () => {
    const { code, document } = await answer('key-impact', '../bo.pub');
    expect(code).toBe(0);
    expect(document.impacts).toContainEqual({
      scope: 'acme',
      uid: document.impacts[0].uid,
      anchor: 'bo',
      spare: false,
      class: 'update',
      needed: 2,
      left: 2,
      outcome: 'kept',
      alone: false,
    });
  });

  test('is 1 with every class that is lost, by scope', async () => {
    const file = `${mesh.dir}/mesh/scope.yaml`;
    const text = await readFile(file, 'utf8');
    await mesh.write(
      'mesh/scope.yaml',
      text.replace('threshold: 2', 'threshold: 2\n    byClass: { reconfigure: 3 }'),
    );
    await mesh.commit('Three reconfigure');
    for (const name of ['alice', 'bo'] as const) {
      await mesh.signAs(name);
      expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    }
    // Two decide today; the new policy is asked too, and needs all three.
    await mesh.signAs('cy');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    const fingerprint = (await home.need('.', 'ssh-keygen', '-lf', 'cy.pub')).split(' ')[1] ?? '';
    const { code, document } = await answer('key-impact', fingerprint);
    expect(code).toBe(1);
    const lost = document.impacts.filter(({ outcome }: { outcome: string }) => outcome === 'lost');
    expect(lost.map((impact: { class: string }) => impact.class)).toEqual([
      'reconfigure',
      'delegate',
      'split',
      'merge',
      'move',
      'dissolve',
      'undelegate',
    ]);
    expect((await mesh.cli('key-impact', fingerprint.slice('SHA256:'.length))).code).toBe(1);
  });

  test('a key that no scope lists is an error that names those that are', async () => {
    const unknown = await mesh.cli('key-impact', '../mallory.pub');
    expect(unknown).toMatchObject({ code: 2, out: '' });
    expect(unknown.err).toContain('[key-unknown]');
    expect(unknown.err).toContain('(alice)');
  });
});

async function accept(): Promise<string> {
  await mesh.write('mesh/routes.yaml', ROUTES(50));
  await mesh.commit('Half', 'alice');
  await mesh.signAs('bo');
  expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
  return mesh.git('rev-parse', 'HEAD');
}

describe('line repair', () => {
  test('after a force-push: the followed tip first, its files, and a push that is no other force-push', async () => {
    const followed = await accept();
    await mesh.git('reset', '--quiet', '--hard', 'HEAD~2');
    await mesh.write('mesh/other.yaml', '# other\n');
    const offered = await mesh.commit('Forced');
    const { code, document } = await answer('line', 'repair', '--followed', followed);
    expect(code).toBe(0);
    expect(document).toMatchObject({ kind: 'LineRepair', followed, offered, tree: 'followed' });
    const { commit } = document;
    expect(await mesh.git('rev-parse', `${commit}^1`, `${commit}^2`)).toBe(`${followed}\n${offered}`);
    expect(await mesh.git('diff', followed, commit)).toBe('');
    await mesh.git('merge', '--quiet', '--ff-only', commit);
    expect((await answer('verify', '--since', followed)).document.scopes).toMatchObject([
      { from: 2, to: 2, held: false },
    ]);
  });

  test('after a merge with its parents swapped: the files that were offered', async () => {
    const followed = await accept();
    await mesh.git('checkout', '--quiet', '-b', 'dev', 'HEAD~2');
    await mesh.write('elsewhere.txt', 'x');
    await mesh.commit('Dev');
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge main into dev', 'main');
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.git('merge', '--quiet', '--ff-only', 'dev');
    const { document } = await answer('line', 'repair', '--followed', followed);
    expect(document).toMatchObject({ tree: 'offered', scopes: [{ path: 'acme', to: 2, hold: null }] });
  });

  test('asks a server which tip it follows', async () => {
    const followed = await accept();
    await mesh.git('reset', '--quiet', '--hard', 'HEAD~2');
    await mesh.commit('Forced');
    const repositories = [
      { name: 'elsewhere', followedTip: '0'.repeat(40) },
      { name: 'mesh', followedTip: followed },
    ];
    const api = createApi(apiSource({ repositories: () => repositories }), quiet);
    const server = `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`;
    try {
      expect((await answer('line', 'repair', '--server', server)).document).toMatchObject({ followed });
      expect((await answer('trust', '--tip', 'HEAD', '--server', server)).code).toBe(3);
    } finally {
      await api.close();
    }
  });

  test('says where nothing is broken, and asks for what it cannot know', async () => {
    const followed = await accept();
    expect((await answer('line', 'repair', '--followed', `${followed}~1`)).err).toContain('refused (whole)');
    const unknown = await mesh.cli('line', 'repair');
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.err).toContain('[followed-unknown]');
    expect((await mesh.cli('line', 'repair', '--server', 'http://127.0.0.1:1')).err).toContain(
      '[server-unreachable]',
    );
  });
});

describe('trust --tip', () => {
  const pinned = async () => JSON.parse(await readFile(`${mesh.dir}/.git/fairlead/pin.json`, 'utf8'));

  test('moves on where every scope keeps its lineage, and a line without that tip is refused from then on', async () => {
    const accepted = await accept();
    await mesh.write('elsewhere.txt', 'x');
    const followed = await mesh.commit('Elsewhere');
    await mesh.git('reset', '--quiet', '--hard', accepted);
    await mesh.write('elsewhere.txt', 'y');
    const tip = await mesh.commit('Rewritten');
    const { code, document } = await answer('trust', '--tip', 'HEAD', '--followed', followed);
    expect({ code, ...document }).toMatchObject({
      code: 0,
      kind: 'TrustedTip',
      followed,
      tip,
      safe: true,
      lost: [],
    });
    expect(await pinned()).toMatchObject({ tip });
    expect(await mesh.cli('verify')).toMatchObject({ code: 0 });
    expect((await answer('verify', '--tip', followed)).err).toContain('refused (G9)');
    // The genesis pinned again keeps it.
    expect(await mesh.cli('trust', 'HEAD~3')).toMatchObject({ code: 0 });
    expect(await pinned()).toMatchObject({ tip });
  });

  test('names what would be lost, and does it only when told to', async () => {
    const followed = await accept();
    await mesh.git('reset', '--quiet', '--hard', 'HEAD~2');
    const tip = await mesh.commit('Forced');
    const unsafe = await answer('trust', '--tip', tip, '--followed', followed);
    expect(unsafe.code).toBe(3);
    expect(unsafe.document).toMatchObject({
      safe: false,
      trusted: false,
      lost: [{ path: 'acme', entries: [{ event: 'held' }, { event: 'accepted', seq: 2, commit: followed }] }],
    });
    expect((await pinned()).tip).toBeUndefined();
    expect((await mesh.cli('trust', '--tip', tip, '--followed', followed)).out).toContain('--accept-loss');
    expect(await mesh.cli('trust', '--tip', tip, '--followed', followed, '--accept-loss')).toMatchObject({
      code: 0,
    });
    expect(await pinned()).toMatchObject({ tip });
    // What the pin trusts is what others are compared with: back again, nothing is lost.
    expect((await answer('trust', '--tip', followed)).document).toMatchObject({ followed: tip, safe: true });
  });
});
