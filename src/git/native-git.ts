import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { gitMissing, gitUnsupported, remoteTimeout } from './failures.ts';
import type { Workspace } from './workspace.ts';

/** Variables of a process, of which git gets the few in `INHERITED`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The git command in one workspace. */
export interface Git {
  readonly workspace: Workspace;
  /** Starts it in a process group of its own. Arguments never pass a shell. */
  start(args: readonly string[], variables?: Environment): ChildProcessWithoutNullStreams;
  /** Runs it to its end. Throws `Failure` `remote-timeout` after silence, `git-missing`; or the signal's reason. */
  run(args: readonly string[], patience: Patience, variables?: Environment): Promise<Ran>;
}

/** How long it may say nothing, in milliseconds; `about` is what a failure names. */
type Patience = {
  readonly timeoutMs: number;
  readonly about: string;
  readonly signal?: AbortSignal | undefined;
};

/** `code` is null for one that was killed. */
export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

export function createGit(workspace: Workspace, environment: Environment): Git {
  const env = hermetic(workspace, environment);
  const start: Git['start'] = (args, variables = {}) =>
    spawn('git', args, { env: { ...env, ...variables }, cwd: workspace.dir, detached: true, stdio: 'pipe' });
  return {
    workspace,
    start,
    run: (args, patience, variables) => toEnd(() => start(args, variables), patience),
  };
}

/** The oldest git that has all that is asked of it (2.33: `repack --geometric`). */
const NEEDED = '2.34';

/** Throws `Failure` `git-missing`, `git-unsupported`. */
export async function checkVersion(git: Git): Promise<string> {
  const { out } = await git.run(['version'], { timeoutMs: 10_000, about: 'git version' });
  const [, version, major, minor] = /^git version ((\d+)\.(\d+)[^\s]*)/.exec(out) ?? [];
  const [neededMajor, neededMinor] = NEEDED.split('.').map(Number);
  const enough =
    Number(major) > Number(neededMajor) ||
    (Number(major) === Number(neededMajor) && Number(minor) >= Number(neededMinor));
  if (version === undefined || !enough) throw gitUnsupported(out.trim(), NEEDED);
  return version;
}

/** Where programs, temporary files, proxies and certificate authorities are: all that git learns of the outside. */
const INHERITED =
  /^(?:PATH|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|all|no)_proxy|(?:HTTPS|ALL|NO)_PROXY)$/;

function hermetic({ dir, objects, alternates }: Workspace, environment: Environment): Environment {
  return {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => INHERITED.test(name))),
    HOME: dir,
    LC_ALL: 'C',
    GIT_DIR: dir,
    GIT_OBJECT_DIRECTORY: objects,
    ...(alternates === null ? {} : { GIT_ALTERNATE_OBJECT_DIRECTORIES: alternates }),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_ALLOW_PROTOCOL: 'none',
  };
}

const KEPT_BYTES = 256 * 1024;

function toEnd(
  start: () => ChildProcessWithoutNullStreams,
  { timeoutMs, about, signal }: Patience,
): Promise<Ran> {
  signal?.throwIfAborted();
  const child = start();
  const said = { out: '', err: '' };
  return new Promise((resolve, reject) => {
    const end = (reason: unknown) => {
      killGroup(child);
      reject(reason);
    };
    let heard = 0;
    // A process that was held up itself hears first what was said meanwhile: timers run before what has come in is read.
    const orSilent = (before: number) => heard === before && end(remoteTimeout(about, timeoutMs));
    const timer = setTimeout(() => setImmediate(orSilent, heard), timeoutMs);
    const aborted = () => end(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    for (const name of ['out', 'err'] as const) {
      child[`std${name}`].setEncoding('utf8').on('data', (text: string) => {
        heard += 1;
        timer.refresh();
        said[name] = (said[name] + text).slice(-KEPT_BYTES);
      });
    }
    child.stdin.on('error', () => {}); // It may end without having read anything; nothing is sent.
    child.stdin.end();
    child.on('error', (error) => end(gitMissing(error)));
    child.on('close', (code) => resolve({ code, ...said }));
    child.on('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    });
  });
}

/** Ends git with all that it started (ssh, remote-https, index-pack). */
export function killGroup({ pid }: { readonly pid?: number | undefined }): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
