import type { ObjectId } from './objects.ts';
import type { RawObject } from './stored-objects.ts';

/**
 * Guesses how a line of commits goes on, as expressions of `gitrevisions(7)` that git resolves itself: the only reading that
 * cannot be under way all at once, since each commit names the next. Wrong guesses cost time and nothing else: what they
 * bring is found by its name and hashed again.
 */
export function createReadAhead() {
  let expected: ObjectId | null = null;
  let run = 0;

  return {
    /** Whether `id` is the first parent of the commit that was read last, so that a guess may be bringing it. */
    isExpected: (id: ObjectId) => id === expected,
    /** What to ask for together with the commit `id`. */
    beside(id: ObjectId): readonly string[] {
      const length = id === expected ? Math.min(2 * run, LONGEST) : 0;
      return Array.from({ length }, (_, at) => `${id}~${at + 1}`);
    },
    /** An object that was asked for has come: commits tell where their line goes on. */
    read(id: ObjectId, { type, bytes }: RawObject): void {
      if (type !== 'commit') return;
      const [, parent = null] = HISTORY.exec(Buffer.from(bytes.subarray(0, 100)).toString('latin1')) ?? [];
      run = id === expected ? run + 1 : 0;
      expected = parent;
    },
  };
}

const HISTORY = /^tree [0-9a-f]{40}\n(?:parent ([0-9a-f]{40})\n)?/;
const LONGEST = 64;
