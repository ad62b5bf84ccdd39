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
  for (const name of ['gus', 'alice-2']) await home.key(name);
});
beforeEach(async () => {
  mesh = await fresh();
});
afterAll(() => home.close());

/** Signs what HEAD proposes with any key of the home. */
async function approveAs(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mesh.git('config', 'user.signingkey', `${home.dir}/${name}.pub`);
    expect(await mesh.cli('approve', '--yes', '--main', 'main')).toMatchObject({ code: 0 });
  }
}

async function prepared(...args: readonly string[]) {
  const { code, out, err } = await mesh.cli('scope', ...args, '-o', 'json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
}

async function land(branch: string): Promise<void> {
  await mesh.git('checkout', '--quiet', 'main');
  await mesh.git('merge', '--quiet', '--no-ff', '-m', `Merge ${branch}`, branch);
}

async function scopes() {
  const { out } = await mesh.cli('verify', '-o', 'json');
  return JSON.parse(out).scopes;
}

describe('scope reconfigure', () => {
  test('prepares a branch that its anchors and the new ones sign, and touches nothing else', async () => {
    await mesh.write('mesh/routes.yaml', ROUTES(77));
    const before = await mesh.git('status', '--porcelain', '--branch');
    const said = await prepared(
      ...['reconfigure', 'acme', '--add-anchor', 'gus=../gus.pub', '--threshold', '3'],
      ...['--threshold-of', 'dissolve=4', '--statements', 'Required'],
    );
    expect(said).toMatchObject({
      kind: 'Preparation',
      branch: 'fairlead/acme-seq-2',
      scopes: [
        {
          scope: 'acme',
          class: 'reconfigure',
          seq: 2,
          changes: [{ path: 'scope.yaml', change: 'changed' }],
          policy: expect.arrayContaining([
            '+ anchor gus',
            'threshold of update: 2 -> 3',
            'statements: Optional -> Required',
          ]),
        },
      ],
    });
    expect(await mesh.git('status', '--porcelain', '--branch')).toBe(before);
    await mesh.git('checkout', '--quiet', '--force', said.branch);
    await approveAs('alice', 'bo', 'gus');
    const message = await mesh.git('log', '-1', '--format=%B');
    expect(message).toContain(said.statements[0]);
    await land(said.branch);
    expect(await scopes()).toMatchObject([{ seq: 2, hold: null }]);
  });

  test('rotates a key, and keeps comments and what it does not touch', async () => {
    const text = await readFile(`${mesh.dir}/mesh/scope.yaml`, 'utf8');
    await mesh.write('mesh/scope.yaml', text.replace('  anchors:', '  # who decides\n  anchors:'));
    await mesh.commit('A comment');
    await approveAs('alice', 'bo');
    const { branch } = await prepared(
      'reconfigure',
      'acme',
      '--rotate',
      '../alice.pub=../alice-2.pub',
      '--branch',
      'rotate',
    );
    const [old, next] = [
      await mesh.git('show', 'main:mesh/scope.yaml'),
      await mesh.git('show', 'rotate:mesh/scope.yaml'),
    ];
    const key = async (name: string) => (await readFile(`${home.dir}/${name}.pub`, 'utf8')).trim();
    expect(next).toBe(old.replace(await key('alice'), await key('alice-2')));
    await mesh.git('checkout', '--quiet', branch);
    await approveAs('alice-2', 'bo', 'cy');
    await land(branch);
    expect(await scopes()).toMatchObject([{ seq: 3, hold: null }]);
  });

  test('adds a recovery set, a second key, and takes them away again', async () => {
    const first = await prepared(
      ...['reconfigure', 'acme', '--add-recovery', 'rita=../gus.pub', '--recovery-threshold', '1'],
      ...['--add-key', 'alice=../alice-2.pub', '--branch', 'one'],
    );
    expect(first.scopes[0].policy).toContainEqual('+ recovery anchor rita');
    await mesh.git('checkout', '--quiet', 'one');
    await approveAs('alice', 'bo', 'gus', 'alice-2');
    await land('one');
    const second = await prepared(
      ...['reconfigure', 'acme', '--remove-key', '../alice.pub', '--remove-anchor', 'cy', '--branch', 'two'],
    );
    expect(second.scopes[0].policy).toEqual(expect.arrayContaining(['- anchor cy']));
    await mesh.git('checkout', '--quiet', 'two');
    await approveAs('alice-2', 'bo');
    await land('two');
    expect(await scopes()).toMatchObject([{ seq: 3, hold: null }]);
  });

  test('what is owned, required and allowed, and comments stay', async () => {
    const text = (await readFile(`${mesh.dir}/mesh/scope.yaml`, 'utf8'))
      .replace('threshold: 2', 'threshold: 2 # any two')
      .replace(/namespaces: .*/, 'namespaces: [demo, shop] # ours')
      .replace(
        /hosts: .*/,
        'hosts: [a.example.test]\n  # little\n  limits:\n    files: 9\n    bytes: 4Ki # small',
      );
    await mesh.write('mesh/scope.yaml', text);
    await mesh.commit('What is ours');
    await approveAs('alice', 'bo');
    const first = await prepared(
      ...['reconfigure', 'acme', '--remove-namespace', 'shop', '--add-namespace', 'pay', 'web'],
      ...['--add-host', '*.example.test', '--remove-host', 'a.example.test', '--require', 'human=2'],
      ...['--limit-files', '20', '--limit-bytes', '8Mi', '--threshold', '3', '--branch', 'one'],
    );
    expect(first.scopes[0].policy).toEqual([
      ...['update', 'reconfigure', 'delegate', 'split', 'merge', 'move', 'dissolve', 'undelegate'].map(
        (name) => `threshold of ${name}: 2 -> 3`,
      ),
      '+ requires at least 2 of type human',
      '- owns namespace shop',
      '+ owns namespace pay',
      '+ owns namespace web',
      '- owns host a.example.test',
      '+ owns host *.example.test',
      'limit of files: 9 -> 20',
      `limit of bytes: 4096 -> ${8 * 1024 * 1024}`,
    ]);
    expect(await mesh.git('show', 'one:mesh/scope.yaml')).toBe(
      text
        .trimEnd()
        .replace(
          'threshold: 2 # any two',
          'threshold: 3 # any two\n    require:\n      - type: human\n        atLeast: 2',
        )
        .replace('[demo, shop]', '[demo, pay, web]')
        .replace('[a.example.test]', '["*.example.test"]')
        .replace('files: 9', 'files: 20')
        .replace('bytes: 4Ki', 'bytes: 8Mi'),
    );
    await mesh.git('checkout', '--quiet', 'one');
    await approveAs('alice', 'bo', 'cy');
    await land('one');
    const second = await prepared(
      ...['reconfigure', 'acme', '--require', 'human=0', '--limit-files', 'none', '--limit-bytes', 'none'],
      ...['--branch', 'two'],
    );
    expect(second.scopes[0].policy).toEqual([
      '- requires at least 2 of type human',
      'limit of files: 20 -> none',
      `limit of bytes: ${8 * 1024 * 1024} -> none`,
    ]);
    expect(await mesh.git('show', 'two:mesh/scope.yaml')).not.toMatch(/require|limits/);
    await mesh.git('checkout', '--quiet', 'two');
    await approveAs('alice', 'bo', 'cy');
    await land('two');
    expect(await scopes()).toMatchObject([{ seq: 4, hold: null }]);
  });

  test.each<readonly [string, string, string]>([
    ['braces with spaces, brackets without', '{ files: 9, bytes: 4Ki }', '[demo, "*.test"]'],
    ['the other way round', '{files: 9, bytes: 4Ki}', '[ demo ]'],
    ['a comment that does otherwise', '{ files: 9 }', '[a, b] # [ c ]'],
  ])('keeps how its author writes: %s', async (_, limits, namespaces) => {
    const file = (await readFile(`${mesh.dir}/mesh/scope.yaml`, 'utf8'))
      .replace(/namespaces: .*/, `namespaces: ${namespaces.replace('"*.test"', 'shop')}`)
      .replace(/hosts: .*/, `hosts: []\n\n  # little\n  limits: ${limits}`)
      .replace(/^( *)(- name: (?:alice|bo|cy))\n +keys:\n +- ssh/gm, '  $2\n    keys:\n    - ssh');
    await mesh.write('mesh/scope.yaml', file);
    await mesh.commit('As I write');
    await approveAs('alice', 'bo');
    await prepared('reconfigure', 'acme', '--limit-files', '8', '--branch', 'mine');
    expect(await mesh.git('show', 'mine:mesh/scope.yaml')).toBe(
      file.replace('files: 9', 'files: 8').trimEnd(),
    );
  });

  test.each<readonly [string, readonly string[], number, string]>([
    ['a host that is none', ['--add-host', 'A host'], 3, 'refused (G12)'],
    ['a namespace that it has', ['--add-namespace', 'demo', 'demo'], 2, '[edit-impossible]'],
    ['a host that it has not', ['--remove-host', 'b.example.test'], 2, '[edit-impossible]'],
    ['a type that nobody is', ['--require', 'automation=1'], 3, 'refused (G6)'],
    ['a type that there is not', ['--require', 'robot=1'], 64, 'type=n'],
    ['a limit below what it has', ['--limit-files', '1'], 3, 'refused (G17)'],
    ['a limit above every scope', ['--limit-files', '20001'], 3, 'refused (G12)'],
    ['a size that is none', ['--limit-bytes', '8MB'], 64, 'positive integer'],
    ['nothing', [], 2, '[nothing-to-do]'],
    ['what could never be reached', ['--threshold', '4'], 3, 'refused (G6)'],
    ['what is so already', ['--threshold', '2'], 3, 'refused (clean)'],
    ['an anchor that nobody is', ['--remove-anchor', 'zoe'], 2, '[edit-impossible]'],
    ['an anchor that somebody is', ['--add-anchor', 'bo=../gus.pub'], 2, '[edit-impossible]'],
    ['the only key of an anchor', ['--remove-key', '../bo.pub'], 2, '[edit-impossible]'],
    ['the key of nobody', ['--rotate', '../gus.pub=../alice-2.pub'], 2, '[edit-impossible]'],
    ['a key twice', ['--add-anchor', 'gus=../bo.pub'], 3, 'refused (G4)'],
    ['a class that there is not', ['--threshold-of', 'upgrade=2'], 64, 'class=n'],
    ['a file that is no key', ['--add-anchor', 'gus=mesh/scope.yaml'], 2, '[key-unreadable]'],
  ])('refuses %s, and makes no branch', async (_, args, code, said) => {
    const refused = await mesh.cli('scope', 'reconfigure', 'acme', ...args);
    expect(refused).toMatchObject({ code, out: '' });
    expect(refused.err).toContain(said);
    expect(await mesh.git('branch', '--list', 'fairlead/*')).toBe('');
  });

  test('does not move a branch that is there', async () => {
    await prepared('reconfigure', 'acme', '--threshold', '3');
    const again = await mesh.cli('scope', 'reconfigure', 'acme', '--threshold', '3');
    expect(again).toMatchObject({ code: 2, out: '' });
    expect(again.err).toContain('[branch-exists]');
  });
});
