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
  const fix = 'check the URL, the network and the credentials; the last fetched state stays in use';
  return new Failure('remote-unreachable', `${redacted(url)}: ${why}`, fix, { cause });
}

export function remoteTimeout(url: string, timeoutMs: number): Failure {
  const message = `${redacted(url)} sent nothing for ${timeoutMs} ms`;
  return new Failure('remote-timeout', message, 'it is tried again; raise the timeout if the remote is slow');
}

export function branchMissing(url: string, branch: string): Failure {
  const message = `${redacted(url)} has no branch ${branch}`;
  return new Failure('branch-missing', message, 'push the branch, or configure the right name');
}

export function remoteUnsupported(url: string): Failure {
  const message = `${redacted(url)}: only http, https and local paths can be fetched`;
  return new Failure('remote-unsupported', message, 'use the https URL of the repository');
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

export function shallowClone(path: string): Failure {
  const fix = 'in CI set `fetch-depth: 0`; in a clone run `git fetch --unshallow`';
  return new Failure('shallow-clone', `${path} is a shallow clone: its history is cut off`, fix);
}

/** What an error of the file system is: `disk-full`, or `store-unusable`; null for any other error. */
export function storeFailure(error: unknown, gitdir: string): Failure | null {
  if (!(error instanceof Error) || !('errno' in error && 'code' in error)) return null;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    const fix = 'free space or move the data folder; nothing half-written was kept';
    return new Failure('disk-full', `no space left to store objects in ${gitdir}`, fix, { cause: error });
  }
  const fix = 'check that the folder exists, its owner and its permissions';
  return new Failure('store-unusable', `${gitdir}: ${error.message}`, fix, { cause: error });
}

/** A URL as it may be shown and logged: without user and password. */
function redacted(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/]*@/i, '$1');
}
