import { Failure } from '../base/failure.ts';
import type { ObjectId } from '../git/index.ts';
import { isAncestor, type LineState, type VerifiedScope } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { type FetchOptions, fetchWithin } from './fetch.ts';
import { createBackKeeper, type Keeper, type Kept, NOTHING_KEPT, newlyLost, versionsOf } from './kept.ts';
import { createLoader, type Read } from './load.ts';
import { createMemory, type Memory, type MemoryOptions } from './memory.ts';
import { NO_STAGES, noFacts, operational } from './no-facts.ts';
import type { LoopObserver, RunEnd, RunWatch } from './observer.ts';
import type { Distribution } from './publisher.ts';
import { createReport, type Facts } from './report.ts';
import type { Served } from './serve.ts';
import { createSettler } from './settle.ts';
import type { RepositoryStatus, Stages } from './status.ts';
import type { KeptVersion } from './suspension.ts';
import { createTimelines, type Found, type Timelines } from './timelines.ts';
import { createTransitions } from './transitions.ts';
import { type Judged, judge, lastTrusted, stateAt } from './verify.ts';
import type { RefusedTip } from './witness.ts';
import type { Kinship } from './witnesses.ts';
import { jitterMs, type Outcome } from './work-queue.ts';

export type LoopOptions = MemoryOptions &
  FetchOptions & {
    readonly read: Read;
    readonly served: Served;
    readonly distribution: Distribution;
    readonly keeper: Keeper;
    /** In [0, 1). */
    readonly random: () => number;
    readonly observer: LoopObserver;
    readonly pollMs: number;
  };

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
  /** `proxies`: as `Distribution` has them, for who asks several loops and lists them once. */
  status(proxies?: ReturnType<Distribution['proxies']>): RepositoryStatus;
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

/** Pushed, and not acknowledged by all; of a proxy that never does, only so many are remembered. */
const MAX_AWAITED = 100;
type Awaited = { readonly run: RunWatch; readonly connected: ReadonlySet<string> };
type Stage = 'restore' | 'fetch' | 'verify' | 'witness' | 'serve';

class Loop implements RepositoryLoop {
  readonly name: string;
  readonly #options: LoopOptions;
  readonly #load: ReturnType<typeof createLoader>;
  readonly #settle: ReturnType<typeof createSettler>;
  readonly #timelines: Timelines;
  readonly #report = createReport();
  readonly #stamp = createTransitions();
  readonly #keepBack = createBackKeeper();
  /** What was kept back in what is served. */
  #keptBack: ReadonlyMap<string, Kept> = NOTHING_KEPT;
  /** What was to be kept back when something was served last, whether that went well or not. */
  #keptTried: ReadonlyMap<string, Kept> = NOTHING_KEPT;
  /** What no suspension stops any more. */
  #unstoppable: Promise<unknown> = Promise.resolve();
  #servedLast: readonly ScopeResources[] = [];
  readonly #memory: Memory;
  #facts: Facts;
  #stage: Stage = 'fetch';
  /** The witness cannot be read, or is not what is derived: nobody knows what may be followed. */
  #undecided = false;
  #wanted: Wanted | null = null;
  /** Somebody asked for a translation that is made anew, and has not got it yet. */
  #anew = false;
  /** When a fetch went well last. */
  #fetchedSteadyMs: number | null = null;
  /** When the tip was fetched that was judged, not refused, and served last. */
  #verifiedSteadyMs: number | null = null;
  /** When the revision was pushed whose ACKs are still awaited. */
  #pushedSteadyMs: number | null = null;
  /** The run that is on its way; null between runs and while restoring. */
  #run: RunWatch | null = null;
  /** Runs whose pushes are not acknowledged yet. */
  #awaited: Awaited[] = [];

  constructor(options: LoopOptions) {
    this.#options = options;
    this.name = options.name;
    this.#memory = createMemory(options);
    this.#load = createLoader(options.read);
    this.#settle = createSettler(options.read);
    this.#timelines = createTimelines(options.distribution, options.clock);
    this.#facts = noFacts(options, this.#timelines);
    options.distribution.onAck(() => this.#acked());
  }

  async restore(): Promise<void> {
    this.#undecided = true;
    try {
      await this.#restore();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    this.#undecided = false;
  }

  async #restore(): Promise<void> {
    const { line, log } = this.#options;
    this.#stage = 'restore';
    const tip = await this.#memory.recall();
    if (tip === null) return;
    this.#learn({ followedTip: tip });
    try {
      const state = await stateAt(line, tip);
      if (state === null) return;
      this.#memory.agree(state);
      await this.#serve(state, NO_STAGES, null);
      log.info({ repository: this.name, tip }, 'serving the last followed tip from the local store');
    } catch (error) {
      if (error instanceof Failure && error.code === 'witness-mismatch') throw error;
      this.#fail(error); // The objects may be back after the next fetch.
    }
  }

  want(what: Wanted): void {
    if (this.#wanted !== 'source') this.#wanted = what;
  }

  async reconcile(signal?: AbortSignal): Promise<Outcome> {
    const { pollMs, random, observer } = this.#options;
    const { started, finished } = this.#facts.runs;
    this.#learn({ runs: { started: started + 1, finished } });
    await this.#keepOtherwise();
    const run = observer.began(this.name);
    this.#run = run;
    try {
      await this.#decided();
      const kept = this.#fetchedLast();
      run.ended(this.#isSuspended() ? await this.#stay() : await this.#runOnce(run, kept, signal));
      return { outcome: 'wait', forMs: kept === null ? jitterMs(pollMs, random) : this.#untilPollMs() };
    } catch (error) {
      if (signal?.aborted !== true) this.#fail(error);
      const { code, message } = operational(error);
      run.ended({ result: 'failed', code, message });
      return { outcome: 'retry' };
    } finally {
      this.#run = null;
      this.#learn({ runs: { started: started + 1, finished: finished + 1 } });
      this.status(); // Conditions change at the end of a run, whether anybody asks or not.
    }
  }

  /** Scopes that are kept otherwise than before do not wait for the remote: a run of its own, before the one that fetches. */
  async #keepOtherwise(): Promise<void> {
    const { keeper, observer } = this.#options;
    if (this.#facts.state === null || keeper.kept(this.name) === this.#keptTried) return;
    const run = observer.began(this.name);
    this.#run = run;
    try {
      await this.#serveAgain();
      run.ended({ result: 'unchanged' });
    } catch (error) {
      this.#fail(error); // What is missing may be back after the next fetch.
      const { code, message } = operational(error);
      run.ended({ result: 'failed', code, message });
    }
  }

  /** While it is suspended. What failed is not tried, so that nobody would find out that it does not fail any more. */
  async #stay(): Promise<RunEnd> {
    if (this.#facts.state !== null) {
      await this.#serveAgain();
      this.#learn({ failure: null });
    }
    return { result: 'unchanged' };
  }

  async #serveAgain(): Promise<void> {
    const { state, stages } = this.#facts;
    if (state !== null) await this.#nowOn(this.#serve(state, stages, null));
  }

  #nowOn(work: Promise<void>): Promise<void> {
    this.#unstoppable = work.catch(() => {}); // Whoever runs it hears of that.
    return work;
  }

  /** Throws as `restore` does, as long as that would. */
  async #decided(): Promise<void> {
    if (!this.#undecided) return;
    await this.#restore();
    this.#undecided = false;
    this.#learn({ failure: null });
  }

  /** `kept`: the tip to judge without a fetch. */
  async #runOnce(run: RunWatch, kept: ObjectId | null, signal?: AbortSignal): Promise<RunEnd> {
    const { clock } = this.#options;
    const startMs = clock.steadyMs();
    if (kept === null) run.step('fetch');
    const offered = kept ?? (await this.#fetch(signal));
    const fetchMs = clock.steadyMs() - startMs;
    run.offered(offered);
    run.step('verify');
    const judged = await this.#verify(offered);
    run.judged(judged.outcome, judged.outcome === 'refused' ? judged.rule : '');
    if (kept === null) this.#options.keeper.looked(this.name, startMs);
    const verifyMs = clock.steadyMs() - startMs - fetchMs;
    if (this.#isSuspended()) return { result: 'unchanged' }; // It was while the remote answered.
    const fetchedMs = startMs + fetchMs;
    const found = { trace: run.trace, startedMs: startMs, fetchedMs, verifiedMs: fetchedMs + verifyMs };
    const stages = { ...NO_STAGES, fetchMs: kept === null ? fetchMs : null, verifyMs };
    await this.#nowOn(this.#followAndServe(judged, offered, stages, found));
    if (kept === null || this.#facts.failure?.stage !== 'fetch') this.#learn({ failure: null });
    if (judged.outcome === 'refused') return { result: 'refused', rule: judged.rule };
    if (kept === null) this.#verifiedSteadyMs = fetchedMs;
    return { result: judged.outcome === 'same' ? 'unchanged' : judged.outcome };
  }

  async #followAndServe(judged: Judged, offered: ObjectId, stages: Stages, found: Found): Promise<void> {
    await this.#follow(judged, offered);
    const state = judged.outcome === 'refused' ? await this.#lastFollowed() : judged.state;
    if (state !== null) await this.#serve(state, stages, found);
  }

  status(proxies = this.#options.distribution.proxies()): RepositoryStatus {
    const { distribution, clock, served, keeper } = this.#options;
    const { stages } = this.#facts;
    const connected = new Set(proxies.map(({ proxy }) => proxy));
    const untranslated = new Map([...served.failures()].filter(([proxy]) => connected.has(proxy)));
    const translateMs = stages.translateMs === null ? null : stages.translateMs + served.translateMs();
    const push = distribution.pushed();
    const suspension = keeper.suspended(this.name);
    const verifiedAgeMs = this.#verifiedSteadyMs === null ? null : clock.steadyMs() - this.#verifiedSteadyMs;
    const apart = keeper.apart(this.name);
    const now = { push, suspension, apart, verifiedAgeMs, untranslated, stages: { ...stages, translateMs } };
    const { applied } = served.of(this.name);
    const facts = { ...this.#facts, ...now, applied, outOfSync: this.#outOfSync() };
    this.#timelines.follow();
    return this.#stamp(this.#report(facts, proxies), clock.now());
  }

  async settled(): Promise<void> {
    await this.#unstoppable;
  }

  state(): LineState | null {
    return this.#facts.state;
  }

  async follows(commit: ObjectId): Promise<boolean> {
    const { git } = this.#options;
    const tip = this.#facts.state?.tip;
    const isHere = await git.commit(commit).then(
      () => true,
      () => false,
    );
    return isHere && tip !== undefined && isAncestor(git, commit, tip);
  }

  async kinship(commit: ObjectId): Promise<Kinship> {
    const { line } = this.#options;
    const tip = this.#facts.state?.tip;
    if (tip === undefined) return 'unknown';
    const meets = async () =>
      (await line.chain(commit, new Set([tip]))) ?? (await line.chain(tip, new Set([commit])));
    return meets().then(
      (chain) => (chain === null ? 'other' : 'same'),
      () => 'unknown', // It is not here, or something below it is not.
    );
  }

  versions(uid: string): readonly Pick<KeptVersion, 'digest' | 'seq'>[] {
    return versionsOf(this.#facts.state?.scopes.get(uid), this.#facts.kept.get(uid));
  }

  #isSuspended(): boolean {
    return this.#options.keeper.suspended(this.name) !== null;
  }

  /** The tip to judge anew where that alone is asked for, and there is one; whoever asks is answered by this run. */
  #fetchedLast(): ObjectId | null {
    const wanted = this.#wanted;
    this.#wanted = null;
    this.#anew ||= wanted === 'judgement';
    return wanted === 'judgement' ? (this.#facts.offeredTip ?? this.#memory.tip()) : null;
  }

  /** A run that did not fetch puts no poll off. */
  #untilPollMs(): number {
    const { clock, pollMs, random } = this.#options;
    if (this.#fetchedSteadyMs === null || this.#facts.failure !== null) return 0;
    return Math.max(0, this.#fetchedSteadyMs - clock.steadyMs() + jitterMs(pollMs, random));
  }

  async #fetch(signal?: AbortSignal): Promise<ObjectId> {
    this.#stage = 'fetch';
    const { clock } = this.#options;
    const offered = await fetchWithin(this.#options, signal);
    this.#learn({ offeredTip: offered, fetchOkMs: clock.now() });
    this.#fetchedSteadyMs = clock.steadyMs();
    return offered;
  }

  async #verify(offered: ObjectId): Promise<Judged> {
    this.#stage = 'verify';
    const { line, git } = this.#options;
    return judge(line, git, await lastTrusted(line, this.#memory.tip()), offered);
  }

  /** Before anything new is served it is on the disk. */
  async #follow(judged: Judged, offered: ObjectId): Promise<void> {
    this.#stage = 'witness';
    this.#run?.step('witness');
    if (judged.outcome === 'refused') return this.#refuse({ ...judged, tip: offered });
    this.#learn({ refused: null, stale: judged.outcome === 'stale' });
    await this.#memory.remember(judged.state);
    this.#learn({ followedTip: judged.state.tip });
  }

  async #refuse({ tip, rule, reason }: RefusedTip): Promise<void> {
    const { clock, log } = this.#options;
    const refused = { tip, rule, reason };
    if (this.#facts.refused?.tip !== tip) {
      const text = 'refused the offered tip; the followed one is served';
      log.warn({ ...this.#about(tip), ...refused }, text);
      const trace = this.#run?.trace ?? null;
      this.#learn({ stale: false, refused: { ...refused, sinceMs: clock.now() }, trace });
    }
    await this.#memory.refuse(refused, await this.#lastFollowed(), this.#about(tip));
  }

  async #lastFollowed(): Promise<LineState | null> {
    const tip = this.#memory.tip();
    const { state } = this.#facts;
    return tip === null || state?.tip === tip ? state : stateAt(this.#options.line, tip);
  }

  /** keep back → load → build → translate and publish. Nothing to do where this very revision is served already. */
  async #serve(state: LineState, stages: Stages, found: Found | null): Promise<void> {
    this.#stage = 'serve';
    const { line, served, distribution, clock, log, keeper } = this.#options;
    this.#learn({ state });
    keeper.followed(this.name, state);
    this.#timelines.verified(state, found);
    const wanted = keeper.kept(this.name);
    this.#keptTried = wanted;
    const isServed = this.#facts.appliedRevision === state.tip && this.#facts.notBuilt === null;
    if (isServed && !this.#anew && wanted === this.#keptBack) return;
    const run = this.#run;
    this.#learn({ trace: run?.trace ?? null });
    const startMs = clock.steadyMs();
    run?.step('load');
    const newest = await line.scopes(state);
    const earlier = (scope: VerifiedScope) => line.earlier(state, scope);
    const {
      scopes,
      kept,
      earlier: before,
    } = await this.#keepBack(newest, wanted, earlier, (uid) => this.#last(uid));
    const loaded = await this.#settle(this.#load(scopes), before);
    run?.step('translate');
    const { built, failed } = served.replace(this.name, loaded.resources);
    for (const lost of newlyLost(kept, this.#facts.kept)) {
      log.error(
        { ...this.#about(state.tip), ...lost },
        'a version that a scope is to be kept at is nowhere any more',
      );
    }
    this.#learn({
      kept,
      outOfSync: loaded.failed,
      problems: [...loaded.problems, ...(built?.problems ?? [])],
    });
    this.#learn({ notBuilt: built === null ? [...failed.values()].join('; ') : null });
    if (built === null) return;
    this.#learn({ built });
    this.#timelines.translated();
    this.#keptBack = wanted;
    this.#servedLast = loaded.resources;
    const connected = new Set(distribution.proxies().map(({ proxy }) => proxy));
    served.retain(connected);
    run?.step('publish');
    this.#anew = false;
    distribution.publish(state.tip);
    run?.pushed(connected.size);
    // Of a proxy that comes later no time is told: it may come any time.
    if (run !== null && connected.size > 0)
      this.#awaited = [...this.#awaited, { run, connected }].slice(-MAX_AWAITED);
    this.#pushedSteadyMs = clock.steadyMs();
    const translateMs = this.#pushedSteadyMs - startMs;
    this.#learn({ appliedRevision: state.tip, stages: { ...stages, translateMs } });
    this.#acked();
    const facts = { ...this.#about(state.tip), outOfSync: [...this.#outOfSync().keys()] };
    log.info(kept.size === 0 ? facts : { ...facts, kept: [...kept.keys()] }, 'serving');
  }

  #last(uid: string): VerifiedScope | null {
    return this.#servedLast.find(({ scope }) => scope.uid === uid)?.scope ?? null;
  }

  #acked(): void {
    const { stages } = this.#facts;
    const { distribution } = this.#options;
    this.#timelines.follow();
    const push = distribution.pushed();
    if (this.#pushedSteadyMs === null || push === null) return;
    const atMs = distribution.ackedSteadyMs(push);
    if (atMs === null) return;
    this.#learn({ stages: { ...stages, ackMs: Math.max(0, atMs - this.#pushedSteadyMs) } });
    this.#pushedSteadyMs = null;
    const proxies = this.#awaited.length === 0 ? [] : distribution.proxies();
    // Of a run whose proxies have all left, whoever has come since tells nothing.
    for (const { run, connected } of this.#awaited.splice(0))
      if (proxies.some(({ proxy }) => connected.has(proxy))) run.acked();
    this.status(); // Distributed is true from now on.
  }

  #fail(error: unknown): void {
    const stage = this.#stage;
    const before = this.#facts.failure;
    const sinceMs = before?.stage === stage ? before.sinceMs : this.#options.clock.now();
    const failure = { ...operational(error), stage, sinceMs };
    this.#learn({ failure, trace: this.#run?.trace ?? null });
    this.#options.log.error(
      { ...this.#about(this.#facts.offeredTip), ...failure },
      'reconcile failed; what was served stays served',
    );
  }

  /** By uid: what it says of itself, and what the scopes of all repositories together leave out of it. */
  #outOfSync(): ReadonlyMap<string, string> {
    const { outOfSync } = this.#facts;
    const { failed } = this.#options.served.of(this.name);
    return failed.size === 0 ? outOfSync : new Map([...failed, ...outOfSync]);
  }

  /** What every line of the log says. */
  #about(revision: string | null): { repository: string; revision: string | null; trace: string | null } {
    return { repository: this.name, revision, trace: this.#run?.trace ?? null };
  }

  #learn(facts: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...facts };
  }
}
