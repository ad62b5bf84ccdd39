import type { AccessSource } from './access.ts';
import type { Remote } from './backend.ts';
import { remoteUnsupported } from './failures.ts';
import type { Files } from './files.ts';
import type { ObjectId } from './objects.ts';
import { createPathTransport } from './path-transport.ts';
import { type RemoteKind, remoteKind } from './remote-url.ts';

/** One way to reach a remote. All throw as `GitBackend.fetch` does, and write only whole files. */
export interface Transport {
  tip(signal?: AbortSignal): Promise<ObjectId>;
  /** Brings what the tip needs into the store. `trusted`: all below that commit is known to be there. */
  fetch(trusted: ObjectId | null, signal?: AbortSignal): Promise<ObjectId>;
}

export type TransportOptions = {
  readonly files: Files;
  readonly gitdir: string;
  readonly remote: Remote;
  readonly timeoutMs: number;
  readonly access: AccessSource;
};

/** What a backend reaches itself; folders of this machine are read alike by all of them. */
type Transports = Readonly<
  Partial<Record<Exclude<RemoteKind, 'path'>, (options: TransportOptions) => Transport>>
>;

/** The transport for the remote's URL. Throws `Failure` `remote-unsupported`. */
export function createTransport(options: TransportOptions, transports: Transports): Transport {
  // Neither git nor isomorphic-git knows a scheme in capitals.
  const url = options.remote.url.replace(/^https?:/i, (scheme) => scheme.toLowerCase());
  const kind = remoteKind(url);
  const create = kind === 'path' ? createPathTransport : transports[kind];
  if (create === undefined) throw remoteUnsupported(url);
  return create({ ...options, remote: { ...options.remote, url } });
}
