import { sha256 } from '../base/digest.ts';

/** What is left out below a directory. */
export type Mask = {
  /** The same for the same paths; empty where nothing is left out. */
  readonly key: string;
  /** Whether the directory itself is left out. */
  readonly isWhole: boolean;
  /** What is left out below the entry of this name. */
  below(name: string): Mask;
};

/** The mask of these paths, in any order. Lists can be long, and are asked for at each commit: each is looked at once. */
export function maskOf(paths: readonly string[]): Mask {
  const known = masks.get(paths);
  if (known !== undefined) return known;
  const made = createMask([...new Set(paths)].sort());
  masks.set(paths, made);
  return made;
}

const masks = new WeakMap<readonly string[], Mask>();

function createMask(paths: readonly string[]): Mask {
  if (paths.length === 0) return NONE;
  let children: ReadonlyMap<string, Mask> | null = null;
  return {
    key: sha256(paths.join('\0')),
    isWhole: paths.includes(''),
    below(name) {
      children ??= split(paths);
      return children.get(name) ?? NONE;
    },
  };
}

const NONE: Mask = { key: '', isWhole: false, below: () => NONE };

/** By the first segment; the rest of a path is empty where the directory itself is left out. */
function split(paths: readonly string[]): ReadonlyMap<string, Mask> {
  const rests = new Map<string, string[]>();
  for (const path of paths) {
    const slash = path.indexOf('/');
    const [first, rest] = slash < 0 ? [path, ''] : [path.slice(0, slash), path.slice(slash + 1)];
    const known = rests.get(first);
    if (known === undefined) rests.set(first, [rest]);
    else known.push(rest);
  }
  return new Map([...rests].map(([name, rest]) => [name, createMask(rest)]));
}
