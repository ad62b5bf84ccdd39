import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../base/failure.ts';

/** By the file system's own clock, which anybody may set: `atMs` changes with each touch, whatever it says. */
export type Touched = { readonly atMs: number; readonly ageMs: number };

/** The file system as a port, in the steps in which a machine can die between them. */
export interface Files {
  /** Null where there is no such file. */
  read(path: string): Promise<string | null>;
  /** Writes and fsyncs a whole file. With `exclusive` nobody sees it before it is whole; false and nothing done where it exists. */
  write(path: string, text: string, mode: 'replace' | 'exclusive'): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  /** fsyncs a directory, so that a rename in it survives a power cut. */
  syncDirectory(path: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory that is there. */
  list(path: string): Promise<readonly string[]>;
  /** The file was written just now, where it says this; else false and nothing done. */
  touch(path: string, text: string): Promise<boolean>;
  /** When it was written or touched last; null where there is no such file. */
  touched(path: string): Promise<Touched | null>;
  /** Absent already is fine. */
  remove(path: string): Promise<void>;
}

/** The real file system. Everything it throws is a `Failure`: `disk-full`, `data-unwritable`. */
export const nodeFiles: Files = {
  read: (path) => readOrNull(path).catch(rethrow(path)),
  write: (path, text, mode) => writeSynced(path, text, mode).catch(rethrow(path)),
  rename: (from, to) => rename(from, to).catch(rethrow(to)),
  syncDirectory: (path) => sync(path).catch(rethrow(path)),
  makeDirectory: (path) => makeWithParents(path).catch(rethrow(path)),
  list: (path) => readdir(path).catch(rethrow(path)),
  touch: (path, text) => rewrite(path, text).catch(rethrow(path)),
  touched: (path) => touched(path).catch(rethrow(path)),
  remove: (path) => rm(path, { force: true }).catch(rethrow(path)),
};

/** Crash-safe: whoever reads `path` afterwards finds the old text or the new one, whole. */
export async function replaceFile(files: Files, path: string, text: string): Promise<void> {
  const draft = `${path}.tmp`;
  try {
    await files.write(draft, text, 'replace');
    await files.rename(draft, path);
    await files.syncDirectory(dirname(path));
  } catch (error) {
    await files.remove(draft).catch(() => {}); // Gives a full disk its blocks back.
    throw error;
  }
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Node's own `recursive` tries for ever where nothing can be made in a folder that is there, as in /proc. */
async function makeWithParents(path: string): Promise<void> {
  const parent = dirname(path);
  const failed = await tryMake(path);
  if (failed === null) return;
  if (errorCode(failed) !== 'ENOENT' || parent === path) throw failed;
  await makeWithParents(parent);
  const again = await tryMake(path);
  if (again !== null) throw again;
}

/** Null: it is there. */
async function tryMake(path: string): Promise<unknown> {
  try {
    await mkdir(path, { mode: 0o700 });
    return null;
  } catch (error) {
    const found = errorCode(error) === 'EEXIST' ? await stat(path).catch(() => null) : null;
    return found?.isDirectory() ? null : error;
  }
}

async function writeSynced(path: string, text: string, mode: 'replace' | 'exclusive'): Promise<boolean> {
  if (mode === 'replace') return writeWhole(path, text, 'w');
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    await writeWhole(draft, text, 'wx');
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    // Who holds the name clears drafts away, this one too.
    if (errorCode(error) === 'ENOENT' && (await readOrNull(path)) !== null) return false;
    if (!UNLINKABLE.has(errorCode(error))) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return writeWhole(path, text, 'wx').catch((error: unknown) => {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  });
}

/** What file systems say that have no second names for a file. */
const UNLINKABLE: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

async function writeWhole(path: string, text: string, flags: 'w' | 'wx'): Promise<true> {
  await using file = await open(path, flags, 0o600);
  await file.writeFile(text);
  await file.sync();
  return true;
}

/** In place: `utimes` would say what this process takes for the time, and what is read meanwhile stays whole. */
async function rewrite(path: string, text: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r+');
    if ((await file.readFile('utf8')) !== text) return false;
    await file.write(text, 0);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Against a file written just beside it: the clock of a file server is not ours. */
async function touched(path: string): Promise<Touched | null> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await using file = await open(beside, 'wx', 0o600);
    await file.writeFile('now');
    const { mtimeMs: nowMs } = await file.stat();
    const { mtimeMs: atMs } = await stat(path);
    return { atMs, ageMs: nowMs - atMs };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  } finally {
    await rm(beside, { force: true });
  }
}

async function sync(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** What stands where another kind of thing was looked for. */
const KINDS: Readonly<Record<string, readonly [why: string, fix: string]>> = {
  EEXIST: ['it is a file and not a folder', 'name a folder, or move the file away'],
  ENOTDIR: ['what it would be in is a file and not a folder', 'name another folder, or move the file away'],
  EISDIR: ['it is a folder and not a file', 'move the folder away'],
};

function rethrow(path: string): (error: unknown) => never {
  return (error) => {
    const code = errorCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new Failure('disk-full', `no space left to write ${path}`, 'free disk space', { cause: error });
    }
    const [why, fix] = KINDS[code] ?? [code || String(error), 'check the folder and its rights'];
    throw new Failure('data-unwritable', `cannot use ${path}: ${why}`, fix, { cause: error });
  };
}
