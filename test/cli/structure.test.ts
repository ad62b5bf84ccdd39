import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHome, type Home, type Ran } from './fairlead.ts';

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: pay, namespace: pay }
spec: { ports: [{ name: http, port: 80 }] }
`;
const PERSON = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.test'];
const PEOPLE = ['alice', 'dana', 'eli', 'fay'] as const;

let home: Home;
let folder: string;
let copies = 0;
beforeAll(async () => {
  home = await createHome();
  for (const name of PEOPLE) await home.key(name);
  await begin();
});
beforeEach(async () => {
  copies += 1;
  folder = `mesh-${copies}`;
  await cp(join(home.dir, 'template'), join(home.dir, folder), { recursive: true });
});
afterAll(() => home.close());

const git = (...args: readonly string[]) => home.need(folder, 'git', ...args);
const cli = (...args: readonly string[]): Promise<Ran> => home.fairlead(folder, ...args);
const sign = (name: string) => git('config', 'user.signingkey', join(home.dir, `${name}.pub`));
const show = (path: string) => git('show', `main:${path}`);

async function json(...args: readonly string[]) {
  const { code, out, err } = await cli(...args, '-o', 'json');
  return { code, err, document: out === '' ? null : JSON.parse(out) };
}

/** A mesh `acme` of alice alone. */
async function begin(): Promise<void> {
  folder = 'template';
  await home.need('.', 'git', 'init', '--quiet', folder);
  await git('config', 'user.name', 'Somebody');
  await git('config', 'user.email', 'somebody@example.test');
  await sign('alice');
  await home.need(folder, 'fairlead', 'init', '--name', 'acme', '--anchor', 'alice=../alice.pub');
  await home.write(`${folder}/mesh/pay.yaml`, '# pay\n');
  await home.write(`${folder}/mesh/shop.yaml`, '# shop\n');
  await git('add', '--all');
  await git('commit', '--quiet', '-S', '-m', 'Begin');
  await home.need(folder, 'fairlead', 'trust');
}

/** Prepares, has these people sign the branch, merges it; what it was told. */
async function change(args: readonly string[], ...signers: readonly string[]) {
  const { code, err, document } = await json('scope', ...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  await git('checkout', '--quiet', document.branch);
  for (const name of signers) {
    await sign(name);
    expect(await cli('approve', '--yes', '--main', 'main')).toMatchObject({ code: 0 });
  }
  await git('checkout', '--quiet', 'main');
  await git('merge', '--quiet', '--no-ff', '-m', `Merge ${document.branch}`, document.branch);
  return document;
}

/** Path, seq and state of every scope. */
async function standing(): Promise<readonly string[]> {
  const { out } = await cli('verify');
  const rows = out
    .split('\n')
    .slice(3)
    .filter((line) => line !== '');
  return rows.map((line) => line.split(/\s+/).slice(0, 3).join(' '));
}

const create = (path: string, anchor: string, ...more: readonly string[]) =>
  change(['create', path, '--anchor', `${anchor}=../${anchor}.pub`, ...more], 'alice', anchor);

describe('scope', () => {
  test('create, update by its own anchor, undelegate and back, dissolve', async () => {
    const made = await create(
      'acme.pay',
      'dana',
      '--namespace',
      'pay',
      '--host',
      'pay.example.test',
      '--floor',
      '1',
    );
    expect(made.scopes).toMatchObject([
      { scope: 'acme', class: 'delegate', seq: 2 },
      { scope: 'acme.pay', class: 'delegate', seq: 1, base: 'none' },
    ]);
    const [first, second] = made.statements;
    expect([first, second]).toEqual([
      expect.stringContaining(' group='),
      expect.stringContaining(' base=none '),
    ]);
    expect(await standing()).toEqual(['acme 2 Accepted', 'acme.pay 1 Accepted']);
    await home.write(`${folder}/mesh/pay/service.yaml`, SERVICE);
    await git('add', '--all');
    await git('commit', '--quiet', '-S', '-m', 'Notes');
    expect(await standing()).toEqual(['acme 2 Accepted', 'acme.pay 2 Accepted']);

    await change(['undelegate', 'acme.pay'], 'alice');
    expect(await standing()).toEqual(['acme 3 Accepted', 'acme.pay 2 Withdrawn']);
    expect(await json('resolve', 'acme.pay')).toMatchObject({ code: 1, document: { status: 'Withdrawn' } });
    expect((await cli('explain', 'acme.pay')).out).toContain('withdrawn by its parent');
    await change(['undelegate', 'acme.pay', '--undo'], 'alice', 'dana');
    expect(await standing()).toEqual(['acme 4 Accepted', 'acme.pay 3 Accepted']);

    expect(await json('scope', 'dissolve', 'pay', '--branch', 'look')).toMatchObject({ code: 0 });
    const { document: planned } = await json('plan', 'look', '--main', 'main');
    expect(planned.problems).toEqual([]);
    expect(planned.differences).toContainEqual(
      expect.objectContaining({ namespace: 'pay', change: 'removed' }),
    );
    await change(['dissolve', 'pay'], 'alice', 'dana');
    expect(await standing()).toEqual(['acme 5 Accepted', 'acme.pay 4 Tombstone']);
    expect((await home.run(folder, 'git', 'cat-file', '-e', 'main:mesh/pay')).code).not.toBe(0);
    for (const [args, said] of [
      [['scope', 'dissolve', 'pay'], '(G19)'],
      [['renew', '--scope', 'pay', '--yes'], '(G19)'],
      [['withdraw', '--yes'], '(unsaid)'],
    ] as const)
      expect(await cli(...args)).toMatchObject({ code: 3, err: expect.stringContaining(said) });
    expect((await cli('explain', 'pay')).out).toContain('is gone since');
    // The name is free again; the uid never is.
    await create('acme.pay', 'eli');
    expect(await standing()).toEqual(['acme 6 Accepted', 'acme.pay 4 Tombstone', 'acme.pay 1 Accepted']);
    const { document } = await json('resolve', 'acme.pay');
    expect(document).toMatchObject({ status: 'Live', seq: 1, directory: 'mesh/pay' });
  });

  test('split, and merge back; the lineage is walked both ways', async () => {
    const split = ['split', 'acme', 'pay', '--file', 'pay.yaml', '--anchor', 'dana=../dana.pub'];
    const prepared = await json('scope', ...split, '--branch', 'look');
    const plan = await json('plan', 'look', '--main', 'main');
    expect(plan).toMatchObject({ code: 1, document: { problems: [] } });
    expect(plan.document.scopes.map(({ scope }: { scope: string }) => scope)).toEqual(
      prepared.document.scopes.map(({ scope }: { scope: string }) => scope),
    );
    await change(split, 'alice', 'dana');
    expect(await show('mesh/pay/pay.yaml')).toBe('# pay');
    expect(await standing()).toEqual(['acme 2 Accepted', 'acme.pay 1 Accepted']);
    const child = await json('lineage', 'acme.pay');
    expect(child.document.ancestry).toMatchObject([{ scope: 'acme', relation: 'predecessor' }]);
    await change(['merge', 'acme.pay', '--into', 'acme'], 'alice', 'dana');
    expect(await standing()).toEqual(['acme 3 Accepted', 'acme.pay 2 Tombstone']);
    expect(await show('mesh/from-pay/pay.yaml')).toBe('# pay');
    expect((await json('lineage', 'acme.pay')).document.ancestry).toMatchObject([{ scope: 'acme' }]);
    expect((await cli('lineage', 'acme')).out).toContain('acme.pay');
    const { code, document } = await json('resolve', 'acme.pay');
    expect({ code, ...document }).toMatchObject({
      code: 1,
      status: 'Tombstone',
      directory: null,
      successors: [{ path: 'acme' }],
    });
  });

  test('merge scopes into one beside them', async () => {
    await create('acme.pay', 'dana');
    await create('acme.cards', 'eli');
    await create('acme.money', 'fay');
    await home.write(`${folder}/mesh/cards/visa.yaml`, '# visa\n');
    await git('add', '--all');
    await sign('eli');
    await git('commit', '--quiet', '-S', '-m', 'Visa');
    await change(['merge', 'pay', 'cards', '--into', 'money'], 'alice', 'dana', 'eli', 'fay');
    expect(await standing()).toEqual([
      'acme 5 Accepted',
      'acme.pay 2 Tombstone',
      'acme.cards 3 Tombstone',
      'acme.money 2 Accepted',
    ]);
    expect(await show('mesh/money/from-cards/visa.yaml')).toBe('# visa');
  });

  test('move to another name and to another parent, with what stands below; old names lead on', async () => {
    await create('acme.eu', 'dana');
    await create('acme.pay', 'eli');
    await change(['create', 'acme.pay.cards', '--anchor', 'fay=../fay.pub'], 'eli', 'fay');
    await change(['move', 'acme.pay', 'acme.eu.money'], 'alice', 'dana', 'eli');
    expect(await standing()).toEqual([
      'acme 4 Accepted',
      'acme.eu 2 Accepted',
      'acme.eu.money 3 Accepted',
      'acme.eu.money.cards 1 Accepted',
    ]);
    expect((await json('resolve', 'acme.pay.cards')).document).toMatchObject({
      path: 'acme.eu.money.cards',
      directory: 'mesh/eu/money/cards',
      forwards: [{ from: 'acme.pay', to: 'acme.eu.money' }],
    });
    await change(['move', 'money', 'acme.eu.coins', '--path', 'purse'], 'dana', 'eli');
    expect((await json('resolve', 'acme.pay')).document).toMatchObject({
      path: 'acme.eu.coins',
      directory: 'mesh/eu/purse',
      record: { parent: 'acme.eu', file: 'mesh/eu/delegations.yaml', name: 'coins' },
    });
    expect((await cli('lineage', 'coins')).out).toContain('move to eu/purse');
  });

  test('a repository of its own: one that begins there, and one that goes on there', async () => {
    const web = `${folder}-web`;
    await home.need('.', 'git', 'init', '--quiet', web);
    await home.need(web, 'fairlead', 'init', '--name', 'web', '--anchor', 'fay=../fay.pub');
    await home.need(web, 'git', 'add', '--all');
    await home.need(web, 'git', ...PERSON, 'commit', '--quiet', '-m', 'Begin');
    await home.need(web, 'fairlead', 'trust');
    const where = (repository: string) =>
      [
        '--from-pin',
        `../${repository}/.git/fairlead/pin.json`,
        '--url',
        `https://git.example/${repository}.git`,
      ] as const;
    await change(['create', 'acme.web', ...where(web)], 'alice');
    expect((await json('resolve', 'acme.web')).document).toMatchObject({
      status: 'Live',
      directory: null,
      seq: null,
      repository: { urls: [`https://git.example/${web}.git`], branch: 'main', path: 'mesh' },
    });

    await create('acme.pay', 'dana');
    // Its first bytes made its uid; those that go on elsewhere are others.
    await change(['reconfigure', 'acme.pay', '--add-anchor', 'eli=../eli.pub'], 'dana', 'eli');
    const own = `${folder}-pay`;
    await home.need('.', 'git', 'init', '--quiet', own);
    await cp(join(home.dir, folder, 'mesh/pay'), join(home.dir, own, 'mesh'), { recursive: true });
    await home.need(own, 'git', 'add', '--all');
    await home.need(own, 'git', ...PERSON, 'commit', '--quiet', '-m', 'Go on');
    await home.need(own, 'fairlead', 'trust');
    const early = await json('scope', 'move', 'pay', ...where(own));
    expect(early).toMatchObject({ code: 3, err: expect.stringContaining('fairlead trust --seq 3 --uid ') });
    const { uid } = (await json('resolve', 'acme.pay')).document;
    await home.need(own, 'fairlead', 'trust', '--seq', '3', '--uid', uid, '--pin', '.git/fairlead/pin.json');
    const bare = await home.fairlead(own, 'trust', '--uid', uid, '--seq', '1', '--pin', '.git/other.json');
    expect(bare).toMatchObject({ code: 3, err: expect.stringContaining('--uid goes with the --seq') });
    // Pinned once more, it is still the same scope.
    await home.need(own, 'fairlead', 'trust', '--pin', '.git/fairlead/pin.json');
    await home.need(own, 'fairlead', 'trust', '--seq', '1', '--pin', '.git/first.json');
    expect(
      JSON.parse(
        (await home.fairlead(own, 'trust', '--seq', '1', '-o', 'json', '--pin', '.git/fairlead/pin.json'))
          .out,
      ),
    ).toMatchObject({ seq: 1 });
    await home.need(own, 'fairlead', 'verify');
    await home.need(own, 'fairlead', 'trust', '--seq', '3', '--uid', uid, '--pin', '.git/fairlead/pin.json');
    await change(['move', 'pay', ...where(own)], 'alice', 'dana');
    expect(await standing()).toEqual(['acme 4 Accepted', 'acme.pay 3 Tombstone']);
    const { repository } = (await json('resolve', 'acme.pay')).document;
    expect(repository).toMatchObject({ urls: [`https://git.example/${own}.git`], seq: 3 });
    const there = JSON.parse((await home.fairlead(own, 'verify', '-o', 'json')).out);
    expect(there.scopes).toMatchObject([{ uid, seq: 3, accepted: { digest: repository.digest } }]);
    expect(await json('scope', 'create', 'acme.x', '--from-pin', 'nowhere')).toMatchObject({ code: 2 });
  });

  test('recover: the recovery set and the new key sign in the place of a lost quorum', async () => {
    await change(
      ['reconfigure', 'acme', '--add-recovery', 'rita=../dana.pub', '--recovery-threshold', '1'],
      'alice',
      'dana',
    );
    const recovered = ['recover', 'acme', '--rotate', '../alice.pub=../eli.pub'];
    const { code, err, document } = await json('scope', ...recovered);
    expect(code).toBe(0);
    expect(err).toContain('recovery: 1 of rita sign');
    await git('checkout', '--quiet', document.branch);
    for (const name of ['dana', 'eli']) {
      await sign(name);
      expect(await cli('approve', '--yes', '--main', 'main')).toMatchObject({ code: 0 });
    }
    const outlook = await json('verify', '--tip', 'main', '--would-accept', document.branch);
    expect(outlook).toMatchObject({
      code: 0,
      document: { prospects: [{ verdict: 'accepted', class: 'recover' }] },
    });
    await git('checkout', '--quiet', 'main');
    await git('merge', '--quiet', '--no-ff', '-m', 'Merge', document.branch);
    const { out } = await cli('lineage', 'acme');
    expect(out).toMatch(/^3 +accepted +recover /m);
    expect(await standing()).toEqual(['acme 3 Accepted']);
  });

  test.each<readonly [string, readonly string[], number, string]>([
    ['a new scope without anchors', ['create', 'acme.pay'], 2, '[threshold-unreachable]'],
    ['a name that is none', ['create', 'acme.Pay', '--anchor', 'dana=../dana.pub'], 2, '[name-malformed]'],
    ['a new root', ['create', 'pay', '--anchor', 'dana=../dana.pub'], 2, '[parent-missing]'],
    ['a parent that is not', ['create', 'emca.pay', '--anchor', 'dana=../dana.pub'], 2, '[scope-unknown]'],
    [
      'a threshold below the floor',
      ['create', 'acme.p', '--anchor', 'dana=../dana.pub', '--floor', '2'],
      3,
      '(G6)',
    ],
    [
      'a file that is not',
      ['split', 'acme', 'p', '--file', 'x.yaml', '--anchor', 'dana=../dana.pub'],
      2,
      '[file-unknown]',
    ],
    [
      'who decides, split off',
      ['split', 'acme', 'p', '--file', 'scope.yaml', '--anchor', 'dana=../dana.pub'],
      2,
      '[file-unknown]',
    ],
    ['the end of a root', ['dissolve', 'acme'], 2, '[parent-missing]'],
    ['a root that moves', ['move', 'acme', 'emca.acme'], 2, '[parent-missing]'],
    ['a merge into itself', ['merge', 'acme', '--into', 'acme'], 2, '[not-siblings]'],
    ['recovery where nobody can', ['recover', 'acme', '--threshold', '1'], 3, '(Recover)'],
  ])('refuses %s, and makes no branch', async (_, args, code, said) => {
    const refused = await cli('scope', ...args);
    expect(refused).toMatchObject({ code, out: '' });
    expect(refused.err).toContain(said);
    expect(await git('branch', '--list', 'fairlead/*')).toBe('');
  });

  test('reconfigure: a scope owns what its parent grants, and gives up what it does not grant on', async () => {
    await create('acme.pay', 'dana', '--namespace', 'pay', 'cards', '--host', '*.pay.test');
    await change(
      ['reconfigure', 'acme.pay', '--remove-namespace', 'cards', '--remove-host', '*.pay.test'],
      'dana',
    );
    await change(['reconfigure', 'pay', '--add-namespace', 'cards', '--add-host', 'a.pay.test'], 'dana');
    expect(await show('mesh/pay/scope.yaml')).toMatch(
      /owns:\n {4}namespaces: \[pay, cards\]\n {4}hosts: \[a\.pay\.test\]$/,
    );
    expect(await standing()).toEqual(['acme 2 Accepted', 'acme.pay 3 Accepted']);
    const before = await git('for-each-ref');
    for (const [args, reason] of [
      [
        ['acme.pay', '--add-host', 'www.shop.test'],
        'it owns the host www.shop.test, which its parent does not grant',
      ],
      [
        ['acme.pay', '--add-namespace', 'shop'],
        'it owns the namespace shop, which its parent does not grant',
      ],
      [['acme', '--remove-namespace', '*'], 'pay is granted the namespace pay, which is not owned here'],
    ] as const) {
      const refused = await cli('scope', 'reconfigure', ...args);
      expect(refused).toMatchObject({ code: 3, out: '' });
      expect(refused.err.replace(/\s+/g, ' ')).toContain(`refused (G6): ${args[0]}: ${reason}`);
    }
    expect(await git('for-each-ref')).toBe(before);
  });

  test('comments in delegations.yaml stay', async () => {
    await create('acme.pay', 'dana');
    const file = join(home.dir, folder, 'mesh/delegations.yaml');
    const text = (await readFile(file, 'utf8')).replace('spec:', '# who has what\nspec:');
    await home.write(`${folder}/mesh/delegations.yaml`, text);
    await git('add', '--all');
    await git('commit', '--quiet', '-m', 'A comment');
    await sign('alice');
    expect(await cli('approve', '--yes')).toMatchObject({ code: 0 });
    await change(['undelegate', 'pay'], 'alice');
    expect(await show('mesh/delegations.yaml')).toBe(`${text.trimEnd()}\n    status: withdrawn`);
  });
});
