import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openGit } from '../../src/git/index.ts';
import { run } from '../repository.ts';
import { grow, newFolder, newRepository } from './backend.contract.ts';

const { PATH } = process.env;

/** A search path on which `git` is a program of ours. */
async function withGit(script: string): Promise<{ readonly PATH: string }> {
  const folder = await newFolder();
  await writeFile(join(folder, 'git'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'git'), 0o755);
  return { PATH: `${folder}:${PATH}` };
}

describe('auto', () => {
  test('measures both on the store, and says what came out', async () => {
    const repository = await newRepository();
    const tip = await grow(repository);
    const { git, picked } = await openGit({ gitdir: repository.dir, environment: { PATH }, backend: 'auto' });
    expect(picked.reason).toMatch(
      /^an object takes \d+\.\d µs by the git command, \d+\.\d µs by isomorphic-git$/,
    );
    const [, native, isomorphic] = /takes ([\d.]+) µs .*, ([\d.]+) µs/.exec(picked.reason) ?? [];
    if (native !== isomorphic)
      expect(picked.backend).toBe(Number(native) < Number(isomorphic) ? 'native' : 'isomorphic');
    expect((await git.commit(tip)).id).toBe(tip);
    await git.close();
  });

  test('without a git command it is isomorphic-git, which does everything', async () => {
    const repository = await newRepository();
    const tip = await grow(repository);
    const gitdir = join(await newFolder(), 'git');
    const remote = { url: repository.dir, branch: 'main' };
    const environment = { PATH: await newFolder() };
    const { git, picked } = await openGit({ gitdir, remote, environment, backend: 'auto' });
    expect(picked).toEqual({ backend: 'isomorphic', reason: 'the git command cannot be started' });
    expect(await git.fetch()).toBe(tip);
    expect((await git.commit(tip)).parents).toHaveLength(2);
  });

  test('an old git is not used, and the answer names it', async () => {
    const repository = await newRepository();
    await repository.commit('one');
    const environment = await withGit('echo git version 2.25.1');
    const { git, picked } = await openGit({ gitdir: repository.dir, environment, backend: 'auto' });
    expect(picked).toMatchObject({ backend: 'isomorphic', reason: expect.stringContaining('2.25.1') });
    await git.close();
  });

  test('an empty store, and a remote over SSH, need no measurement', async () => {
    const folder = await newFolder();
    const open = (url: string) =>
      openGit({
        gitdir: join(folder, 'git'),
        remote: { url, branch: 'main' },
        environment: { PATH },
        backend: 'auto',
      });
    expect((await open('/nowhere')).picked).toMatchObject({
      backend: 'native',
      reason: expect.stringContaining('nothing yet to measure'),
    });
    expect((await open('git@example.test:a.git')).picked).toMatchObject({
      backend: 'native',
      reason: expect.stringContaining('SSH'),
    });
  });

  test('packs that isomorphic-git would keep in memory decide without a measurement', async () => {
    const repository = await newRepository();
    await repository.commit('one');
    await mkdir(join(repository.gitdir, 'objects', 'pack'), { recursive: true });
    const pack = join(repository.gitdir, 'objects', 'pack', 'sparse.pack');
    await run('truncate', ['--size=100M', pack]);
    const { git, picked } = await openGit({ gitdir: repository.dir, environment: { PATH }, backend: 'auto' });
    expect(picked).toMatchObject({ backend: 'native', reason: expect.stringContaining('100 MiB') });
    await git.close();
  });

  test('what is wrong with the store itself is said, whichever would be picked', async () => {
    const gitdir = await newFolder();
    const opening = openGit({ gitdir, environment: { PATH }, backend: 'auto' });
    await expect(opening).rejects.toMatchObject({ code: 'repository-missing' });
  });
});

describe('native, asked for by name', () => {
  test.each([
    ['git-missing', async () => ({ PATH: await newFolder() })],
    ['git-unsupported', () => withGit('echo git version 2.33.8')],
    ['git-unsupported', () => withGit('echo I am no git')],
  ])('%s', async (code, environment) => {
    const repository = await newRepository();
    const opening = openGit({
      gitdir: repository.dir,
      environment: await environment(),
      backend: 'native',
    });
    await expect(opening).rejects.toMatchObject({ code });
  });

  test('git sees nothing of our environment but the way out', async () => {
    const repository = await newRepository();
    const tip = await repository.commit('one');
    const seen = join(await newFolder(), 'seen');
    const { PATH: found } = await withGit(`env >>${seen}; exec ${await realGit()} "$@"`);
    const secrets = {
      GIT_DIR: '/elsewhere',
      GIT_SSH_COMMAND: 'x',
      LD_PRELOAD: '/x.so',
      SSH_AUTH_SOCK: '/s',
      TOKEN: 't',
    };
    const environment = { PATH: found, HTTPS_PROXY: 'http://proxy:1', ...secrets };
    const { git } = await openGit({ gitdir: repository.dir, environment, backend: 'native' });
    expect((await git.commit(tip)).id).toBe(tip);
    await git.close();
    const lines = (await readFile(seen, 'utf8')).split('\n');
    expect(lines).toContain('HTTPS_PROXY=http://proxy:1');
    expect(lines).toContain('GIT_CONFIG_NOSYSTEM=1');
    for (const [name, value] of Object.entries(secrets)) expect(lines).not.toContain(`${name}=${value}`);
  });
});

async function realGit(): Promise<string> {
  return (await run('sh', ['-c', 'command -v git'])).toString().trim();
}
