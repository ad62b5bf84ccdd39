import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import type { ObjectId } from '../../git/index.ts';

/**
 * The tip of a branch that the hook followed last; null where it has followed none. A ref is no memory of it: whoever may
 * write in the repository can set it to anything. Beside the pin, so that it is no ref that could be pushed to.
 */
export async function readFollowed(gitdir: string, branch: string): Promise<ObjectId | null> {
  const file = fileOf(gitdir, branch);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw unreadable(file, error.message);
  });
  if (text === null) return null;
  const [, tip] = /^([0-9a-f]{40})\n$/.exec(text) ?? [];
  if (tip === undefined) throw unreadable(file, 'it is no commit id');
  return tip;
}

/** Whole or not at all: a push may come at any moment. */
export async function writeFollowed(gitdir: string, branch: string, tip: ObjectId): Promise<void> {
  const file = fileOf(gitdir, branch);
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, `${tip}\n`, { flag: 'wx' });
  await rename(draft, file);
}

/** Forgets every branch. */
export async function forgetFollowed(gitdir: string): Promise<void> {
  await rm(folderOf(gitdir), { recursive: true, force: true });
}

function folderOf(gitdir: string): string {
  return join(gitdir, 'fairlead', 'followed');
}

function fileOf(gitdir: string, branch: string): string {
  return join(folderOf(gitdir), encodeURIComponent(branch));
}

function unreadable(file: string, reason: string): Failure {
  const fix = 'say again which tip was followed: fairlead hook install --followed <commit>';
  return new Failure('hook-memory', `${file}: ${reason}`, fix);
}
