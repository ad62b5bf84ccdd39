import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../base/failure.ts';

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
  /** Absent already is fine. */
  remove(path: string): Promise<void>;
}

/** The real file system. Everything it throws is a `Failure`: `disk-full`, `data-unwritable`. */
export const nodeFiles: Files = {
  read: (path) => readOrNull(path).catch(rethrow(path)),
  write: (path, text, mode) => writeSynced(path, text, mode).catch(rethrow(path)),
  rename: (from, to) => rename(from, to).catch(rethrow(to)),
  syncDirectory: (path) => sync(path).catch(rethrow(path)),
  makeDirectory: (path) => mkdir(path, { recursive: true, mode: 0o700 }).then(() => {}, rethrow(path)),
  list: (path) => readdir(path).catch(rethrow(path)),
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

async function writeSynced(path: string, text: string, mode: 'replace' | 'exclusive'): Promise<boolean> {
  if (mode === 'replace') return writeWhole(path, text, 'w');
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    await writeWhole(draft, text, 'wx');
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
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

async function sync(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function rethrow(path: string): (error: unknown) => never {
  return (error) => {
    const code = errorCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new Failure('disk-full', `no space left to write ${path}`, 'free disk space; it is tried again', {
        cause: error,
      });
    }
    throw new Failure(
      'data-unwritable',
      `cannot use ${path}: ${code || error}`,
      'check the folder and its rights',
      {
        cause: error,
      },
    );
  };
}
