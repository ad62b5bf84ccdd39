import { Failure } from '../base/failure.ts';
import { copyObjects } from './copy.ts';
import { branchMissing, remoteUnreachable } from './failures.ts';
import { resolveRef } from './refs.ts';
import { remotePath } from './remote-url.ts';
import { checkStore, locateStore } from './store.ts';
import type { Transport, TransportOptions } from './transport.ts';

/** A remote on this machine: no protocol, its object files are copied. Nothing is ever run or written there. */
export function createPathTransport({ files, gitdir, remote }: TransportOptions): Transport {
  const { url, branch } = remote;
  const path = remotePath(url);

  async function open() {
    const store = await locateStore(files, path);
    if (store === null) throw remoteUnreachable(url, 'is not a git repository');
    await checkStore(files, store);
    return { store, tip: await resolveRef(files, store, `refs/heads/${branch}`).catch(asBranchMissing) };
  }

  function asBranchMissing(error: unknown): never {
    throw error instanceof Failure && error.code === 'ref-missing' ? branchMissing(url, branch) : error;
  }

  return {
    async tip(signal) {
      signal?.throwIfAborted();
      return (await open()).tip;
    },
    async fetch(_trusted, signal) {
      signal?.throwIfAborted();
      const { store, tip } = await open();
      await copyObjects(files, store.gitdir, gitdir, signal);
      return tip;
    },
  };
}
