import { Failure } from '../base/failure.ts';
import type { ObjectId } from './objects.ts';

/** Every operational failure of the room, in one place; `index.ts` lists the codes. */

export function objectMissing(id: ObjectId, gitdir: string): Failure {
  return new Failure(
    'object-missing',
    `object ${id} is not in ${gitdir}`,
    'fetch again; a full clone has it',
  );
}

export function objectCorrupt(id: ObjectId, gitdir: string, cause?: unknown): Failure {
  const message = `object ${id} in ${gitdir} does not hash to its name`;
  return new Failure('object-corrupt', message, 'run `git fsck`, or remove the store and fetch again', {
    cause,
  });
}

export function objectMalformed(id: ObjectId, wanted: 'commit' | 'tree' | 'blob'): Failure {
  return new Failure(
    'object-malformed',
    `object ${id} is not a well-formed ${wanted}`,
    'remove the reference to it',
  );
}

/** Said of what could be read in another form, so it is no answer. */
export function objectTooLarge(what: string, pack: string): Failure {
  const message = `${what} is in ${pack} a delta of one that is larger than any may be`;
  return new Failure(
    'object-too-large',
    message,
    'use --git-backend native, or run `git repack -a -d -F` there',
  );
}

/** Bytes that are not what their name is used for: the same on every machine, so an answer and not a failure. */
export async function nullIfMalformed<Value>(reading: Promise<Value>): Promise<Value | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Failure && error.code === 'object-malformed') return null;
    throw error;
  }
}

export function remoteUnreachable(url: string, why: string, cause?: unknown): Failure {
  const check = /certificate/i.test(why)
    ? 'name the authority of its certificate in caFile (--ca-file)'
    : 'check the URL, the network and the credentials';
  const fix = `${check}; the last fetched state stays in use`;
  return new Failure('remote-unreachable', `${redacted(url)}: ${why}`, fix, { cause });
}

/** It answers, and wants to be left alone. */
export function remoteBusy(url: string, status: number, retryAfterMs: number): Failure {
  const fix = 'wait so long, and ask less often (poll); the last fetched state stays in use';
  const message = `${redacted(url)}: answers with HTTP status ${status}`;
  return new Failure('remote-unreachable', message, fix, { retryAfterMs });
}

export const REDIRECTS_TOO_OFTEN = 'redirects again and again, perhaps to itself';

export function credentialsRefused(url: string, status: string, from: string | null): Failure {
  const message = `${redacted(url)} does not let us in (${status})`;
  const fix =
    from === null
      ? 'give --token-file or --github-app-file; the last fetched state stays in use'
      : `renew what is in ${from}, and see that it may read this repository; it is read again at each try`;
  return new Failure('credentials-refused', message, fix);
}

export function credentialsUnsafe(url: string): Failure {
  const message = `${redacted(url)}: credentials would be sent in plain text`;
  return new Failure('credentials-unsafe', message, 'use the https URL');
}

export function caFileUnusable(path: string, why: string, cause: unknown): Failure {
  const fix = 'name a file of certificates (-----BEGIN CERTIFICATE-----) that can be read';
  return new Failure('ca-file-unusable', `${path} ${why}`, fix, { cause });
}

export function githubAppInvalid(path: string, why: string): Failure {
  const fix = 'write YAML with appId, installationId and privateKey; of GitHub Enterprise apiUrl, too';
  return new Failure('github-app-invalid', `${path} ${why}`, fix);
}

export function githubAppRefused(url: string, why: string, retryAfterMs: number | null = null): Failure {
  const fix = 'check the ids and the key of the app, that it is installed, and that it may read contents';
  return new Failure('github-app-refused', `${url}: ${why}`, fix, { retryAfterMs });
}

export function remoteTimeout(url: string, timeoutMs: number): Failure {
  const message = `${redacted(url)} sent nothing for ${timeoutMs} ms`;
  return new Failure(
    'remote-timeout',
    message,
    'it is tried again; raise fetchTimeout if the remote is slow',
  );
}

export function branchMissing(url: string, branch: string): Failure {
  const message = `${redacted(url)} has no branch ${branch}`;
  return new Failure('branch-missing', message, 'push the branch, or configure the right name');
}

export function remoteUnsupported(url: string): Failure {
  const message = `${redacted(url)}: only http, https, file URLs, local paths and (with the git command) SSH can be fetched`;
  return new Failure(
    'remote-unsupported',
    message,
    'use the https URL; SSH needs --git-backend native or auto',
  );
}

export function hostKeyRefused(url: string): Failure {
  const message = `${redacted(url)}: the host’s key is not the one in the known hosts file`;
  const fix = 'add the key that the host’s operator publishes (not what `ssh-keyscan` finds) to the file';
  return new Failure('ssh-host-refused', message, fix);
}

export function keyRefused(url: string): Failure {
  const message = `${redacted(url)}: the host refuses our key`;
  return new Failure('ssh-key-refused', message, 'register the public key there as a read-only deploy key');
}

export function sshUnconfigured(url: string): Failure {
  const message = `${redacted(url)} is fetched over SSH, which needs a key file and a known hosts file`;
  return new Failure('ssh-unconfigured', message, 'give --ssh-key-file and --known-hosts-file');
}

export function sshFileUnusable(path: string, why: string, fix: string): Failure {
  return new Failure('ssh-file-unusable', `${path} ${why}`, fix);
}

export function gitMissing(cause?: unknown): Failure {
  const fix = 'install git, or use --git-backend isomorphic, which needs none';
  return new Failure('git-missing', 'the git command cannot be started', fix, { cause });
}

export function gitUnsupported(found: string, needed: string): Failure {
  const fix = `install git ${needed} or newer, or use --git-backend isomorphic`;
  return new Failure('git-unsupported', `${JSON.stringify(found)} is too old or no git`, fix);
}

export function refMissing(ref: string, gitdir: string): Failure {
  const fix = 'name a branch, a full ref, HEAD or a full commit id';
  return new Failure('ref-missing', `${JSON.stringify(ref)} names no commit in ${gitdir}`, fix);
}

export function repositoryMissing(path: string): Failure {
  return new Failure(
    'repository-missing',
    `${path} is not a git repository`,
    'clone it there, or name another path',
  );
}

export function repositoryUnsupported(code: string, path: string, what: string): Failure {
  return new Failure(
    code,
    `${path} ${what}`,
    'make a plain full clone: `git clone --no-reference`, SHA-1, files',
  );
}

export function sha256Unsupported(url: string): Failure {
  return repositoryUnsupported('sha256-unsupported', redacted(url), 'names its objects by SHA-256');
}

export function partialClone(path: string): Failure {
  const fix = 'clone without `--filter`; in CI set `filter` to nothing';
  return new Failure('partial-clone', `${path} is a partial clone: it lacks objects`, fix);
}

export function shallowClone(path: string): Failure {
  const fix = 'in CI set `fetch-depth: 0`; in a clone run `git fetch --unshallow`';
  return new Failure('shallow-clone', `${path} is a shallow clone: its history is cut off`, fix);
}

/** What an error of the file system is: `disk-full`, or `store-unusable`; null for any other error. */
export function storeFailure(error: unknown, gitdir: string): Failure | null {
  if (!(error instanceof Error) || !('errno' in error && 'code' in error)) return null;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return outOfSpace(gitdir, error);
  const fix = 'check that the folder exists, its owner and its permissions';
  return new Failure('store-unusable', `${gitdir}: ${error.message}`, fix, { cause: error });
}

export function outOfSpace(gitdir: string, cause: unknown): Failure {
  const fix = 'free space or move the data folder; nothing half-written was kept';
  return new Failure('disk-full', `no space left to store objects in ${gitdir}`, fix, { cause });
}

/** A URL as it may be shown and logged: without user and password. */
export function redacted(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/]*@/i, '$1');
}
