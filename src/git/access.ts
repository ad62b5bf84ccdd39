import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { readSecretFile } from '../base/secret-file.ts';
import { mayCarrySecret } from '../base/secret-url.ts';
import { caFileUnusable, credentialsUnsafe } from './failures.ts';
import { createGithubApp } from './github-app.ts';
import { createSender, type Sender } from './http-send.ts';
import type { Environment } from './native-git.ts';
import { remoteKind } from './remote-url.ts';

/** How an http(s) remote lets us in, and by which way. Paths are absolute. */
export type AccessSettings = {
  /** Of the secret in `tokenFile`. */
  readonly username: string;
  /** A token or password, alone in its file. */
  readonly tokenFile: string | null;
  /** What a GitHub App has: its id, that of an installation, and its private key. */
  readonly githubAppFile: string | null;
  /** Certificates in PEM: the only authorities that are believed. */
  readonly caFile: string | null;
  /** `http://host:port`; null: as the variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` have it. */
  readonly proxy: string | null;
};

/** What counts for one operation. Nothing of it is ever shown. */
export type Access = {
  /** Value of the header `Authorization`; null: none. */
  readonly authorization: string | null;
  readonly caFile: string | null;
  readonly proxy: string | null;
  readonly send: Sender;
};

export interface AccessSource {
  /** Which file says who we are, for the one who has to correct it; null: none. */
  readonly from: string | null;
  /** Reads the files as they are now. Throws `Failure` `secret-file-unusable`, `ca-file-unusable`, `credentials-unsafe`, `github-app-…`. */
  open(signal?: AbortSignal): Promise<Access>;
  /** What was let in before was refused: it is made anew. */
  forget(): void;
}

const NOTHING: AccessSettings = {
  username: '',
  tokenFile: null,
  githubAppFile: null,
  caFile: null,
  proxy: null,
};

export function createAccess(
  url: string | null,
  settings: AccessSettings | null = null,
  environment: Environment = {},
): AccessSource {
  const { username, tokenFile, githubAppFile, caFile, proxy } = settings ?? NOTHING;
  const app = githubAppFile === null ? null : createGithubApp(githubAppFile);
  const proxies = proxy === null ? environment : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  return {
    from: githubAppFile ?? tokenFile,
    forget: () => app?.forget(),
    async open(signal) {
      const send = createSender({ ca: caFile === null ? null : await readAuthorities(caFile), proxies });
      const way = { caFile, proxy, send };
      if (url === null || remoteKind(url) !== 'http' || (app ?? tokenFile) === null)
        return { ...way, authorization: null };
      if (!mayCarrySecret(url)) throw credentialsUnsafe(url);
      if (app !== null)
        return { ...way, authorization: basic('x-access-token', await app.token(send, signal)) };
      return {
        ...way,
        authorization: basic(username, tokenFile === null ? '' : await readSecretFile(tokenFile)),
      };
    },
  };
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function readAuthorities(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw caFileUnusable(path, 'cannot be read', error);
  });
  try {
    new X509Certificate(text);
    return text;
  } catch (error) {
    throw caFileUnusable(path, 'holds no certificate in PEM', error);
  }
}
