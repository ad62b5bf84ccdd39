import { objectMalformed } from './failures.ts';
import type { ObjectId, TreeEntry } from './objects.ts';

/** The mode of a directory and of a plain file as git writes them: the only two that G10 allows. */
export const DIRECTORY = '40000';
export const FILE = '100644';

/**
 * Reads the raw bytes of a tree object, in their order and judging nothing: order, names and modes are G10's business.
 * Throws `Failure` `object-malformed` where git would find no entry either.
 */
export function parseTree(id: ObjectId, raw: Uint8Array): readonly TreeEntry[] {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const end = bytes.indexOf(0, at);
    if (space < at || end < space || end + 21 > bytes.length) throw objectMalformed(id, 'tree');
    const mode = modeAt(bytes, at, space);
    if (mode === null) throw objectMalformed(id, 'tree');
    const name = bytes.subarray(space + 1, end);
    entries.push({ mode, name, id: bytes.toString('hex', end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}

/** Most entries of most trees are of two modes: their texts are shared. */
function modeAt(bytes: Buffer, from: number, to: number): string | null {
  const mode = bytes.toString('latin1', from, to);
  if (mode === FILE) return FILE;
  if (mode === DIRECTORY) return DIRECTORY;
  return /^[0-7]{1,7}$/.test(mode) ? mode : null;
}
