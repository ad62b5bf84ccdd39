import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createServer } from '../../src/main.ts';
import { ask, noRedis, repositoryOf, world } from '../server.ts';
import { createHome, type Home, type Ran } from './fairlead.ts';
import { createMeshes, type Mesh, ROUTES } from './mesh.ts';

/** A mesh whose clones push over file:// into a bare repository with our hook. */
let home: Home;
let fresh: () => Promise<Mesh>;
let mesh: Mesh;
let bare: string;
let count = 0;
beforeAll(async () => {
  home = await createHome();
  fresh = await createMeshes(home);
});
beforeEach(async () => {
  mesh = await fresh();
  count += 1;
  // Nothing of a path is ever expanded by the shell that runs a hook.
  bare = `it's $(touch pwned) "${count}".git`;
  await home.need('.', 'git', 'clone', '--quiet', '--bare', mesh.dir, bare);
  await mesh.git('remote', 'add', 'origin', `file://${encodeURI(join(home.dir, bare))}`);
  await home.need('.', 'cp', join(mesh.dir, '.git/fairlead/pin.json'), `pin ${count}.json`);
});
afterAll(() => home.close());

const install = (...more: readonly string[]) =>
  home.fairlead('.', 'hook', 'install', '--repository', bare, '--pin', `pin ${count}.json`, ...more);
const push = (...args: readonly string[]): Promise<Ran> =>
  home.run(mesh.dir.slice(home.dir.length + 1), 'git', 'push', ...args);
const tip = (branch = 'main') => home.need(bare, 'git', 'rev-parse', branch);
/** What a hook wrote, as git shows it to whoever pushes: in lines of at most 74 columns. */
const said = ({ err }: Ran) =>
  err
    .split('\n')
    .filter((line) => line.startsWith('remote: '))
    .map((line) => line.slice('remote: '.length).trimEnd());
const joined = (ran: Ran) => said(ran).join(' ').replace(/ +/g, ' ');
const fixOf = (ran: Ran) => /fix: (.*)$/.exec(joined(ran))?.[1] ?? '';
const shell = (command: string) => home.need(mesh.dir.slice(home.dir.length + 1), 'bash', '-c', command);
async function routes(v2: number, signer?: 'alice' | 'bo'): Promise<string> {
  await mesh.write('mesh/routes.yaml', ROUTES(v2));
  return mesh.commit(`v2 ${v2}`, signer);
}

describe('a push', () => {
  test('that extends the main line is let in, and says what is held and what ends it', async () => {
    expect(await install()).toMatchObject({ code: 0 });
    const half = await routes(50, 'alice');
    const pushed = await push('origin', 'main');
    expect(pushed.code).toBe(0);
    expect(joined(pushed)).toContain('acme is held (Quorum): 1 of 2: alice signed; bo or cy missing');
    expect(fixOf(pushed)).toBe('fairlead approve --scope acme');
    expect(await tip()).toBe(half);
    await mesh.signAs('bo');
    expect(await mesh.cli('approve', '--yes')).toMatchObject({ code: 0 });
    const approved = await push('origin', 'main');
    expect(approved.code).toBe(0);
    expect(joined(approved)).toMatch(/^acme is accepted: seq 2 at [0-9a-f]{10}$/);
    expect(await home.need('.', 'find', '.', '-name', 'pwned')).toBe('');
  });

  test('of another branch or of a tag is not looked at', async () => {
    await install();
    await mesh.git('checkout', '--quiet', '--orphan', 'elsewhere');
    await mesh.commit('Nothing of ours');
    await mesh.git('tag', 'v1');
    expect(await push('origin', 'elsewhere', 'v1')).toMatchObject({ code: 0 });
    expect(await tip('elsewhere')).toBe(await mesh.git('rev-parse', 'HEAD'));
  });

  test('by force is refused with a command, and what that makes is let in', async () => {
    await install();
    await routes(20, 'alice');
    await push('origin', 'main');
    const kept = await tip();
    await mesh.git('reset', '--quiet', '--hard', 'HEAD~1');
    await mesh.write('mesh/other.yaml', '# another way\n');
    const offered = await mesh.commit('Another way');
    const refused = await push('--force', 'origin', 'main');
    expect(refused.code).toBe(1);
    expect(joined(refused)).toContain(`refused (G9): ${offered} drops ${kept} from the main line`);
    expect(await tip()).toBe(kept);
    await mesh.git('fetch', '--quiet', 'origin');
    await shell(fixOf(refused));
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    expect(await home.need(bare, 'git', 'rev-parse', 'main^1', 'main^2')).toBe(`${kept}\n${offered}`);
  });

  test('of a foxtrot, which is no force-push to git, is refused too', async () => {
    await install();
    await mesh.git('checkout', '--quiet', '-b', 'dev');
    const dev = await mesh.commit('Work');
    await mesh.git('checkout', '--quiet', 'main');
    const kept = await routes(20, 'alice');
    await push('origin', 'main');
    await mesh.git('checkout', '--quiet', 'dev');
    await mesh.git('merge', '--quiet', '--no-ff', '-m', 'Sync', 'main');
    expect(await mesh.git('rev-parse', 'HEAD^1')).toBe(dev);
    const refused = await push('origin', 'dev:main');
    expect(refused.code).toBe(1);
    expect(joined(refused)).toContain('parents swapped');
    expect(await tip()).toBe(kept);
    await shell(fixOf(refused));
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    expect(await home.need(bare, 'git', 'rev-parse', 'main^1')).toBe(kept);
  });

  test('that moves the main line back is refused, and going back is a new commit', async () => {
    await install();
    const first = await tip();
    await routes(20, 'alice');
    await push('origin', 'main');
    const refused = await push('--force', 'origin', `${first}:main`);
    expect(refused.code).toBe(1);
    expect(joined(refused)).toContain('refused (G9): the main line is never moved back');
    await shell(fixOf(refused));
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    expect(await home.need(bare, 'git', 'diff', first, 'main')).toBe('');
  });

  test('of another genesis, and deleting the main line, are refused', async () => {
    await install();
    await mesh.git('checkout', '--quiet', '--orphan', 'other');
    await mesh.commit('Begin anew', 'alice');
    const other = await push('--force', 'origin', 'other:main');
    expect(other.code).toBe(1);
    expect(joined(other)).toMatch(/refused \(G9\): \S+ does not descend from the genesis/);
    await home.need(bare, 'git', 'symbolic-ref', 'HEAD', 'refs/heads/elsewhere');
    const deleted = await push('origin', ':main');
    expect(deleted.code).toBe(1);
    expect(joined(deleted)).toContain('never deleted');
  });

  test('is refused as a whole where one of its refs is', async () => {
    await install();
    await routes(20, 'alice');
    await push('origin', 'main');
    const kept = await tip();
    await mesh.git('branch', 'side');
    await mesh.git('reset', '--quiet', '--hard', 'HEAD~1');
    await mesh.commit('Elsewhere');
    expect(await push('--force', 'origin', 'side', 'main')).toMatchObject({ code: 1 });
    expect(await home.need(bare, 'git', 'for-each-ref', '--format=%(objectname)')).toBe(kept);
  });

  test('brings the whole line into an empty repository, and no other', async () => {
    const [pinned, hooked] = [`pin ${count}.json`, `empty-${count}.git`];
    await home.need('.', 'git', 'init', '--quiet', '--bare', hooked);
    await home.fairlead('.', 'hook', 'install', '--repository', hooked, '--pin', pinned);
    await mesh.git('checkout', '--quiet', '--orphan', 'other');
    await mesh.commit('Begin anew', 'alice');
    const remote = join(home.dir, hooked);
    const refused = await push(remote, 'other:main');
    expect(refused.code).toBe(1);
    expect(joined(refused)).toContain('does not descend from the genesis');
    expect(await push(remote, 'main')).toMatchObject({ code: 0 });
  });
});

describe('a line that was broken behind the hook', () => {
  /** The main line at `kept`, moved by force to `forced`, which forks from before it, as whoever owns the disk can. */
  async function force(kept: string): Promise<string> {
    await mesh.git('checkout', '--quiet', '-B', 'forced', `${kept}~1`);
    await mesh.write('mesh/other.yaml', '# another way\n');
    const forced = await mesh.commit('Another way');
    await mesh.git('push', '--quiet', 'origin', 'forced');
    await home.need(bare, 'git', 'update-ref', 'refs/heads/main', forced);
    return forced;
  }

  async function repaired(...args: readonly string[]): Promise<string> {
    const { code, out } = await mesh.cli('line', 'repair', ...args, '-o', 'json');
    expect(code).toBe(0);
    return JSON.parse(out).commit;
  }

  test('is mended by the push of what `line repair` prepared, and by nothing else', async () => {
    await install();
    const before = await tip();
    const kept = await routes(20, 'alice');
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    const forced = await force(kept);
    // On top of the branch as it is now, whatever is pushed: what was followed stays dropped.
    await mesh.write('mesh/other.yaml', '# more of it\n');
    const more = await mesh.commit('More of it');
    const refused = await push('origin', 'forced:main');
    expect(refused.code).toBe(1);
    expect(joined(refused)).toContain(`refused (G9): ${more} drops ${kept} from the main line`);
    const [command, ...args] = fixOf(refused).split(' ');
    expect(command).toBe('fairlead');
    expect(args).toEqual(['line', 'repair', '--followed', kept.slice(0, 10), '--offered', more.slice(0, 10)]);
    // Nor where git has thrown away what was followed: the repair brings it back.
    await home.need(bare, 'git', 'gc', '--quiet', '--prune=now');
    expect((await home.run(bare, 'git', 'cat-file', '-e', kept)).code).not.toBe(0);
    const gone = await push('origin', 'forced:main');
    expect(gone.code).toBe(1);
    expect(joined(gone)).toContain(`${kept} from the main line, which is gone from here`);
    expect(fixOf(gone)).toBe(fixOf(refused));
    await mesh.git('reset', '--quiet', '--hard', forced);
    const tree = await mesh.git('rev-parse', `${kept}^{tree}`);
    const swapped = await mesh.git('commit-tree', tree, '-p', forced, '-p', kept, '-m', 'Swapped');
    const above = await mesh.git('commit-tree', tree, '-p', before, '-p', forced, '-m', 'From before');
    for (const commit of [swapped, above]) {
      const wrong = await push('origin', `${commit}:main`);
      expect(wrong.code).toBe(1);
      expect(joined(wrong)).toContain('refused (G9)');
      expect(await tip()).toBe(forced);
    }
    const repair = await repaired('--followed', kept, '--offered', forced);
    // No force: the commit is on top of both.
    expect(await push('origin', `${repair}:refs/heads/main`)).toMatchObject({ code: 0 });
    expect(await home.need(bare, 'git', 'rev-parse', 'main^1', 'main^2')).toBe(`${kept}\n${forced}`);
    await mesh.git('checkout', '--quiet', '-B', 'main', repair);
    await routes(30, 'alice');
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
  });

  test('is mended by what was followed itself, and is never moved back', async () => {
    await install();
    const first = await tip();
    const second = await routes(20, 'alice');
    const kept = await routes(30, 'alice');
    await push('origin', 'main');
    await home.need(bare, 'git', 'update-ref', 'refs/heads/main', first);
    const back = await push('origin', `${second}:main`);
    expect(back.code).toBe(1);
    expect(joined(back)).toContain(`never moved back, from ${kept} to ${second}`);
    await shell(fixOf(back));
    expect(await tip()).toBe(kept);
  });

  test('before there was a hook: it is told what was followed, or the pin trusts it', async () => {
    const kept = await routes(20, 'alice');
    await push('origin', 'main');
    const forced = await force(kept);
    const repair = await repaired('--followed', kept, '--offered', forced);
    await install();
    expect(await push('origin', `${repair}:main`)).toMatchObject({ code: 1 });
    const told = await install('--followed', kept);
    expect(told.code).toBe(0);
    expect(told.err.replace(/\s+/g, ' ')).toContain(
      `main has lost the line of ${kept.slice(0, 10)}: fairlead line repair`,
    );
    expect(await push('origin', `${repair}:main`)).toMatchObject({ code: 0 });

    // Given up on purpose: from here on the pin goes before what the hook remembers.
    await home.need(bare, 'git', 'update-ref', 'refs/heads/main', forced);
    await mesh.git('checkout', '--quiet', 'forced');
    await mesh.commit('Go on');
    expect(await push('origin', 'forced:main')).toMatchObject({ code: 1 });
    const trust = [
      'trust',
      '--tip',
      forced,
      '--followed',
      repair,
      '--accept-loss',
      '--pin',
      `../pin ${count}.json`,
    ];
    expect(await mesh.cli(...trust)).toMatchObject({ code: 0 });
    expect(await push('origin', 'forced:main')).toMatchObject({ code: 0 });
  });

  test('and of which git threw away what was followed, is mended by its repair alone, whatever the pin trusts', async () => {
    await install();
    const trust = ['trust', '--tip', 'HEAD', '--followed', 'HEAD', '--pin', `../pin ${count}.json`];
    expect(await mesh.cli(...trust)).toMatchObject({ code: 0 });
    const kept = await routes(20, 'alice');
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    const forced = await force(kept);
    await home.need(bare, 'git', 'gc', '--quiet', '--prune=now');
    await mesh.git('checkout', '--quiet', 'forced');
    await mesh.write('mesh/other.yaml', '# more of it\n');
    const more = await mesh.commit('More of it');
    const gone = await push('origin', `${more}:main`);
    expect(gone.code).toBe(1);
    expect(joined(gone)).toContain(
      `refused (G9): ${more} drops ${kept} from the main line, which is gone from here`,
    );
    expect(await tip()).toBe(forced);
    const repair = await repaired('--followed', kept, '--offered', forced);
    expect(await push('origin', `${repair}:refs/heads/main`)).toMatchObject({ code: 0 });
  });

  test('by a memory that says nothing: no push is let in before it is told', async () => {
    await install();
    await home.write(`${bare}/fairlead/followed/main`, 'nonsense\n');
    const kept = await routes(20, 'alice');
    const refused = await push('origin', 'main');
    expect(refused.code).toBe(1);
    expect(joined(refused)).toContain('[hook-memory]');
    expect(await install('--followed', 'main')).toMatchObject({ code: 0 });
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    expect(await tip()).toBe(kept);
  });
});

describe('--refuse held', () => {
  test('lets in only what leaves no scope held, and the fix is accepted', async () => {
    await install('--refuse', 'held');
    const before = await tip();
    await routes(50, 'alice');
    const refused = await push('origin', 'main');
    expect(refused.code).toBe(1);
    expect(joined(refused)).toContain('refused (held)');
    expect(await tip()).toBe(before);
    await mesh.signAs('bo');
    const [, command = ''] = /fix: fairlead (.*?) refused/.exec(joined(refused)) ?? [];
    expect(await mesh.cli(...command.split(' '), '--main', 'HEAD~1', '--yes')).toMatchObject({ code: 0 });
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
  });

  test('lets in votes for what was held before, and what others do meanwhile', async () => {
    await routes(50);
    await push('origin', 'main');
    await install('--refuse', 'held');
    await mesh.signAs('alice');
    await mesh.cli('approve', '--yes');
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    await mesh.write('README.md', 'nothing of the mesh\n');
    await mesh.commit('Words');
    expect(await push('origin', 'main')).toMatchObject({ code: 0 });
    await routes(60);
    expect(await push('origin', 'main')).toMatchObject({ code: 1 });
  });
});

test('hook, verify and server: one verdict, byte for byte', async () => {
  await install('--output', 'json');
  await routes(50, 'alice');
  const pushed = await push('origin', 'main');
  expect(pushed.code).toBe(0);
  const verified = await mesh.cli('verify', '-o', 'json', '--tip', 'main');
  const server = await createServer(
    {
      dataDir: join(home.dir, `state-${count}`),
      repositories: [
        repositoryOf({ repository: join(home.dir, bare), pin: join(home.dir, `pin ${count}.json`) }),
      ],
      ...{
        removalTimeoutMs: 30_000,
        maxConnectionAgeMs: null,
        keepaliveMs: 30_000,
        otlpEndpoint: null,
        ...noRedis,
      },
      ...{ xds: { host: '127.0.0.1', port: 0 }, http: { host: '127.0.0.1', port: 0 } },
    },
    world,
  );
  try {
    await ask(server.httpPort, '/readyz', ({ ready }: { ready: boolean }) => ready);
    const url = `http://127.0.0.1:${server.httpPort}/api/v1/repositories/mesh/verification`;
    expect(await (await fetch(url)).text()).toBe(verified.out);
  } finally {
    await server.close();
  }
  const lines = said(pushed);
  const document = lines.slice(lines.indexOf('{'), lines.indexOf('}') + 1);
  expect(`${document.join('\n')}\n`).toBe(verified.out);
});

describe('the hook', () => {
  const hook = () => join(home.dir, bare, 'hooks/pre-receive');

  test('is installed twice as once, and taken away as it came', async () => {
    expect(await install()).toMatchObject({ code: 0, err: expect.stringMatching(/^installed: /) });
    const script = await readFile(hook(), 'utf8');
    expect(await install()).toMatchObject({ code: 0, err: expect.stringMatching(/^is installed already/) });
    expect(await install('--refuse', 'held')).toMatchObject({ code: 0 });
    expect(await readFile(hook(), 'utf8')).not.toBe(script);
    const uninstall = () => home.fairlead('.', 'hook', 'uninstall', '--repository', bare);
    expect(await uninstall()).toMatchObject({ code: 0, err: expect.stringMatching(/^removed: /) });
    expect(await uninstall()).toMatchObject({ code: 0, err: expect.stringMatching(/^there is none: /) });
    expect(
      (await readdir(join(home.dir, bare, 'hooks'))).filter((name) => !name.endsWith('.sample')),
    ).toEqual([]);
  });

  test("of somebody else stays theirs, and may call ours with git's own input", async () => {
    await writeFile(
      hook(),
      `#!/bin/sh\necho theirs\nexec fairlead hook pre-receive --pin '../pin ${count}.json'\n`,
    );
    await chmod(hook(), 0o755);
    const theirs = await readFile(hook(), 'utf8');
    for (const args of [['install', '--pin', `pin ${count}.json`], ['uninstall']])
      expect(await home.fairlead('.', 'hook', ...args, '--repository', bare)).toMatchObject({
        code: 2,
        err: expect.stringContaining('[hook-foreign]'),
      });
    expect(await readFile(hook(), 'utf8')).toBe(theirs);
    await routes(50, 'alice');
    const pushed = await push('origin', 'main');
    expect(pushed.code).toBe(0);
    expect(said(pushed)[0]).toBe('theirs');
    expect(joined(pushed)).toContain('acme is held');
  });

  test('is not installed by half where what runs after a push is of somebody else', async () => {
    await writeFile(join(home.dir, bare, 'hooks/post-receive'), '#!/bin/sh\necho theirs\n');
    const refused = await install();
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('`fairlead hook post-receive`') });
    await expect(readFile(hook())).rejects.toThrow('ENOENT');
  });

  test('goes where core.hooksPath says', async () => {
    await mkdir(join(home.dir, `hooks-${count}`));
    await home.need(bare, 'git', 'config', 'core.hooksPath', join(home.dir, `hooks-${count}`));
    expect(await install()).toMatchObject({ code: 0 });
    expect(await readdir(join(home.dir, `hooks-${count}`))).toEqual(['post-receive', 'pre-receive']);
    await routes(50, 'alice');
    expect(joined(await push('origin', 'main'))).toContain('acme is held');
  });

  test('is not installed where every push would be refused', async () => {
    await mesh.git('checkout', '--quiet', '--orphan', 'other');
    await mesh.commit('Begin anew', 'alice');
    await push('--force', 'origin', 'other:main');
    const refused = await install();
    expect(refused).toMatchObject({ code: 3, err: expect.stringContaining('refused (G9)') });
    await expect(readFile(hook())).rejects.toThrow('ENOENT');
  });

  test('lets nothing in without its pin, and says so', async () => {
    await install();
    await home.need('.', 'rm', `pin ${count}.json`);
    await routes(50, 'alice');
    const pushed = await push('origin', 'main');
    expect(pushed.code).toBe(1);
    expect(joined(pushed)).toContain('[pin-missing]');
  });

  test('is refused what is no input of a hook', async () => {
    const ran = await home.run(bare, 'bash', '-c', 'echo nonsense | fairlead hook pre-receive');
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('[hook-input]') });
  });
});
