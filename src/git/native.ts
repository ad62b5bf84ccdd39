import type { GitBackend } from './backend.ts';
import { checkVersion, createGit, type Environment } from './native-git.ts';
import { createBatchReader } from './native-objects.ts';
import { createNativeTransport } from './native-transport.ts';
import type { Quarantine } from './quarantine.ts';
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
      return { reader: { ...batch, close }, transport };
    } catch (error) {
      await workspace.close();
      throw error;
    }
  });
}
