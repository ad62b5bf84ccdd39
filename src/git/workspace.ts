import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Files } from './files.ts';
import type { ObjectId } from './objects.ts';
import type { Quarantine } from './quarantine.ts';

/**
 * A git directory of ours over the objects of a store. The store's own configuration, refs, grafts and hooks are never
 * looked at by the git command, so nothing in a clone can make it run a program or see other bytes (G0; attacks 50, 51, 54).
 */
export type Workspace = {
  readonly dir: string;
  /** The store's objects. */
  readonly objects: string;
  /** Where further objects are, as git's own variable lists them; for a push that git has not let in yet. */
  readonly alternates: string | null;
  close(): Promise<void>;
};

/** In a store of ours it stays, and is written anew; for a clone, which is only read, it is a temporary folder. */
export async function createWorkspace(
  files: Files,
  gitdir: string,
  place: 'store' | 'temporary',
  quarantine: Quarantine | null = null,
): Promise<Workspace> {
  const dir = place === 'store' ? join(gitdir, 'fairlead') : await mkdtemp(join(tmpdir(), 'fairlead-git-'));
  await files.mkdir(join(dir, 'refs'), { recursive: true });
  await files.writeFile(join(dir, 'HEAD'), 'ref: refs/none\n');
  await files.writeFile(join(dir, 'config'), CONFIG);
  const close = async () => {
    if (place === 'temporary') await rm(dir, { recursive: true, force: true });
  };
  return { dir, objects: join(gitdir, 'objects'), alternates: null, ...quarantine, close };
}

/** Names of the two refs: what the store has in full, and what a fetch brought. */
const HAVE = 'refs/have';
export const FETCHED = 'refs/fetched';

/** Says which commit the store has with all that is below it; null: git is to believe that it has nothing. */
export async function setHave(
  files: Files,
  { dir }: Pick<Workspace, 'dir'>,
  have: ObjectId | null,
): Promise<void> {
  // A lock is left where git was killed in the midst of a fetch; nobody else writes here.
  for (const name of [FETCHED, `${FETCHED}.lock`]) await rm(join(dir, name), { force: true });
  if (have === null) await rm(join(dir, HAVE), { force: true });
  else await files.writeFile(join(dir, HAVE), `${have}\n`);
}

/**
 * All the configuration that git has: neither the system's, nor the user's, nor the repository's is read.
 * `fetch.fsckObjects` stays off: an odd object is history, and holds one scope; it must not stop every fetch (G1, G10, G18).
 */
const CONFIG = `[core]
	repositoryformatversion = 0
	bare = true
	hooksPath = /dev/null
	fsmonitor = false
	attributesFile = /dev/null
	excludesFile = /dev/null
	askPass =
	commitGraph = false
	multiPackIndex = false
	bigFileThreshold = 64m
	packedGitLimit = 256m
	deltaBaseCacheLimit = 32m
[credential]
	helper =
[fetch]
	fsckObjects = false
	unpackLimit = 1
	recurseSubmodules = false
	writeCommitGraph = false
[gc]
	auto = 0
[maintenance]
	auto = false
[http]
	followRedirects = initial
[pack]
	threads = 2
	windowMemory = 64m
[submodule]
	recurse = false
[transfer]
	bundleURI = false
`;
