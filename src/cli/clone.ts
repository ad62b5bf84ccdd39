import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { Failure } from '../base/failure.ts';
import {
  createTreeDigests,
  GIT_BACKENDS,
  type GitBackend,
  type GitBackendName,
  type ObjectId,
  openGit,
} from '../git/index.ts';
import { follow, type Line, type LineState, openLine, type Pin } from '../governance/index.ts';
import type { Context } from './context.ts';
import { run } from './native.ts';
import { readPin } from './pin-file.ts';
import { Refusal } from './refusal.ts';

/** A clone on this disk with its pin: all that offline commands need. */
export type Clone = {
  /** Top of the worktree; the git directory itself where there is none. */
  readonly folder: string;
  readonly gitdir: string;
  readonly backend: GitBackend;
  readonly pin: Pin;
  readonly line: Line;
};

export type CloneFlags = GitFlags & { readonly repository?: string; readonly pin?: string };
type GitFlags = { readonly gitBackend?: GitBackendName; readonly verbose?: boolean };

/** Opens the clone that holds `--repository` (default: where we stand) under its pin. */
export async function openClone(context: Context, flags: CloneFlags): Promise<Clone> {
  const { folder, gitdir } = await findGitdir(resolve(context.cwd, flags.repository ?? '.'));
  const pin = await readPin(flags.pin === undefined ? pinPath(gitdir) : resolve(context.cwd, flags.pin));
  const backend = await openStore(context, gitdir, flags);
  return { folder, gitdir, backend, pin, line: openLine(backend, createTreeDigests(backend), pin) };
}

/** Opens the objects of a clone until the command ends. */
export async function openStore(context: Context, gitdir: string, flags: GitFlags): Promise<GitBackend> {
  const { environment, opened, terminal } = context;
  const { gitBackend: backend = 'auto', verbose = false } = flags;
  const { git, picked } = await openGit({ gitdir, environment, backend });
  opened.defer(() => git.close());
  if (verbose) terminal.say(`git backend ${picked.backend}: ${picked.reason}`);
  return git;
}

/** Where `trust` puts the pin of a clone, and every offline command looks for it. */
export function pinPath(gitdir: string): string {
  return join(gitdir, 'fairlead', 'pin.json');
}

/** `s(tip)`. A tip that is not on the pinned line, or dropped the tip that is trusted besides, is a refusal. */
export async function judge(clone: Clone, tip: ObjectId): Promise<LineState> {
  const trusted = clone.pin.tip;
  if (trusted !== undefined) {
    const following = await follow(clone.line, clone.backend, trusted, tip);
    if (following.outcome === 'refused')
      throw new Refusal(
        following.rule,
        `${following.reason}; or trust it in its place: fairlead trust --tip ${tip}`,
      );
  }
  return judgeAlone(clone, tip);
}

/** `s(tip)` whatever tip is trusted besides the genesis. */
export async function judgeAlone(clone: Clone, tip: ObjectId): Promise<LineState> {
  const verdict = await clone.line.state(tip);
  if (verdict.ok) return verdict.state;
  throw new Refusal(verdict.rule, verdict.reason);
}

/**
 * The commit that a reference names: what the store knows by itself, else git's own expressions (`HEAD~1`, the short
 * ids of our tables) where git is installed. Which commit is looked at is no matter of trust.
 */
export async function resolveRef(clone: Pick<Clone, 'backend' | 'folder'>, ref: string): Promise<ObjectId> {
  try {
    return await clone.backend.resolve(ref);
  } catch (error) {
    const args = [
      '-C',
      clone.folder,
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${ref}^{commit}`,
    ];
    const found = await run('git', args).catch(() => null);
    if (found?.code !== 0) throw error;
    return clone.backend.resolve(found.out);
  }
}

/** The main line's tip of a clone: what the remote had when we last fetched, else the local branch. */
export async function mainTip(clone: Clone, ref: string | undefined): Promise<ObjectId> {
  if (ref !== undefined) return resolveRef(clone, ref);
  for (const name of ['refs/remotes/origin/main', 'refs/heads/main', 'HEAD']) {
    const id = await clone.backend.resolve(name).catch(() => null);
    if (id !== null) return id;
  }
  throw new Failure(
    'ref-missing',
    'no main branch here',
    'name the main line, for example --main origin/main',
  );
}

/** The repository that a folder is in, found as git does: upwards. A linked worktree shares the common directory. */
export async function findGitdir(start: string): Promise<{ folder: string; gitdir: string }> {
  for (let folder = start; ; folder = dirname(folder)) {
    const found = await gitdirAt(folder);
    if (found !== null) return { folder, gitdir: found };
    if (dirname(folder) === folder) break;
  }
  throw new Failure(
    'no-repository',
    `${start} is not in a git repository`,
    'go into a clone, or name it with --repository',
  );
}

async function gitdirAt(folder: string): Promise<string | null> {
  const dot = join(folder, '.git');
  const kind = await stat(dot).catch(() => null);
  if (kind?.isDirectory()) return dot;
  if (kind?.isFile()) return linked(folder, await readFile(dot, 'utf8'));
  const bare = await stat(join(folder, 'HEAD')).catch(() => null);
  const objects = await stat(join(folder, 'objects')).catch(() => null);
  return bare?.isFile() && objects?.isDirectory() ? folder : null;
}

async function linked(folder: string, file: string): Promise<string> {
  const gitdir = resolve(folder, file.replace(/^gitdir: /, '').trim());
  const common = await readFile(join(gitdir, 'commondir'), 'utf8').catch(() => '.');
  return resolve(gitdir, common.trim());
}

/** The options of every command that reads a clone. */
export function cloneOptions(command: Command): Command {
  return gitOptions(command)
    .option('-C, --repository <folder>', 'the clone (default: where you are)')
    .option('--pin <file>', 'the pin (default: where `fairlead trust` put it in the clone)');
}

/** How git is read: no verdict depends on it. */
export function gitOptions(command: Command): Command {
  const backend = new Option('--git-backend <name>', 'how git is read (default: auto, the faster one)');
  return command
    .addOption(backend.choices(GIT_BACKENDS))
    .option('--verbose', 'say on standard error which one that is');
}
