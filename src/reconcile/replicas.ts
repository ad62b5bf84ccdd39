import { randomBytes } from 'node:crypto';
import type { Failure } from '../base/failure.ts';
import type { LineState } from '../governance/index.ts';
import { parseAnnouncement } from './announcement.ts';
import { Board, type BoardOptions, type Frozen } from './board.ts';
import type { Bulletin } from './bulletin.ts';
import type { Apart, Keeper, Kept } from './kept.ts';
import type { Suspensions } from './suspensions.ts';

/** What this replica and the others of its mesh keep: what an operator told one of them, and what they derive otherwise. */
export interface Replicas extends Keeper, Pick<Suspensions, 'suspend' | 'resume' | 'now'> {
  /** When it resolves it is known what others were told to stop, where Redis answers soon. */
  start(): Promise<void>;
  close(): void;
}

export type ReplicasOptions = Omit<BoardOptions, 'name' | 'genesis' | 'bulletin' | 'replica'> & {
  /** Null: there are no others. */
  readonly bulletin: Bulletin | null;
  readonly repositories: readonly Pick<BoardOptions, 'name' | 'genesis'>[];
  /** Why Redis is not used; null: it is. */
  readonly redisFailure: () => Failure | null;
  /** Asks what time it is for all replicas, for the `clock`. Never rejects. */
  readonly learn: () => Promise<void>;
  /** Redis has not answered for so long that a start does not wait for it any more. */
  readonly isAway: boolean;
};

const TICK_MS = 1_000;
/** So often the time is asked for: two steady clocks go apart by less than a hundredth of a second until then. */
const LEARN_MS = 30_000;
/** A Redis that does not answer keeps nobody from starting. */
const START_WAIT_MS = 2_000;

export function createReplicas(options: ReplicasOptions): Replicas {
  const { bulletin, suspensions } = options;
  return bulletin === null ? alone(suspensions) : new Meeting({ ...options, bulletin });
}

function alone(suspensions: Suspensions): Replicas {
  return {
    suspended: (name) => suspensions.suspended(name),
    kept: (name) => suspensions.kept(name),
    apart: () => null,
    followed() {},
    looked() {},
    now: () => suspensions.now(),
    suspend: (asked) => suspensions.suspend(asked),
    resume: (asked) => suspensions.resume(asked),
    async start() {},
    close: () => suspensions.close(),
  };
}

type Options = ReplicasOptions & { readonly bulletin: Bulletin };

class Meeting implements Replicas {
  readonly #options: Options;
  readonly #boards: ReadonlyMap<string, Board>;
  readonly #merged = new Map<string, Merged>();
  #cancel = () => {};
  #learnedMs = Number.NEGATIVE_INFINITY;
  #isComparing = false;
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
    const replica = randomBytes(16).toString('hex');
    const board = (about: Options['repositories'][number]) => new Board({ ...options, ...about, replica });
    this.#boards = new Map(options.repositories.map((about) => [about.name, board(about)]));
  }

  suspended(repository: string) {
    return this.#options.suspensions.suspended(repository);
  }

  kept(repository: string): ReadonlyMap<string, Kept> {
    const suspended = this.#options.suspensions.kept(repository);
    const frozen = this.#boards.get(repository)?.frozen() ?? new Map();
    if (frozen.size === 0) return suspended;
    const merged = this.#merged.get(repository);
    if (merged?.suspended === suspended && merged.frozen === frozen) return merged.kept;
    const kept = merge(suspended, frozen);
    this.#merged.set(repository, { suspended, frozen, kept });
    return kept;
  }

  apart(repository: string): Apart | null {
    const failure = this.#options.redisFailure();
    const differing = this.#boards.get(repository)?.differing() ?? null;
    if (differing !== null) return { reason: 'ReplicasDiffer', differing };
    return failure === null ? null : { reason: 'WithoutRedis', failure };
  }

  followed(repository: string, state: LineState): void {
    if (!this.#closed) this.#boards.get(repository)?.followed(state);
  }

  looked(repository: string, startMs: number): void {
    this.#boards.get(repository)?.looked(startMs);
  }

  now(): number {
    return this.#options.suspensions.now();
  }

  async suspend(asked: Parameters<Suspensions['suspend']>[0]) {
    const made = await this.#options.suspensions.suspend(asked);
    void this.#boards.get(asked.repository)?.suspensions.sync();
    return made;
  }

  async resume(asked: Parameters<Suspensions['resume']>[0]) {
    const made = await this.#options.suspensions.resume(asked);
    void this.#boards.get(asked.repository)?.suspensions.sync();
    return made;
  }

  async start(): Promise<void> {
    const { bulletin, clock } = this.#options;
    const first = Promise.withResolvers<void>();
    const cancel = clock.after(START_WAIT_MS, first.resolve);
    const connected = async () => {
      await this.#learn();
      await Promise.all([...this.#boards.values()].map((board) => board.connected()));
    };
    bulletin.listen({
      heard: (text) => this.#heard(text),
      connected: () => void connected().then(() => first.resolve()),
    });
    this.#arm();
    if (!this.#options.isAway) await first.promise;
    cancel();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
    for (const board of this.#boards.values()) board.close();
    this.#options.suspensions.close();
  }

  #heard(text: string): void {
    const said = parseAnnouncement(text);
    if (said !== null && !this.#closed) this.#boards.get(said.repository)?.heard(said);
  }

  /** What is over, or not yet, by what the time is found to be. */
  async #learn(): Promise<void> {
    const { clock, suspensions, learn } = this.#options;
    this.#learnedMs = clock.steadyMs();
    await learn();
    await suspensions.recheck();
  }

  #arm(): void {
    const { clock } = this.#options;
    this.#cancel = clock.after(TICK_MS, () => {
      if (clock.steadyMs() - this.#learnedMs >= LEARN_MS) void this.#learn();
      for (const board of this.#boards.values()) board.tick();
      if (!this.#isComparing) void this.#compare();
      this.#arm();
    });
  }

  /** One at a time, however many there are to be compared, and however long Redis takes. */
  async #compare(): Promise<void> {
    this.#isComparing = true;
    for (const [repository, board] of this.#boards) {
      try {
        await board.compare();
      } catch (error) {
        const facts = { repository, error: String(error) };
        this.#options.log.warn(facts, 'what replicas derive cannot be compared now');
      }
    }
    this.#isComparing = false;
  }
}

type Merged = {
  readonly suspended: ReadonlyMap<string, Kept>;
  readonly frozen: ReadonlyMap<string, Frozen>;
  readonly kept: ReadonlyMap<string, Kept>;
};

/** An operator's word says at which version; that replicas differ is said all the same. */
function merge(suspended: Merged['suspended'], frozen: Merged['frozen']): ReadonlyMap<string, Kept> {
  const kept = new Map(suspended);
  for (const [uid, { digest, seq, replicas }] of frozen) {
    const { suspension = null, ...version } = kept.get(uid) ?? { digest, seq };
    kept.set(uid, { ...version, suspension, replicas });
  }
  return kept;
}
