import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import { NO_STAGES } from './facts.ts';
import type { Following } from './following.ts';
import type { Known } from './known.ts';
import type { Serving } from './serving.ts';

/** Serves what was followed last, before any remote answers. */
export class Restore {
  readonly #log: Log;
  readonly #known: Known;
  readonly #following: Following;
  readonly #serving: Serving;
  /** The witness cannot be read, or is not what is derived: nobody knows what may be followed. */
  #undecided = false;

  constructor(log: Log, known: Known, following: Following, serving: Serving) {
    this.#log = log;
    this.#known = known;
    this.#following = following;
    this.#serving = serving;
  }

  /** At start; once. Throws what only an operator can decide, which is said of the repository then. */
  async atStart(): Promise<void> {
    this.#undecided = true;
    try {
      await this.#restore();
    } catch (error) {
      this.#known.fail(error);
      throw error;
    }
    this.#undecided = false;
  }

  /** Throws as `atStart` does, as long as that would. */
  async decided(): Promise<void> {
    if (!this.#undecided) return;
    await this.#restore();
    this.#undecided = false;
    this.#known.learn({ failure: null });
  }

  async #restore(): Promise<void> {
    const known = this.#known;
    known.enter('restore');
    const tip = await this.#following.recall();
    if (tip === null) return;
    try {
      const state = await this.#following.recalled(tip);
      if (state === null) return;
      await this.#serving.serve(state, NO_STAGES, null);
      this.#log.info({ repository: known.name, tip }, 'serving the last followed tip from the local store');
    } catch (error) {
      if (error instanceof Failure && error.code === 'witness-mismatch') throw error;
      known.fail(error); // The objects may be back after the next fetch.
    }
  }
}
