import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Environment } from './native-git.ts';

type Request = {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
};

export type Response = {
  /** After redirects. */
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
};

/** One request of http(s). Rejects with what the network says, or with the signal's reason. */
export type Sender = (request: Request) => Promise<Response>;

const IDLE_MS = 4_000;
const REDIRECTS = 5;

/** `ca`: in PEM, in the place of those that Node knows. `proxies`: variables such as `HTTPS_PROXY` and `NO_PROXY`. */
export function createSender({ ca, proxies }: { ca: string | null; proxies: Environment }): Sender {
  const options = { keepAlive: true, timeout: IDLE_MS, proxyEnv: proxies };
  const http = new HttpAgent(options);
  const https = new HttpsAgent({ ...options, ...(ca === null ? {} : { ca }) });

  async function send(request: Request, redirects = 0): Promise<Response> {
    const { url } = request;
    const response = await once(request, url.startsWith('https:') ? { https } : { http });
    const status = response.statusCode ?? 0;
    const next = redirects < REDIRECTS ? redirected(request, status, response.headers.location) : null;
    if (next === null) return { ...shown(response), url, status };
    response.resume();
    return send(next, redirects + 1);
  }

  return (request) => send(request);
}

function once(
  { url, method, headers, body, signal }: Request,
  agents: { readonly http?: HttpAgent; readonly https?: HttpsAgent },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options = {
      method,
      headers: { ...headers, ...length },
      ...(signal === undefined ? {} : { signal }),
    };
    const sent =
      agents.https === undefined
        ? httpRequest(url, { ...options, agent: agents.http })
        : httpsRequest(url, { ...options, agent: agents.https });
    sent.on('response', resolve).on('error', reject);
    sent.end(body);
  });
}

/** Null where the answer is no redirect that may be followed. Another origin never hears who we are. */
function redirected(request: Request, status: number, location: string | undefined): Request | null {
  const follows = request.method === 'GET' ? [301, 302, 303, 307, 308] : [307, 308];
  const from = new URL(request.url);
  const to = location === undefined ? null : URL.parse(location, request.url);
  if (to === null || !follows.includes(status) || !/^https?:$/.test(to.protocol)) return null;
  if (from.protocol === 'https:' && to.protocol !== 'https:') return null;
  const others = Object.entries(request.headers).filter(([name]) => !/^authorization$/i.test(name));
  const headers = from.origin === to.origin ? request.headers : Object.fromEntries(others);
  return { ...request, url: to.href, headers };
}

function shown(response: IncomingMessage): Pick<Response, 'statusText' | 'headers' | 'body'> {
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
  return { statusText: response.statusMessage ?? '', headers: Object.fromEntries(headers), body: response };
}
