import { performance } from 'node:perf_hooks';

/** Time as an argument: the loop reads no other clock, so that tests can simulate it. No verdict depends on it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since some moment: no step of the machine's clock moves it. For what is due, and for ages. */
  steadyMs(): number;
  /** Calls `run` once, `delayMs` from now; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** `setTimeout` fires at once beyond 2^31-1 ms. */
const MAX_DELAY_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  steadyMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

/**
 * Settles as `work` does, or rejects with `late()` after `timeoutMs`, when `work`'s signal is aborted too:
 * a remote that ignores the signal cannot hold the key for ever.
 */
export async function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => {
    reject(late());
    controller.abort();
  });
  try {
    return await Promise.race([work(controller.signal), promise]);
  } finally {
    cancel();
  }
}
