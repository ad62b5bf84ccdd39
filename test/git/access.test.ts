import { createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type AccessSettings, type GitBackend, openIsomorphic, openNative } from '../../src/git/index.ts';
import { newFolder, newRepository } from './backend.contract.ts';
import { serve } from './http-remote.ts';
import { serveGitSecurely, serveProxy } from './https-remote.ts';

const nobody: AccessSettings = {
  username: 'git',
  tokenFile: null,
  githubAppFile: null,
  caFile: null,
  proxy: null,
};

const { PATH } = process.env;
const backends = { 'isomorphic-git': openIsomorphic, 'the git command': openNative };

describe.each(Object.entries(backends))('%s', (_, openBackend) => {
  async function setUp() {
    const repository = await newRepository();
    const folder = await newFolder();
    const server = await serveGitSecurely(dirname(repository.dir));
    onTestFinished(server.close);
    server.login = 'git:first-token';
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'first-token\n', { mode: 0o600 });
    const url = `${server.url}/${basename(repository.dir)}/.git`;
    const way = { ...nobody, tokenFile, caFile: server.caFile };
    async function open(access: AccessSettings, environment = {}, at = url): Promise<GitBackend> {
      const options = { gitdir: join(await newFolder(), 'git'), remote: { url: at, branch: 'main' }, access };
      const backend = await openBackend({ ...options, environment: { PATH, ...environment } });
      onTestFinished(backend.close);
      return backend;
    }
    return { repository, folder, server, tokenFile, way, open, url };
  }

  test('a token lets in, by an authority of our own, and a rotated one at the next fetch', async () => {
    const { repository, server, tokenFile, way, open } = await setUp();
    const tip = await repository.commit('one');
    const backend = await open(way);
    expect(await backend.remoteTip()).toBe(tip);
    expect(await backend.fetch()).toBe(tip);
    server.login = 'git:second-token';
    const refused = await backend.fetch().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'credentials-refused',
      message: expect.stringContaining('401'),
      fix: expect.stringContaining(tokenFile),
    });
    expect(`${refused} ${JSON.stringify(refused)}`).not.toContain('first-token');
    await writeFile(tokenFile, 'second-token');
    const next = await repository.commit('two');
    expect(await backend.fetch()).toBe(next);
  });

  test('the user is the one that is configured', async () => {
    const { repository, server, way, open } = await setUp();
    server.login = 'x-token-auth:first-token';
    const tip = await repository.commit('one');
    expect(await (await open({ ...way, username: 'x-token-auth' })).fetch()).toBe(tip);
  });

  test.each([
    ['no token', { tokenFile: null }, 'credentials-refused', '--token-file'],
    ['an authority that is not known', { caFile: null }, 'remote-unreachable', 'caFile'],
    ['a file of authorities that is not there', { caFile: '/none' }, 'ca-file-unusable', 'certificates'],
    ['a token file that is not there', { tokenFile: '/none' }, 'secret-file-unusable', 'check the path'],
  ] as const)('%s', async (_, more, code, fix) => {
    const { repository, way, open } = await setUp();
    await repository.commit('one');
    const failure = { code, fix: expect.stringContaining(fix) };
    await expect((await open({ ...way, ...more })).fetch()).rejects.toMatchObject(failure);
  });

  test.each([
    ['that others can read', (path: string) => chmod(path, 0o644), 'can be read or changed by others'],
    ['that is empty', (path: string) => writeFile(path, '\n'), 'is empty'],
  ] as const)('a token file %s is not used, and nothing is sent', async (_, spoil, why) => {
    const { server, tokenFile, way, open } = await setUp();
    await spoil(tokenFile);
    const failure = { code: 'secret-file-unusable', message: expect.stringContaining(why) };
    await expect((await open(way)).fetch()).rejects.toMatchObject(failure);
    expect(server.logins).toEqual([]);
  });

  test('a token is not sent in plain text', async () => {
    const { way, open } = await setUp();
    const backend = await open(way, {}, 'http://git.invalid/mesh.git');
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'credentials-unsafe' });
  });

  test('a redirect to another origin does not hear the token', async () => {
    const { server, way, open } = await setUp();
    const other = await serve((request, response) => {
      heard.push(request.headers.authorization ?? '');
      response.writeHead(404).end();
    });
    onTestFinished(other.close);
    const heard: string[] = [];
    const redirecting = await serve((_request, response) => {
      response.writeHead(302, { location: `${other.url}/mesh.git/info/refs?service=git-upload-pack` }).end();
    });
    onTestFinished(redirecting.close);
    const backend = await open({ ...way, caFile: null }, {}, `${redirecting.url}/mesh.git`);
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'remote-unreachable' });
    expect(heard.join()).toBe('');
    expect(server.logins).toEqual([]);
  });

  test('a redirect that never ends is called that', async () => {
    const { open } = await setUp();
    const turning = await serve((request, response) => {
      response.writeHead(302, { location: request.url }).end();
    });
    onTestFinished(turning.close);
    const backend = await open(nobody, {}, `${turning.url}/mesh.git`);
    const message = expect.stringMatching(/\/mesh\.git\S*: redirects again and again, perhaps to itself$/);
    await expect(backend.remoteTip()).rejects.toMatchObject({ code: 'remote-unreachable', message });
  });

  test('the proxy is the one that is configured, else that of the environment, but for whom NO_PROXY names', async () => {
    const { repository, server, way, open } = await setUp();
    const tip = await repository.commit('one');
    const proxy = await serveProxy();
    onTestFinished(proxy.close);
    const host = server.url.slice('https://'.length);
    const asked = () => [...new Set(proxy.asked.splice(0))];
    expect(await (await open({ ...way, proxy: proxy.url }, { NO_PROXY: 'localhost' })).fetch()).toBe(tip);
    expect(asked()).toEqual([host]);
    expect(await (await open(way, { HTTPS_PROXY: proxy.url })).fetch()).toBe(tip);
    expect(asked()).toEqual([host]);
    expect(await (await open(way, { HTTPS_PROXY: proxy.url, NO_PROXY: 'localhost' })).fetch()).toBe(tip);
    expect(asked()).toEqual([]);
    const gone = await open({ ...way, proxy: 'http://127.0.0.1:1' });
    await expect(gone.fetch()).rejects.toMatchObject({ code: 'remote-unreachable' });
  });

  /** Of the shape in GitHub's "Create an installation access token for an app". */
  async function serveApi(key: KeyObject, more: { lifeMs: number; status?: number; retryAfter?: string }) {
    const claims: Readonly<Record<string, unknown>>[] = [];
    const api = await serve((request, response) => {
      const [head = '', body = '', signature = ''] = (request.headers.authorization ?? '')
        .slice(7)
        .split('.');
      const signed = createVerify('RSA-SHA256').update(`${head}.${body}`).verify(key, signature, 'base64url');
      const isAsked = request.method === 'POST' && request.url === '/app/installations/78/access_tokens';
      if (!signed || !isAsked) return void response.writeHead(401).end('{"message":"Bad credentials"}');
      claims.push(JSON.parse(Buffer.from(body, 'base64url').toString()));
      const token = `ghs_${claims.length}`;
      const expires_at = new Date(Date.now() + more.lifeMs).toISOString();
      if (more.retryAfter !== undefined) response.setHeader('retry-after', more.retryAfter);
      response.writeHead(more.status ?? 201).end(JSON.stringify({ token, expires_at }));
    });
    onTestFinished(api.close);
    return { ...api, claims };
  }

  async function appFile(folder: string, apiUrl: string, privateKey: KeyObject) {
    const path = join(folder, 'app.yaml');
    const pem = String(privateKey.export({ type: 'pkcs1', format: 'pem' }));
    await writeFile(path, JSON.stringify({ appId: 12, installationId: 78, privateKey: pem, apiUrl }), {
      mode: 0o600,
    });
    return path;
  }

  test('a GitHub App gets a token, keeps it while it is good, and gets another one when it is not', async () => {
    const { repository, folder, server, way, open } = await setUp();
    const tip = await repository.commit('one');
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const api = await serveApi(publicKey, { lifeMs: 3_600_000 });
    const githubAppFile = await appFile(folder, api.url, privateKey);
    const backend = await open({ ...way, caFile: server.caFile, tokenFile: null, githubAppFile });
    server.login = 'x-access-token:ghs_1';
    expect(await backend.fetch()).toBe(tip);
    expect(await backend.fetch()).toBe(tip);
    const [claim] = api.claims;
    expect(claim?.iss).toBe('12');
    expect(Number(claim?.exp) - Number(claim?.iat)).toBe(600);
    server.login = 'x-access-token:ghs_2';
    await expect(backend.fetch()).rejects.toMatchObject({ code: 'credentials-refused' });
    expect(await backend.fetch()).toBe(tip);
    expect(api.claims).toHaveLength(2);
  });

  test('a token that soon ends is renewed before', async () => {
    const { repository, folder, server, way, open } = await setUp();
    const tip = await repository.commit('one');
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const api = await serveApi(publicKey, { lifeMs: 200_000 });
    const githubAppFile = await appFile(folder, api.url, privateKey);
    const backend = await open({ ...way, tokenFile: null, githubAppFile });
    for (const round of [1, 2]) {
      server.login = `x-access-token:ghs_${round}`;
      expect(await backend.remoteTip()).toBe(tip);
    }
  });

  test('an API of apps that wants to be left alone says for how long', async () => {
    const { folder, way, open } = await setUp();
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const api = await serveApi(publicKey, { lifeMs: 1_000, status: 403, retryAfter: '60' });
    const githubAppFile = await appFile(folder, api.url, privateKey);
    const backend = await open({ ...way, tokenFile: null, githubAppFile });
    const refused = { code: 'github-app-refused', retryAfterMs: 60_000 };
    await expect(backend.fetch()).rejects.toMatchObject(refused);
  });

  test('another key than that of the app, an installation that is gone, and files that say nothing', async () => {
    const { folder, way, open } = await setUp();
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    const codeOf = async (githubAppFile: string) => {
      const backend = await open({ ...way, tokenFile: null, githubAppFile });
      const error = await backend.fetch().catch((reason: unknown) => reason);
      expect(String(error)).not.toContain('PRIVATE');
      return (error as { code: string }).code;
    };
    const strange = await serveApi(other, { lifeMs: 1_000 });
    expect(await codeOf(await appFile(folder, strange.url, privateKey))).toBe('github-app-refused');
    const gone = await serveApi(publicKey, { lifeMs: 1_000, status: 404 });
    expect(await codeOf(await appFile(folder, gone.url, privateKey))).toBe('github-app-refused');
    expect(await codeOf(await appFile(folder, 'http://api.invalid', privateKey))).toBe('github-app-invalid');
    const path = await appFile(folder, gone.url, privateKey);
    for (const text of ['- ]', '{}', '{"appId":1,"installationId":2,"privateKey":"none PRIVATE"}']) {
      await writeFile(path, text);
      expect(await codeOf(path)).toBe('github-app-invalid');
    }
    await chmod(path, 0o604);
    expect(await codeOf(path)).toBe('secret-file-unusable');
  });
});

test('git is told by variables and not by arguments who we are', async () => {
  const folder = await newFolder();
  const seen = join(folder, 'arguments');
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'the-token', { mode: 0o600 });
  const script = `#!/bin/sh\necho "$@" >> ${seen}\nexec /usr/bin/git "$@"\n`;
  await writeFile(join(folder, 'git'), script, { mode: 0o755 });
  const backend = await openNative({
    gitdir: join(folder, 'store'),
    remote: { url: 'https://127.0.0.1:1/mesh.git', branch: 'main' },
    access: { ...nobody, tokenFile },
    environment: { PATH: `${folder}:${PATH}` },
  });
  onTestFinished(backend.close);
  await expect(backend.fetch()).rejects.toMatchObject({ code: 'remote-unreachable' });
  const said = await readFile(seen, 'utf8');
  expect(said).toContain('ls-remote');
  expect(said).not.toContain(Buffer.from('git:the-token').toString('base64'));
  expect(said).not.toContain('the-token');
});
