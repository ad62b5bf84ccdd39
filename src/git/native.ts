import type { GitBackend } from './backend.ts';
import { checkVersion, createGit, type Environment, type Git } from './native-git.ts';
import { createBatchReader } from './native-objects.ts';
import { createNativeTransport } from './native-transport.ts';
import type { Quarantine } from './quarantine.ts';
import { remoteKind } from './remote-url.ts';
import type { SshSettings } from './ssh.ts';
import { type BackendOptions, openBackend } from './stored-backend.ts';
import { createTransport, type TransportOptions } from './transport.ts';
import { createWorkspace } from './workspace.ts';

export type NativeOptions = BackendOptions & {
  /** Variables of this process; git gets the search path, proxies and certificate authorities from it, and no more. */
  readonly environment: Environment;
  readonly ssh?: SshSettings | null;
  /** Objects of a push that git has not let in yet are read beside those of the store. */
  readonly quarantine?: Quarantine | null;
};

/**
 * The `GitBackend` on the git command: one `cat-file --batch`, and `fetch`, in a workspace of ours, so that no
 * configuration, hook, replace ref or graft takes part (G0). Throws as `openIsomorphic` does, and `git-missing`,
 * `git-unsupported`; its fetches also `ssh-unconfigured`, `ssh-file-unusable`, `ssh-host-refused`, `ssh-key-refused`.
 */
export async function openNative(options: NativeOptions): Promise<GitBackend> {
  const { environment, ssh = null, quarantine = null } = options;
  return openBackend(options, async ({ remote, ...store }) => {
    const { files, gitdir } = store;
    const place = remote === null ? 'temporary' : 'store';
    const workspace = await createWorkspace(files, gitdir, place, quarantine);
    try {
      const git = createGit(workspace, environment);
      await checkVersion(git);
      const native = (options: TransportOptions) => createNativeTransport({ ...options, git, ssh });
      const transports = { http: native, ssh: native };
      const batch = createBatchReader(git, gitdir);
      const close = async () => {
        await batch.close();
        await workspace.close();
      };
      const transport = remote === null ? null : createTransport({ ...store, remote }, transports);
      const join = remote === null || remoteKind(remote.url) === 'path' ? null : joinBy(git);
      return { reader: { ...batch, close }, transport, join };
    } catch (error) {
      await workspace.close();
      throw error;
    }
  });
}

/** Joins the packs of small fetches. Nothing is dropped; who reads finds in the new pack what was in those that vanish. */
function joinBy(git: Git) {
  return async (signal: AbortSignal) => {
    const patience = { timeoutMs: MAX_MS, about: 'git repack', signal };
    const { code, err } = await git.run(REPACK, patience);
    if (code !== 0) throw new Error(`git repack ends with status ${code}: ${err.trim()}`);
  };
}

const REPACK = ['repack', '--geometric=2', '-d', '-n', '-q', '--no-write-bitmap-index'];
/** The signal ends it. */
const MAX_MS = 2_147_483_647;
