import { Failure } from '../../src/base/failure.ts';
import { type Files, nodeFiles } from '../../src/reconcile/files.ts';

/** The real file system, but for what the test says. */
export type Disk = Files & {
  /** Fails the nth changing step from now on (1 is the next) and all that follow, as a machine that lost its power. */
  dieAt(step: number): void;
  /** Every write fails with `disk-full`, having left a part behind. */
  fill(full: 'full' | 'free'): void;
  /** From now on this operation fails so, having done nothing; null: none does. */
  refuse(operation: Changing | null, code?: 'disk-full' | 'data-unwritable'): void;
  revive(): void;
  /** Changing steps so far. */
  steps(): number;
};

type Changing = 'write' | 'rename' | 'syncDirectory' | 'makeDirectory' | 'remove';

export function testDisk(): Disk {
  let steps = 0;
  let deadFrom = Number.POSITIVE_INFINITY;
  let full = false;
  let refused: readonly [Changing, string] | null = null;
  const step = async <T>(operation: Changing, work: () => Promise<T>): Promise<T> => {
    steps += 1;
    if (steps >= deadFrom) throw new Error('the machine is off');
    if (refused?.[0] === operation) throw new Failure(refused[1], `${operation} fails`, 'mend the disk');
    return work();
  };
  return {
    read: nodeFiles.read,
    list: nodeFiles.list,
    touch: nodeFiles.touch,
    touched: nodeFiles.touched,
    async write(path, text, mode) {
      const dies = steps + 1 === deadFrom;
      // A write that is cut off leaves a part behind: only a rename is whole or not at all.
      if (dies || full) await nodeFiles.write(path, text.slice(0, 10), mode);
      return step('write', async () => {
        if (!full) return nodeFiles.write(path, text, mode);
        throw new Failure('disk-full', `no space left to write ${path}`, 'free disk space');
      });
    },
    rename: (from, to) => step('rename', () => nodeFiles.rename(from, to)),
    syncDirectory: (path) => step('syncDirectory', () => nodeFiles.syncDirectory(path)),
    makeDirectory: (path) => step('makeDirectory', () => nodeFiles.makeDirectory(path)),
    remove: (path) => step('remove', () => nodeFiles.remove(path)),
    dieAt(step) {
      deadFrom = steps + step;
    },
    fill(state) {
      full = state === 'full';
    },
    refuse(operation, code = 'disk-full') {
      refused = operation === null ? null : [operation, code];
    },
    revive() {
      deadFrom = Number.POSITIVE_INFINITY;
    },
    steps: () => steps,
  };
}
