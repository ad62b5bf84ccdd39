import { Failure } from '../base/failure.ts';
import type { ObjectId } from '../git/index.ts';
import { type FetchOptions, fetchWithin } from './fetch.ts';
import { backoffMs, DEFAULT_BACKOFF } from './work-queue.ts';

export type AskingOptions = FetchOptions & {
  /** In [0, 1). */
  readonly random: () => number;
  readonly pollMs: number;
};

/** Until when the remote is left alone, and what it said. */
type Wait = { readonly refused: Failure; readonly dueMs: number; readonly untilMs: number };

/**
 * Asks one remote, and leaves it alone for as long as it wanted (Retry-After), whoever hints meanwhile that there is something
 * new: a host that is asked all the same may shut us out for good. For no longer than a backoff or a poll may be, and no
 * shorter than the backoff.
 */
export class Asking {
  readonly #options: AskingOptions;
  #wait: Wait | null = null;
  /** How often it has wanted that, one time after the other. */
  #times = 0;

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /** Throws what the remote said last, while it wants to be left alone. */
  mayAsk(): void {
    if (this.#wait !== null && this.forMs() > 0) throw this.#wait.refused;
  }

  /** The offered tip. Throws as `fetchWithin` does. */
  async fetch(signal?: AbortSignal): Promise<ObjectId> {
    try {
      const tip = await fetchWithin(this.#options, signal);
      this.#times = 0;
      return tip;
    } catch (error) {
      if (!(error instanceof Failure) || error.retryAfterMs === null) throw error;
      throw this.#leave(error, error.retryAfterMs);
    }
  }

  /** For how long it is left alone from now on; 0: it may be asked. */
  forMs(): number {
    return this.#wait === null ? 0 : Math.max(0, this.#wait.dueMs - this.#options.clock.steadyMs());
  }

  /** Since the Unix epoch; null: it may be asked. */
  untilMs(): number | null {
    return this.forMs() > 0 ? (this.#wait?.untilMs ?? null) : null;
  }

  #leave(error: Failure, wantedMs: number): Failure {
    const { clock, pollMs, random } = this.#options;
    this.#times += 1;
    const leastMs = backoffMs(DEFAULT_BACKOFF, this.#times, random);
    const boundMs = Math.min(Math.max(wantedMs, leastMs), Math.max(DEFAULT_BACKOFF.maxMs, pollMs));
    // All repositories of a host are told the same, and should not come back in step.
    const forMs = Math.round(boundMs * (1 + random() / 10));
    const untilMs = clock.now() + forMs;
    const message = `${error.message}, and is not asked again before ${new Date(untilMs).toISOString()}`;
    const refused = new Failure(error.code, message, error.fix, { cause: error });
    this.#wait = { refused, dueMs: clock.steadyMs() + forMs, untilMs };
    return refused;
  }
}
