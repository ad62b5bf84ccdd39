import { chmod, copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openNative as openUnclosed } from '../../src/git/index.ts';
import { run } from '../repository.ts';
import { backendContract, grow, newFolder, newRepository } from './backend.contract.ts';
import { serve, serveGit } from './http-remote.ts';

const environment = process.env;

/** `openNative` for one test. */
async function openNative(options: Parameters<typeof openUnclosed>[0]) {
  const backend = await openUnclosed(options);
  onTestFinished(backend.close);
  return backend;
}

backendContract((options) => openNative({ ...options, environment }));

/** A search path on which `program` is a shell script of ours. */
async function withProgram(program: string, script: string): Promise<{ readonly PATH: string }> {
  const folder = await newFolder();
  await writeFile(join(folder, program), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, program), 0o755);
  return { PATH: `${folder}:${process.env.PATH}` };
}

async function realGit(): Promise<string> {
  return (await run('sh', ['-c', 'command -v git'])).toString().trim();
}

/** Asks again until it is so. */
async function until(so: () => Promise<boolean>): Promise<void> {
  while (!(await so())) await new Promise(setImmediate);
}

async function alive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return status !== null && !/^\d+ \(.*\) Z/.test(status);
}

/** A store whose `cat-file` writes its process id to a file. */
async function withPids() {
  const repository = await newRepository();
  const tip = await grow(repository);
  const pids = join(await newFolder(), 'pids');
  const script = `[ "$1" = cat-file ] && echo $$ >>${pids}; exec ${await realGit()} "$@"`;
  const backend = await openNative({ gitdir: repository.dir, environment: await withProgram('git', script) });
  const read = async () => (await readFile(pids, 'utf8')).trim().split('\n').map(Number);
  return { repository, tip, backend, pids: read };
}

test('a server that was held up itself does not take the remote for silent', async () => {
  const remote = await newRepository();
  const tip = await grow(remote);
  const started = join(await newFolder(), 'started');
  const talk = `touch ${started}; for i in $(seq 18); do echo goes on >&2; sleep 0.2; done`;
  const script = `case " $* " in *" fetch "*) ${talk} ;; esac; exec ${await realGit()} "$@"`;
  const served = await serveGit(dirname(remote.dir));
  onTestFinished(served.close);
  const url = `${served.url}/${basename(remote.dir)}/.git`;
  const options = { gitdir: join(await newFolder(), 'git'), remote: { url, branch: 'main' } };
  const environment = await withProgram('git', script);
  const backend = await openNative({ ...options, timeoutMs: 2_000, environment });
  const fetched = backend.fetch();
  await until(() =>
    stat(started).then(
      () => true,
      () => false,
    ),
  );
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_600);
  expect(await fetched).toBe(tip);
});

describe('the process', () => {
  test('is one for all requests, and ends with close', async () => {
    const { repository, tip, backend, pids } = await withPids();
    await backend.commit(tip);
    const tree = await repository.id('HEAD^{tree}');
    await Promise.all([backend.tree(tree), backend.blob(await repository.id('HEAD:mesh/large.yaml'))]);
    const [pid = 0, ...others] = await pids();
    expect(others).toEqual([]);
    expect(await alive(pid)).toBe(true);
    await backend.close();
    expect(await alive(pid)).toBe(false);
    await expect(backend.blob(tip)).rejects.toThrow('closed');
  });

  test('that is killed is started again, and no request is lost', async () => {
    const { repository, tip, backend, pids } = await withPids();
    await backend.commit(tip);
    const [first = 0] = await pids();
    const blob = await repository.id('HEAD:mesh/large.yaml');
    process.kill(first, 'SIGKILL');
    const read = await Promise.all(Array.from({ length: 20 }, () => backend.blob(blob)));
    expect(new Set(read.map(String)).size).toBe(1);
    expect(String(read[0])).toBe(await repository.git('cat-file', 'blob', blob).then((text) => `${text}\n`));
    expect((await pids()).length).toBeGreaterThan(1);
    await backend.close();
  });

  test('that dies of a guess still answers what was asked', async () => {
    const repository = await newRepository();
    const line: string[] = [];
    for (const name of ['one', 'two', 'three', 'four', 'five']) line.unshift(await repository.commit(name));
    // Ends at the first expression, as git does at a damaged pack that a guess leads to.
    const filter = "sed -u -e '/[~^:]/q'";
    const script = `[ "$1" = cat-file ] || exec ${await realGit()} "$@"; ${filter} | ${await realGit()} "$@"`;
    const backend = await openNative({
      gitdir: repository.dir,
      environment: await withProgram('git', script),
    });
    for (const [at, id] of line.entries()) {
      const [{ parents, tree }, again] = await Promise.all([backend.commit(id), backend.commit(id)]);
      expect(parents).toEqual(line.slice(at + 1, at + 2));
      expect(again.tree).toBe(tree);
      await backend.tree(tree);
    }
    await expect(backend.blob('1'.repeat(40))).rejects.toMatchObject({ code: 'object-missing' });
    await backend.close();
  });

  test('that answers nonsense is an error of that request, never an answer', async () => {
    const repository = await newRepository();
    const tip = await repository.commit('one');
    const script = `[ "$1" = cat-file ] && exec cat; exec ${await realGit()} "$@"`;
    const backend = await openNative({
      gitdir: repository.dir,
      environment: await withProgram('git', script),
    });
    await expect(backend.commit(tip)).rejects.toMatchObject({ code: 'object-corrupt' });
    await backend.close();
  });

  test('that is idle does not keep ours alive, even where nobody closes it', async () => {
    const repository = await newRepository();
    const tip = await repository.commit('one');
    const index = join(import.meta.dirname, '../../src/git/index.ts');
    const program = `import { openNative } from ${JSON.stringify(index)};
      const git = await openNative({ gitdir: ${JSON.stringify(repository.dir)}, environment: process.env });
      console.log((await git.commit(${JSON.stringify(tip)})).id);`;
    const env = { TMPDIR: await newFolder() };
    const out = await run(process.execPath, ['--input-type=module-typescript', '-e', program], { env });
    expect(out.toString()).toBe(`${tip}\n`);
  });

  test('leaves no folder behind', async () => {
    const repository = await newRepository();
    const tip = await repository.commit('one');
    const TMPDIR = await newFolder();
    const index = join(import.meta.dirname, '../../src/git/index.ts');
    const program = `import { openNative } from ${JSON.stringify(index)};
      const git = await openNative({ gitdir: ${JSON.stringify(repository.dir)}, environment: process.env });
      await git.commit(${JSON.stringify(tip)});
      await git.close();`;
    await run(process.execPath, ['--input-type=module-typescript', '-e', program], { env: { TMPDIR } });
    expect(await readdir(TMPDIR)).toEqual([]);
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

describe('remotes that misbehave', () => {
  async function against(answer: Answer, timeoutMs = 30_000) {
    const server = await serve(answer);
    onTestFinished(server.close);
    const gitdir = join(await newFolder(), 'git');
    const url = `${server.url.replace('//', '//user:secret%@')}/a.git`;
    const backend = await openNative({ gitdir, remote: { url, branch: 'main' }, environment, timeoutMs });
    return { server, gitdir, backend };
  }

  test.each<[string, Answer]>([
    ['accepts and never answers', () => {}],
    ['stops in the middle of an answer', (_request, response) => void response.write('001e# service=git-up')],
  ])('%s: remote-timeout', async (_name, answer) => {
    const { backend } = await against(answer, 300);
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'remote-timeout' });
    await expect(backend.remoteTip()).rejects.toMatchObject({ code: 'remote-timeout' });
  });

  test.each<[string, Answer, string?]>([
    ['401', (_request, response) => void response.writeHead(401).end('who are you?'), 'credentials-refused'],
    ['503', (_request, response) => void response.writeHead(503).end()],
    ['a web page', (_request, response) => void response.end('<html></html>')],
    ['a reset connection', (request) => void request.socket.destroy()],
    ['a redirect to a file', (_request, response) => redirect(response, 'file:///etc/passwd')],
    ['a redirect to a program', (_request, response) => redirect(response, 'ext::sh -c id')],
  ])('%s: a code, without the password in the text', async (_name, answer, code = 'remote-unreachable') => {
    const { backend } = await against(answer);
    const error = await backend.fetch().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect(`${error} ${error instanceof Error ? error.cause : ''}`).not.toContain('secret');
  });

  // Git tells the status and not the header: its own backoff is all that can be heeded.
  test('one that wants to be left alone is not heard', async () => {
    const { backend } = await against((_request, response) =>
      response.writeHead(429, { 'retry-after': '120' }).end(),
    );
    const refused = { code: 'remote-unreachable', retryAfterMs: null };
    await expect(backend.fetch()).rejects.toMatchObject(refused);
    await expect(backend.fetch()).rejects.toThrow('429');
  });

  test('a redirect to what is no repository says to where', async () => {
    const server = await serve((request, response) =>
      request.url?.startsWith('/a.git')
        ? redirect(response, '/login')
        : void response.setHeader('content-type', ADVERTISED).end('001e# service=git-upload-pack\n0000'),
    );
    onTestFinished(server.close);
    const remote = { url: `${server.url}/a.git`, branch: 'main' };
    const backend = await openNative({ gitdir: join(await newFolder(), 'git'), remote, environment });
    await expect(backend.remoteTip()).rejects.toMatchObject({
      code: 'remote-unreachable',
      message: `${remote.url}: redirects to ${server.url}/login, which is no repository`,
    });
  });

  test('user and password are sent, also with a bare percent sign, and are nowhere in the store', async () => {
    let seen: string | undefined;
    const { gitdir, backend } = await against((request, response) => {
      seen = request.headers.authorization;
      response.writeHead(403).end();
    });
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'credentials-refused' });
    expect(seen).toBe(`Basic ${Buffer.from('user:secret%').toString('base64')}`);
    const names = await readdir(gitdir, { recursive: true });
    for (const name of names) {
      const file = join(gitdir, name);
      if ((await stat(file)).isFile())
        expect(await readFile(file, 'latin1')).not.toMatch(/secret|dXNlcjpzZWNyZXQ/);
    }
  });

  test('a signal ends git with all that it has started', async () => {
    const repository = await newRepository();
    await repository.commit('one');
    const pidFile = join(await newFolder(), 'pid');
    const PATH = (
      await withProgram('ssh', `echo $$ >${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 1000`)
    ).PATH;
    const folder = await newFolder();
    const ssh = { keyFile: join(folder, 'key'), knownHostsFile: join(folder, 'known') };
    await writeFile(ssh.keyFile, '', { mode: 0o600 });
    await writeFile(ssh.knownHostsFile, '');
    const remote = { url: 'ssh://git@example.test/a.git', branch: 'main' };
    const backend = await openNative({ gitdir: join(folder, 'git'), remote, environment: { PATH }, ssh });
    const controller = new AbortController();
    const fetching = backend.fetch(controller.signal).catch((error: unknown) => error);
    await until(async () => (await readFile(pidFile, 'utf8').catch(() => '')) !== '');
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(await alive(pid)).toBe(true);
    const reason = new Error('shutting down');
    controller.abort(reason);
    expect(await fetching).toBe(reason);
    await until(async () => !(await alive(pid)));
  });

  test('what a fetch that was cut off has left is swept away', async () => {
    const repository = await newRepository();
    const tip = await grow(repository);
    const server = await serveGit(dirname(repository.dir));
    onTestFinished(server.close);
    const remote = { url: `${server.url}/${basename(repository.dir)}/.git`, branch: 'main' };
    const gitdir = join(await newFolder(), 'git');
    await openNative({ gitdir, remote, environment });
    const packs = join(gitdir, 'objects', 'pack');
    for (const name of ['tmp_pack_x1', 'tmp_idx_x1', 'pack-1.pack.1-1.tmp', 'pack-2.keep']) {
      await writeFile(join(packs, name), 'half');
    }
    await writeFile(join(gitdir, 'fairlead', 'refs', 'fetched.lock'), '');
    const backend = await openNative({ gitdir, remote, environment });
    expect(await readdir(packs)).toEqual([]);
    expect(await backend.fetch()).toBe(tip);
  });

  test('a full disk is disk-full, and what was fetched before stays', async () => {
    const repository = await newRepository();
    const tip = await grow(repository);
    const server = await serveGit(dirname(repository.dir));
    onTestFinished(server.close);
    const remote = { url: `${server.url}/${basename(repository.dir)}/.git`, branch: 'main' };
    const gitdir = join(await newFolder(), 'git');
    await (await openNative({ gitdir, remote, environment })).fetch();
    await repository.commit('more');
    const words = 'fatal: write error: No space left on device';
    const script = `[ "$1" = fetch ] && { echo "${words}" >&2; exit 128; }; exec ${await realGit()} "$@"`;
    const backend = await openNative({ gitdir, remote, environment: await withProgram('git', script) });
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'disk-full' });
    expect(await backend.resolve('main')).toBe(tip);
    expect((await backend.commit(tip)).id).toBe(tip);
  });

  test('words of the remote are not taken for words of git', async () => {
    const words = 'remote: fatal: No space left on device; Host key verification failed.; shallow';
    const script = `[ "$1" = ls-remote ] && { echo "${words}" >&2; exit 128; }; exec ${await realGit()} "$@"`;
    const gitdir = join(await newFolder(), 'git');
    const remote = { url: 'http://example.test/a.git', branch: 'main' };
    const backend = await openNative({ gitdir, remote, environment: await withProgram('git', script) });
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'remote-unreachable' });
  });
});

const ADVERTISED = 'application/x-git-upload-pack-advertisement';

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location }).end();
}

describe('the packs of many fetches', () => {
  /** A store that has fetched as often as it may before its packs are joined; `old` was moved away from. */
  async function fetchedOften(variables: Partial<typeof environment> = {}) {
    const repository = await newRepository();
    const server = await serveGit(dirname(repository.dir));
    onTestFinished(server.close);
    const remote = { url: `${server.url}/${basename(repository.dir)}/.git`, branch: 'main' };
    const gitdir = join(await newFolder(), 'git');
    const unjoined: unknown[] = [];
    const options = { gitdir, remote, environment: { ...environment, ...variables } };
    const backend = await openNative({ ...options, unjoined: (error) => unjoined.push(error) });
    const old = await repository.commit('old');
    await backend.fetch();
    await repository.git('update-ref', '-d', 'HEAD');
    const folder = join(gitdir, 'objects', 'pack');
    const packs = async () => (await readdir(folder)).filter((name) => name.endsWith('.pack')).length;
    const [stem] = (await readdir(folder)).flatMap((name) => /^(pack-.*)\.pack$/.exec(name)?.[1] ?? []);
    for (let at = 10; (await packs()) < 20; at += 1) {
      for (const kind of ['pack', 'idx'])
        await copyFile(join(folder, `${stem}.${kind}`), join(folder, `pack-${`${at}`.repeat(20)}.${kind}`));
    }
    const fetchNext = async (name: string) => {
      const tip = await repository.commit(name);
      expect(await backend.fetch()).toBe(tip);
      return tip;
    };
    return { options, backend, old, folder, packs, fetchNext, unjoined };
  }

  test('are joined behind a fetch, and the old line stays', async () => {
    const { options, backend, old, packs, fetchNext, unjoined } = await fetchedOften();
    const tips = [old, await fetchNext('one')];
    await until(async () => (await packs()) < 10);
    tips.push(await fetchNext('two'));
    for (const git of [backend, await openNative(options)])
      for (const tip of tips) expect((await git.commit(tip)).id).toBe(tip);
    expect(unjoined).toEqual([]);
  });

  test('that take too long to join hold up no fetch, are not joined twice, and leave nothing behind', async () => {
    const log = join(await newFolder(), 'log');
    const half = 'touch "$GIT_OBJECT_DIRECTORY/pack/.tmp-1-pack-0.pack"';
    const hang = `${half}; echo $$ >>${log}; exec sleep 600`;
    const script = `case " $* " in *" repack "*) ${hang} ;; esac; exec ${await realGit()} "$@"`;
    const { backend, folder, fetchNext, unjoined } = await fetchedOften(await withProgram('git', script));
    await fetchNext('one');
    const pids = async () => (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').map(Number);
    await until(async () => (await pids())[0] !== 0);
    await fetchNext('two');
    await backend.close();
    const [pid = 0, ...others] = await pids();
    expect(others).toEqual([]);
    await until(async () => !(await alive(pid)));
    expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([]);
    expect(unjoined).toEqual([]);
  });

  test('that git cannot join are told', async () => {
    const script = `case " $* " in *" repack "*) echo fatal: no >&2; exit 128 ;; esac; exec ${await realGit()} "$@"`;
    const { fetchNext, unjoined } = await fetchedOften(await withProgram('git', script));
    await fetchNext('one');
    await until(async () => unjoined.length > 0);
    expect(String(unjoined)).toBe('Error: git repack ends with status 128: fatal: no');
  });
});
