import type { Remote } from './backend.ts';
import { remoteUnsupported } from './failures.ts';
import type { Files } from './files.ts';
import { createHttpTransport } from './http-transport.ts';
import type { ObjectId } from './objects.ts';
import { createPathTransport } from './path-transport.ts';

/** One way to reach a remote. Both throw as `GitBackend.fetch` does, and write only whole files. */
export interface Transport {
  tip(signal?: AbortSignal): Promise<ObjectId>;
  /** Brings what the tip needs into the store. `trusted`: all below the store's own branch is known to be there. */
  fetch(trusted: boolean, signal?: AbortSignal): Promise<ObjectId>;
}

export type TransportOptions = {
  readonly files: Files;
  readonly gitdir: string;
  readonly remote: Remote;
  readonly timeoutMs: number;
};

/** The transport for the remote's URL. Throws `Failure` `remote-unsupported`. */
export function createTransport(options: TransportOptions): Transport {
  const { url } = options.remote;
  if (/^https?:\/\//i.test(url)) return createHttpTransport(options);
  if (url.startsWith('file://') || !/^[a-z][a-z0-9+.-]*:|^[^/]+:/i.test(url))
    return createPathTransport(options);
  throw remoteUnsupported(url);
}
