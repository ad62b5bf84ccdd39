import { randomUUID } from 'node:crypto';
import type { Job, Queue, Worker } from 'bullmq';
import { withTimeout } from '../clock.ts';
import { backoffMs, DEFAULT_BACKOFF, type QueueOptions } from '../work-queue.ts';
import type { RedisClient } from './connection.ts';
import { settled, track } from './in-flight.ts';
import { createLane, type Lane } from './lane.ts';
import type { SharedQueue } from './shared-queue.ts';

export type BullmqQueueOptions = QueueOptions & {
  /** Shared with others; `close` leaves it open. Has `maxRetriesPerRequest: null`, as BullMQ wants it. */
  readonly client: RedisClient;
  /** Of all keys in Redis. */
  readonly prefix: string;
  /** After so long a key whose worker died is due again; default 30 s. */
  readonly lockMs?: number;
  /** What Redis or the way to it did wrong; it goes on by itself. */
  readonly onError: (error: Error) => void;
};

/** `failures` in a row; null: as this process saw it last. */
type Data = { readonly key: string; readonly dueMs: number; readonly failures: number | null };
/** When the key is due again; null: not before somebody adds it. */
type Next = { readonly delayMs: number | null; readonly failures: number };
type Worked = Job<Data, Next | null>;

const QUEUE = 'repositories';
const LOCK_MS = 30_000;
const DRAIN_POLL_MS = 20;
/** What is in flight has ended by then; only a Redis that does not answer keeps the rest waiting. Nothing is lost with it. */
const CLOSE_MS = 2_000;

/** Within it a Redis that works has taken the connections; a Cluster that is lost meanwhile would be waited for for ever. */
const OPEN_MS = 10_000;

/**
 * The adapter over BullMQ, loaded when it is asked for. A key is one job: BullMQ's deduplication keeps it queued at
 * most once, and makes one more of it where it is added while in flight (`keepLastIfActive`). Resolves when it works,
 * and rejects where Redis goes away before, or does not take it in time.
 */
export async function openBullmqQueue(options: BullmqQueueOptions): Promise<SharedQueue> {
  const queue = new BullmqQueue(options, await import('bullmq'));
  try {
    const late = () => new Error('the connections to Redis were not made in time');
    await withTimeout(options.clock, OPEN_MS, () => queue.opened(), late);
  } catch (error) {
    await queue.close();
    throw error;
  }
  return queue;
}

type Bullmq = Pick<typeof import('bullmq'), 'Queue' | 'Worker' | 'DelayedError' | 'WaitingError'>;

class BullmqQueue implements SharedQueue {
  readonly #options: BullmqQueueOptions;
  readonly #queue: Queue<Data, Next | null>;
  readonly #worker: Worker<Data, Next | null>;
  readonly #healthy: Lane;
  readonly #failing: Lane;
  readonly #limits: { readonly healthy: number; readonly failing: number };
  /** Of keys that were added here while they were in flight: by which job, and when they are due after it. */
  readonly #after = new Map<string, { readonly job: string | undefined; readonly dueMs: number }>();
  /** In a row, of keys that failed here last. */
  readonly #failures = new Map<string, number>();
  readonly #bullmq: Bullmq;
  /** What the handler does now. */
  readonly #handled = new Set<Promise<unknown>>();
  /** That, and what is said of it to Redis. */
  readonly #inFlight = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: BullmqQueueOptions, bullmq: Bullmq) {
    this.#options = options;
    this.#bullmq = bullmq;
    const { Queue, Worker } = bullmq;
    const { client, prefix, onError, lockMs = LOCK_MS } = options;
    const { concurrency: healthy = 8, failingConcurrency: failing = 2 } = options;
    this.#limits = { healthy, failing };
    this.#healthy = createLane(healthy);
    this.#failing = createLane(failing);
    const common = { connection: client, prefix };
    this.#queue = new Queue(QUEUE, { ...common, streams: { events: { maxLen: 1_000 } } });
    this.#worker = new Worker(QUEUE, (job, token = '') => this.#track(this.#work(job, token)), {
      ...common,
      concurrency: healthy,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      // A key is never given up: a worker that dies is no fault of the key's.
      maxStalledCount: 1_000_000_000,
      runRetryDelay: 1_000,
    });
    this.#queue.on('error', onError);
    this.#worker.on('error', onError);
    this.#worker.on('completed', ({ data }, next) => void this.#track(this.#again(data.key, next)));
  }

  async opened(): Promise<void> {
    await Promise.all([this.#queue.waitUntilReady(), this.#worker.waitUntilReady()]);
  }

  async add(key: string, delayMs = 0): Promise<void> {
    if (this.#closed) return;
    if (delayMs === 0) return this.#addNow(key);
    const found = await this.#find(key);
    const dueMs = this.#options.clock.now() + delayMs;
    if (found !== undefined && (await found.isActive())) return this.#addAfter(found, dueMs);
    await this.#soonest(found, { key, dueMs, failures: found?.data.failures ?? null }, delayMs);
  }

  async drain(): Promise<void> {
    for (;;) {
      const { active = 0, waiting = 0 } = await this.#queue.getJobCounts('active', 'waiting');
      if (this.#closed || (active + waiting === 0 && this.#inFlight.size === 0)) return;
      await new Promise<void>((resolve) => this.#options.clock.after(DRAIN_POLL_MS, resolve));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.pause();
    await settled(this.#handled);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(CLOSE_MS, resolve);
    await Promise.race([this.#closeAll(), late]);
    cancel();
  }

  pause(): void {
    this.#worker.pause(true).catch(this.#options.onError);
  }

  resume(): void {
    if (!this.#closed) this.#worker.resume().catch(this.#options.onError);
  }

  async keep(key: string, delayMs: number): Promise<void> {
    await this.#putLater(key, delayMs, {});
  }

  async putOff(key: string, delayMs: number): Promise<void> {
    // BullMQ would run what it cannot replace once more, had it to keep the last of them: of one in flight it drops this.
    await this.#putLater(key, delayMs, { replace: true });
  }

  async dueInMs(key: string): Promise<number | null> {
    const found = await this.#find(key);
    if (found === undefined || !(await found.isDelayed())) return null;
    return found.data.dueMs - this.#options.clock.now();
  }

  async depth(): Promise<{ readonly due: number; readonly oldestMs: number }> {
    const [due, [first]] = await Promise.all([this.#queue.getWaitingCount(), this.#queue.getWaiting(0, 0)]);
    const dueMs = Number(first?.data.dueMs);
    return { due, oldestMs: Number.isFinite(dueMs) ? Math.max(0, this.#options.clock.now() - dueMs) : 0 };
  }

  async #closeAll(): Promise<void> {
    await settled(this.#inFlight);
    await this.#worker.close().catch(this.#options.onError);
    await settled(this.#inFlight);
    await this.#queue.close().catch(this.#options.onError);
  }

  async #addNow(key: string): Promise<void> {
    const dueMs = this.#options.clock.now();
    const { job, isNew } = await this.#put({ key, dueMs, failures: null }, 0, { keepLastIfActive: true });
    if (isNew) return;
    const state = await job.getState();
    if (state === 'delayed') await promote(job);
    if (state === 'active') this.#after.set(key, { job: job.id, dueMs });
  }

  /**
   * BullMQ keeps the last of several that wait for one in flight: it is given the earliest of those of this process. Its time
   * begins when that one ends. Of several processes that add a key meanwhile, the last counts.
   */
  async #addAfter({ id: job, data: { key } }: Worked, wantedMs: number): Promise<void> {
    const known = this.#after.get(key);
    const dueMs = known !== undefined && known.job === job ? Math.min(known.dueMs, wantedMs) : wantedMs;
    this.#after.set(key, { job, dueMs });
    const delayMs = Math.max(0, dueMs - this.#options.clock.now());
    const data = { key, dueMs, failures: null };
    await this.#put(data, delayMs, { keepLastIfActive: true });
    // It may have ended before that, and asked for a later time.
    const found = await this.#find(key);
    if (found !== undefined && !(await found.isActive())) await this.#soonest(found, data, delayMs);
  }

  /** In the place of what is found to wait for a later time; else only where nothing waits. */
  async #soonest(found: Worked | undefined, data: Data, delayMs: number): Promise<void> {
    const replace = found !== undefined && found.data.dueMs > data.dueMs;
    await this.#put(data, delayMs, replace ? { replace } : {});
  }

  async #putLater(key: string, delayMs: number, how: { readonly replace?: true }): Promise<void> {
    if (this.#closed) return;
    await this.#put({ key, dueMs: this.#options.clock.now() + delayMs, failures: null }, delayMs, how);
  }

  /** `isNew` false: `job` was there already; this one is dropped, or kept for when that ends. */
  async #put(
    data: Data,
    delay: number,
    how: { readonly keepLastIfActive?: true; readonly replace?: true },
  ): Promise<{ readonly job: Worked; readonly isNew: boolean }> {
    const jobId = randomUUID();
    const deduplication = { id: data.key, ...how };
    const kept = { removeOnComplete: true, removeOnFail: true };
    const job = await this.#queue.add('reconcile', data, { jobId, delay, deduplication, ...kept });
    return { job, isNew: job.id === jobId };
  }

  async #find(key: string): Promise<Worked | undefined> {
    const id = await this.#queue.getDeduplicationJobId(key);
    return id === null ? undefined : this.#queue.getJob(id);
  }

  #track<T>(work: Promise<T>): Promise<T> {
    return track(this.#inFlight, work);
  }

  async #work(job: Worked, token: string): Promise<Next | null> {
    // BullMQ asks before it waits, not after.
    if (this.#worker.isPaused()) return this.#giveBack(job, token);
    const { key } = job.data;
    const failures = job.data.failures ?? this.#failures.get(key) ?? 0;
    const lane = failures > 0 ? this.#failing : this.#healthy;
    if (!lane.enter()) return this.#park(job, token, lane);
    try {
      return await this.#run(key, failures);
    } finally {
      lane.leave();
    }
  }

  async #run(key: string, before: number): Promise<Next> {
    const outcome = await track(this.#handled, this.#outcome(key));
    const failed = outcome.outcome === 'retry' || outcome.outcome === 'stalled';
    const failures = failed ? before + 1 : 0;
    this.#remember(key, failures);
    if (outcome.outcome === 'wait') return { failures, delayMs: outcome.forMs };
    if (outcome.outcome !== 'retry') return { failures, delayMs: null };
    return { failures, delayMs: outcome.afterMs ?? this.#backoff(failures) };
  }

  /** BullMQ's worker takes whatever key is next: only where some fail does it take more than the healthy ones may be. */
  #remember(key: string, failures: number): void {
    if (failures > 0) this.#failures.set(key, failures);
    else this.#failures.delete(key);
    const { healthy, failing } = this.#limits;
    this.#worker.concurrency = healthy + Math.min(failing, this.#failures.size);
  }

  /** A handler that throws is one that failed. */
  async #outcome(key: string) {
    try {
      return await this.#options.handler(key);
    } catch {
      return { outcome: 'retry' } as const;
    }
  }

  #backoff(failures: number): number {
    return backoffMs(this.#options.backoff ?? DEFAULT_BACKOFF, failures, this.#options.random);
  }

  /** Beside what waited for this run, and may be due before this. */
  async #again(key: string, next: Next | null): Promise<void> {
    this.#after.delete(key);
    if (next === null || next.delayMs === null) return;
    const { delayMs, failures } = next;
    const dueMs = this.#options.clock.now() + delayMs;
    try {
      await this.#soonest(await this.#find(key), { key, dueMs, failures }, delayMs);
    } catch (error) {
      this.#options.onError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** With a marker for those who wait, and asking for no next one, as BullMQ does not while it is paused. */
  async #giveBack(job: Worked, token: string): Promise<never> {
    await job.moveToWait(token);
    throw new this.#bullmq.WaitingError();
  }

  /** Its lane is full: back to Redis until it is not, or another process has room. */
  async #park(job: Worked, token: string, lane: Lane): Promise<never> {
    await job.moveToDelayed(this.#options.clock.now() + (this.#options.lockMs ?? LOCK_MS), token);
    lane.whenFree(async () => !this.#closed && this.#track(promote(job).catch(() => false)));
    throw new this.#bullmq.DelayedError();
  }
}

/** False: somebody else was first. */
async function promote(job: Worked): Promise<boolean> {
  try {
    await job.promote();
    return true;
  } catch (error) {
    if (await job.isDelayed()) throw error;
    return false;
  }
}
