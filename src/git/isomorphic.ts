import type { GitBackend } from './backend.ts';
import { createHttpTransport } from './http-transport.ts';
import { createFileReader } from './object-files.ts';
import { type BackendOptions, openBackend } from './stored-backend.ts';
import { createTransport } from './transport.ts';

/**
 * The `GitBackend` on isomorphic-git's protocol and our own reading of files: no git binary, no git configuration, no
 * replace refs, no grafts (G0).
 * Throws `Failure` `repository-missing`, `shallow-clone`, `sha256-unsupported`, `alternates-unsupported`,
 * `reftable-unsupported`, `partial-clone`, `remote-unsupported`, `branch-missing`, `disk-full`, `store-unusable`.
 */
export function openIsomorphic(options: BackendOptions): Promise<GitBackend> {
  return openBackend(options, async ({ remote, ...place }) => ({
    reader: createFileReader(place.files, place.gitdir),
    transport: remote === null ? null : createTransport({ ...place, remote }, { http: createHttpTransport }),
    join: null,
  }));
}
