import type { Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log.ts';
import type { Bulletin } from '../bulletin.ts';
import { type Clock, withTimeout } from '../clock.ts';
import { type MeasuredQueue, measuredQueue, type QueueDepth } from '../measured-queue.ts';
import { createMemoryQueue } from '../memory-queue.ts';
import { createPace } from '../pace.ts';
import type { Backoff, Handler, Outcome, WorkQueue } from '../work-queue.ts';
import { createRedisBulletin } from './bulletin.ts';
import { openBullmqQueue } from './bullmq-queue.ts';
import { prefixOf, type RedisClient, type RedisConfig, redisConnector } from './connection.ts';
import { type RedisHealth, redisFailure, watchRedis } from './health.ts';
import type { SharedQueue } from './shared-queue.ts';

export type ReplicaOptions = {
  readonly redis: RedisConfig;
  /** All that this process drives, as every replica does. */
  readonly keys: readonly string[];
  /** Never called for a key that it runs already. `wait` is how long until somebody looks again. */
  readonly handler: Handler;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly backoff?: Backoff;
  readonly lockMs?: number;
};

/** The queue of one replica of several. */
export interface ReplicaQueue extends WorkQueue {
  /** Runs every key here, once: what a process serves it derives itself. From then on it takes part. */
  start(): Promise<void>;
  /** Runs a key here, in `delayMs` (default now): it is this process that has to look. */
  here(key: string, delayMs?: number): Promise<void>;
  /** With Redis, of what all replicas share, too; where it does not say so in time, of this process. */
  depth(): Promise<QueueDepth>;
  /** Where it meets the other replicas; null: there are none. */
  readonly bulletin: Bulletin | null;
  /** Why Redis is not used now; null: it is, or none is configured. */
  redisFailure(): Failure | null;
}

/** However seldom the shared queue calls it, a replica looks at the remote itself, so many times less often than it would alone. */
const SAFETY = 5;
/** Such a look takes the place of the next one of the shared queue, this part of an interval before it is due. */
const LEAD = 0.1;
/** It waits so many intervals for that place: clocks may be wrong, and replicas many. */
const PATIENCE = 2;
/** All replicas lose Redis at once, and should not ask the remote at once. */
const SPREAD_MS = 5_000;
/** Redis that comes and goes is no reason to ask the remote each time; after so long without that, it counts as new. */
const LOOKS = { firstMs: 2_500, maxMs: 300_000 };
const ADD_TIMEOUT_MS = 1_000;
const REJOIN_MS = 1_000;
const MAX_SAID = 20;
const NOTHING_WAITS = { due: 0, oldestMs: 0 };

/**
 * With Redis, one replica at a time takes a key from the shared queue, and the others run it when they hear of it.
 * Each has a queue of its own beside that: it looks rarely while Redis works, and goes on alone while it does not.
 * Throws Failure config-invalid where a file of the configuration cannot be read; a Redis that is not there is no reason.
 */
export async function openReplicaQueue(options: ReplicaOptions): Promise<ReplicaQueue> {
  return new Replica(options, await redisConnector(options.redis));
}

class Replica implements ReplicaQueue {
  readonly #options: ReplicaOptions;
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly bulletin: ReturnType<typeof createRedisBulletin>;
  readonly #local: MeasuredQueue;
  #health: RedisHealth | null = null;
  #shared: SharedQueue | null = null;
  #opening: Promise<void> = Promise.resolve();
  #cancel = () => {};
  /** Failed runs of keys of the shared one. */
  #retries = 0;
  readonly #running = new Map<string, Promise<unknown>>();
  /** By key whose last run here went well: when it is to be looked at again, by the steady clock. */
  readonly #dueMs = new Map<string, number>();
  /** By key: until when this process has to look at it itself, by the steady clock, and how often anybody has to. */
  readonly #own = new Map<string, { readonly byMs: number; readonly everyMs: number }>();
  /** Keys that are to be run here, whoever else does. */
  readonly #asked = new Set<string>();
  readonly #looks = createPace(LOOKS);
  #changedMs = Number.NEGATIVE_INFINITY;
  /** Errors of the shared one since Redis was used last. */
  readonly #said = new Set<string>();
  #closed = false;

  constructor(options: ReplicaOptions, connect: () => RedisClient) {
    this.#options = options;
    const client = connect();
    client.on('error', () => {}); // Who watches it says so, once somebody does.
    this.#client = client;
    this.#prefix = prefixOf(options.redis);
    this.#local = measuredQueue(
      options.clock,
      (key) => this.#alone(key),
      (handler) => createMemoryQueue({ ...options, handler }),
    );
    const { log } = options;
    this.bulletin = createRedisBulletin({ client, ear: connect(), prefix: this.#prefix, log });
  }

  async start(): Promise<void> {
    const { keys, clock } = this.#options;
    for (const key of keys) await this.here(key);
    const onChange = (failure: Failure | null) => this.#changed(failure);
    this.#health = watchRedis({ client: this.#client, prefix: this.#prefix, clock, onChange });
  }

  async add(key: string, delayMs = 0): Promise<void> {
    const shared = this.#usable();
    if (shared !== null && (await this.#tell(key, () => shared.add(key, delayMs)))) return;
    await this.here(key, delayMs);
  }

  here(key: string, delayMs = 0): Promise<void> {
    this.#asked.add(key);
    return this.#local.add(key, delayMs);
  }

  redisFailure(): Failure | null {
    return this.#health?.failure() ?? null;
  }

  async depth(): Promise<QueueDepth> {
    const local = this.#local.depth();
    const all = { ...local, retries: local.retries + this.#retries };
    const shared = this.#usable();
    if (shared === null) return all;
    const late = () => new Error('Redis did not say in time what waits');
    const ask = withTimeout(this.#options.clock, ADD_TIMEOUT_MS, () => shared.depth(), late);
    const { due, oldestMs } = await ask.catch(() => NOTHING_WAITS);
    return { ...all, due: local.due + due, oldestMs: Math.max(local.oldestMs, oldestMs) };
  }

  async drain(): Promise<void> {
    await this.#local.drain();
    await this.#usable()?.drain();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    this.#health?.close();
    await Promise.all([this.#local.close(), this.#opening.then(() => this.#shared?.close())]);
    this.bulletin.close();
    this.#client.disconnect();
  }

  #usable(): SharedQueue | null {
    return this.#health?.failure() === null ? this.#shared : null;
  }

  /** False: Redis did not take it in time. */
  async #tell(key: string, work: () => Promise<unknown>): Promise<boolean> {
    const late = () => new Error('Redis did not take a key in time');
    try {
      await withTimeout(this.#options.clock, ADD_TIMEOUT_MS, work, late);
      return true;
    } catch (error) {
      this.#options.log.warn({ key, error: redisFailure(error).message }, 'Redis did not take a key');
      return false;
    }
  }

  /** One at a time in this process: whoever comes while a key runs waits for that. */
  async #run(key: string): Promise<Outcome> {
    while (this.#running.has(key)) await this.#running.get(key);
    const run = this.#options.handler(key);
    const ended = run.then(
      () => this.#running.delete(key),
      () => this.#running.delete(key),
    );
    this.#running.set(key, ended);
    const outcome = await run;
    const nowMs = this.#options.clock.steadyMs();
    if (outcome.outcome === 'wait') {
      const { forMs: everyMs } = outcome;
      this.#dueMs.set(key, nowMs + everyMs);
      this.#own.set(key, { byMs: nowMs + SAFETY * everyMs, everyMs });
    } else {
      this.#dueMs.delete(key);
      // Others may have the next ones: what is said here of the remote must not stay wrong until this one is called again.
      const own = this.#own.get(key);
      if (own !== undefined) this.#own.set(key, { ...own, byMs: Math.min(own.byMs, nowMs + own.everyMs) });
    }
    return outcome;
  }

  /**
   * Redis came or went, and hints that it had may be lost: in how many milliseconds to look at a key. Now at first; where
   * Redis comes and goes, later and later, but not later than it is due.
   */
  #lookMs(): (key: string) => number {
    const nowMs = this.#options.clock.steadyMs();
    if (nowMs - this.#changedMs > LOOKS.maxMs) this.#looks.reached();
    this.#changedMs = nowMs;
    const paceMs = this.#looks.next(nowMs) ?? LOOKS.maxMs; // Before that one is on its way.
    return (key) => Math.min(paceMs, Math.max(0, (this.#dueMs.get(key) ?? Number.POSITIVE_INFINITY) - nowMs));
  }

  async #alone(key: string): Promise<Outcome> {
    const isAsked = this.#asked.delete(key);
    const restMs = isAsked ? 0 : await this.#restMs(key);
    if (restMs > 0) return { outcome: 'wait', forMs: restMs };
    const outcome = await this.#run(key);
    if (outcome.outcome === 'retry' && isAsked) this.#asked.add(key);
    const shared = this.#usable();
    if (outcome.outcome !== 'wait' || shared === null) return outcome;
    const { forMs } = outcome;
    // Who was asked has looked besides: the others count on the next look all the same.
    await this.#tell(key, () => (isAsked ? shared.keep(key, forMs) : shared.putOff(key, forMs)));
    return outcome;
  }

  /** In how many milliseconds to see again whether a key that nobody has asked for is to be looked at here; 0: it is. */
  async #restMs(key: string): Promise<number> {
    const [shared, own] = [this.#usable(), this.#own.get(key)];
    if (shared === null || own === undefined) return 0;
    const { byMs, everyMs } = own;
    // Redis may have lost it, or the process that was to bring it back: it is there at most once.
    await this.#tell(key, () => shared.keep(key, everyMs));
    const lateMs = this.#options.clock.steadyMs() - byMs;
    if (lateMs < 0) return Math.min(everyMs, -lateMs);
    if (lateMs > PATIENCE * everyMs) return 0;
    let dueInMs: number | null = 0;
    await this.#tell(key, async () => {
      dueInMs = await shared.dueInMs(key);
    });
    return this.#placeMs(dueInMs, everyMs);
  }

  /** In how many milliseconds to take the place of a look that is due then; of several that do one is the first. 0: now. */
  #placeMs(dueInMs: number | null, everyMs: number): number {
    const leadMs = LEAD * everyMs;
    if (dueInMs === null) return leadMs; // Somebody looks now: it is the next one.
    const restMs = Math.min(dueInMs, everyMs) - leadMs;
    return restMs <= 0 ? 0 : restMs + (leadMs / 2) * this.#options.random();
  }

  async #together(key: string): Promise<Outcome> {
    const outcome = await this.#run(key);
    if (outcome.outcome === 'retry') this.#retries += 1;
    return outcome;
  }

  #changed(failure: Failure | null): void {
    const { log, keys, random } = this.#options;
    if (failure === null) {
      this.#opening = this.#opening.then(() => this.#join());
      return;
    }
    const { code, message, fix } = failure;
    log.warn({ code, message, fix }, 'Redis is not used: this replica goes on by itself');
    this.#shared?.pause();
    const lookMs = this.#lookMs();
    for (const key of keys) void this.#local.add(key, lookMs(key) + Math.round(SPREAD_MS * random()));
  }

  /** Once until Redis is used again: each connection tries every other second, for as long as it takes. */
  #say({ message }: Error): void {
    if (this.#said.has(message) || this.#said.size === MAX_SAID) return;
    this.#said.add(message);
    this.#options.log.warn({ error: message }, 'the shared queue cannot use Redis');
  }

  #rejoin(): void {
    if (this.#usable() === null && this.redisFailure() === null) {
      this.#opening = this.#opening.then(() => this.#join());
    }
  }

  async #join(): Promise<void> {
    const { handler: _, ...options } = this.#options;
    const onError = (error: Error) => this.#say(error);
    try {
      if (this.#closed) return;
      this.#shared?.resume();
      this.#shared ??= await openBullmqQueue({
        ...options,
        ...{ client: this.#client, prefix: this.#prefix, onError },
        handler: (key) => this.#together(key),
      });
      const shared = this.#shared;
      const lookMs = this.#lookMs();
      for (const key of this.#options.keys) await this.#tell(key, () => shared.add(key, lookMs(key)));
      this.#options.log.info({}, 'Redis is used: replicas share the work');
      this.#said.clear();
    } catch (error) {
      onError(redisFailure(error));
      // Where Redis works nobody else tries again.
      this.#cancel = this.#options.clock.after(REJOIN_MS, () => this.#rejoin());
    }
  }
}
