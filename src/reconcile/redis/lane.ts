/** How many of a kind run at the same time in this process. */
export interface Lane {
  /** False: it is full. Who entered leaves. */
  enter(): boolean;
  leave(): void;
  /** Calls `run` when there is room, the first that asked first; false of it: it does not want it any more. */
  whenFree(run: () => Promise<boolean>): void;
}

export function createLane(limit: number): Lane {
  const waiting: (() => Promise<boolean>)[] = [];
  let running = 0;
  const wake = async (): Promise<void> => {
    while (running < limit) {
      const run = waiting.shift();
      if (run === undefined || (await run())) return;
    }
  };
  return {
    enter() {
      if (running >= limit) return false;
      running += 1;
      return true;
    },
    leave() {
      running -= 1;
      void wake();
    },
    whenFree(run) {
      waiting.push(run);
      void wake();
    },
  };
}
