import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from './clock.ts';
import { type Learned, NOTHING_LEARNED } from './facts.ts';
import type { RunWatch } from './observer.ts';

type KnownOptions = { readonly name: string; readonly clock: Pick<Clock, 'now'>; readonly log: Log };

/** Where a loop is: what it says when it fails. */
type Stage = 'restore' | 'fetch' | 'verify' | 'witness' | 'serve';

/** What a loop knows. Its parts share it: each learns what it finds out, and reads what the others did. */
export class Known {
  /** Of the repository. */
  readonly name: string;
  readonly #options: KnownOptions;
  #facts = NOTHING_LEARNED;
  #run: RunWatch | null = null;
  #stage: Stage = 'fetch';

  constructor(options: KnownOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get facts(): Learned {
    return this.#facts;
  }

  /** The run that is on its way; null between runs and while restoring. */
  get run(): RunWatch | null {
    return this.#run;
  }

  learn(facts: Partial<Learned>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  began(run: RunWatch): void {
    this.#run = run;
    this.#stage = 'fetch';
  }

  ended(): void {
    this.#run = null;
  }

  enter(stage: Stage): void {
    this.#stage = stage;
    if (stage !== 'restore' && stage !== 'serve') this.#run?.step(stage);
  }

  /** What was entered last has failed. `untilMs`: the remote is not asked before. */
  fail(error: unknown, untilMs: number | null = null): void {
    const { clock, log } = this.#options;
    const stage = this.#stage;
    const before = this.#facts.failure;
    const sinceMs = before?.stage === stage ? before.sinceMs : clock.now();
    const failure = {
      ...operational(error),
      ...{ stage, sinceMs, untilMs: stage === 'fetch' ? untilMs : null },
    };
    this.learn({ failure, trace: this.#run?.trace ?? null });
    const facts = { ...this.about(this.#facts.offeredTip), ...failure };
    log.error(facts, 'reconcile failed; what was served stays served');
  }

  /** What every line of the log says. */
  about(revision: string | null): { repository: string; revision: string | null; trace: string | null } {
    return { repository: this.name, revision, trace: this.#run?.trace ?? null };
  }
}

/** What a run that threw says of itself. */
export function operational(error: unknown): { code: string; message: string; fix: string } {
  if (error instanceof Failure) return { code: error.code, message: error.message, fix: error.fix };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message, fix: 'this is a bug of Fairlead: report it with the log' };
}
