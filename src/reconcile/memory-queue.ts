import { backoffMs, DEFAULT_BACKOFF, type Outcome, type QueueOptions, type WorkQueue } from './work-queue.ts';

/** The adapter that needs nothing installed: a restart re-derives everything from git. */
export function createMemoryQueue(options: QueueOptions): WorkQueue {
  return new MemoryQueue(options);
}

/** `dueMs` null: not wanted again. `ready`: due, and standing in a lane. */
type Job = { failures: number; running: boolean; ready: boolean; dueMs: number | null; cancel: () => void };
type Lane = { readonly limit: number; running: number; readonly waiting: string[] };

const never = () => {};

class MemoryQueue implements WorkQueue {
  readonly #options: QueueOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #healthy: Lane;
  readonly #failing: Lane;
  #closed = false;
  #drained: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#healthy = { limit: options.concurrency ?? 8, running: 0, waiting: [] };
    this.#failing = { limit: options.failingConcurrency ?? 2, running: 0, waiting: [] };
  }

  async add(key: string, delayMs = 0): Promise<void> {
    if (this.#closed) return;
    const job = this.#jobs.get(key) ?? {
      failures: 0,
      running: false,
      ready: false,
      dueMs: null,
      cancel: never,
    };
    this.#jobs.set(key, job);
    this.#want(key, job, delayMs);
  }

  drain(): Promise<void> {
    if (this.#idle()) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of [this.#healthy, this.#failing]) lane.waiting.length = 0;
    for (const [key, job] of this.#jobs) {
      job.cancel();
      if (!job.running) this.#jobs.delete(key);
    }
    await this.drain();
  }

  /** The earliest due time wins. A job in flight is armed when it ends. */
  #want(key: string, job: Job, delayMs: number): void {
    const dueMs = this.#options.clock.steadyMs() + delayMs;
    if (job.dueMs !== null && job.dueMs <= dueMs) return;
    job.dueMs = dueMs;
    if (!job.running && !job.ready) this.#arm(key, job);
  }

  #arm(key: string, job: Job): void {
    job.cancel();
    const delayMs = (job.dueMs ?? 0) - this.#options.clock.steadyMs();
    if (delayMs > 0) job.cancel = this.#options.clock.after(delayMs, () => this.#enter(key, job));
    else this.#enter(key, job);
  }

  #enter(key: string, job: Job): void {
    job.cancel = never;
    job.ready = true;
    this.#lane(job).waiting.push(key);
    this.#pump();
  }

  #lane(job: Job): Lane {
    return job.failures > 0 ? this.#failing : this.#healthy;
  }

  #pump(): void {
    for (const lane of [this.#healthy, this.#failing]) {
      while (lane.running < lane.limit) {
        const key = lane.waiting.shift();
        const job = key === undefined ? undefined : this.#jobs.get(key);
        if (key === undefined || job === undefined) break;
        void this.#run(key, job, lane);
      }
    }
  }

  async #run(key: string, job: Job, lane: Lane): Promise<void> {
    lane.running += 1;
    Object.assign(job, { running: true, ready: false, dueMs: null });
    const outcome = await this.#outcome(key);
    lane.running -= 1;
    job.running = false;
    this.#settle(key, job, outcome);
    this.#pump();
    if (this.#idle()) for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** A handler that throws is one that failed. It starts in a turn of its own, never inside `add`. */
  async #outcome(key: string): Promise<Outcome> {
    try {
      await Promise.resolve();
      return await this.#options.handler(key);
    } catch {
      return { outcome: 'retry' };
    }
  }

  #settle(key: string, job: Job, outcome: Outcome): void {
    const failed = outcome.outcome === 'retry' || outcome.outcome === 'stalled';
    job.failures = failed ? job.failures + 1 : 0;
    if (this.#closed) job.dueMs = null;
    else if (outcome.outcome === 'retry') this.#again(job, outcome.afterMs ?? this.#backoff(job));
    else if (outcome.outcome === 'wait') this.#again(job, outcome.forMs);
    if (job.dueMs !== null) this.#arm(key, job);
    else if (!failed || this.#closed) this.#jobs.delete(key);
  }

  /** A key added while in flight is due already: what the run asks for can only be later. */
  #again(job: Job, delayMs: number): void {
    job.dueMs = Math.min(job.dueMs ?? Number.POSITIVE_INFINITY, this.#options.clock.steadyMs() + delayMs);
  }

  #backoff(job: Job): number {
    return backoffMs(this.#options.backoff ?? DEFAULT_BACKOFF, job.failures, this.#options.random);
  }

  #idle(): boolean {
    for (const job of this.#jobs.values()) if (job.running || job.ready) return false;
    return true;
  }
}
