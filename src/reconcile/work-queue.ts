import type { Clock } from './clock.ts';

/** What became of one run of one key. */
export type Outcome =
  | { readonly outcome: 'done' }
  /** It failed: again after `afterMs`, or after the key's exponential backoff; in the failing lane. */
  | { readonly outcome: 'retry'; readonly afterMs?: number }
  /** It went well, and wants to be looked at again. */
  | { readonly outcome: 'wait'; readonly forMs: number }
  /** It failed in a way that trying again cannot mend: only `add` runs it again. */
  | { readonly outcome: 'stalled'; readonly reason: string };

/** Runs one key: reads the world as it is *now* (level-based), whatever made the key due. */
export type Handler = (key: string) => Promise<Outcome>;

/**
 * A queue of keys, never of payloads. Guarantees, whatever the adapter:
 * a key is queued at most once and in flight at most once; a key added while in flight runs once more afterwards, so
 * that the newest revision wins; the earliest of several due times wins; each key backs off on its own, and failing
 * keys run in a bounded lane of their own. `test/reconcile/work-queue.contract.ts` is what an adapter has to pass.
 */
export interface WorkQueue {
  /** Makes `key` due in `delayMs` (default now). A key that backs off is due at once: somebody knows better. */
  add(key: string, delayMs?: number): Promise<void>;
  /** Resolves when no key is in flight or due now. Delayed keys do not count. */
  drain(): Promise<void>;
  /**
   * Takes no more keys, starts none, and resolves when what is in flight has ended. What is due later is forgotten, or
   * left to the others who share the queue.
   */
  close(): Promise<void>;
}

/** What every adapter is given. */
export type QueueOptions = {
  readonly handler: Handler;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Healthy keys in flight at the same time, in this process; default 8. */
  readonly concurrency?: number;
  /** Failing keys in flight at the same time, in this process; default 2. */
  readonly failingConcurrency?: number;
  readonly backoff?: Backoff;
};

export type Backoff = { readonly firstMs: number; readonly maxMs: number };

export const DEFAULT_BACKOFF: Backoff = { firstMs: 1_000, maxMs: 300_000 };

/** Doubles with each failure up to `maxMs`; the upper half is jitter (`random` in [0, 1)). */
export function backoffMs(backoff: Backoff, failures: number, random: () => number): number {
  const ceiling = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}

/** `baseMs` ± 10 %, so that many repositories do not poll in step. */
export function jitterMs(baseMs: number, random: () => number): number {
  return Math.round(baseMs * (0.9 + 0.2 * random()));
}
