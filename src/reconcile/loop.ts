import type { ObjectId } from '../git/index.ts';
import type { LineState } from '../governance/index.ts';
import { Asking, type AskingOptions } from './asking.ts';
import { type CurrentStatus, createCurrentStatus, type StatusOptions } from './current-status.ts';
import { NO_STAGES } from './facts.ts';
import { Following, type FollowingOptions } from './following.ts';
import { type Keeper, versionsOf } from './kept.ts';
import { createHistory, kinshipWith } from './kinship.ts';
import { Known, operational } from './known.ts';
import type { LoopObserver, RunEnd, RunWatch } from './observer.ts';
import { Restore } from './restore.ts';
import { Serving, type ServingOptions } from './serving.ts';
import type { Stages } from './status.ts';
import type { KeptVersion } from './suspension.ts';
import { createTimelines, type Found } from './timelines.ts';
import type { Judged } from './verify.ts';
import type { Kinship } from './witnesses.ts';
import { jitterMs, type Outcome } from './work-queue.ts';

export type LoopOptions = AskingOptions &
  FollowingOptions &
  ServingOptions &
  StatusOptions & { readonly keeper: Keeper; readonly observer: LoopObserver };

/** One repository, driven by its key in a `WorkQueue`. Each run reads the world anew (level-based). */
export interface RepositoryLoop {
  readonly name: string;
  /**
   * Serves the last followed tip from the local store, before any remote answers; at start, once.
   * Throws `Failure` `witness-corrupt | witness-mismatch | data-unwritable`: an operator has to decide. Until one has,
   * that is its failure, and its runs serve and follow nothing: each tries this again first (decision 0056).
   */
  restore(): Promise<void>;
  /**
   * Says what the next run is for, before its key is added: `judgement` judges and translates anew what was fetched last,
   * whether the remote answers or not; `source` fetches first, and goes before it.
   */
  want(what: Wanted): void;
  /** fetch → verify → load → build → translate and publish → report. Never throws. */
  reconcile(signal?: AbortSignal): Promise<Outcome>;
  readonly status: CurrentStatus;
  /** Resolves when nothing is on its way that a suspension which is in force by now does not stop. */
  settled(): Promise<void>;
  /** s(followed tip), or null before the first. */
  state(): LineState | null;
  /** Whether the followed tip is this commit, or has it below it, merged or not. */
  follows(commit: ObjectId): Promise<boolean>;
  /** Whether a commit and the followed tip are on one main line (G9), as far as the store has them. */
  kinship(commit: ObjectId): Promise<Kinship>;
  /** Versions that a scope has accepted, oldest first; the last is the one that is served. Empty: nothing of it is. */
  versions(uid: string): readonly Pick<KeptVersion, 'digest' | 'seq'>[];
}

/** What a run is asked for; a run of which nobody asks anything fetches. */
type Wanted = 'source' | 'judgement';

export function createLoop(options: LoopOptions): RepositoryLoop {
  return new Loop(options);
}

/** When and in what order: what is offered goes to `following.ts`, what is followed to `serving.ts`. */
class Loop implements RepositoryLoop {
  readonly name: string;
  readonly status: CurrentStatus;
  readonly #options: LoopOptions;
  readonly #known: Known;
  readonly #asking: Asking;
  readonly #following: Following;
  readonly #serving: Serving;
  readonly #restore: Restore;
  readonly #hasBelow: ReturnType<typeof createHistory>;
  #wanted: Wanted | null = null;
  /** When a fetch went well last. */
  #fetchedSteadyMs: number | null = null;
  /** What no suspension stops any more. */
  #unstoppable: Promise<unknown> = Promise.resolve();

  constructor(options: LoopOptions) {
    this.#options = options;
    this.name = options.name;
    this.#known = new Known(options);
    this.#asking = new Asking(options);
    this.#hasBelow = createHistory(options.git);
    const timelines = createTimelines(options.distribution, options.clock);
    this.status = createCurrentStatus(options, this.#known, timelines);
    this.#following = new Following(options, this.#known);
    this.#serving = new Serving(options, this.#known, timelines, this.status);
    this.#restore = new Restore(options.log, this.#known, this.#following, this.#serving);
  }

  restore(): Promise<void> {
    return this.#restore.atStart();
  }

  want(what: Wanted): void {
    if (this.#wanted !== 'source') this.#wanted = what;
  }

  async reconcile(signal?: AbortSignal): Promise<Outcome> {
    const { started, finished } = this.#known.facts.runs;
    this.#known.learn({ runs: { started: started + 1, finished } });
    await this.#keepOtherwise();
    const outcome = await this.#watched((run) => this.#attempt(run, signal), signal);
    this.#known.learn({ runs: { started: started + 1, finished: finished + 1 } });
    this.status(); // Conditions change at the end of a run, whether anybody asks or not.
    return outcome ?? this.#retry();
  }

  /** After a run that failed. */
  #retry(): Outcome {
    const afterMs = this.#asking.forMs();
    return afterMs > 0 ? { outcome: 'retry', afterMs } : { outcome: 'retry' };
  }

  /** Scopes that are kept otherwise than before do not wait for the remote: a run of its own, before the one that fetches. */
  async #keepOtherwise(): Promise<void> {
    if (this.#known.facts.state === null || !this.#serving.isKeptOtherwise()) return;
    await this.#watched(async (run) => {
      await this.#serveAgain();
      run.ended({ result: 'unchanged' });
    });
  }

  /** One run, which says itself how it ended if it goes well. Null: it failed. */
  async #watched<T>(work: (run: RunWatch) => Promise<T>, signal?: AbortSignal): Promise<T | null> {
    const run = this.#options.observer.began(this.name);
    this.#known.began(run);
    try {
      return await work(run);
    } catch (error) {
      if (signal?.aborted !== true) this.#known.fail(error, this.#asking.untilMs());
      const { code, message } = operational(error);
      run.ended({ result: 'failed', code, message });
      return null;
    } finally {
      this.#known.ended();
    }
  }

  async #attempt(run: RunWatch, signal?: AbortSignal): Promise<Outcome> {
    const { pollMs, random } = this.#options;
    await this.#restore.decided();
    const again = this.#fetchedLast();
    run.ended(this.#isSuspended() ? await this.#stay() : await this.#runOnce(run, again, signal));
    return { outcome: 'wait', forMs: again === null ? jitterMs(pollMs, random) : this.#untilPollMs() };
  }

  /** The tip to judge anew where that alone is asked for, and there is one; whoever asks is answered by this run. */
  #fetchedLast(): ObjectId | null {
    const wanted = this.#wanted;
    this.#wanted = null;
    if (wanted !== 'judgement') return null;
    this.#serving.wantAnew();
    return this.#known.facts.offeredTip ?? this.#following.tip();
  }

  /** While it is suspended. What failed is not tried, so that nobody would find out that it does not fail any more. */
  async #stay(): Promise<RunEnd> {
    if (this.#known.facts.state !== null) {
      await this.#serveAgain();
      this.#known.learn({ failure: null });
    }
    return { result: 'unchanged' };
  }

  async #serveAgain(): Promise<void> {
    const { state, stages } = this.#known.facts;
    if (state !== null) await this.#nowOn(this.#serving.serve(state, stages, null));
  }

  /** fetch → verify → follow → serve. `again`: the tip to judge without a fetch. */
  async #runOnce(run: RunWatch, again: ObjectId | null, signal?: AbortSignal): Promise<RunEnd> {
    const { clock, keeper } = this.#options;
    const known = this.#known;
    const startedMs = clock.steadyMs();
    const offered = again ?? (await this.#fetch(signal));
    const fetchedMs = clock.steadyMs();
    run.offered(offered);
    const judged = await this.#following.verify(offered);
    run.judged(judged.outcome, judged.outcome === 'refused' ? judged.rule : '');
    if (again === null) keeper.looked(this.name, startedMs);
    const verifiedMs = clock.steadyMs();
    if (this.#isSuspended()) return { result: 'unchanged' }; // It was while the remote answered.
    const found = { trace: run.trace, startedMs, fetchedMs, verifiedMs };
    const fetchMs = again === null ? fetchedMs - startedMs : null;
    const stages = { ...NO_STAGES, fetchMs, verifyMs: verifiedMs - fetchedMs };
    await this.#nowOn(this.#followAndServe(judged, offered, stages, found));
    if (again === null || known.facts.failure?.stage !== 'fetch') known.learn({ failure: null });
    if (judged.outcome === 'refused') return { result: 'refused', rule: judged.rule };
    if (again === null) known.learn({ verifiedSteadyMs: fetchedMs });
    return { result: judged.outcome === 'same' ? 'unchanged' : judged.outcome };
  }

  async #fetch(signal?: AbortSignal): Promise<ObjectId> {
    const { clock } = this.#options;
    this.#asking.mayAsk();
    this.#known.enter('fetch');
    const offered = await this.#asking.fetch(signal);
    this.#known.learn({ offeredTip: offered, fetchOkMs: clock.now() });
    this.#fetchedSteadyMs = clock.steadyMs();
    return offered;
  }

  async #followAndServe(judged: Judged, offered: ObjectId, stages: Stages, found: Found): Promise<void> {
    const state = await this.#following.follow(judged, offered);
    if (state !== null) await this.#serving.serve(state, stages, found);
  }

  #nowOn(work: Promise<void>): Promise<void> {
    this.#unstoppable = work.catch(() => {}); // Whoever runs it hears of that.
    return work;
  }

  #isSuspended(): boolean {
    return this.#options.keeper.suspended(this.name) !== null;
  }

  /** A run that did not fetch puts no poll off. */
  #untilPollMs(): number {
    const { clock, pollMs, random } = this.#options;
    if (this.#fetchedSteadyMs === null || this.#known.facts.failure !== null) return 0;
    return Math.max(0, this.#fetchedSteadyMs - clock.steadyMs() + jitterMs(pollMs, random));
  }

  async settled(): Promise<void> {
    await this.#unstoppable;
  }

  state(): LineState | null {
    return this.#known.facts.state;
  }

  async follows(commit: ObjectId): Promise<boolean> {
    const tip = this.#followedTip();
    return tip !== null && this.#hasBelow(tip, commit);
  }

  kinship(commit: ObjectId): Promise<Kinship> {
    const { git, line } = this.#options;
    return kinshipWith(git, line, this.#followedTip(), commit);
  }

  versions(uid: string): readonly Pick<KeptVersion, 'digest' | 'seq'>[] {
    const { state, kept } = this.#known.facts;
    return versionsOf(state?.scopes.get(uid), kept.get(uid));
  }

  #followedTip(): ObjectId | null {
    return this.#known.facts.state?.tip ?? null;
  }
}
