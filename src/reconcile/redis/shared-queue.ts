import type { WorkQueue } from '../work-queue.ts';

/** A queue that all processes with one Redis and one prefix share. */
export interface SharedQueue extends WorkQueue {
  /**
   * Runs no more keys for now; what is in flight goes on. One that BullMQ was waiting for goes back to Redis at once,
   * to whoever else takes it.
   */
  pause(): void;
  resume(): void;
  /** Sees to it that a key is there: due in `delayMs` where Redis has lost it, else as it was. */
  keep(key: string, delayMs: number): Promise<void>;
  /** A key that waits for its time waits until `delayMs` from now: somebody has done what it was to be run for. */
  putOff(key: string, delayMs: number): Promise<void>;
  /** In how many milliseconds it is due; null: not known to wait for its time. */
  dueInMs(key: string): Promise<number | null>;
  /** Keys that wait for a process with room, and since when the first of them does. */
  depth(): Promise<{ readonly due: number; readonly oldestMs: number }>;
}
