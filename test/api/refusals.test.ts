import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HOOK_LIMITS } from '../../src/api/hooks/index.ts';
import type { ApiSource } from '../../src/api/index.ts';
import { createApp } from '../../src/api/server.ts';
import { apiSource, quiet } from '../server.ts';
import { checker, type Document } from './document.ts';

/** Every refusal that the document has of a route is driven out of a server, and what a server refuses is in the document. */

const TOKEN = 's3cret';
const COMMIT = 'a'.repeat(40);
const WHY = 'by=ana&reason=x';

/** What a route wants to answer: the path, and the headers. */
const ASKED: Readonly<Record<string, string>> = {
  '/api/v1/repositories/{name}/verification': '/api/v1/repositories/mesh/verification',
  '/api/v1/repositories/{name}/commits/{commit}': `/api/v1/repositories/mesh/commits/${COMMIT}`,
  '/api/v1/proxies/{proxy}/config': '/api/v1/proxies/web/config',
  '/api/v1/proxies/{proxy}/origin': '/api/v1/proxies/web/origin?typeUrl=t&name=a&version=1&pointer=/a',
  '/api/v1/decisions': '/api/v1/decisions?scope=acme',
  '/api/v1/lineage': '/api/v1/lineage?scope=acme',
  '/hooks/v1/{provider}/{repository}': '/hooks/v1/generic/mesh',
  '/operator/v1/suspend/{name}': `/operator/v1/suspend/acme?${WHY}`,
  '/operator/v1/resume/{name}': `/operator/v1/resume/acme?${WHY}`,
};
const urlOf = (path: string) => ASKED[path] ?? path;

/** All of it is there but what the routes are asked for in vain. */
const given: Partial<ApiSource> = {
  repositories: () => [{ name: 'mesh' }],
  verification: () => '{}\n',
  follows: async (name) => (name === 'mesh' ? true : null),
  proxies: () => [{ proxy: 'web' }],
  proxyConfig: (proxy) => (proxy === 'web' ? { revision: 'r', resources: [] } : null),
  lineage: (scope) => (scope === 'acme' ? { scope, uid: 'u', entries: [] } : null),
  trigger: async (name) => name === 'mesh',
  mayOperate: (token) => token === TOKEN,
  suspend: async ({ name }) => brake(name),
  resume: async ({ name }) => brake(name),
};
function brake(name: string): Awaited<ReturnType<ApiSource['suspend']>> {
  if (name === 'acme') return { suspension: {} };
  return { code: name === 'none' ? 'not-found' : 'not-suspended', message: name, fix: 'look' };
}

type Method = 'get' | 'post';
type Request = { readonly url: string; readonly headers?: readonly string[]; readonly body?: string };

/** The connection ends with the answer. */
function textOf(method: Method, { url, headers = ['Host: a'], body = '' }: Request): string {
  const lines = [`${method.toUpperCase()} ${url} HTTP/1.1`, ...headers, `Authorization: Bearer ${TOKEN}`];
  return `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`;
}

type Answer = { readonly status: number; readonly body: unknown };

/** What comes back on a connection of its own until the server ends that. */
async function answerTo(port: number, bytes: string): Promise<Answer> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(bytes);
  let text = '';
  for await (const piece of socket) text += piece;
  const end = text.indexOf('\r\n\r\n');
  const status = Number(/^HTTP\/1.1 (\d+) /.exec(text)?.[1]);
  if (status < 400) return { status, body: text.slice(end + 4) };
  expect(text.slice(0, end)).toContain('content-type: application/json; charset=utf-8');
  return { status, body: JSON.parse(text.slice(end + 4)) };
}

const opened: (() => Promise<unknown>)[] = [];
async function listening(
  more: Partial<ApiSource> = {},
  limits?: Parameters<typeof createApp>[3],
): Promise<number> {
  const app = createApp(apiSource({ ...given, ...more }), quiet, () => 0, limits);
  opened.push(() => app.close());
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
}

let document: Document;
let well: number;
let hurried: number;
let ending: number;
let broken: number;
beforeAll(async () => {
  well = await listening();
  hurried = await listening({}, { requestTimeoutMs: 20, checkMs: 5 });
  ending = await listening({ draining: () => true, ready: () => ({ ready: false, message: 'it ends' }) });
  broken = await listening({
    draining() {
      throw new Error('a bug');
    },
  });
  document = JSON.parse(String((await answerTo(well, textOf('get', { url: '/openapi.json' }))).body));
});
afterAll(async () => {
  for (const close of opened) await close();
});

/** Of any route: what is refused whatever it is, or for how it is asked. */
const ANYWHERE: Readonly<Record<string, (method: Method, url: string) => Promise<Answer>>> = {
  'names no Host': (method, url) => answerTo(well, textOf(method, { url, headers: [] })),
  'is no HTTP': (method, url) => answerTo(well, textOf(method, { url, headers: ['Host: a', 'X: \u0001'] })),
  'does not come whole': (method, url) =>
    answerTo(hurried, textOf(method, { url }).replace('\r\n\r\n', '\r\nContent-Length: 9\r\n')),
  'expects what nobody knows': (method, url) =>
    answerTo(well, textOf(method, { url, headers: ['Host: a', 'Expect: x'] })),
  'has large headers': (method, url) =>
    answerTo(well, textOf(method, { url, headers: ['Host: a', `X: ${'x'.repeat(17_000)}`] })),
  'meets a bug': (method, url) => answerTo(broken, textOf(method, { url })),
  'meets an end': (method, url) => answerTo(ending, textOf(method, { url })),
  'has a large body': (method, url) =>
    answerTo(well, textOf(method, { url, headers: ['Host: a', 'Content-Length: 1048577'] })),
  'has no type': (method, url) => {
    const headers = ['Host: a', 'Content-Type: ;', 'Content-Length: 2'];
    return answerTo(well, textOf(method, { url, headers, body: '{}' }));
  },
  'has a query that nobody knows': (method, url) =>
    answerTo(well, textOf(method, { url: `${url}${url.includes('?') ? '&' : '?'}unknown=1` })),
};

/** Of one part of a path at a time. */
const IN_PATHS: Readonly<Record<string, string>> = {
  'a part that is not there': 'none',
  'a part that is too long': 'a'.repeat(1_025),
  'a part that is no UTF-8': '%zz',
  'a part of which it is not so': 'idle',
};

function* withParts(path: string): Generator<readonly [what: string, url: string]> {
  const parts = urlOf(path).split('?')[0]?.split('/') ?? [];
  for (const [at, part] of path.split('/').entries()) {
    if (!part.startsWith('{')) continue;
    for (const [what, other] of Object.entries(IN_PATHS))
      yield [`${what}: ${part}`, urlOf(path).replace(parts.join('/'), parts.with(at, other).join('/'))];
  }
}

/** What one route alone refuses. */
const HOOK = '/hooks/v1/{provider}/{repository}';
const ALONE: Readonly<Record<string, (url: string) => Promise<Answer>>> = {
  '/operator/v1/suspend/{name}': (url) => answerTo(well, textOf('post', { url }).replace(TOKEN, 'x')),
  '/operator/v1/resume/{name}': (url) => answerTo(well, textOf('post', { url }).replace(TOKEN, 'x')),
  '/api/v1/lineage': (url) => answerTo(well, textOf('get', { url: url.replace('acme', 'none') })),
  async [HOOK](url) {
    const port = await listening();
    const signed = textOf('post', { url, headers: ['Host: a', 'X-Signature: x'] });
    for (let sent = 0; sent < HOOK_LIMITS.burst; sent += 1)
      expect((await answerTo(port, signed)).status).toBe(404);
    return answerTo(port, signed);
  },
};

/** From elsewhere than this machine, or for somebody there: a proxy on it says so. */
const forwarded = (url: string) =>
  answerTo(well, textOf('post', { url, headers: ['Host: a', 'X-Forwarded-For: 10.0.0.9'] }));

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({
      ...{ path, method: method as Method, url: urlOf(path) },
      refusals: Object.keys(responses)
        .map(Number)
        .filter((status) => status >= 400),
    })),
  );

test('each refusal that the document has of a route comes from a server, in its form, and no other', async () => {
  for (const { path, method, url, refusals } of operations()) {
    const answers: Promise<readonly [string, Answer]>[] = [];
    const drive = (what: string, answer: Promise<Answer>) => answers.push(answer.then((one) => [what, one]));
    for (const [what, ask] of Object.entries(ANYWHERE)) drive(what, ask(method, url));
    for (const [what, wrong] of withParts(path)) drive(what, answerTo(well, textOf(method, { url: wrong })));
    const alone = ALONE[path];
    if (alone !== undefined) drive('alone', alone(url));
    if (path === HOOK) drive('from elsewhere', forwarded(url));
    const seen = new Set<number>();
    for (const [what, { status, body }] of await Promise.all(answers)) {
      if (status < 400) continue;
      const check = checker(document, path, method, status);
      check(body);
      expect({ path, what, status, errors: check.errors }).toEqual({ path, what, status, errors: null });
      seen.add(status);
    }
    expect({ path, seen: [...seen].toSorted((a, b) => a - b) }).toEqual({ path, seen: refusals });
  }
});
