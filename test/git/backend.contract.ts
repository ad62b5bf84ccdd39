import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Commit, type GitBackend, subtree, type TreeEntry } from '../../src/git/index.ts';
import { createFolder, createRepository, run, type TestRepository } from '../repository.ts';
import { serveGit } from './http-remote.ts';

type OpenOptions = { gitdir: string; remote?: { url: string; branch: string }; timeoutMs?: number };
type OpenBackend = (options: OpenOptions) => Promise<GitBackend>;

export async function newRepository(): Promise<TestRepository> {
  const repository = await createRepository();
  onTestFinished(repository.close);
  return repository;
}

export async function newFolder(): Promise<string> {
  const folder = await createFolder();
  onTestFinished(folder.close);
  return folder.dir;
}

/** A path or URL by which `repository` can be fetched. */
const TRANSPORTS: Readonly<Record<string, (repository: TestRepository) => Promise<string>>> = {
  path: async (repository) => repository.dir,
  'file URL': async (repository) => pathToFileURL(repository.dir).href,
  http: async (repository) => {
    const server = await serveGit(dirname(repository.dir));
    onTestFinished(server.close);
    return `${server.url}/${basename(repository.dir)}/.git`;
  },
};

/** Git's packs are not writable. */
async function cutOff(file: string, left: (bytes: number) => number): Promise<void> {
  const { size } = await stat(file);
  await chmod(file, 0o600);
  await truncate(file, left(size));
}

/** What every `GitBackend` does, over every transport that it has. */
export function backendContract(open: OpenBackend): void {
  describe('polling an http remote', () => {
    async function setUp(before?: (repository: TestRepository) => Promise<unknown>) {
      const repository = await newRepository();
      const server = await serveGit(dirname(repository.dir), () => before?.(repository) ?? Promise.resolve());
      onTestFinished(server.close);
      const url = `${server.url}/${basename(repository.dir)}/.git`;
      const backend = await open({ gitdir: join(await newFolder(), 'git'), remote: { url, branch: 'main' } });
      const count = () => server.requests.splice(0).map((request) => request.split(' ')[0]);
      return { repository, backend, count };
    }

    test('one ls-refs where nothing changed, and a fetch where something did', async () => {
      const { repository, backend, count } = await setUp();
      const tip = await grow(repository);
      await backend.fetch();
      count();
      expect(await backend.fetch()).toBe(tip);
      expect(count()).toEqual(['GET', 'POST']);
      const next = await repository.commit('next');
      expect(await backend.fetch()).toBe(next);
      expect(count().length).toBeGreaterThan(2);
    });

    test('what was asked for in vain is asked of the remote once, and what may not be here never', async () => {
      const { repository, backend, count } = await setUp();
      const tip = await grow(repository);
      expect(await backend.has(tip)).toBe(false);
      await backend.fetch();
      expect(await backend.has(tip)).toBe(true);
      const [unknown, malformed] = ['1'.repeat(40), 'main'];
      count();
      expect(await Promise.all([unknown, malformed].map((id) => backend.has(id)))).toEqual([false, false]);
      await backend.fetch();
      expect(count()).toEqual(['GET', 'POST']);
      const fetches: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        await expect(backend.commit(unknown)).rejects.toMatchObject({ code: 'object-missing' });
        await backend.fetch();
        fetches.push(count().length);
      }
      expect(fetches[0]).toBeGreaterThan(2);
      expect(fetches.slice(1)).toEqual([2, 2]);
    });

    test('the tip is what was fetched, also where the branch moved since it was asked for', async () => {
      let asked = 0;
      const tips: string[] = [];
      const { repository, backend } = await setUp(async (moving) => {
        asked += 1;
        if (asked === 3) tips.push(await moving.commit('pushed meanwhile'));
      });
      tips.push(await repository.commit('one'));
      expect(await backend.fetch()).toBe(tips[1]);
      expect(await backend.resolve('main')).toBe(tips[1]);
    });
  });

  describe.each(Object.keys(TRANSPORTS))('fetching by %s', (transport) => {
    async function setUp(branch = 'main') {
      const repository = await newRepository();
      const url = (await TRANSPORTS[transport]?.(repository)) ?? '';
      const gitdir = join(await newFolder(), 'repositories', 'git');
      const options = { gitdir, remote: { url, branch } };
      return { repository, gitdir, options, backend: await open(options) };
    }

    test('makes the store; then every object is byte for byte what git has', async () => {
      const { repository, gitdir, options, backend } = await setUp();
      const tip = await grow(repository);
      expect(await backend.fetch()).toBe(tip);
      await expectSame(repository, backend, tip);
      expect(await (await open({ gitdir })).resolve('HEAD')).toBe(tip);
      expect(await (await open(options)).resolve('main')).toBe(tip);
    });

    test('a scheme in capitals is the same', async () => {
      const { repository, options } = await setUp();
      const url = options.remote.url.replace(/^[a-z]+:/, (scheme) => scheme.toUpperCase());
      const tip = await repository.commit('one');
      const gitdir = join(await newFolder(), 'git');
      expect(await (await open({ gitdir, remote: { url, branch: 'main' } })).fetch()).toBe(tip);
    });

    test('a packed remote, with packed refs', async () => {
      const { repository, backend } = await setUp();
      const tip = await grow(repository);
      await repository.git('gc', '--quiet', '--prune=now');
      expect(await backend.fetch()).toBe(tip);
      await expectSame(repository, backend, tip);
    });

    test('what is new, also after the remote was packed', async () => {
      const { repository, backend } = await setUp();
      await grow(repository);
      await backend.fetch();
      const next = await grow(repository, 'more');
      await repository.git('gc', '--quiet', '--prune=now');
      expect(await backend.remoteTip()).toBe(next);
      await expect(backend.commit(next)).rejects.toMatchObject({ code: 'object-missing' });
      expect(await backend.fetch()).toBe(next);
      expect(await backend.fetch()).toBe(next);
      await expectSame(repository, backend, next);
    });

    test('a branch moved by force is fetched, and the old line stays', async () => {
      const { repository, backend } = await setUp();
      const old = await grow(repository);
      await backend.fetch();
      await repository.git('checkout', '--quiet', '--orphan', 'other');
      const next = await repository.commit('a new beginning');
      await repository.git('branch', '--force', 'main', 'other');
      expect(await backend.fetch()).toBe(next);
      expect(await backend.resolve('main')).toBe(next);
      expect((await backend.commit(old)).id).toBe(old);
    });

    test('another branch than main', async () => {
      const { repository, backend } = await setUp('env/prod');
      await repository.commit('one');
      await repository.branch('env/prod');
      const tip = await repository.commit('two');
      await repository.branch('env/prod2');
      await repository.commit('three');
      expect(await backend.fetch()).toBe(tip);
      expect(await backend.resolve('env/prod')).toBe(tip);
    });

    test('a branch that is not there: branch-missing, also in an empty repository', async () => {
      const { repository, backend } = await setUp('release');
      await expect(backend.fetch()).rejects.toMatchObject({ code: 'branch-missing' });
      await repository.commit('one');
      await expect(backend.fetch()).rejects.toMatchObject({ code: 'branch-missing' });
      await expect(backend.remoteTip()).rejects.toMatchObject({ code: 'branch-missing' });
    });

    test('a shallow remote: shallow-clone', async () => {
      const { repository, options } = await setUp();
      const upstream = await newRepository();
      await upstream.commit('one');
      await upstream.commit('two');
      await rm(repository.dir, { recursive: true });
      await run('git', ['clone', '--quiet', '--depth=1', `file://${upstream.dir}`, repository.dir]);
      const backend = await open(options);
      const fix = expect.stringContaining('fetch-depth: 0');
      await expect(backend.fetch()).rejects.toMatchObject({ code: 'shallow-clone', fix });
    });

    test('a SHA-256 remote: sha256-unsupported', async () => {
      const { repository, backend } = await setUp();
      await rm(repository.gitdir, { recursive: true });
      await repository.git('init', '--quiet', '--object-format=sha256', '--initial-branch=main');
      await repository.commit('one');
      await expect(backend.fetch()).rejects.toMatchObject({ code: 'sha256-unsupported' });
    });

    test('a branch that names a tag: object-malformed, and the store keeps its own', async () => {
      const { repository, gitdir, backend } = await setUp();
      const one = await repository.commit('one');
      await backend.fetch();
      await repository.git('-c', 'user.name=a', '-c', 'user.email=a@b', 'tag', '-a', '-m', 'release', 'v1');
      await repository.commit('two');
      await writeFile(join(repository.gitdir, 'refs', 'heads', 'main'), `${await repository.id('v1')}\n`);
      await expect(backend.fetch()).rejects.toMatchObject({ code: 'object-malformed' });
      expect(await (await open({ gitdir })).resolve('main')).toBe(one);
    });

    test('hooks and configuration in the store run nothing', async () => {
      const { repository, gitdir, options } = await setUp();
      const tip = await grow(repository);
      const mark = join(await newFolder(), 'ran');
      await plantPrograms(gitdir, mark);
      await mkdir(join(gitdir, 'fairlead'), { recursive: true });
      await plantPrograms(join(gitdir, 'fairlead'), mark);
      const backend = await open(options);
      expect(await backend.fetch()).toBe(tip);
      await expectSame(repository, backend, tip);
      await expect(stat(mark)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('a signal ends it with its own reason', async () => {
      const { repository, backend } = await setUp();
      await repository.commit('one');
      const reason = new Error('enough');
      await expect(backend.fetch(AbortSignal.abort(reason))).rejects.toBe(reason);
      await expect(backend.remoteTip(AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    test('objects lost from the store come back with the next fetch', async () => {
      const { repository, gitdir, options } = await setUp();
      const tip = await grow(repository);
      await (await open(options)).fetch();
      await rm(join(gitdir, 'objects'), { recursive: true });
      const backend = await open(options);
      await expect(backend.commit(tip)).rejects.toMatchObject({ code: 'object-missing' });
      expect(await backend.fetch()).toBe(tip);
      await expectSame(repository, backend, tip);
    });

    test('a store cut off by a power cut is healed by the first fetch', async () => {
      const { repository, gitdir, options } = await setUp();
      const tip = await grow(repository);
      if (transport !== 'http') await repository.git('repack', '-d', '--quiet');
      await (await open(options)).fetch();
      const cuts = [
        [/\.idx$/, () => 0],
        [/\.pack$/, (bytes: number) => bytes - 1],
        [/\.(?:idx|pack)$|[0-9a-f]{38}$/, () => 0],
        [/\.idx$|[0-9a-f]{38}$|refs\/heads\/main$/, (bytes: number) => bytes >> 1],
      ] as const;
      for (const [ending, left] of cuts) {
        const names = await readdir(gitdir, { recursive: true });
        const damaged = names.filter((name) => ending.test(name) && !name.startsWith('damaged'));
        expect(damaged).not.toEqual([]);
        for (const name of damaged) await cutOff(join(gitdir, name), left);
        const backend = await open(options);
        expect(await backend.fetch()).toBe(tip);
        await expectSame(repository, backend, tip);
        await backend.close();
        const aside = (await readdir(join(gitdir, 'damaged'))).join(' ');
        expect(aside).toMatch(/\.pack/);
      }
    });

    test('what is cut off below the tip is healed after it was read, and by the same backend', async () => {
      const { repository, gitdir, options } = await setUp();
      const first = await repository.commit('first');
      await repository.git('repack', '-a', '-d', '--quiet');
      const backend = await open(options);
      await backend.fetch();
      const folder = join(gitdir, 'objects/pack');
      const packs = (await readdir(folder)).filter((name) => name.endsWith('.pack'));
      const tip = await repository.commit('second');
      await backend.fetch();
      await backend.close();
      for (const name of packs) await cutOff(join(folder, name), () => 0);
      const again = await open(options);
      expect(await again.fetch()).toBe(tip);
      await expect(again.commit(first)).rejects.toMatchObject({ code: 'object-corrupt' });
      expect(await again.fetch()).toBe(tip);
      await expectSame(repository, again, tip);
      await again.close();
    });

    test('a remote that vanished: remote-unreachable, and the store still answers', async () => {
      const { repository, options, backend } = await setUp();
      const tip = await grow(repository);
      await backend.fetch();
      await rm(repository.dir, { recursive: true });
      await expect(backend.fetch()).rejects.toMatchObject({ code: 'remote-unreachable' });
      await expect(backend.remoteTip()).rejects.toMatchObject({ code: 'remote-unreachable' });
      const again = await open(options);
      expect(await again.resolve('main')).toBe(tip);
      expect((await again.commit(tip)).id).toBe(tip);
    });
  });

  test('a remote on this machine that is packed anew takes its room once, and the old line stays', async () => {
    const repository = await newRepository();
    const gitdir = join(await newFolder(), 'git');
    const options = { gitdir, remote: { url: repository.dir, branch: 'main' } };
    const backend = await open(options);
    const tips: string[] = [];
    const packed = async (name: string) => {
      await repository.write(name, `${name}\n`);
      tips.push(await repository.commit(name));
      await repository.git('reflog', 'expire', '--expire=now', '--all');
      await repository.git('gc', '--quiet', '--prune=now');
      expect(await backend.fetch()).toBe(tips.at(-1));
      for (const tip of tips) expect((await backend.commit(tip)).id).toBe(tip);
      const names = await readdir(join(gitdir, 'objects', 'pack'));
      return names.filter((each) => /\.(?:pack|idx)$/.test(each)).length / 2;
    };
    expect([await packed('old'), await packed('older')]).toEqual([1, 1]);
    await repository.git('update-ref', '-d', 'HEAD');
    expect([await packed('one'), await packed('two'), await packed('three')]).toEqual([2, 2, 2]);
    const again = await open(options);
    for (const tip of tips)
      expect((await again.tree((await again.commit(tip)).tree)).length).toBeGreaterThan(0);
  });

  test('a pack of 100 MB is fetched and read', async () => {
    const repository = await newRepository();
    const blobs = Array.from({ length: 25 }, () => randomBytes(4 * 1024 * 1024));
    for (const setting of ['core.compression', 'pack.window']) await repository.git('config', setting, '0');
    for (const [at, bytes] of blobs.entries()) await repository.write(`large/${at}`, bytes);
    const tip = await repository.commit('large');
    await repository.git('repack', '-a', '-d', '--quiet');
    const url = await TRANSPORTS.http?.(repository);
    const gitdir = join(await newFolder(), 'git');
    const backend = await open({ gitdir, remote: { url: url ?? '', branch: 'main' } });
    expect(await backend.fetch()).toBe(tip);
    const folder = await subtree(backend, (await backend.commit(tip)).tree, 'large');
    for (const at of [0, 24]) {
      const entry = (await backend.tree(folder ?? '')).find(({ name }) => String(name) === `${at}`);
      expect(blobs[at]?.equals(await backend.blob(entry?.id ?? ''))).toBe(true);
    }
    await backend.close();
  });

  describe('reading', () => {
    test('a flipped bit in an unpacked object: object-corrupt', async () => {
      const repository = await newRepository();
      const tip = await repository.commit('one');
      const file = join(repository.gitdir, 'objects', tip.slice(0, 2), tip.slice(2));
      const backend = await open({ gitdir: repository.dir });
      await rm(file);
      await writeFile(file, deflateSync(Buffer.from('commit 3\0one')));
      await expect(backend.commit(tip)).rejects.toMatchObject({ code: 'object-corrupt' });
      await writeFile(file, 'no zlib at all');
      await expect(backend.commit(tip)).rejects.toMatchObject({ code: 'object-corrupt' });
    });

    test('a flipped bit in a pack: object-corrupt', async () => {
      const repository = await newRepository();
      const tip = await grow(repository);
      await repository.git('gc', '--quiet', '--prune=now');
      const folder = join(repository.gitdir, 'objects', 'pack');
      const pack = join(folder, (await readdir(folder)).find((name) => name.endsWith('.pack')) ?? '');
      const bytes = await readFile(pack);
      bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30);
      await rm(pack);
      await writeFile(pack, bytes);
      const backend = await open({ gitdir: repository.dir });
      await expect(backend.commit(tip)).rejects.toMatchObject({ code: 'object-corrupt' });
    });

    test('an object under another type, or that git could not read either: object-malformed', async () => {
      const repository = await newRepository();
      const backend = await open({ gitdir: repository.dir });
      const blob = await repository.store('blob', 'text');
      await expect(backend.commit(blob)).rejects.toMatchObject({ code: 'object-malformed' });
      await expect(backend.tree(blob)).rejects.toMatchObject({ code: 'object-malformed' });
      const commit = await repository.store('commit', 'no tree\n\n');
      await expect(backend.commit(commit)).rejects.toMatchObject({ code: 'object-malformed' });
      const tree = await repository.store('tree', '100644 a\0short');
      await expect(backend.tree(tree)).rejects.toMatchObject({ code: 'object-malformed' });
      expect(await subtree(backend, tree, 'a')).toBeNull();
    });

    test('an unknown id: object-missing', async () => {
      const repository = await newRepository();
      const backend = await open({ gitdir: repository.dir });
      await expect(backend.blob('1'.repeat(40))).rejects.toMatchObject({ code: 'object-missing' });
    });

    test('a replaced object is still itself (G0)', async () => {
      const repository = await newRepository();
      const one = await repository.commit('one');
      const two = await repository.commit('two');
      await repository.git('replace', two, one);
      const backend = await open({ gitdir: repository.dir });
      expect((await backend.commit(two)).parents).toEqual([one]);
    });

    test('grafts, hooks and configuration of a clone have no say, and run nothing (G0)', async () => {
      const repository = await newRepository();
      const tip = await grow(repository);
      await mkdir(join(repository.gitdir, 'info'), { recursive: true });
      await writeFile(join(repository.gitdir, 'info', 'grafts'), `${tip}\n`);
      const mark = join(await newFolder(), 'ran');
      await plantPrograms(repository.gitdir, mark);
      const backend = await open({ gitdir: repository.dir });
      expect((await backend.commit(tip)).parents).toHaveLength(2);
      await expect(backend.blob('1'.repeat(40))).rejects.toMatchObject({ code: 'object-missing' });
      await rm(join(repository.gitdir, 'config'));
      await rm(join(repository.gitdir, 'hooks'), { recursive: true });
      await rm(join(repository.gitdir, 'info'), { recursive: true });
      await expectSame(repository, backend, tip);
      await expect(stat(mark)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('many requests at once are answered each with its own object', async () => {
      const repository = await newRepository();
      await grow(repository);
      const backend = await open({ gitdir: repository.dir });
      const contents = Array.from({ length: 200 }, (_, at) => `${at}\n`.repeat(1 + at * 50));
      for (const [at, content] of contents.entries()) await repository.write(`many/${at}`, content);
      const input = contents.map((_, at) => `many/${at}\n`).join('');
      const stored = await run('git', ['hash-object', '-w', '--stdin-paths'], { cwd: repository.dir, input });
      const ids = stored.toString().trim().split('\n');
      const nowhere = '1'.repeat(40);
      const wanted = ids.flatMap((id, at) => (at % 20 === 19 ? [id, nowhere] : [id]));
      const read = await Promise.allSettled(wanted.map((id) => backend.blob(id)));
      const texts = read.flatMap((one) =>
        one.status === 'fulfilled' ? [Buffer.from(one.value).toString()] : [],
      );
      expect(texts).toEqual(contents);
      const refused = read.filter((one) => one.status === 'rejected').map(({ reason }) => reason.code);
      expect(refused).toEqual(Array.from({ length: 10 }, () => 'object-missing'));
    });

    test('a `git gc` beside an open store', async () => {
      const repository = await newRepository();
      const first = await grow(repository);
      const backend = await open({ gitdir: repository.dir });
      await repository.git('gc', '--quiet', '--prune=now');
      await backend.commit(first);
      const next = await grow(repository, 'more');
      await repository.git('gc', '--quiet', '--prune=now');
      await expectSame(repository, backend, next);
    });
  });

  describe('opening and resolving', () => {
    test('a worktree, its git folder, a bare clone and a linked worktree', async () => {
      const repository = await newRepository();
      const tip = await repository.commit('one');
      await repository.branch('side');
      const side = await repository.commit('two');
      await repository.checkout('main');
      const folder = await newFolder();
      await repository.git('clone', '--quiet', '--bare', '.', join(folder, 'bare'));
      await repository.git('worktree', 'add', '--quiet', join(folder, 'linked'), 'side');
      for (const gitdir of [repository.dir, repository.gitdir, join(folder, 'bare')]) {
        const backend = await open({ gitdir });
        expect([await backend.resolve('HEAD'), await backend.resolve('side')]).toEqual([tip, side]);
      }
      const linked = await open({ gitdir: join(folder, 'linked') });
      expect([await linked.resolve('HEAD'), await linked.resolve('main')]).toEqual([side, tip]);
      expect((await linked.commit(side)).parents).toEqual([tip]);
    });

    test('names: branch, full ref, remote-tracking branch, tag, detached HEAD, id', async () => {
      const upstream = await newRepository();
      const one = await upstream.commit('one');
      await upstream.git('-c', 'user.name=a', '-c', 'user.email=a@b', 'tag', '-a', '-m', 'release', 'v1');
      await upstream.git('tag', 'v2');
      const clone = join(await newFolder(), 'clone');
      await run('git', ['clone', '--quiet', upstream.dir, clone]);
      await run('git', ['-C', clone, 'checkout', '--quiet', '--detach']);
      const backend = await open({ gitdir: clone });
      for (const ref of ['main', 'refs/heads/main', 'origin/main', 'origin/HEAD', 'v1', 'v2', 'HEAD', one]) {
        expect([ref, await backend.resolve(ref)]).toEqual([ref, one]);
      }
    });

    test.each([
      'nothing',
      '',
      '../config',
      'refs/../config',
      'config',
      '-x',
      'HEAD~1',
      'a..b',
      'refs/heads/',
    ])('%j: ref-missing', async (ref) => {
      const repository = await newRepository();
      await repository.commit('one');
      const backend = await open({ gitdir: repository.dir });
      await expect(backend.resolve(ref)).rejects.toMatchObject({ code: 'ref-missing' });
    });

    test('a name for a blob: ref-missing; an unborn branch too; an id that is not here: object-missing', async () => {
      const repository = await newRepository();
      const backend = await open({ gitdir: repository.dir });
      await expect(backend.resolve('HEAD')).rejects.toMatchObject({ code: 'ref-missing' });
      await repository.git('tag', 'blob', await repository.store('blob', 'text'));
      await expect(backend.resolve('blob')).rejects.toMatchObject({ code: 'ref-missing' });
      await expect(backend.resolve('1'.repeat(40))).rejects.toMatchObject({ code: 'object-missing' });
    });

    test('a ref that leads out of the store: ref-missing', async () => {
      const repository = await newRepository();
      const tip = await repository.commit('one');
      await writeFile(join(repository.dir, 'elsewhere'), tip);
      const backend = await open({ gitdir: repository.dir });
      for (const target of ['../elsewhere', `${repository.dir}/elsewhere`, 'refs/../../elsewhere']) {
        await writeFile(join(repository.gitdir, 'HEAD'), `ref: ${target}\n`);
        await expect(backend.resolve('HEAD')).rejects.toMatchObject({ code: 'ref-missing' });
      }
    });

    test.each<[string, (dir: string, upstream: string) => Promise<unknown>]>([
      [
        'shallow-clone',
        (dir, upstream) => run('git', ['clone', '-q', '--depth=1', `file://${upstream}`, dir]),
      ],
      [
        'partial-clone',
        async (dir, upstream) => {
          await run('git', ['-C', upstream, 'config', 'uploadpack.allowFilter', 'true']);
          await run('git', ['clone', '-q', '--filter=blob:none', `file://${upstream}`, dir]);
        },
      ],
      ['alternates-unsupported', (dir, upstream) => run('git', ['clone', '-q', '--shared', upstream, dir])],
      ['sha256-unsupported', (dir) => run('git', ['init', '-q', '--object-format=sha256', dir])],
      [
        'reftable-unsupported',
        async (dir) => {
          await run('git', ['init', '-q', dir]);
          await run('git', ['-C', dir, 'config', 'extensions.refStorage', 'reftable']);
        },
      ],
      [
        'sha256-unsupported',
        async (dir) => {
          await run('git', ['init', '-q', dir]);
          const config = '[core]\n\trepositoryformatversion = 1\n[extensions] objectFormat = "sha256"\n';
          await writeFile(join(dir, '.git', 'config'), config);
        },
      ],
      ['repository-missing', async () => {}],
    ])('%s', async (code, make) => {
      const upstream = await newRepository();
      await upstream.commit('one');
      await upstream.commit('two');
      const dir = join(await newFolder(), 'clone');
      await make(dir, upstream.dir);
      await expect(open({ gitdir: dir })).rejects.toMatchObject({ code });
    });

    test.each([
      'git://example.test/a.git',
      'ext::sh',
      'ext::sh -c touch% /tmp/x',
      'fd::0',
      'transport::address',
      'ssh://-oProxyCommand=x/a.git',
      'ssh://user:secret@example.test/a.git',
      '-oProxyCommand=x:a.git',
      'host:-x',
      'http://example.test/a b.git',
      'http://',
      'file://elsewhere/a.git',
      'ftp://example.test/a.git',
    ])('%s: remote-unsupported', async (url) => {
      const gitdir = join(await newFolder(), 'git');
      await expect(open({ gitdir, remote: { url, branch: 'main' } })).rejects.toMatchObject({
        code: 'remote-unsupported',
      });
    });

    test('a branch name that would leave the store: branch-missing', async () => {
      const gitdir = join(await newFolder(), 'git');
      const remote = { url: '/nowhere', branch: '../../config' };
      await expect(open({ gitdir, remote })).rejects.toMatchObject({ code: 'branch-missing' });
    });
  });
}

/** Every way in which a git folder can name a program to git, each of which would leave a mark. */
async function plantPrograms(gitdir: string, mark: string): Promise<void> {
  const program = `touch ${mark}`;
  const hooks = ['reference-transaction', 'post-checkout', 'post-merge', 'pre-auto-gc', 'post-rewrite'];
  await mkdir(join(gitdir, 'hooks'), { recursive: true });
  for (const hook of hooks) {
    await writeFile(join(gitdir, 'hooks', hook), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
  }
  const config = `[core]
\trepositoryformatversion = 0
\tfsmonitor = ${program}
\tsshCommand = ${program}
\tgitProxy = ${program}
\taskPass = ${program}
\tpager = ${program}
\talternateRefsCommand = ${program}
\tworktree = /nowhere
[credential]
\thelper = "!${program}"
[include]
\tpath = /dev/stdin
[url "ext::${program} "]
\tinsteadOf = http
[protocol]
\tallow = always
[remote "origin"]
\tuploadpack = ${program}
\tvcs = ext
[uploadpack]
\tpackObjectsHook = ${program}
[filter "x"]
\tsmudge = ${program}
[diff]
\texternal = ${program}
[gc]
\tauto = 1
`;
  await mkdir(join(gitdir, 'refs'), { recursive: true });
  await writeFile(join(gitdir, 'config'), config);
}

/** Some history with merges, directories, deltas and a deletion; its tip. */
export async function grow(repository: TestRepository, name = 'mesh'): Promise<string> {
  for (let round = 0; round < 3; round += 1) {
    const lines = Array.from(
      { length: 50 },
      (_, line) => `${name} ${line} ${line === round ? 'changed' : ''}\n`,
    );
    await repository.write(`${name}/large.yaml`, lines.join(''));
    await repository.write(`${name}/sub/${round}.yaml`, `round: ${round}\n`);
    await repository.commit(`${name} ${round}`);
  }
  await repository.branch(`${name}-side`, 'HEAD^');
  await repository.write(`${name}/side.yaml`, 'side: true\n');
  await repository.commit('side');
  await repository.checkout('main');
  await repository.remove(`${name}/sub/0.yaml`);
  await repository.commit('remove');
  return repository.merge(`${name}-side`);
}

/** Every object that git reaches from `tip` is read, and equal. */
async function expectSame(repository: TestRepository, backend: GitBackend, tip: string): Promise<void> {
  const input = await repository.git('rev-list', '--objects', '--no-object-names', tip);
  const output = await run('git', ['cat-file', '--batch'], { cwd: repository.dir, input });
  let count = 0;
  for (let at = 0; at < output.length; count += 1) {
    const feed = output.indexOf(10, at);
    const [id = '', type = '', size = ''] = output.toString('latin1', at, feed).split(' ');
    const bytes = output.subarray(feed + 1, feed + 1 + Number(size));
    if (type === 'blob') expect(await backend.blob(id)).toEqual(bytes);
    else if (type === 'tree') expect(serialized(await backend.tree(id))).toEqual(bytes);
    else expect(history(await backend.commit(id))).toBe(bytes.toString('latin1').split('author')[0]);
    at = feed + 1 + bytes.length + 1;
  }
  expect(count).toBe(input.split('\n').length);
}

function serialized(entries: readonly TreeEntry[]): Buffer {
  const parts = entries.map(({ mode, name, id }) => [
    Buffer.from(`${mode} `),
    Buffer.from(name, 'latin1'),
    Buffer.from(`00${id}`, 'hex'),
  ]);
  return Buffer.concat(parts.flat());
}

function history({ tree, parents }: Commit): string {
  return `tree ${tree}\n${parents.map((parent) => `parent ${parent}\n`).join('')}`;
}
