import type { ObjectId } from './objects.ts';
import type { RawObject } from './stored-objects.ts';

/**
 * Guesses what is read next, as expressions of `gitrevisions(7)` that git resolves itself, so that one round trip to it
 * brings several objects. Wrong guesses cost time and nothing else: what they bring is found by its name and hashed again.
 */
export function createReadAhead() {
  const roots = new Set<ObjectId>();
  const paths = new Set<string>();
  let expected: ObjectId | null = null;
  let run = 0;

  return {
    /** What to ask for together with `id`. */
    beside(id: ObjectId, type: RawObject['type']): readonly string[] {
      if (type === 'tree' && roots.has(id)) return below(id, paths);
      if (type !== 'commit') return [];
      const length = id === expected ? Math.min(1 + run, LONGEST) : 1;
      const parents = Array.from({ length }, (_, at) => `${id}~${at + 1}`);
      // Where a line is followed, its commits are all that is wanted of it now.
      if (length > 2) return parents;
      const trees = (commit: string) => [`${commit}^{tree}`, ...below(commit, paths)];
      return [...trees(id), ...parents.flatMap((each) => [each, ...trees(each)])];
    },
    /** An object that was asked for has come: commits tell where their line goes on and which trees are roots. */
    read(id: ObjectId, { type, bytes }: RawObject): void {
      if (type !== 'commit') return;
      const [, tree, parent = null] =
        HISTORY.exec(Buffer.from(bytes.subarray(0, 100)).toString('latin1')) ?? [];
      run = id === expected ? run + 1 : 0;
      expected = parent;
      if (tree !== undefined) keep(roots, tree, ROOTS);
    },
    /** The trees along `path` below `root` are about to be read. */
    along(root: ObjectId, path: string): void {
      if (roots.has(root) && PLAIN.test(path)) keep(paths, path, PATHS);
    },
  };
}

const HISTORY = /^tree ([0-9a-f]{40})\n(?:parent ([0-9a-f]{40})\n)?/;
/** A path that is nothing else in an expression, nor in a line. */
const PLAIN = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$(?<=^.{1,120})/;
const LONGEST = 32;
const ROOTS = 4096;
const PATHS = 4;

/** Each directory on the way; the slash at the end keeps large files out. */
function below(id: string, paths: ReadonlySet<string>): readonly string[] {
  const found = new Set<string>();
  for (const path of paths) {
    const names = path.split('/');
    for (const at of names.keys()) found.add(`${id}:${names.slice(0, at + 1).join('/')}/`);
  }
  return [...found];
}

function keep<Value>(set: Set<Value>, value: Value, limit: number): void {
  set.delete(value);
  set.add(value);
  if (set.size <= limit) return;
  const [oldest] = set;
  if (oldest !== undefined) set.delete(oldest);
}
