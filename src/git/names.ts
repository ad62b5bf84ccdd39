import type { TreeEntry } from './objects.ts';
import { DIRECTORY, FILE, shapeOf } from './tree.ts';

/** Enforces G10 for one tree: what the first bad entry is, or null. Masked directories are entries like all others. */
export function treeProblem(
  entries: readonly TreeEntry[],
): { readonly entry: TreeEntry; readonly reason: string } | null {
  const shape = shapeOf(entries);
  if (sound.has(shape)) return null;
  const folded = new Set<string>();
  let last = '';
  for (const entry of entries) {
    const { name } = entry;
    const key = sortKey(entry.mode, name);
    const reason =
      modeProblem(entry.mode) ?? nameProblem(name) ?? orderProblem(last, key) ?? twinProblem(folded, name);
    if (reason !== null) return { entry, reason };
    last = key;
  }
  sound.add(shape);
  return null;
}

/** Names and modes in which there was nothing bad. */
const sound = new WeakSet<object>();

/** A name for people: everything but printable ASCII as `\xNN`. */
export function printable(name: string): string {
  const escaped = (character: string) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return name.replace(/[^ -~]/g, escaped);
}

function modeProblem(mode: string): string | null {
  if (mode === DIRECTORY || mode === FILE) return null;
  return MODES.get(mode) ?? `has mode ${mode}, which is neither a directory nor a plain file`;
}

const MODES: ReadonlyMap<string, string> = new Map([
  ['100755', 'is executable'],
  ['120000', 'is a symbolic link'],
  ['160000', 'is a submodule'],
]);

/** The aliases of `.git` on HFS+ (ignorable characters) and NTFS (`git~1`, streams) fall to the character set. */
function nameProblem(name: string): string | null {
  if (!/^[A-Za-z0-9._@+=,() -]{1,255}$/.test(name))
    return 'is not 1 to 255 of the characters A-Z a-z 0-9 ._@+=,()-';
  return SUSPECT.test(name) ? suspectProblem(name) : null;
}

/** Whatever could be one of the rest, in one look: nearly no name is. */
const SUSPECT = /^[ .]|[ .]$|^(?:con|prn|aux|nul|com|lpt)/i;

function suspectProblem(name: string): string | null {
  if (name.startsWith(' ')) return 'starts with a space';
  if (/[ .]$/.test(name)) return 'ends with a space or a dot';
  if (/^\.git$/i.test(name)) return 'is git’s own folder';
  if (/^\.gitmodules$/i.test(name)) return 'names submodules';
  return WINDOWS_DEVICE.test(name) ? 'is a device on Windows' : null;
}

/** A device whatever the case and whatever follows the first dot: `con`, `NUL.txt`, `com1 .yaml`. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9]) *(?:\.|$)/i;

/** Git's order of tree entries: by bytes, a directory as if its name ended in `/`. */
function sortKey(mode: string, name: string): string {
  return mode === DIRECTORY ? `${name}/` : name;
}

function orderProblem(last: string, key: string): string | null {
  if (last < key) return null;
  return last === key ? 'is in its tree twice' : 'is out of order in its tree';
}

function twinProblem(folded: Set<string>, name: string): string | null {
  const key = name.toLowerCase();
  if (folded.has(key)) return 'differs from another name in its folder in case only';
  folded.add(key);
  return null;
}
