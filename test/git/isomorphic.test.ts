import * as disk from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openIsomorphic } from '../../src/git/index.ts';
import { backendContract, grow, newFolder, newRepository } from './backend.contract.ts';
import { serve, serveGit } from './http-remote.ts';

backendContract(openIsomorphic);

/** A disk that is full from the nth write on, and keeps half of that one. */
function fullDisk(room: number): typeof disk {
  let left = room;
  const writeFile = async (path: string, data: Uint8Array | string, options?: object) => {
    left -= 1;
    if (left >= 0) return disk.writeFile(path, data, options);
    await disk.writeFile(path, data.slice(0, data.length / 2), options);
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', errno: -28 });
  };
  return { ...disk, writeFile: writeFile as typeof disk.writeFile };
}

describe.each(['path', 'http'])('a full disk while fetching by %s', (transport) => {
  test('is disk-full at whichever write it happens, and nothing half-written is left', async () => {
    const repository = await newRepository();
    const tip = await grow(repository);
    const server = await serveGit(dirname(repository.dir));
    onTestFinished(server.close);
    const url = transport === 'path' ? repository.dir : `${server.url}/${basename(repository.dir)}/.git`;
    const remote = { url, branch: 'main' };
    const folder = await newFolder();
    let failures = 0;
    for (let room = 0; ; room += 1) {
      const gitdir = join(folder, String(room));
      const attempt = openIsomorphic({ gitdir, remote, fs: fullDisk(room) }).then((full) => full.fetch());
      const outcome = await attempt.catch((error: unknown) => error);
      if (outcome === tip) break;
      failures += 1;
      expect(outcome).toMatchObject({ code: 'disk-full' });
      const left = await disk.readdir(gitdir, { recursive: true });
      expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([]);
      const backend = await openIsomorphic({ gitdir, remote });
      expect(await backend.fetch()).toBe(tip);
      expect((await backend.tree((await backend.commit(tip)).tree)).length).toBe(1);
    }
    expect(failures).toBeGreaterThan(4);
  });
});

test('a fetch waits for the one before, also where nobody waits for that any more', async () => {
  const repository = await newRepository();
  const tip = await grow(repository);
  await repository.git('repack', '-a', '-d', '--quiet');
  const gate = Promise.withResolvers<void>();
  const read: string[] = [];
  const readFile = async (path: string, options?: object) => {
    if (path.startsWith(repository.dir)) read.push(path);
    if (read.at(-1)?.endsWith('.pack') === true) await gate.promise;
    return disk.readFile(path, options);
  };
  const fs = { ...disk, readFile: readFile as typeof disk.readFile };
  const remote = { url: repository.dir, branch: 'main' };
  const backend = await openIsomorphic({ gitdir: join(await newFolder(), 'git'), remote, fs });
  const controller = new AbortController();
  const first = backend.fetch(controller.signal);
  while (read.at(-1)?.endsWith('.pack') !== true) await new Promise(setImmediate);
  controller.abort(new Error('too late'));
  read.length = 0;
  const second = backend.fetch();
  await new Promise(setImmediate);
  expect(read).toEqual([]);
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual([tip, tip]);
});

/** A disk that knows what a power cut would take back: files whose bytes, or whose names, were not synced. */
function volatileDisk() {
  const unsynced = new Set<string>();
  const atRef: string[][] = [];
  const writeFile = async (path: string, data: Uint8Array, options?: { flush?: boolean }) => {
    if (options?.flush !== true) unsynced.add(path);
    await disk.writeFile(path, data, options);
  };
  const rename = async (from: string, to: string) => {
    if (to.endsWith('refs/heads/main'))
      atRef.push([...unsynced].filter((name) => name.includes('/objects/')));
    if (unsynced.delete(from)) unsynced.add(`${to} (bytes)`);
    unsynced.add(to);
    await disk.rename(from, to);
  };
  const open = async (path: string, flags: string) => {
    const handle = await disk.open(path, flags);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      for (const name of unsynced)
        if (dirname(name) === path && !name.endsWith('(bytes)')) unsynced.delete(name);
      await sync();
    };
    return handle;
  };
  const fs = { ...disk, writeFile, rename, open } as unknown as typeof disk;
  return { fs, atRef, refs: () => [...unsynced].filter((name) => name.includes('/refs/')) };
}

test.each(['path', 'http'])('by %s, what a ref needs is on the disk before the ref', async (transport) => {
  const repository = await newRepository();
  const tip = await grow(repository);
  const server = await serveGit(dirname(repository.dir));
  onTestFinished(server.close);
  const url = transport === 'path' ? repository.dir : `${server.url}/${basename(repository.dir)}/.git`;
  const { fs, atRef, refs } = volatileDisk();
  const backend = await openIsomorphic({
    gitdir: join(await newFolder(), 'git'),
    remote: { url, branch: 'main' },
    fs,
  });
  expect(await backend.fetch()).toBe(tip);
  await repository.commit('one more');
  await repository.git('repack', '-a', '-d', '--quiet');
  await backend.fetch();
  expect([atRef, refs()]).toEqual([[[], []], []]);
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

describe('remotes that misbehave', () => {
  async function against(answer: Answer, timeoutMs = 5000) {
    const server = await serve(answer);
    onTestFinished(server.close);
    const gitdir = join(await newFolder(), 'git');
    const url = `${server.url.replace('//', '//user:secret@')}/a.git`;
    return { server, backend: await openIsomorphic({ gitdir, remote: { url, branch: 'main' }, timeoutMs }) };
  }

  /** Answers with the refs of a real repository; what follows for the pack is up to the test. */
  async function withPack(answer: (pack: Buffer) => Buffer | string) {
    const repository = await newRepository();
    const tip = await grow(repository);
    const real = await serveGit(dirname(repository.dir));
    onTestFinished(real.close);
    const forward = async (request: IncomingMessage, response: ServerResponse) => {
      const body = request.method === 'POST' ? Buffer.concat(await request.toArray()) : undefined;
      const { host: _host, connection: _connection, ...headers } = request.headers as Record<string, string>;
      const url = `${real.url}/${basename(repository.dir)}/.git${request.url?.replace('/a.git', '')}`;
      const got = await fetch(url, { method: request.method ?? 'GET', headers, ...(body ? { body } : {}) });
      const bytes = Buffer.from(await got.arrayBuffer());
      const pack = headers['git-protocol'] !== 'version=2' && request.method === 'POST';
      response.setHeader('content-type', got.headers.get('content-type') ?? '');
      response.end(pack ? answer(bytes) : bytes);
    };
    return { tip, ...(await against((request, response) => void forward(request, response))) };
  }

  test('the proxy of these tests is transparent', async () => {
    const { backend, tip } = await withPack((pack) => pack);
    expect(await backend.fetch()).toBe(tip);
  });

  test.each<[string, (pack: Buffer) => Buffer | string, RegExp]>([
    ['nothing', () => '', /remote-unreachable/],
    ['an error line', () => '0031ERR upload-pack: not our ref 1234567890123456', /remote-unreachable/],
    ['no packet lines at all', () => 'zzzz<html>no</html>', /remote-unreachable/],
    ['half a pack', (pack) => pack.subarray(0, pack.length / 2), /object-corrupt|remote-unreachable/],
    ['a pack with a flipped bit', (pack) => flip(pack, pack.indexOf('PACK') + 30), /object-corrupt/],
  ])('instead of the pack: %s', async (_name, answer, code) => {
    const { backend } = await withPack(answer);
    await expect(backend.fetch()).rejects.toMatchObject({ code: expect.stringMatching(code) });
    await expect(backend.resolve('main')).rejects.toMatchObject({ code: 'ref-missing' });
  });

  test.each<[string, Answer]>([
    ['accepts and never answers', () => {}],
    [
      'stops in the middle of an answer',
      (_request, response) => {
        response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
        response.write('001e# service=git-upload-pack\n');
      },
    ],
  ])('%s: remote-timeout', async (_name, answer) => {
    const { backend } = await against(answer, 50);
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'remote-timeout' });
    await expect(backend.remoteTip()).rejects.toMatchObject({ code: 'remote-timeout' });
  });

  test('a signal ends the wait for one that hangs', async () => {
    const controller = new AbortController();
    const { backend } = await against(() => controller.abort(new Error('shutting down')));
    await expect(backend.fetch(controller.signal)).rejects.toThrow('shutting down');
  });

  test('401: credentials-refused, without the password in the text', async () => {
    const answer: Answer = (_request, response) => void response.writeHead(401).end('who are you?');
    const error = await (await against(answer)).backend.fetch().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'credentials-refused' });
    expect(String(error)).not.toContain('secret');
  });

  test.each<[string, Answer]>([
    ['503', (_request, response) => void response.writeHead(503).end()],
    ['a web page', (_request, response) => void response.end('<html></html>')],
    ['a reset connection', (request) => void request.socket.destroy()],
  ])('%s: remote-unreachable, without the password in the text', async (_name, answer) => {
    const { backend } = await against(answer);
    const error = await backend.fetch().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'remote-unreachable' });
    expect(String(error)).not.toContain('secret');
  });
});

describe('a remote that wants to be left alone', () => {
  test.each<[string, number, Readonly<Record<string, string>>, number | null]>([
    ['for seconds', 429, { 'retry-after': '120' }, 120_000],
    [
      'until a time',
      503,
      { 'retry-after': 'Sun, 22 Nov 2026 15:02:00 GMT', date: 'Sun, 22 Nov 2026 15:00:00 GMT' },
      120_000,
    ],
    ['and does not say for how long', 429, {}, null],
    ['and is broken', 500, { 'retry-after': '120' }, null],
  ])('%s', async (_, status, headers, retryAfterMs) => {
    const server = await serve((_request, response) => void response.writeHead(status, headers).end());
    onTestFinished(server.close);
    const remote = { url: `${server.url}/a.git`, branch: 'main' };
    const backend = await openIsomorphic({ gitdir: join(await newFolder(), 'git'), remote });
    const refused = { code: 'remote-unreachable', retryAfterMs };
    await expect(backend.fetch()).rejects.toMatchObject(refused);
    await expect(backend.fetch()).rejects.toThrow(`answers with HTTP status ${status}`);
  });
});

test('news are fetched as news', async () => {
  const repository = await newRepository();
  await grow(repository);
  const server = await serveGit(dirname(repository.dir));
  onTestFinished(server.close);
  const gitdir = join(await newFolder(), 'git');
  const remote = { url: `${server.url}/${basename(repository.dir)}/.git`, branch: 'main' };
  const backend = await openIsomorphic({ gitdir, remote });
  await backend.fetch();
  await repository.write('one.yaml', '1\n');
  await repository.commit('one more');
  await backend.fetch();
  const packs = (await disk.readdir(join(gitdir, 'objects', 'pack'))).filter((name) =>
    name.endsWith('.pack'),
  );
  const stats = await Promise.all(packs.map((name) => disk.stat(join(gitdir, 'objects', 'pack', name))));
  expect(packs).toHaveLength(2);
  expect(Math.min(...stats.map(({ size }) => size))).toBeLessThan(600);
  const written = await Promise.all(
    ['config', 'HEAD'].map((name) => disk.readFile(join(gitdir, name), 'utf8')),
  );
  expect(written.join('')).not.toContain(server.url);
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes;
}
