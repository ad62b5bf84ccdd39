import { Failure } from '../base/failure.ts';
import type { GitBackend } from './backend.ts';
import { openIsomorphic } from './isomorphic.ts';
import { packBytes, sampleMs } from './measure.ts';
import { openNative } from './native.ts';
import type { Environment } from './native-git.ts';
import type { ObjectId } from './objects.ts';
import { remoteKind } from './remote-url.ts';
import type { SshSettings } from './ssh.ts';
import type { BackendOptions } from './stored-backend.ts';

/** How git is read; `auto` finds out which of the two is faster on this very store. Verdicts are the same. */
export const GIT_BACKENDS = ['auto', 'isomorphic', 'native'] as const;
export type GitBackendName = (typeof GIT_BACKENDS)[number];

export type GitOptions = BackendOptions & {
  readonly backend: GitBackendName;
  /** Variables of this process; git gets the search path, proxies and certificate authorities from it, and no more. */
  readonly environment: Environment;
  /** For SSH remotes. */
  readonly ssh?: SshSettings | null;
};

/** What was picked, and why: a sentence without its full stop. */
type Picked = { readonly backend: 'isomorphic' | 'native'; readonly reason: string };
type OpenedGit = { readonly git: GitBackend; readonly picked: Picked };

/** Opens a store by the backend that is asked for. Throws as that one does. */
export async function openGit(options: GitOptions): Promise<OpenedGit> {
  const reason = 'it is configured';
  if (options.backend === 'isomorphic')
    return { git: await openIsomorphic(options), picked: { backend: 'isomorphic', reason } };
  if (options.backend === 'native')
    return { git: await openNative(options), picked: { backend: 'native', reason } };
  return openFaster(options);
}

async function openFaster(options: GitOptions): Promise<OpenedGit> {
  const native = await openNative(options).catch(orWithoutGit);
  if (native instanceof Failure)
    return { git: await openIsomorphic(options), picked: { backend: 'isomorphic', reason: native.message } };
  try {
    const { reason, tip } = await unmeasured(options, native);
    if (tip === null) return { git: native, picked: { backend: 'native', reason } };
    return await compare(native, await openIsomorphic(options), tip);
  } catch (error) {
    await native.close();
    throw error;
  }
}

/** No git, or one that is too old, is an answer. Whatever else is wrong, isomorphic-git would stumble over too. */
function orWithoutGit(error: unknown): Failure {
  if (error instanceof Failure && /^git-(?:missing|unsupported)$/.test(error.code)) return error;
  throw error;
}

/** Why nothing has to be measured; else the tip to measure from. */
async function unmeasured(
  options: GitOptions,
  native: GitBackend,
): Promise<{ readonly reason: string; readonly tip: ObjectId | null }> {
  const { gitdir, remote } = options;
  if (remote !== undefined && remoteKind(remote.url) === 'ssh')
    return { reason: 'the remote is reached over SSH', tip: null };
  const bytes = await packBytes(gitdir);
  if (bytes > HELD_BYTES) {
    const megabytes = Math.round(bytes / 1024 / 1024);
    return { reason: `isomorphic-git would hold its packs of ${megabytes} MiB in memory`, tip: null };
  }
  const tip = await native.resolve('HEAD').catch(() => null);
  return { reason: 'the git command works, and there is nothing yet to measure', tip };
}

/** Without the git command whole packs are read into memory, and kept. */
const HELD_BYTES = 64 * 1024 * 1024;

async function compare(native: GitBackend, isomorphic: GitBackend, tip: ObjectId): Promise<OpenedGit> {
  const byNative = await sampleMs(native, tip);
  const byIsomorphic = await sampleMs(isomorphic, tip);
  const figure = (ms: number) => (Number.isFinite(ms) ? `${(ms * 1_000).toFixed(1)} µs` : 'a failure');
  const reason = `an object takes ${figure(byNative)} by the git command, ${figure(byIsomorphic)} by isomorphic-git`;
  const [winner, loser, backend] =
    byNative < byIsomorphic
      ? ([native, isomorphic, 'native'] as const)
      : ([isomorphic, native, 'isomorphic'] as const);
  await loser.close();
  return { git: winner, picked: { backend, reason } };
}
