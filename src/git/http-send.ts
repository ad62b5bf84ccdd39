import type { Agent as HttpAgent, IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { REDIRECTS_TOO_OFTEN } from './failures.ts';
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
type Setup = { readonly ca: string | null; readonly proxies: Environment };

export function createSender(setup: Setup): Sender {
  let agents: Promise<Agents> | null = null;

  async function send(request: Request, redirects = 0): Promise<Response> {
    const { url } = request;
    agents ??= openAgents(setup);
    const response = await once(request, await agents);
    const status = response.statusCode ?? 0;
    const next = redirected(request, status, response.headers.location);
    if (next === null) return { ...shown(response), url, status };
    response.resume();
    if (redirects === REDIRECTS) throw new Error(REDIRECTS_TOO_OFTEN);
    return send(next, redirects + 1);
  }

  return (request) => send(request);
}

type Agents = { readonly http: HttpAgent; readonly https: HttpsAgent };

/** Loaded with the first request: Node takes a quarter of a command's start for them, and most commands ask nobody. */
const modules = () => Promise.all([import('node:http'), import('node:https')]);

async function openAgents({ ca, proxies }: Setup): Promise<Agents> {
  const [http, https] = await modules();
  const options = { keepAlive: true, timeout: IDLE_MS, proxyEnv: proxies };
  return {
    http: new http.Agent(options),
    https: new https.Agent({ ...options, ...(ca === null ? {} : { ca }) }),
  };
}

async function once(
  { url, method, headers, body, signal }: Request,
  agents: Agents,
): Promise<IncomingMessage> {
  const [http, https] = await modules();
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options = {
      method,
      headers: { ...headers, ...length },
      ...(signal === undefined ? {} : { signal }),
    };
    const sent = url.startsWith('https:')
      ? https.request(url, { ...options, agent: agents.https })
      : http.request(url, { ...options, agent: agents.http });
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
