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
  const text = bytes.toString('latin1');
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = text.indexOf(' ', at);
    const end = text.indexOf('\0', at);
    if (space < at || end < space || end + 21 > bytes.length) throw objectMalformed(id, 'tree');
    const mode = modeOf(text.slice(at, space));
    if (mode === null) throw objectMalformed(id, 'tree');
    entries.push({ mode, name: text.slice(space + 1, end), id: bytes.toString('hex', end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}

/** Most entries of most trees are of two modes: their texts are shared. */
function modeOf(mode: string): string | null {
  if (mode === FILE) return FILE;
  if (mode === DIRECTORY) return DIRECTORY;
  return /^[0-7]{1,7}$/.test(mode) ? mode : null;
}
