import type { HttpClient } from 'isomorphic-git';
import { Failure } from '../base/failure.ts';
import type { Access } from './access.ts';
import { remoteBusy, remoteTimeout, remoteUnreachable, sha256Unsupported, shallowClone } from './failures.ts';
import type { Response } from './http-send.ts';
import { retryAfterMs } from './retry-after.ts';

/** How long a remote may be silent, in milliseconds, and who else may end the wait. */
export type Patience = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined };

/**
 * Git's HTTP for one operation. An answer is read to its end before anybody parses it: the parser keeps the pack in memory
 * anyway, and loses errors that happen halfway. Throws `Failure` `remote-unreachable`, `remote-timeout`, `shallow-clone`.
 */
export function createHttp({ timeoutMs, signal }: Patience, { authorization, send }: Access): HttpClient {
  const login = authorization === null ? {} : { authorization };
  return {
    async request({ url, method = 'GET', headers = {}, body }) {
      const silence = watchSilence(timeoutMs);
      const signals = signal === undefined ? [silence.signal] : [silence.signal, signal];
      try {
        const sent = body === undefined ? {} : { body: await gather(body) };
        const all = { ...headers, ...login };
        const response = await send({ url, method, headers: all, ...sent, signal: AbortSignal.any(signals) });
        const received = await gather(response.body, silence.heard);
        refuseBusy(url, response);
        checkAdvertisement(url, received);
        return {
          url: response.url,
          method,
          headers: response.headers,
          body: once(received),
          statusCode: response.status,
          statusMessage: response.statusText,
        };
      } catch (error) {
        if (error instanceof Failure || signal?.aborted) throw signal?.reason ?? error;
        if (silence.signal.aborted) throw remoteTimeout(url, timeoutMs);
        throw remoteUnreachable(url, reason(error), error);
      } finally {
        silence.stop();
      }
    },
  };
}

/** Aborts when nothing was heard for `timeoutMs`: a long clone may go on, a hanging one may not. */
function watchSilence(timeoutMs: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  return { signal: controller.signal, heard: () => void timer.refresh(), stop: () => clearTimeout(timer) };
}

const ANSWER_BYTES = 1024 * 1024 * 1024;

async function gather(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, heard = () => {}) {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    heard();
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES) throw new Error(`the answer is larger than ${ANSWER_BYTES} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

async function* once(bytes: Uint8Array): AsyncIterableIterator<Uint8Array> {
  yield bytes;
}

/** Too many requests (RFC 6585), or not now. isomorphic-git says the status, and not for how long. */
function refuseBusy(url: string, { status, headers }: Response): void {
  const forMs = status === 429 || status === 503 ? retryAfterMs(headers) : null;
  if (forMs !== null) throw remoteBusy(url, status, forMs);
}

/**
 * What a remote says of itself before any fetch, and isomorphic-git is deaf to: that it is a shallow clone (gitprotocol-pack,
 * `shallow` lines after the refs), and that it names objects by SHA-256 (gitprotocol-capabilities, `object-format`).
 */
function checkAdvertisement(url: string, received: Buffer): void {
  if (!url.includes('/info/refs?service=')) return;
  const text = received.toString('latin1');
  if (/\n0035shallow [0-9a-f]{40}/.test(text)) throw shallowClone('the remote');
  if (/[\0 \n][0-9a-f]{0,4}object-format=sha256[ \n]/.test(text)) throw sha256Unsupported(url);
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
