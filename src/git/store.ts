import { dirname, join, resolve } from 'node:path';
import { partialClone, repositoryUnsupported, shallowClone } from './failures.ts';
import { type Files, namesIn, TEMPORARY, textOf } from './files.ts';

/** Where a repository's objects and refs are, and where its HEAD is: two places for a linked worktree. */
export type Store = { readonly gitdir: string; readonly headdir: string };

/** The store of a worktree, a linked worktree, a bare repository or a git folder; null when `path` is none of them. */
export async function locateStore(files: Files, path: string): Promise<Store | null> {
  const inside = join(resolve(path), '.git');
  const link = await textOf(files, inside);
  const pointed = link?.startsWith('gitdir: ')
    ? resolve(dirname(inside), link.slice('gitdir: '.length))
    : null;
  for (const headdir of [pointed, inside, resolve(path)]) {
    if (headdir === null || (await textOf(files, join(headdir, 'HEAD'))) === null) continue;
    const common = await textOf(files, join(headdir, 'commondir'));
    return { gitdir: common === null ? headdir : resolve(headdir, common), headdir };
  }
  return null;
}

/**
 * Makes `gitdir` the bare store of `branch`; objects and refs stay, other configuration does not (a proxy, another URL).
 * No URL is written: it may hold a secret.
 */
export async function prepareStore(files: Files, gitdir: string, branch: string): Promise<Store> {
  await files.mkdir(dirname(join(gitdir, 'refs', 'heads', branch)), { recursive: true });
  await files.mkdir(join(gitdir, 'objects', 'pack'), { recursive: true });
  await sweep(files, gitdir);
  await ensure(files, join(gitdir, 'config'), CONFIG);
  await ensure(files, join(gitdir, 'HEAD'), `ref: refs/heads/${branch}\n`);
  return { gitdir, headdir: gitdir };
}

async function ensure(files: Files, path: string, text: string): Promise<void> {
  if ((await textOf(files, path)) !== text.trim()) await files.writeFile(path, text);
}

/** Removes what a writer of packs that died has left: ours, or a `git index-pack`. Nobody else writes to a store of ours. */
export async function sweep(files: Files, gitdir: string): Promise<void> {
  const folder = join(gitdir, 'objects', 'pack');
  for (const name of await namesIn(files, folder)) {
    if (name.endsWith(TEMPORARY) || /^\.?tmp[_-]|\.keep$/.test(name)) await files.unlink(join(folder, name));
  }
}

const CONFIG = `[core]
\trepositoryformatversion = 0
\tbare = true
[remote "origin"]
\tfetch = +refs/heads/*:refs/remotes/origin/*
`;

/** Throws `Failure` for a repository that this version cannot read in full, so that no later error has to be guessed at. */
export async function checkStore(files: Files, { gitdir }: Store): Promise<void> {
  if (await textOf(files, join(gitdir, 'shallow'))) throw shallowClone(gitdir);
  if (await textOf(files, join(gitdir, 'objects', 'info', 'alternates'))) {
    throw repositoryUnsupported('alternates-unsupported', gitdir, 'borrows objects from another repository');
  }
  const config = (await textOf(files, join(gitdir, 'config'))) ?? '';
  if (await isPartial(files, gitdir, config)) throw partialClone(gitdir);
  for (const { key, plain, code, what } of EXTENSIONS) {
    const value = new RegExp(`(?:^|\\])\\s*${key}\\s*=\\s*"?([a-z0-9]+)`, 'im').exec(config)?.[1];
    if (value !== undefined && value.toLowerCase() !== plain) throw repositoryUnsupported(code, gitdir, what);
  }
}

/** A clone that fetches what it lacks when it is asked for it: what it has now depends on what was looked at. */
async function isPartial(files: Files, gitdir: string, config: string): Promise<boolean> {
  if (/(?:^|\])\s*(?:partialclone|promisor|partialclonefilter)\b/im.test(config)) return true;
  return (await namesIn(files, join(gitdir, 'objects', 'pack'))).some((name) => name.endsWith('.promisor'));
}

/** The keys stand in no other section of git's configuration than `extensions`. */
const EXTENSIONS = [
  { key: 'objectformat', plain: 'sha1', code: 'sha256-unsupported', what: 'names its objects by SHA-256' },
  { key: 'refstorage', plain: 'files', code: 'reftable-unsupported', what: 'keeps its refs in a reftable' },
] as const;
