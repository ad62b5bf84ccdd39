import type { Failure } from '../base/failure.ts';
import type { Access } from './access.ts';
import {
  branchMissing,
  credentialsRefused,
  hostKeyRefused,
  keyRefused,
  outOfSpace,
  REDIRECTS_TOO_OFTEN,
  redacted,
  remoteUnreachable,
  sha256Unsupported,
  shallowClone,
  sshUnconfigured,
} from './failures.ts';
import { createHttpTransport } from './http-transport.ts';
import type { Environment, Git, Ran } from './native-git.ts';
import type { ObjectId } from './objects.ts';
import { resolveRef } from './refs.ts';
import { remoteKind } from './remote-url.ts';
import { prepareSsh, type SshSettings } from './ssh.ts';
import type { Transport, TransportOptions } from './transport.ts';
import { FETCHED, setHave } from './workspace.ts';

type NativeTransportOptions = TransportOptions & {
  readonly git: Git;
  readonly ssh: SshSettings | null;
};

/** http(s) and SSH by `git ls-remote` and `git fetch`, straight to the URL and into a ref of the workspace. */
export function createNativeTransport(options: NativeTransportOptions): Transport {
  const { files, git, remote, timeoutMs } = options;
  const { branch } = remote;
  const ref = `refs/heads/${branch}`;
  const about = redacted(remote.url);
  const url = remoteKind(remote.url) === 'http' ? about : remote.url;

  async function run(args: readonly string[], signal?: AbortSignal): Promise<Ran> {
    const variables = await connection(options, git.workspace.dir, signal);
    const ran = await git.run(args, { timeoutMs, about, signal }, variables);
    if (ran.code !== 0) throw fetchFailure(ran, options);
    return ran;
  }

  return {
    async tip(signal) {
      const { out } = await run(['ls-remote', '--end-of-options', url, ref], signal);
      const id = out
        .split('\n')
        .find((line) => line.endsWith(`\t${ref}`))
        ?.split('\t')[0];
      if (id === undefined) return askAgain(options, signal);
      if (!/^[0-9a-f]{40}$/.test(id)) throw sha256Unsupported(remote.url);
      return id;
    },
    async fetch(trusted, signal) {
      await setHave(files, git.workspace, trusted);
      const args = [...FETCH, '--end-of-options', url, `+${ref}:${FETCHED}`];
      const ran = await run(args, signal);
      const { dir } = git.workspace;
      return resolveRef(files, { gitdir: dir, headdir: dir }, FETCHED).catch(() => {
        throw fetchFailure(ran, options); // Of a shallow remote git takes the objects and not the ref, and is content.
      });
    },
  };
}

/** Any web page is an empty repository to git (its oldest protocol has no mark of its own), but not to isomorphic-git. */
async function askAgain(options: NativeTransportOptions, signal: AbortSignal | undefined): Promise<ObjectId> {
  const { url, branch } = options.remote;
  if (remoteKind(url) === 'http') await createHttpTransport(options).tip(signal);
  throw branchMissing(url, branch);
}

/** `--progress`: a fetch that goes on says so, and silence means that it hangs. */
const FETCH = [
  'fetch',
  '--progress',
  '--no-tags',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
  '--no-show-forced-updates',
] as const;

/** What the way to this remote takes: the one protocol that git may speak, who we are, and for SSH its key. */
async function connection(
  options: NativeTransportOptions,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Environment> {
  const { files, remote, timeoutMs, ssh, access } = options;
  if (remoteKind(remote.url) === 'http') {
    const protocol = /^https:/i.test(remote.url) ? 'https' : 'http:https';
    return { GIT_ALLOW_PROTOCOL: protocol, ...variablesOf(remote.url, await access.open(signal)) };
  }
  if (ssh === null) throw sshUnconfigured(remote.url);
  return { GIT_ALLOW_PROTOCOL: 'ssh', ...(await prepareSsh(files, folder, ssh, timeoutMs)) };
}

/** Configuration by variables: other users of this machine can list arguments, and not these. */
function variablesOf(url: string, { authorization, caFile, proxy }: Access): Environment {
  const login = authorization ?? loginOf(url);
  const said: readonly (readonly [string, string])[] = [
    ...(login === null
      ? []
      : ([
          ['http.extraHeader', `Authorization: ${login}`],
          ['http.followRedirects', 'false'],
        ] as const)),
    ...(caFile === null ? [] : ([['http.sslCAInfo', caFile]] as const)),
    ...(proxy === null ? [] : ([['http.proxy', proxy]] as const)),
  ];
  const numbered = said.flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${at}`, key] as const,
    [`GIT_CONFIG_VALUE_${at}`, value] as const,
  ]);
  const everywhere = proxy === null ? {} : { no_proxy: '', NO_PROXY: '' };
  return { GIT_CONFIG_COUNT: String(said.length), ...Object.fromEntries(numbered), ...everywhere };
}

/** User and password of an http URL. */
function loginOf(url: string): string | null {
  const { username, password } = new URL(url);
  if (username === '' && password === '') return null;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

/** A percent sign that nobody escaped stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What git says for itself, in the order in which it is looked for. Lines of the remote (`remote: `) prove nothing. */
function fetchFailure({ code, err }: Ran, { gitdir, remote, access }: NativeTransportOptions): Failure {
  const { url, branch } = remote;
  const own = err
    .split(/[\r\n]+/)
    .filter((line) => line !== '' && !line.startsWith('remote: '))
    .map((line) => line.replaceAll(url, redacted(url)));
  const says = (pattern: RegExp) => own.some((line) => pattern.test(line));
  if (says(/No space left on device|Disk quota exceeded/)) return outOfSpace(gitdir, err);
  if (says(/couldn't find remote ref/)) return branchMissing(url, branch);
  if (says(/mismatched algorithms|unsupported object format|unknown object format/))
    return sha256Unsupported(url);
  if (says(/shallow/)) return shallowClone('the remote');
  if (says(/^Host key verification failed|HOST IDENTIFICATION HAS CHANGED/)) return hostKeyRefused(url);
  if (says(/Permission denied \(|Load key .*(?:invalid format|error in libcrypto|bad permissions)/))
    return keyRefused(url);
  const refused = own.map((line) => REFUSED.exec(line)).find((found) => found !== null);
  if (refused !== undefined) {
    access.forget();
    return credentialsRefused(url, `HTTP status ${refused[1] ?? 401}`, access.from);
  }
  if (says(/Maximum \(\d+\) redirects followed/)) return remoteUnreachable(url, REDIRECTS_TOO_OFTEN, err);
  if (says(/^fatal: unable to update url base from redirection/)) {
    const to = own.map((line) => /^\s*redirect: (.+)$/.exec(line)?.[1]).find((found) => found !== undefined);
    return remoteUnreachable(url, `redirects to ${redacted(to ?? 'a place')}, which is no repository`, err);
  }
  const last = own.filter((line) => /^(?:fatal|error|ssh):? /.test(line))[0] ?? own.at(-1);
  return remoteUnreachable(url, last ?? `git ends with status ${code}`, err);
}

const REFUSED =
  /requested URL returned error: (40[13])|^fatal: (?:Authentication failed for|could not read (?:Username|Password) for) /;
