import { createHash } from 'node:crypto';
import * as disk from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../base/failure.ts';

/** The part of `node:fs/promises` that a store needs: a port, so that tests can have a full disk. */
export type Files = Pick<
  typeof disk,
  | 'readFile'
  | 'writeFile'
  | 'mkdir'
  | 'readdir'
  | 'stat'
  | 'lstat'
  | 'unlink'
  | 'rmdir'
  | 'readlink'
  | 'symlink'
  | 'rename'
  | 'open'
>;

/**
 * `files` with a `writeFile` that happens as a whole or not at all: a crash or a full disk never leaves half an object,
 * index or ref behind, which git's readers would take for corruption for ever after. Packs are checked before they count.
 * Objects and refs are on the disk when it resolves, in the order in which they were written: a machine that loses its power
 * has no ref to what it lacks. Of unpacked objects, which are many, who writes them syncs the folder (`syncFolder`).
 */
export function wholeFiles(files: Files = disk): Files {
  let written = 0;
  const writeFile: Files['writeFile'] = async (path, data, options) => {
    if (typeof path !== 'string') throw new TypeError('a store is written by path');
    if (path.endsWith('.pack')) checkTrailer(path, data);
    written += 1;
    const temporary = `${path}.${process.pid}-${written}${TEMPORARY}`;
    try {
      await files.writeFile(temporary, data, LASTING.test(path) ? flushed(options) : options);
      await files.rename(temporary, path);
      if (LISTED.test(path)) await syncFolder(files, dirname(path));
    } catch (error) {
      await files.unlink(temporary).catch(() => {}); // The first error says more than that nothing was there.
      throw error;
    }
  };
  return { ...files, writeFile };
}

/** Everything else is written anew by whoever opens a store. */
const LASTING = /\/(?:objects|refs)\//;
const LISTED = /\/(?:objects\/pack|refs)\//;

type WriteOptions = Parameters<Files['writeFile']>[2];

function flushed(options: WriteOptions): WriteOptions {
  return { ...(typeof options === 'string' ? { encoding: options } : options), flush: true };
}

/** So that the names in it survive a power cut. */
export async function syncFolder(files: Files, folder: string): Promise<void> {
  await using handle = await files.open(folder, 'r');
  await handle.sync();
}

/** How the name of a file ends that is not whole yet. */
export const TEMPORARY = '.tmp';

/** Packs and their indexes end with the SHA-1 of all before. */
export function checkTrailer(path: string, data: unknown): void {
  if (!(data instanceof Uint8Array)) throw new TypeError('a pack is bytes');
  const sum = createHash('sha1').update(data.subarray(0, -20)).digest();
  if (data.length >= 32 && sum.equals(data.subarray(-20))) return;
  throw new Failure('object-corrupt', `${path} is cut off or damaged`, 'fetch again');
}

/** The names in a folder; none when it is absent. */
export async function namesIn(files: Files, folder: string): Promise<readonly string[]> {
  return (await orAbsent(files.readdir(folder))) ?? [];
}

/** The text of a file without white space at its ends; null when it is absent. */
export async function textOf(files: Files, file: string): Promise<string | null> {
  return (await orAbsent(files.readFile(file, 'utf8')))?.trim() ?? null;
}

export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ABSENT.has(String(error.code));
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR']);

/** Null for a file or folder that is not there. */
export async function orAbsent<Value>(reading: Promise<Value>): Promise<Value | null> {
  try {
    return await reading;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}
