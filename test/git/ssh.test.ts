import { chmod, chown, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openIsomorphic, openNative, type SshSettings } from '../../src/git/index.ts';
import { createSshKey } from '../repository.ts';
import { grow, newFolder, newRepository } from './backend.contract.ts';
import { type SshRemote, serveSsh } from './ssh-remote.ts';

const user = userInfo().username;

/** An sshd, a repository behind it, and how to open a store that follows it. */
async function setUp() {
  const repository = await newRepository();
  const folder = join(await newFolder());
  const server = await serveSsh(folder);
  onTestFinished(server.close);
  const url = `ssh://${user}@127.0.0.1:${server.port}${repository.dir}`;
  const gitdir = join(await newFolder(), 'git');
  const open = (ssh: SshSettings | null = server, at = url, timeoutMs = 30_000) =>
    openNative({ gitdir, remote: { url: at, branch: 'main' }, environment: process.env, ssh, timeoutMs });
  return { repository, server, folder, url, open };
}

test('an SSH remote is fetched with one key, from a host of known keys', async () => {
  const { repository, open } = await setUp();
  const tip = await grow(repository);
  const backend = await open();
  onTestFinished(backend.close);
  expect(await backend.remoteTip()).toBe(tip);
  expect(await backend.fetch()).toBe(tip);
  expect((await backend.commit(tip)).parents).toHaveLength(2);
  const next = await grow(repository, 'more');
  expect(await backend.fetch()).toBe(next);
});

test('paths with spaces are paths', async () => {
  const { repository, server, folder, open } = await setUp();
  const tip = await repository.commit('one');
  const keyFile = join(folder, 'the key');
  const knownHostsFile = join(folder, 'the hosts; touch x');
  await rename(server.keyFile, keyFile);
  await rename(server.knownHostsFile, knownHostsFile);
  expect(await (await open({ keyFile, knownHostsFile })).fetch()).toBe(tip);
});

test('a key of another owner may be read by its group, as systemd hands over a credential', async () => {
  const { repository, server, open } = await setUp();
  const tip = await repository.commit('one');
  await chown(server.keyFile, 1234, 0);
  await chmod(server.keyFile, 0o440);
  expect(await (await open()).fetch()).toBe(tip);
  await chmod(server.keyFile, 0o444);
  await expect((await open()).fetch()).rejects.toMatchObject({ code: 'ssh-file-unusable' });
});

describe('refused', () => {
  type Break = (server: SshRemote, folder: string) => Promise<SshSettings | null>;
  const cases: readonly [string, string, Break][] = [
    ['no key and known hosts', 'ssh-unconfigured', async () => null],
    [
      'a host without a known key',
      'ssh-host-refused',
      async (server) => {
        await writeFile(server.knownHostsFile, '');
        return server;
      },
    ],
    [
      'a host with another key',
      'ssh-host-refused',
      async (server, folder) => {
        const other = await readFile(`${await createSshKey(folder, 'other')}.pub`, 'utf8');
        await writeFile(server.knownHostsFile, `[127.0.0.1]:${server.port} ${other}`);
        return server;
      },
    ],
    [
      'a key that the host does not know',
      'ssh-key-refused',
      async (server, folder) => ({ ...server, keyFile: await createSshKey(folder, 'stranger') }),
    ],
    [
      'a key that is none',
      'ssh-key-refused',
      async (server) => {
        await writeFile(server.keyFile, 'no key\n');
        return server;
      },
    ],
    [
      'a key that others can read',
      'ssh-file-unusable',
      async (server) => {
        await chmod(server.keyFile, 0o640);
        return server;
      },
    ],
    [
      'no such key',
      'ssh-file-unusable',
      async (server) => {
        await rm(server.keyFile);
        return server;
      },
    ],
    [
      'no such known hosts',
      'ssh-file-unusable',
      async (server) => ({ ...server, knownHostsFile: '/nowhere/known' }),
    ],
    [
      'a path that ssh would expand',
      'ssh-file-unusable',
      async (server) => ({ ...server, keyFile: '/home/%u/key' }),
    ],
    [
      'a path that ends its quotes',
      'ssh-file-unusable',
      async (server) => ({ ...server, keyFile: '/key"\nProxyCommand x' }),
    ],
  ];
  test.each(cases)('%s: %s', async (_name, code, make) => {
    const { repository, server, folder, open } = await setUp();
    await repository.commit('one');
    const backend = await open(await make(server, folder));
    await expect(backend.remoteTip()).rejects.toMatchObject({ code });
    await expect(backend.fetch()).rejects.toMatchObject({ code });
  });

  test('a repository that is not there: remote-unreachable', async () => {
    const { url, open, server } = await setUp();
    await expect((await open(server, `${url}-no`)).fetch()).rejects.toMatchObject({
      code: 'remote-unreachable',
    });
  });

  test.each(['ssh://git@example.test/a.git', 'git@example.test:a.git'])(
    '%s without the git command: remote-unsupported',
    async (url) => {
      const gitdir = join(await newFolder(), 'git');
      const opening = openIsomorphic({ gitdir, remote: { url, branch: 'main' } });
      await expect(opening).rejects.toMatchObject({ code: 'remote-unsupported' });
    },
  );
});
