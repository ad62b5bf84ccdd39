import { objectMalformed } from './failures.ts';
import type { ObjectId, TreeEntry } from './objects.ts';

/** The mode of a directory and of a plain file as git writes them: the only two that G10 allows. */
export const DIRECTORY = '40000';
export const FILE = '100644';

/** A tree as it was read, in pieces: of a like one, the pieces with the same bytes are not read again. */
export type ParsedTree = {
  readonly entries: readonly TreeEntry[];
  readonly bytes: Buffer;
  /** Where each piece of `PIECE` entries begins, and the last one ends. */
  readonly starts: readonly number[];
};

const PIECE = 64;
/** What stands in an entry beside its mode and name: a space, a NUL, and an id of 20 bytes. */
const BESIDE = 22;

/**
 * Reads the raw bytes of a tree object, in their order and judging nothing: order, names and modes are G10's business.
 * Throws `Failure` `object-malformed` where git would find no entry either.
 */
export function parseTree(id: ObjectId, raw: Uint8Array): readonly TreeEntry[] {
  return parseLike(id, raw, null).entries;
}

/** `parseTree`, where what is the same in `like`, a tree of as many bytes, are the same objects. */
export function parseLike(id: ObjectId, raw: Uint8Array, like: ParsedTree | null): ParsedTree {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const entries = like?.bytes.length === bytes.length ? readAgain(bytes, like) : null;
  if (entries !== null && like !== null) return { entries, bytes, starts: like.starts };
  const starts: number[] = [];
  const all: TreeEntry[] = [];
  const end = readEntries(bytes, 0, bytes.length, (entry, at) => {
    if (all.length % PIECE === 0) starts.push(at);
    all.push(entry);
  });
  if (end !== bytes.length) throw objectMalformed(id, 'tree');
  return { entries: all, bytes, starts: [...starts, end] };
}

/** Null where the entries do not stand at the same places. */
function readAgain(
  bytes: Buffer,
  { entries: old, bytes: before, starts }: ParsedTree,
): readonly TreeEntry[] | null {
  const entries = old.slice();
  let isAlike = true;
  for (let piece = 0; piece + 1 < starts.length; piece += 1) {
    const [start = 0, end = 0] = [starts[piece], starts[piece + 1]];
    if (bytes.compare(before, start, end, start, end) === 0) continue;
    const last = Math.min(old.length, (piece + 1) * PIECE);
    for (let [index, at] = [piece * PIECE, start]; index < last; index += 1) {
      const known = old[index];
      if (known === undefined) return null;
      const next = at + known.mode.length + known.name.length + BESIDE;
      if (bytes.compare(before, at, next, at, next) !== 0) {
        let entry: TreeEntry | null = null;
        const read = readEntries(bytes, at, next, (found, from) => {
          entry = from === at ? found : null;
        });
        if (read !== next || entry === null) return null;
        const { mode, name, id }: TreeEntry = entry;
        const isNamed = known.mode === mode && known.name === name;
        isAlike &&= isNamed;
        entries[index] = { mode, name: isNamed ? known.name : name, id };
      }
      at = next;
    }
  }
  if (isAlike) shapes.set(entries, shapeOf(old));
  return entries;
}

/** Trees with the same names and modes in the same order as an earlier one, and that one. */
const shapes = new WeakMap<readonly TreeEntry[], object>();

/** The same object for trees that are known to have the same names and modes in the same order. */
export function shapeOf(entries: readonly TreeEntry[]): object {
  return shapes.get(entries) ?? entries;
}

/** Gives each entry, and where it begins; where the last whole one ends. */
function readEntries(
  bytes: Buffer,
  start: number,
  limit: number,
  take: (entry: TreeEntry, at: number) => void,
): number {
  const text = bytes.toString('latin1', start, limit);
  let at = 0;
  while (at < text.length) {
    const space = text.indexOf(' ', at);
    const end = text.indexOf('\0', at);
    if (space < at || end < space || end + 21 > text.length) break;
    const mode = modeOf(text.slice(at, space));
    if (mode === null) break;
    const id = bytes.toString('hex', start + end + 1, start + end + 21);
    take({ mode, name: text.slice(space + 1, end), id }, start + at);
    at = end + 21;
  }
  return start + at;
}

/** Most entries of most trees are of two modes: their texts are shared. */
function modeOf(mode: string): string | null {
  if (mode === FILE) return FILE;
  if (mode === DIRECTORY) return DIRECTORY;
  return /^[0-7]{1,7}$/.test(mode) ? mode : null;
}
