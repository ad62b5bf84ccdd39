import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { parse } from 'yaml';
import { readSecretFile } from '../base/secret-file.ts';
import { githubAppInvalid, githubAppRefused } from './failures.ts';
import type { Response, Sender } from './http-send.ts';
import { retryAfterMs } from './retry-after.ts';

/** A GitHub App's tokens, as "Generating an installation access token" of GitHub's documentation has it. */
export interface GithubApp {
  /** Good for at least a few minutes. Throws `Failure` `secret-file-unusable`, `github-app-invalid`, `github-app-refused`. */
  token(send: Sender, signal?: AbortSignal): Promise<string>;
  forget(): void;
}

type App = {
  readonly appId: string;
  readonly installationId: string;
  readonly key: KeyObject;
  readonly apiUrl: string;
};

const EARLY_MS = 300_000;
/** GitHub takes ten minutes at most, by its own clock. */
const JWT_S = 540;
const SKEW_S = 60;

/** `path`: a secret file in YAML or JSON, read at each use. */
export function createGithubApp(path: string): GithubApp {
  let known: { readonly text: string; readonly token: string; readonly untilMs: number } | null = null;
  return {
    forget() {
      known = null;
    },
    async token(send, signal) {
      const text = await readSecretFile(path);
      if (known !== null && known.text === text && known.untilMs - EARLY_MS > Date.now()) return known.token;
      const answer = await ask(readApp(path, text), send, signal);
      known = { text, ...answer };
      return answer.token;
    },
  };
}

function readApp(path: string, text: string): App {
  const { appId, installationId, privateKey, apiUrl = 'https://api.github.com' } = fieldsOf(path, text);
  const id = (name: string, value: unknown) => {
    if (/^[A-Za-z0-9._-]{1,64}$/.test(String(value ?? ''))) return String(value);
    throw githubAppInvalid(path, `has no ${name}`);
  };
  if (typeof apiUrl !== 'string' || !isApi(apiUrl))
    throw githubAppInvalid(path, 'has an apiUrl that is no https URL');
  return {
    appId: id('appId', appId),
    installationId: id('installationId', installationId),
    key: keyOf(path, privateKey),
    apiUrl: apiUrl.replace(/\/+$/, ''),
  };
}

function fieldsOf(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const fields: unknown = parse(text);
    if (typeof fields === 'object' && fields !== null) return fields as Readonly<Record<string, unknown>>;
  } catch {
    // What the parser says would quote the file.
  }
  throw githubAppInvalid(path, 'is no YAML or JSON object');
}

function keyOf(path: string, text: unknown): KeyObject {
  try {
    const key = createPrivateKey(String(text));
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // What the parser says may quote the key.
  }
  throw githubAppInvalid(path, 'has no privateKey (RSA, PEM)');
}

/** The JWT goes in plain text to this machine alone. */
function isApi(url: string): boolean {
  const parsed = URL.parse(url);
  if (parsed === null) return false;
  return parsed.protocol === 'https:' || (parsed.protocol === 'http:' && parsed.hostname === '127.0.0.1');
}

async function ask(
  { appId, installationId, key, apiUrl }: App,
  send: Sender,
  signal: AbortSignal | undefined,
) {
  const url = `${apiUrl}/app/installations/${installationId}/access_tokens`;
  const headers = {
    authorization: `Bearer ${jwt(appId, key)}`,
    accept: 'application/vnd.github+json',
    'user-agent': 'fairlead',
    'x-github-api-version': '2022-11-28',
  };
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const response = await send({ url, method: 'POST', headers, body: new Uint8Array(), signal: either }).catch(
    (error: unknown) => {
      if (signal?.aborted) throw signal.reason;
      throw githubAppRefused(url, error instanceof Error ? error.message : String(error));
    },
  );
  const answer = await jsonOf(response);
  const { token, expires_at: until } = answer;
  const untilMs = Date.parse(String(until));
  if (response.status !== 201 || typeof token !== 'string' || Number.isNaN(untilMs))
    throw githubAppRefused(
      url,
      `answers with HTTP status ${response.status}`,
      retryAfterMs(response.headers),
    );
  return { token, untilMs };
}

const TIMEOUT_MS = 30_000;
const ANSWER_BYTES = 1024 * 1024;

async function jsonOf({ body }: Response): Promise<Readonly<Record<string, unknown>>> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += part.length;
      if (bytes > ANSWER_BYTES) return {};
      parts.push(part);
    }
    return { ...JSON.parse(Buffer.concat(parts).toString('utf8')) };
  } catch {
    return {};
  }
}

/** RFC 7519 with RS256 (RFC 7518, 3.3). */
function jwt(appId: string, key: KeyObject): string {
  const nowS = Math.floor(Date.now() / 1_000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iat: nowS - SKEW_S, exp: nowS + JWT_S, iss: appId };
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
}
