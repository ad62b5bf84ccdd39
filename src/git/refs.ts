import { join } from 'node:path';
import { refMissing } from './failures.ts';
import { type Files, textOf } from './files.ts';
import type { ObjectId } from './objects.ts';
import type { Store } from './store.ts';

/**
 * The object that a ref names: 40 hex digits, `HEAD`, a full ref, or a name that is tried as a branch, a remote-tracking
 * branch and a tag. An annotated tag is not followed here. Throws `Failure` `ref-missing`.
 */
export async function resolveRef(files: Files, store: Store, ref: string): Promise<ObjectId> {
  for (const candidate of candidates(ref)) {
    const id = await follow(files, store, candidate);
    if (id !== null) return id;
  }
  throw refMissing(ref, store.gitdir);
}

/** Whether git would take it for a branch name, and so whether it may become part of a path (git-check-ref-format). */
export function isBranchName(name: string): boolean {
  return (
    /^[^\s~^:?*[\\]+$/.test(name) &&
    !/\.\.|@\{|\/\/|\/$|\.$|(?:^|\/)[.-]|\.lock(?:\/|$)|^\/|\p{Cc}/u.test(name)
  );
}

function candidates(ref: string): readonly string[] {
  if (/^[0-9a-f]{40}$/.test(ref) || ref === 'HEAD') return [ref];
  if (!isBranchName(ref)) return [];
  if (ref.startsWith('refs/')) return [ref];
  return [`refs/heads/${ref}`, `refs/remotes/${ref}`, `refs/tags/${ref}`];
}

/** Symbolic refs lead to others, as HEAD does; git follows five. */
async function follow(files: Files, store: Store, ref: string, steps = 5): Promise<ObjectId | null> {
  if (/^[0-9a-f]{40}$/.test(ref)) return ref;
  const folder = ref === 'HEAD' ? store.headdir : store.gitdir;
  const value = (await textOf(files, join(folder, ref))) ?? (await packed(files, store, ref));
  if (value === null || steps === 0) return null;
  const target = value.startsWith('ref: ') ? value.slice('ref: '.length).trim() : value;
  return isTarget(target) ? follow(files, store, target, steps - 1) : null;
}

/** An id, or a ref; whatever else a clone says (`../`, an absolute path) would be read outside of it. */
function isTarget(value: string): boolean {
  return /^[0-9a-f]{40}$/.test(value) || (value.startsWith('refs/') && isBranchName(value));
}

async function packed(files: Files, { gitdir }: Store, ref: string): Promise<ObjectId | null> {
  const lines = (await textOf(files, join(gitdir, 'packed-refs')))?.split('\n') ?? [];
  return lines.find((line) => line.slice(41) === ref && line[40] === ' ')?.slice(0, 40) ?? null;
}
