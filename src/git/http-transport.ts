import { Failure } from '../base/failure.ts';
import type { Remote } from './backend.ts';
import { branchMissing, credentialsRefused, remoteUnreachable, sha256Unsupported } from './failures.ts';
import type { Files } from './files.ts';
import { createHttp } from './http.ts';
import type { ObjectId } from './objects.ts';
import { indexPack } from './pack-index.ts';
import { resolveRef } from './refs.ts';
import type { Transport, TransportOptions } from './transport.ts';

/** Git's smart HTTP by isomorphic-git: `ls-refs` of version 2 for the tip, version 0 for the pack. */
export function createHttpTransport(options: TransportOptions): Transport {
  const { files, gitdir, remote, timeoutMs, access } = options;
  const { url, branch } = remote;
  const ref = `refs/heads/${branch}`;
  return {
    tip: (signal) =>
      asFailures(options, signal, async (git) => {
        const http = createHttp({ timeoutMs, signal }, await access.open(signal));
        const refs = await git.listServerRefs({ http, url, prefix: ref, protocolVersion: 2 });
        return tipOf(remote, refs.find((candidate) => candidate.ref === ref)?.oid);
      }),
    fetch: (trusted, signal) =>
      asFailures(options, signal, async (git) => {
        // What `ref` names here is what the remote is told that we have: nothing, when the store proved incomplete.
        const have = trusted === null ? 'refs/fairlead/nothing' : ref;
        const http = createHttp({ timeoutMs, signal }, await access.open(signal));
        const fs = { promises: takingPacks(files) };
        const target = { fs, gitdir, remote: 'origin', singleBranch: true, tags: false };
        try {
          const { fetchHead } = await git.fetch({ ...target, http, url, ref: have, remoteRef: ref });
          return tipOf(remote, fetchHead);
        } catch (error) {
          if (!(error instanceof PackTaken)) throw error;
          await storePack(files, remote, error);
          return resolveRef(files, { gitdir, headdir: gitdir }, `refs/remotes/origin/${branch}`);
        }
      }),
  };
}

/** Where a pack was to be written, when isomorphic-git was stopped there. */
class PackTaken extends Error {
  readonly path: string;
  readonly pack: Buffer;
  constructor(path: string, pack: Buffer) {
    super('the pack is ours now');
    this.path = path;
    this.pack = pack;
  }
}

/** To index a pack, which is all that is left to do then, isomorphic-git would inflate every object of it as a whole (decision 0019). */
function takingPacks(files: Files): Files {
  const writeFile: Files['writeFile'] = (path, data, options) => {
    if (typeof path === 'string' && path.endsWith('.pack') && data instanceof Uint8Array)
      throw new PackTaken(path, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    return files.writeFile(path, data, options);
  };
  return { ...files, writeFile };
}

/** The index is made before anything is written: a pack without one is nothing, and stays for ever. */
async function storePack(files: Files, { url }: Remote, { path, pack }: PackTaken): Promise<void> {
  const index = await indexPack(path, pack).catch((error: unknown) => {
    throw error instanceof Failure ? error : remoteUnreachable(url, 'sent a pack that cannot be read', error);
  });
  await files.writeFile(path, pack);
  await files.writeFile(path.replace(/pack$/, 'idx'), index);
}

function tipOf({ url, branch }: Remote, id: string | null | undefined): ObjectId {
  if (!id) throw branchMissing(url, branch);
  if (/^[0-9a-f]{40}$/.test(id)) return id;
  throw sha256Unsupported(url);
}

async function asFailures<Value>(
  { remote: { url, branch }, access }: TransportOptions,
  signal: AbortSignal | undefined,
  work: (git: typeof import('isomorphic-git')) => Promise<Value>,
): Promise<Value> {
  // Loaded by who fetches: it takes as long as many a command.
  const git = await import('isomorphic-git');
  try {
    return await work(git);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof git.Errors.NotFoundError) throw branchMissing(url, branch);
    if (error instanceof git.Errors.HttpError) {
      const { statusCode } = error.data;
      const status = `HTTP status ${statusCode}`;
      if (statusCode !== 401 && statusCode !== 403)
        throw remoteUnreachable(url, `answers with ${status}`, error);
      access.forget();
      throw credentialsRefused(url, status, access.from);
    }
    if (error instanceof git.Errors.SmartHttpError)
      throw remoteUnreachable(url, 'does not speak git’s protocol', error);
    if (error instanceof Failure || !(error instanceof Error) || 'errno' in error) throw error;
    throw remoteUnreachable(url, error.message, error);
  }
}
