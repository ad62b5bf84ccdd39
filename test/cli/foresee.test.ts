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

/** `-o json` of a command, parsed, with its exit code. */
async function answer(...args: readonly string[]) {
  const { code, out } = await mesh.cli(...args, '-o', 'json');
  return { code, document: JSON.parse(out) };
}

async function branch(name: string): Promise<void> {
  await mesh.git('checkout', '--quiet', '-b', name, 'main');
}

async function accept(weight: number): Promise<void> {
  await mesh.write('mesh/routes.yaml', ROUTES(weight));
  await mesh.commit('Weights', 'alice');
  await mesh.signAs('bo');
  expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
}

describe('verify --since', () => {
  test('shows what has happened after a tip, and nothing where nothing has', async () => {
    await accept(50);
    const seen = await mesh.git('rev-parse', 'HEAD');
    expect(await answer('verify', '--since', 'main')).toMatchObject({ code: 0 });
    await accept(60);
    const { code, document } = await answer('verify', '--since', seen);
    expect(code).toBe(0);
    expect(document).toMatchObject({
      kind: 'Changes',
      since: seen,
      scopes: [{ path: 'acme', from: 2, to: 3, entries: [{ event: 'held' }, { event: 'accepted', seq: 3 }] }],
    });
    expect((await mesh.cli('verify', '--since', seen)).out).toMatch(/^acme +3 +accepted +update/m);
  });

  test('refuses a line that dropped the tip, and one that is older', async () => {
    await accept(50);
    const seen = await mesh.git('rev-parse', 'HEAD');
    await mesh.git('reset', '--quiet', '--hard', 'HEAD~1');
    expect((await mesh.cli('verify', '--since', seen)).err).toContain('is older than');
    await mesh.commit('Elsewhere');
    const dropped = await mesh.cli('verify', '--since', seen);
    expect(dropped).toMatchObject({ code: 3, out: '' });
    expect(dropped.err).toContain('refused (G9)');
  });
});

describe('verify --would-accept', () => {
  test('is 3 with who is missing, then 0, and the merge comes to what it said', async () => {
    await branch('half');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    const held = await answer('verify', '--tip', 'main', '--would-accept', 'half');
    expect(held.code).toBe(3);
    expect(held.document).toMatchObject({
      kind: 'Outlook',
      accepted: false,
      prospects: [
        { scope: 'acme', verdict: 'held', rule: 'Quorum', signed: ['alice'], missing: ['bo', 'cy'] },
      ],
    });
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes', '--main', 'main');
    // Main goes on meanwhile, elsewhere.
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.write('elsewhere.txt', 'x');
    await mesh.commit('Elsewhere');
    const { code, document } = await answer('verify', '--tip', 'main', '--would-accept', 'half');
    expect(code).toBe(0);
    expect(document.prospects).toMatchObject([{ verdict: 'accepted', seq: 2, signed: ['bo', 'alice'] }]);
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Merge', 'half');
    const merged = await answer('verify');
    expect(merged.document.scopes[0]).toMatchObject({
      seq: 2,
      hold: null,
      accepted: { digest: document.prospects[0].next },
    });
  });

  test('asks for an update of the branch where main has changed the scope too', async () => {
    await branch('half');
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await mesh.signAs('bo');
    await mesh.cli('approve', '--yes', '--main', 'main');
    await mesh.git('checkout', '--quiet', 'main');
    await mesh.write('mesh/other.yaml', '# another file\n');
    await mesh.commit('Other', 'alice');
    await mesh.signAs('cy');
    await mesh.cli('approve', '--yes');
    const { code, document } = await answer('verify', '--tip', 'main', '--would-accept', 'half');
    expect(code).toBe(3);
    expect(document.prospects).toMatchObject([{ verdict: 'update' }]);
  });

  test('is 0 for a branch that changes no scope, held as one may be', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(50));
    await mesh.commit('Half', 'alice');
    await branch('docs');
    await mesh.write('docs.txt', 'x');
    await mesh.commit('Docs');
    const { code, document } = await answer('verify', '--tip', 'main', '--would-accept', 'docs');
    expect(code).toBe(0);
    expect(document).toMatchObject({ prospects: [], heldAnyway: ['acme'] });
  });

  test('warns where one signature is enough and the branch shows half-done work', async () => {
    await home.need('.', 'git', 'init', '--quiet', 'single');
    for (const [name, value] of [
      ['user.name', 'Alice'],
      ['user.email', 'alice@example.test'],
      ['user.signingkey', '../alice.pub'],
    ] as const)
      await home.need('single', 'git', 'config', name, value);
    const alone = (...args: readonly string[]) => home.need('single', 'git', ...args);
    await home.need('single', 'fairlead', 'init', '--name', 'solo', '--anchor', 'alice=../alice.pub');
    await alone('add', '--all');
    await alone('commit', '--quiet', '-S', '-m', 'Begin');
    await home.need('single', 'fairlead', 'trust');
    await alone('checkout', '--quiet', '-b', 'work');
    for (const text of ['wip', 'done']) {
      await home.write('single/mesh/notes.yaml', `# ${text}\n`);
      await alone('add', '--all');
      await alone('commit', '--quiet', '-S', '-m', text);
    }
    const said = await home.fairlead(
      'single',
      'verify',
      '--tip',
      'main',
      '--would-accept',
      'work',
      '-o',
      'json',
    );
    expect(said.code).toBe(0);
    const wip = await alone('rev-parse', 'work~1');
    expect(JSON.parse(said.out).unfinished).toEqual([{ scope: 'solo', anchor: 'alice', commit: wip }]);
    const text = await home.fairlead('single', 'verify', '--tip', 'main', '--would-accept', 'work');
    expect(text.out).toContain('warning: ');
    // The warning is true: main stops there, and serves it.
    await alone('checkout', '--quiet', 'main');
    await alone('merge', '--quiet', '--ff-only', wip);
    const verified = await home.fairlead('single', 'verify', '-o', 'json');
    expect(JSON.parse(verified.out).scopes[0]).toMatchObject({ seq: 2, hold: null });
  });

  test('refuses a branch of another repository', async () => {
    await mesh.git('checkout', '--quiet', '--orphan', 'other');
    await mesh.commit('Elsewhere', 'alice');
    const refused = await mesh.cli('verify', '--tip', 'main', '--would-accept', 'other');
    expect(refused).toMatchObject({ code: 3, out: '' });
    expect(refused.err).toContain('refused (G9)');
  });
});
