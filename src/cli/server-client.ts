import type { Command } from 'commander';
import { Failure } from '../base/failure.ts';
import { mayCarrySecret } from '../base/secret-url.ts';
import type { Context } from './context.ts';

const TIMEOUT_MS = 10_000;

/** The server that is meant where none is named. */
export function defaultServer({ environment }: Pick<Context, 'environment'>): string {
  return environment.FAIRLEAD_SERVER || 'http://127.0.0.1:15014';
}

/** The option of every command that asks a running server. */
export function serverOption(command: Command, context: Context): Command {
  const help = 'HTTP address of `fairlead serve`, else FAIRLEAD_SERVER';
  return command.option('--server <url>', help, defaultServer(context));
}

/**
 * Asks a server to judge a repository anew, of `source` after it has fetched. Throws Failure server-unreachable, server-timeout, or what
 * the server says against it.
 */
export async function trigger(
  server: string,
  repository: string,
  what: 'source' | 'judgement',
): Promise<void> {
  const url = urlOf(server, `hooks/v1/generic/${encodeURIComponent(repository)}`);
  url.searchParams.set('what', what);
  await post(url);
}

/** The secret in the data folder of the server, read where it may be sent. */
export type Token = () => Promise<string>;

/** Stops changes of something, or lets them go on; what is in force then. Throws as `trigger` and `token` do, and Failure credentials-unsafe. */
export async function brake(
  server: string,
  act: 'suspend' | 'resume',
  name: string,
  query: Readonly<Record<string, string>>,
  token: Token,
): Promise<Readonly<Record<string, unknown>>> {
  const url = urlOf(server, `operator/v1/${act}/${encodeURIComponent(name)}`);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  if (!mayCarrySecret(url.href)) throw inPlainText(url);
  // A redirect is an answer: nobody else is told the secret.
  return post(url, { headers: { authorization: `Bearer ${await token()}` }, redirect: 'manual' });
}

function inPlainText(url: URL): Failure {
  const message = `${url.origin} would be told the secret of its operators in plain text`;
  const fix = 'run this on that machine, or forward its port to this one and name a copy with --token-file';
  return new Failure('credentials-unsafe', message, fix);
}

async function post(url: URL, init: RequestInit = {}): Promise<Readonly<Record<string, unknown>>> {
  const answer = await ask(url, { method: 'POST', ...init });
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok && typeof body === 'object' && body !== null)
    return body as Readonly<Record<string, unknown>>;
  const said = (field: string) => String((body as Readonly<Record<string, unknown>> | null)?.[field] ?? '');
  if (said('code') === '') throw refused(url, `status ${answer.status}`);
  throw new Failure(said('code'), said('message'), said('fix'));
}

/** One document of the server's API, whatever the status. Throws as `readItems` does. */
export async function readDocument(server: string, path: string): Promise<Readonly<Record<string, unknown>>> {
  const url = urlOf(server, path);
  const body: unknown = await (await ask(url)).json().catch(() => null);
  if (typeof body === 'object' && body !== null) return body as Readonly<Record<string, unknown>>;
  throw refused(url, 'the answer is no JSON object');
}

/** What a server answers that is no JSON; null where it has no such path. Throws as `readItems` does. */
export async function readText(server: string, path: string): Promise<string | null> {
  const url = urlOf(server, path);
  const answer = await ask(url);
  if (answer.status === 404) return null;
  if (!answer.ok) throw refused(url, `status ${answer.status}`);
  return answer.text();
}

/** What a server sends for as long as it likes, piece by piece, until the signal. Throws as `readItems` does. */
export async function openStream(
  server: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<AsyncIterable<string>> {
  const url = urlOf(server, path);
  const init = { headers: { accept: 'text/event-stream', ...headers }, signal };
  const { ok, status, body } = await fetch(url, init).catch((cause) => {
    throw unreachable(url, cause);
  });
  if (!ok || body === null) throw refused(url, `status ${status}`);
  return pieces(url, body.pipeThrough(new TextDecoderStream()));
}

async function* pieces(url: URL, stream: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* stream;
  } catch (cause) {
    throw unreachable(url, cause); // It was cut off.
  }
}

/** All items of a list of the server's API, page by page. Throws Failure server-unreachable, server-timeout or server-refused. */
export async function readItems(
  server: string,
  path: string,
  timeoutMs = TIMEOUT_MS,
): Promise<readonly unknown[]> {
  const url = urlOf(server, path);
  const all: unknown[] = [];
  for (let after = ''; ; ) {
    const { items, next } = await readPage(url, timeoutMs);
    all.push(...items);
    if (next === null) return all;
    // Pages are in key order: one that does not go forward would be asked for again without end.
    if (next <= after) throw refused(url, 'its pages do not end');
    after = next;
    url.searchParams.set('after', after);
  }
}

function urlOf(server: string, path: string): URL {
  const url = URL.parse(path, server.endsWith('/') ? server : `${server}/`);
  if (url !== null && /^https?:$/.test(url.protocol)) {
    if (url.username === '' && url.password === '') return url;
    const message = `${url.origin} is given with a user or a password, and asks for none`;
    throw new Failure('server-refused', message, 'leave out all before @');
  }
  throw new Failure(
    'server-refused',
    `${server} is no http(s) URL`,
    'write --server (or FAIRLEAD_SERVER) http://host:port',
  );
}

type Page = { readonly items: readonly unknown[]; readonly next: string | null };

/** One page. A list without `next` is whole. */
async function readPage(url: URL, timeoutMs: number): Promise<Page> {
  const answer = await ask(url, {}, timeoutMs);
  const body: unknown = await answer.json().catch(() => null);
  if (typeof body !== 'object' || body === null) throw refused(url, 'the answer is no JSON object');
  if ('items' in body && Array.isArray(body.items)) {
    const next = 'next' in body && typeof body.next === 'string' ? body.next : null;
    return { items: body.items, next };
  }
  throw refused(url, 'message' in body ? String(body.message) : `status ${answer.status}`);
}

async function ask(url: URL, init: RequestInit = {}, timeoutMs = TIMEOUT_MS): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

function unreachable(url: URL, cause: unknown): Failure {
  const start = 'start `fairlead serve`, or name it with --server';
  if (cause instanceof DOMException && cause.name === 'TimeoutError')
    return new Failure('server-timeout', `${url.origin} does not answer`, start, { cause });
  const { code = '', message = '' } = reasonOf(cause);
  // Without a code it is fetch itself that asks nobody at a port such as 1.
  const isNobody = code === '' || code === 'ECONNREFUSED';
  const said = isNobody ? `nobody listens at ${url.origin}` : `${url.origin} cannot be reached: ${message}`;
  const fix = /CERT|SIGNATURE/.test(code) ? TRUST : isNobody ? start : 'look at --server and the network';
  return new Failure('server-unreachable', said, fix, { cause });
}

const TRUST = 'name a file with the authority of its certificate in NODE_EXTRA_CA_CERTS';

/** What `fetch` failed of: it says so beneath a TypeError that is always the same. */
function reasonOf(error: unknown): { readonly code?: string; readonly message?: string } {
  const inner = error instanceof TypeError ? error.cause : error;
  return inner instanceof Error ? inner : {};
}

function refused(url: URL, reason: string): Failure {
  return new Failure('server-refused', `${url}: ${reason}`, 'check that --server is a Fairlead server');
}
