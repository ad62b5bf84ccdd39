import type { Command } from 'commander';
import { Failure } from '../base/failure.ts';

const TIMEOUT_MS = 10_000;

/** The option of every command that asks a running server. */
export function serverOption(command: Command): Command {
  return command.option('--server <url>', 'HTTP address of `fairlead serve`', 'http://127.0.0.1:15014');
}

/** The items of a list of the server's API. Throws Failure server-unreachable, server-timeout or server-refused. */
export async function readItems(server: string, path: string): Promise<readonly unknown[]> {
  const url = new URL(path, server.endsWith('/') ? server : `${server}/`);
  const answer = await ask(url);
  const body: unknown = await answer.json().catch(() => null);
  if (typeof body !== 'object' || body === null) throw refused(url, 'the answer is no JSON object');
  if ('items' in body && Array.isArray(body.items)) return body.items;
  throw refused(url, 'message' in body ? String(body.message) : `status ${answer.status}`);
}

async function ask(url: URL): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === 'TimeoutError';
    const code = late ? 'server-timeout' : 'server-unreachable';
    const message = late ? `${url.origin} does not answer` : `nobody listens at ${url.origin}`;
    throw new Failure(code, message, 'start `fairlead serve`, or name it with --server', { cause });
  }
}

function refused(url: URL, reason: string): Failure {
  return new Failure('server-refused', `${url}: ${reason}`, 'check that --server is a Fairlead server');
}
