import { Failure } from '../../base/failure.ts';
import type { ObjectId } from '../../git/index.ts';
import { type Clone, resolveRef } from '../clone.ts';
import { run } from '../native.ts';

/** The state that is signed, and where the words about it go. */
export type Target = {
  /** As it was named: `HEAD`, or a branch, tag or commit. */
  readonly name: string;
  readonly commit: ObjectId;
  /** The local branch that gets the signed commit; null where it is made on HEAD, or a token takes its place. */
  readonly branch: string | null;
};

/** Throws Failure not-a-branch where there is none that a signed commit could go on, and `words` are no token. */
export async function targetOf(clone: Clone, name: string, words: 'commit' | 'token'): Promise<Target> {
  if (name === 'HEAD') return { name, commit: await clone.backend.resolve(name), branch: null };
  if (words === 'token') return { name, commit: await resolveRef(clone, name), branch: null };
  // By its full name: a tag may be called like it.
  const full = await fullName(clone, name);
  const [, branch] = /^refs\/heads\/(.+)$/.exec(full) ?? [];
  if (branch !== undefined) return { name: branch, commit: await clone.backend.resolve(full), branch };
  await resolveRef(clone, name);
  throw new Failure(
    'not-a-branch',
    `${name} is no local branch: a signed commit has nowhere to go`,
    `make one (git branch review ${name}), or sign a token: fairlead approve ${name} --detached`,
  );
}

async function fullName({ folder }: Clone, name: string): Promise<string> {
  const args = ['rev-parse', '--verify', '--quiet', '--symbolic-full-name', '--end-of-options', name];
  return (await run('git', ['-C', folder, ...args])).out;
}
