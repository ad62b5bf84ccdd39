import * as git from 'isomorphic-git';
import { Failure } from '../base/failure.ts';
import type { Remote } from './backend.ts';
import { branchMissing, remoteUnreachable, sha256Unsupported } from './failures.ts';
import { createHttp } from './http.ts';
import type { ObjectId } from './objects.ts';
import type { Transport, TransportOptions } from './transport.ts';

/** Git's smart HTTP by isomorphic-git: `ls-refs` of version 2 for the tip, version 0 for the pack. */
export function createHttpTransport({ files, gitdir, remote, timeoutMs }: TransportOptions): Transport {
  const { url, branch } = remote;
  const ref = `refs/heads/${branch}`;
  return {
    tip: (signal) =>
      asFailures(remote, signal, async () => {
        const http = createHttp({ timeoutMs, signal });
        const refs = await git.listServerRefs({ http, url, prefix: ref, protocolVersion: 2 });
        return tipOf(remote, refs.find((candidate) => candidate.ref === ref)?.oid);
      }),
    fetch: (trusted, signal) =>
      asFailures(remote, signal, async () => {
        // What `ref` names here is what the remote is told that we have: nothing, when the store proved incomplete.
        const have = trusted === null ? 'refs/fairlead/nothing' : ref;
        const http = createHttp({ timeoutMs, signal });
        const target = { fs: { promises: files }, gitdir, remote: 'origin', singleBranch: true, tags: false };
        const { fetchHead } = await git.fetch({ ...target, http, url, ref: have, remoteRef: ref });
        return tipOf(remote, fetchHead);
      }),
  };
}

function tipOf({ url, branch }: Remote, id: string | null | undefined): ObjectId {
  if (!id) throw branchMissing(url, branch);
  if (/^[0-9a-f]{40}$/.test(id)) return id;
  throw sha256Unsupported(url);
}

async function asFailures<Value>(
  { url, branch }: Remote,
  signal: AbortSignal | undefined,
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof git.Errors.NotFoundError) throw branchMissing(url, branch);
    if (error instanceof git.Errors.HttpError) {
      throw remoteUnreachable(url, `answers with HTTP status ${error.data.statusCode}`, error);
    }
    if (error instanceof git.Errors.SmartHttpError)
      throw remoteUnreachable(url, 'does not speak git’s protocol', error);
    if (error instanceof Failure || !(error instanceof Error) || 'errno' in error) throw error;
    throw remoteUnreachable(url, error.message, error);
  }
}
