import { Failure } from '../../src/base/failure.ts';
import { type Files, nodeFiles } from '../../src/reconcile/files.ts';

/** The real file system, but for what the test says. */
export type Disk = Files & {
  /** Fails the nth changing step from now on (1 is the next) and all that follow, as a machine that lost its power. */
  dieAt(step: number): void;
  /** Every write fails with `disk-full`, having left a part behind. */
  fill(full: 'full' | 'free'): void;
  revive(): void;
  /** Changing steps so far. */
  steps(): number;
};

export function testDisk(): Disk {
  let steps = 0;
  let deadFrom = Number.POSITIVE_INFINITY;
  let full = false;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    steps += 1;
    if (steps >= deadFrom) throw new Error('the machine is off');
    return work();
  };
  return {
    read: nodeFiles.read,
    list: nodeFiles.list,
    async write(path, text, mode) {
      const dies = steps + 1 === deadFrom;
      // A write that is cut off leaves a part behind: only a rename is whole or not at all.
      if (dies || full) await nodeFiles.write(path, text.slice(0, 10), mode);
      return step(async () => {
        if (!full) return nodeFiles.write(path, text, mode);
        throw new Failure('disk-full', `no space left to write ${path}`, 'free disk space');
      });
    },
    rename: (from, to) => step(() => nodeFiles.rename(from, to)),
    syncDirectory: (path) => step(() => nodeFiles.syncDirectory(path)),
    makeDirectory: (path) => step(() => nodeFiles.makeDirectory(path)),
    remove: (path) => step(() => nodeFiles.remove(path)),
    dieAt(step) {
      deadFrom = steps + step;
    },
    fill(state) {
      full = state === 'full';
    },
    revive() {
      deadFrom = Number.POSITIVE_INFINITY;
    },
    steps: () => steps,
  };
}
