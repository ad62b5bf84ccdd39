import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, test } from 'vitest';
import { HOOK_LIMITS } from '../../src/api/hooks/index.ts';
import { type ApiSource, createApi } from '../../src/api/index.ts';
import { isLoopback } from '../../src/api/local.ts';
import { createApp } from '../../src/api/server.ts';
import type { Log } from '../../src/base/log.ts';

const verification = '{\n  "apiVersion": "fairlead.dev/v1alpha1",\n  "kind": "Verification"\n}\n';
const errors: unknown[] = [];
const log: Log = { info() {}, warn() {}, error: (fields) => errors.push(fields) };
const triggered: string[] = [];
const hooked: unknown[] = [];

function source(more: Partial<ApiSource> = {}): ApiSource {
  return {
    draining: () => false,
    ready: () => ({ ready: true, message: 'served' }),
    repositories: () => [{ name: 'mesh' }, { name: 'new' }],
    verification: (name) => (name === 'mesh' ? verification : null),
    follows: async (name, commit) => (name === 'mesh' ? commit === 'a'.repeat(40) : null),
    scopes: () => ['acme', 'acme.pay', 'acme.web'].map((path) => ({ path })),
    proxies: () => [{ proxy: 'sidecar~1' }, { proxy: 'sidecar~2' }],
    proxyConfig: (proxy) =>
      proxy === 'sidecar~1'
        ? { revision: 'r1', resources: ['b', 'c', 'a'].map((name) => ({ typeUrl: 't', name })) }
        : null,
    partOrigin: (_, { pointer }) => (pointer === '/a/0' ? { file: 'a.yaml', line: 3 } : null),
    decisions: (scopes) => scopes.map((scope) => ({ scope, seq: 1 })),
    lineage: (scope) => (scope === 'acme' ? { scope, uid: 'u', entries: [{ seq: 1 }] } : null),
    hooks: () => new Map(),
    async trigger(name) {
      triggered.push(name);
      return name === 'mesh';
    },
    eventsSince: () => ({ items: [], complete: true }),
    onEvent: () => () => {},
    metrics: async () => 'fairlead_build_info 1\n',
    hooked: (...about) => hooked.push(about),
    mayOperate: (token) => token === 's3cret',
    suspend: async (asked) => ({ suspension: asked }),
    resume: async ({ name }) => ({ code: 'not-suspended', message: `${name} is not suspended`, fix: 'look' }),
    ...more,
  };
}

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
  errors.length = 0;
  triggered.length = 0;
  hooked.length = 0;
});

function app(more: Partial<ApiSource> = {}) {
  const made = createApp(source(more), log);
  open.push(() => made.close());
  return made;
}
const get = (url: string, more: Partial<ApiSource> = {}) => app(more).inject({ method: 'GET', url });

describe('the API', () => {
  it.each([
    ['/livez', 200, 'Liveness'],
    ['/healthz', 200, 'Liveness'],
    ['/readyz', 200, 'Readiness'],
    ['/api/v1/repositories', 200, 'RepositoryList'],
    ['/api/v1/repositories/mesh/verification', 200, 'Verification'],
    ['/api/v1/repositories/new/verification', 503, 'Error'],
    ['/api/v1/repositories/none/verification', 404, 'Error'],
    [`/api/v1/repositories/mesh/commits/${'a'.repeat(40)}`, 200, 'Commit'],
    [`/api/v1/repositories/none/commits/${'a'.repeat(40)}`, 404, 'Error'],
    ['/api/v1/repositories/mesh/commits/main', 400, 'Error'],
    ['/api/v1/scopes', 200, 'ScopeList'],
    ['/api/v1/proxies', 200, 'ProxyList'],
    ['/api/v1/events', 200, 'EventList'],
    ['/api/v1/proxies/sidecar~1/config', 200, 'ProxyConfig'],
    ['/api/v1/proxies/sidecar~9/config', 404, 'Error'],
    ['/api/v1/proxies/sidecar~1/config?limit=0', 400, 'Error'],
    ['/api/v1/proxies/sidecar~1/origin?typeUrl=t&name=a&version=1&pointer=/a/0', 200, 'Origin'],
    ['/api/v1/proxies/sidecar~1/origin?typeUrl=t&name=a&version=1', 400, 'Error'],
    ['/api/v1/proxies/sidecar~9/origin?typeUrl=t&name=a&version=1&pointer=/a/0', 404, 'Error'],
    ['/api/v1/decisions?scope=acme', 200, 'DecisionList'],
    ['/api/v1/decisions', 400, 'Error'],
    ['/api/v1/lineage?scope=acme', 200, 'Lineage'],
    ['/api/v1/lineage?scope=none', 404, 'Error'],
    ['/api/v1/lineage', 400, 'Error'],
    ['/api/v1/scopes?limit=0', 400, 'Error'],
    ['/api/v1/scopes?limit=9999', 400, 'Error'],
    ['/none', 404, 'Error'],
    ['/api/v1/repositories/%zz/verification', 400, 'Error'],
  ])('GET %s: %i %s', async (url, status, kind) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.body.endsWith('}\n')).toBe(true);
    const body = answer.json();
    expect(body).toMatchObject({ apiVersion: 'fairlead.dev/v1alpha1', kind });
    if (kind === 'Error')
      expect(body).toEqual({ ...body, code: expect.any(String), fix: expect.any(String) });
  });

  it('answers with the very bytes of the verification', async () => {
    expect((await get('/api/v1/repositories/mesh/verification')).body).toBe(verification);
  });

  it('is not ready before something is served', async () => {
    const answer = await get('/readyz', { ready: () => ({ ready: false, message: 'mesh: pending' }) });
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ ready: false, message: 'mesh: pending' });
  });

  it('answers in pages', async () => {
    const first = (await get('/api/v1/scopes?limit=2')).json();
    expect(first).toMatchObject({
      items: [{ path: 'acme' }, { path: 'acme.pay' }],
      total: 3,
      next: 'acme.pay',
    });
    const second = (await get(`/api/v1/scopes?limit=2&after=${first.next}`)).json();
    expect(second).toMatchObject({ items: [{ path: 'acme.web' }], total: 3, next: null });
  });

  it('leaves out no scope whose name another has, or had, at the end of a page', async () => {
    const scopes = () =>
      ['acme', 'acme', 'acme.pay', 'acme.pay', 'acme.pay'].map((path, at) => ({ path, uid: String(at) }));
    const uids: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      type Page = { readonly items: readonly { readonly uid: string }[]; readonly next: string | null };
      const page: Page = (await get(`/api/v1/scopes?limit=1&after=${after}`, { scopes })).json();
      uids.push(...page.items.map(({ uid }) => uid));
      after = page.next;
    }
    expect(uids).toEqual(['0', '1', '2', '3', '4']);
  });

  it("answers with a proxy's configuration in pages, in the order of type and name", async () => {
    const first = (await get('/api/v1/proxies/sidecar~1/config?limit=2')).json();
    const items = [
      { typeUrl: 't', name: 'a' },
      { typeUrl: 't', name: 'b' },
    ];
    expect(first).toMatchObject({ proxy: 'sidecar~1', revision: 'r1', total: 3, items, next: 't b' });
    const second = (await get('/api/v1/proxies/sidecar~1/config?after=t%20b')).json();
    expect(second).toMatchObject({ items: [{ name: 'c' }], next: null });
  });

  it('says where a rule is written, and who decided it', async () => {
    const url = '/api/v1/proxies/sidecar~1/origin?typeUrl=t&name=a&version=1&pointer=';
    expect((await get(`${url}/a/0`)).json()).toMatchObject({ origin: { file: 'a.yaml', line: 3 } });
    expect((await get(`${url}/b`)).json()).toMatchObject({ origin: null });
    const { items } = (await get('/api/v1/decisions?scope=acme&scope=acme.pay')).json();
    expect(items).toMatchObject([{ scope: 'acme' }, { scope: 'acme.pay' }]);
  });

  it('answers Prometheus with what it reads', async () => {
    const answer = await get('/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.body).toBe('fairlead_build_info 1\n');
  });

  it('survives a source that throws, without telling what it threw', async () => {
    const scopes = () => {
      throw new Error('secret inside');
    };
    const answer = await get('/api/v1/scopes', { scopes });
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ kind: 'Error', code: 'internal' });
    expect(answer.body).not.toContain('secret');
    expect(errors).toHaveLength(1);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'] as const)('changes nothing on %s', async (method) => {
    expect((await app().inject({ method, url: '/api/v1/scopes' })).statusCode).toBe(404);
  });
});

describe('what is asked amiss', () => {
  const proxy = '/api/v1/proxies/sidecar~1';
  it.each([
    [
      '/api/v1/scopes?continue=abc',
      'there is no query parameter continue here',
      'leave it out; known: limit, after',
    ],
    [
      `${proxy}/config?afetr=t`,
      'there is no query parameter afetr here',
      'leave it out; known: limit, after',
    ],
    ['/api/v1/events?since=1', 'there is no query parameter since here', 'leave it out; known: after'],
    ['/api/v1/lineage?scope=acme&x=1', 'there is no query parameter x here', 'leave it out; known: scope'],
    ['/api/v1/repositories?after=a', 'there is no query parameter after here', 'leave it out: none is known'],
    [
      '/api/v1/scopes?limit=9999',
      'querystring/limit must be <= 1000',
      'write limit as an integer from 1 to 1000',
    ],
    [
      '/api/v1/decisions',
      expect.stringContaining("'scope'"),
      'write scope as 1 to 1000 characters, at most 100 times',
    ],
    [
      '/api/v1/repositories/mesh/commits/x',
      expect.any(String),
      'write commit as text that match ^[0-9a-f]{40}$',
    ],
    ['/api/v1/repositories/%zz/verification', expect.any(String), 'write the path in UTF-8, percent-encoded'],
    [
      `/api/v1/proxies/${'a'.repeat(1_100)}/config`,
      expect.any(String),
      'write at most 1024 characters in each part of the path',
    ],
  ])('%s', async (url, message, fix) => {
    expect((await get(url)).json()).toMatchObject({ kind: 'Error', code: 'bad-request', message, fix });
  });

  it.each([
    ['a body too large', Buffer.alloc(1_048_577), 'text/plain', 413, 'send at most 1 MiB (1048576 bytes)'],
    ['what is no type', 'x', ';', 415, 'name the type of the body, such as Content-Type: application/json'],
  ])('%s', async (_, payload, type, status, fix) => {
    const headers = { 'content-type': type };
    const answer = await app().inject({ method: 'POST', url: '/hooks/v1/generic/mesh', payload, headers });
    expect(answer.json()).toMatchObject({ kind: 'Error', fix });
    expect(answer.statusCode).toBe(status);
  });

  it('may stand in the URL of probes, scrapers and forges', async () => {
    for (const url of ['/livez', '/readyz', '/metrics', '/openapi.json'])
      expect((await get(`${url}?verbose=1`)).statusCode).toBe(200);
    const url = '/hooks/v1/generic/mesh?what=source&branch=main';
    expect((await app().inject({ method: 'POST', url })).statusCode).toBe(202);
  });
});

/** What comes back until the server closes the connection; `then` is sent once something has come. */
async function sent(port: number, bytes: string, then = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.write(bytes, 'latin1');
  let text = '';
  for await (const piece of socket) {
    if (text === '' && then !== '') socket.write(then, 'latin1');
    text += piece;
  }
  return text;
}

describe('what the parser refuses', () => {
  const LIMITS = { requestTimeoutMs: 20, checkMs: 5 };
  const listening = async (
    more: Partial<ApiSource> = {},
    limits = { requestTimeoutMs: 10_000, checkMs: 1_000 },
  ) => {
    const made = createApp(source(more), log, Date.now, limits);
    open.push(() => made.close());
    return Number(new URL(await made.listen({ host: '127.0.0.1', port: 0 })).port);
  };
  const HOOK = 'POST /hooks/v1/generic/mesh HTTP/1.1\r\nHost: a\r\n';

  it.each([
    [
      'a bad byte in a header',
      'GET /livez HTTP/1.1\r\nHost: a\r\nX: s3cret\u0001\r\n\r\n',
      '400 Bad Request',
      'bad-request',
    ],
    [
      'two lengths',
      `${HOOK}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\ns3cret`,
      '400 Bad Request',
      'bad-request',
    ],
    ['what is no HTTP', '\u0016\u0003\u0001s3cret\r\n\r\n', '400 Bad Request', 'bad-request'],
    [
      'large headers',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'s3cret'.repeat(3_400)}\r\n\r\n`,
      '431 Request Header Fields Too Large',
      'too-large',
    ],
    ['no Host', 'GET /livez HTTP/1.1\r\nX: s3cret\r\n\r\n', '400 Bad Request', 'bad-request'],
    ['two Hosts', 'GET /livez HTTP/1.1\r\nHost: a\r\nhost: s3cret\r\n\r\n', '400 Bad Request', 'bad-request'],
    [
      'no Host, and a body that nobody reads',
      `POST /hooks/v1/generic/mesh HTTP/1.1\r\nContent-Length: 2000000\r\n\r\ns3cret`,
      '400 Bad Request',
      'bad-request',
    ],
    [
      'an expectation that nobody knows',
      'GET /livez HTTP/1.1\r\nHost: a\r\nExpect: s3cret\r\n\r\n',
      '417 Expectation Failed',
      'bad-request',
    ],
  ])('%s: an Error, which says nothing of it', async (_, bytes, status, code) => {
    const answer = await sent(await listening(), bytes);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status}\r\n`));
    const error = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Error', code };
    expect(JSON.parse(body)).toEqual({ ...error, message: expect.any(String), fix: expect.any(String) });
    expect(answer).not.toContain('s3cret');
    expect(errors).toEqual([]);
  });

  it.each([
    ['body', `${HOOK}Content-Length: 200\r\n\r\n{}`],
    ['headers', HOOK],
  ])(
    '%s that do not come whole: 408, about when the timeout ends',
    async (_, bytes) => {
      const answer = await sent(await listening({}, LIMITS), bytes);
      expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ kind: 'Error', code: 'timeout' });
      expect(errors).toEqual([]);
    },
    20_000,
  );

  it.each([
    ['HTTP/1.0, which has no Host', 'GET /livez HTTP/1.0\r\n\r\n', /^HTTP\/1.1 200 OK\r\n/],
    // As to a proxy (RFC 9112, 3.2.2).
    [
      'the whole URL',
      'GET http://a:1/livez?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      /^HTTP\/1.1 200 OK\r\n/,
    ],
    [
      'who waits for 100',
      `${HOOK}Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`,
      /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202 Accepted\r\n/,
    ],
  ])('nothing of it: %s', async (_, bytes, answer) => {
    expect(await sent(await listening(), bytes)).toMatch(answer);
  });

  it('is not answered in the middle of another answer', async () => {
    const stream = 'GET /api/v1/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n';
    const answer = await sent(await listening(), stream, '\u0016garbage\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(answer).not.toContain('"kind": "Error"');
  });
});

test('who asks again on a connection that is still answered is answered alike while it closes', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: read, resolve: answer } = Promise.withResolvers<string>();
  const metrics = () => {
    ask();
    return read;
  };
  let isEnding = false;
  const made = createApp(source({ metrics, draining: () => isEnding }), log);
  const port = Number(new URL(await made.listen({ host: '127.0.0.1', port: 0 })).port);
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.write(request('/metrics'));
  await asked;
  isEnding = true;
  const closed = made.close();
  const came = once(made.server, 'request');
  socket.write(request('/api/v1/scopes'));
  await came;
  answer('');
  let text = '';
  for await (const piece of socket) text += piece;
  await closed;
  const [, last = ''] = text.split(/(?=HTTP\/1.1 503)/);
  expect(JSON.parse(last.split('\r\n\r\n')[1] ?? '')).toMatchObject({ kind: 'Error', code: 'unavailable' });
});

describe('the generic hook', () => {
  const post = (
    url: string,
    payload: string | Buffer = '',
    remoteAddress = '127.0.0.1',
    type = 'application/json',
  ) => app().inject({ method: 'POST', url, payload, remoteAddress, headers: { 'content-type': type } });

  it.each([
    ['', 'application/json'],
    ['{"not json', 'application/json'],
    ['a=b', 'application/x-www-form-urlencoded'],
    ['\u0000', 'image/png'],
  ])('is a hint to fetch, whatever it carries: %j as %s', async (payload, type) => {
    const answer = await post('/hooks/v1/generic/mesh', payload, '127.0.0.1', type);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ kind: 'Accepted', repository: 'mesh' });
    expect(triggered).toEqual(['mesh']);
    expect(hooked).toEqual([['generic', 'accepted']]);
  });

  it('asks for a judgement alone where that is wanted', async () => {
    const asked: string[] = [];
    const trigger = async (_: string, what: string) => asked.push(what) > 0;
    for (const query of ['', '?what=judgement', '?what=source', '?what=other']) {
      const url = `/hooks/v1/generic/mesh${query}`;
      const { statusCode } = await app({ trigger }).inject({ method: 'POST', url });
      expect(statusCode).toBe(query.endsWith('other') ? 400 : 202);
    }
    expect(asked).toEqual(['source', 'judgement', 'source']);
  });

  it('is closed to other machines, whatever their headers say', async () => {
    const made = app();
    const headers = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1' };
    const from = {
      method: 'POST',
      url: '/hooks/v1/generic/mesh',
      remoteAddress: '10.0.0.9',
      headers,
    } as const;
    const answer = await made.inject(from);
    expect(answer.statusCode).toBe(403);
    expect(triggered).toEqual([]);
    expect(hooked).toEqual([['generic', 'forbidden']]);
  });

  it('costs other machines their deliveries, and its body is not read', async () => {
    const made = createApp(source(), log, () => 0);
    open.push(() => made.close());
    const payload = Buffer.alloc(2_000_000);
    const from = {
      method: 'POST',
      url: '/hooks/v1/generic/mesh',
      remoteAddress: '10.0.0.9',
      payload,
    } as const;
    const statuses: number[] = [];
    for (let sent = 0; sent <= HOOK_LIMITS.burst; sent += 1)
      statuses.push((await made.inject(from)).statusCode);
    expect([...new Set(statuses)]).toEqual([403, 429]);
    expect(statuses.indexOf(429)).toBe(HOOK_LIMITS.burst);
    expect((await made.inject({ method: 'POST', url: '/hooks/v1/generic/mesh' })).statusCode).toBe(202);
  });

  it('knows its repositories and its limits', async () => {
    expect((await post('/hooks/v1/generic/none')).statusCode).toBe(404);
    expect((await post('/hooks/v1/generic/mesh', Buffer.alloc(1_048_577))).statusCode).toBe(413);
    expect((await post(`/hooks/v1/generic/${'a'.repeat(1_100)}`)).statusCode).toBe(414);
    expect((await get('/hooks/v1/generic/mesh')).statusCode).toBe(404);
  });
});

describe('suspend and resume', () => {
  const operator = { authorization: 'Bearer s3cret' };
  const brake = (url: string, headers: Readonly<Record<string, string>> = operator) =>
    app().inject({ method: 'POST', url: `/operator/v1/${url}`, headers });
  const why = 'reason=incident%204711&by=ana';

  it('says what, why, who and until when', async () => {
    const answer = await brake(`suspend/acme?${why}&forMs=5000`);
    expect(answer.statusCode).toBe(200);
    const asked = { name: 'acme', reason: 'incident 4711', by: 'ana', forMs: 5_000, untilMs: null };
    expect(answer.json()).toMatchObject({ kind: 'Suspension', ...asked });
    const resumed = await brake(`resume/acme?${why}`);
    expect([resumed.statusCode, resumed.json().code]).toEqual([409, 'not-suspended']);
  });

  it.each([
    ['a program of this machine, and whom a proxy on it speaks for', { 'x-fairlead': 'cli' }],
    ['another secret', { authorization: 'Bearer s3cret2' }],
    ['no secret', { authorization: 'Bearer ' }],
    ['what is no token', { authorization: 'Bearer s3cret, Bearer x' }],
    ['another scheme', { authorization: 'Basic s3cret' }],
  ])('refuses %s', async (_, headers) => {
    for (const act of ['suspend', 'resume']) {
      const { statusCode, headers: said } = await brake(`${act}/acme?${why}`, headers);
      expect([statusCode, said['www-authenticate']]).toEqual([401, 'Bearer']);
      expect((await brake(`${act}/acme`, headers)).statusCode).toBe(401);
    }
  });

  it('is nothing that the prefix of hooks lets through', async () => {
    const url = `/hooks/v1/suspend/acme?${why}`;
    const headers = { ...operator, 'x-fairlead': 'cli', host: '127.0.0.1:15014' };
    expect((await app().inject({ method: 'POST', url, headers })).statusCode).toBe(404);
  });

  it.each([
    '',
    'reason=x',
    'by=x',
    'reason=&by=x',
    'reason=a%0Ab&by=x',
    'reason=a%1B[2J&by=x',
    `reason=${'a'.repeat(501)}&by=x`,
    'reason=a&by=b&untilMs=soon',
    'reason=a&by=b&forMs=0',
    'reason=a&reason=b&by=x',
  ])('refuses %j', async (query) => {
    expect((await brake(`suspend/acme?${query}`)).statusCode).toBe(400);
  });
});

describe('isLoopback', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.8.9.10', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['127.0.0.1.evil', false],
    ['', false],
  ])('%s: %s', (ip, expected) => {
    expect(isLoopback(ip)).toBe(expected);
  });
});

describe('createApi', () => {
  it('listens on a free port, and lets go of it', async () => {
    const api = createApi(source(), log);
    const port = await api.listen('127.0.0.1', 0);
    const answer = await fetch(`http://127.0.0.1:${port}/livez`);
    expect(answer.status).toBe(200);
    await answer.text();
    await api.close();
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
  });
});
