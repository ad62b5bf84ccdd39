import type { Log } from '../base/log.ts';
import type { Line, LineState, VerifiedScope } from '../governance/index.ts';
import type { ScopeResources } from '../manifests/index.ts';
import type { CurrentStatus } from './current-status.ts';
import { allOutOfSync } from './facts.ts';
import { createBackKeeper, type Keeper, type Kept, NOTHING_KEPT, newlyLost } from './kept.ts';
import type { Known } from './known.ts';
import { createLoader, type Read } from './load.ts';
import { Pushes, type PushesOptions } from './pushes.ts';
import type { Served } from './serve.ts';
import { createSettler } from './settle.ts';
import type { Stages } from './status.ts';
import type { Found, Timelines } from './timelines.ts';

export type ServingOptions = PushesOptions & {
  readonly name: string;
  readonly line: Line;
  readonly read: Read;
  readonly served: Served;
  readonly keeper: Pick<Keeper, 'kept' | 'followed'>;
  readonly log: Log;
};

/** Serves what one repository has followed. */
export class Serving {
  readonly #options: ServingOptions;
  readonly #known: Known;
  readonly #timelines: Timelines;
  readonly #pushes: Pushes;
  readonly #keepBack = createBackKeeper();
  readonly #load: ReturnType<typeof createLoader>;
  readonly #settle: ReturnType<typeof createSettler>;
  /** What was kept back in what is served. */
  #keptBack: ReadonlyMap<string, Kept> = NOTHING_KEPT;
  /** What was to be kept back when something was served last, whether that went well or not. */
  #keptTried: ReadonlyMap<string, Kept> = NOTHING_KEPT;
  #servedLast: readonly ScopeResources[] = [];
  /** Somebody asked for a translation that is made anew, and has not got it yet. */
  #anew = false;

  constructor(options: ServingOptions, known: Known, timelines: Timelines, status: CurrentStatus) {
    this.#options = options;
    this.#known = known;
    this.#timelines = timelines;
    this.#pushes = new Pushes(options, known, timelines, status);
    this.#load = createLoader(options.read);
    this.#settle = createSettler(options.read);
  }

  /** The next translation is made anew, whatever is served already. */
  wantAnew(): void {
    this.#anew = true;
  }

  /** Whether something is to be kept otherwise than when something was served last. */
  isKeptOtherwise(): boolean {
    const { keeper, name } = this.#options;
    return keeper.kept(name) !== this.#keptTried;
  }

  /**
   * keep back → load → build → publish. Nothing to do where this very revision is served already. `stages`: what it took before;
   * `found`: by which run, null where it was known already.
   */
  async serve(state: LineState, stages: Stages, found: Found | null): Promise<void> {
    const { keeper, clock, name } = this.#options;
    const known = this.#known;
    known.enter('serve');
    known.learn({ state });
    keeper.followed(name, state);
    this.#timelines.verified(state, found);
    const wanted = keeper.kept(name);
    this.#keptTried = wanted;
    if (this.#isServed(state, wanted)) return;
    known.learn({ trace: known.run?.trace ?? null });
    const startMs = clock.steadyMs();
    const resources = await this.#build(state, wanted);
    if (resources === null) return;
    this.#timelines.translated();
    this.#keptBack = this.#keptTried;
    this.#servedLast = resources;
    this.#anew = false;
    const pushedMs = this.#publish(state.tip);
    known.learn({ appliedRevision: state.tip, stages: { ...stages, translateMs: pushedMs - startMs } });
    this.#pushes.follow();
    this.#tell(state);
  }

  #isServed({ tip }: LineState, wanted: ReadonlyMap<string, Kept>): boolean {
    const { appliedRevision, notBuilt } = this.#known.facts;
    return appliedRevision === tip && notBuilt === null && !this.#anew && wanted === this.#keptBack;
  }

  /** The resources of which the mesh was built; null where it could not be. */
  async #build(
    state: LineState,
    wanted: ReadonlyMap<string, Kept>,
  ): Promise<readonly ScopeResources[] | null> {
    const { served, name, log } = this.#options;
    const known = this.#known;
    known.run?.step('load');
    const { back, resources, problems, failed } = await this.#read(state, wanted);
    known.run?.step('translate');
    const { built, failed: notBuilt } = served.replace(name, resources);
    for (const lost of newlyLost(back.kept, known.facts.kept)) {
      const facts = { ...known.about(state.tip), scope: state.scopes.get(lost.uid)?.path, ...lost };
      log.error(facts, 'a version that a scope is to be kept at is nowhere any more');
    }
    known.learn({
      kept: back.kept,
      outOfSync: failed,
      problems: [...problems, ...(built?.problems ?? [])],
      notBuilt: built === null ? [...notBuilt.values()].join('; ') : null,
    });
    if (built === null) return null;
    known.learn({ built });
    return resources;
  }

  /** What is kept by when all of it is read: who is let go, and stopped again meanwhile, is never served in between. */
  async #read(state: LineState, wanted: ReadonlyMap<string, Kept>) {
    const { line, keeper, name } = this.#options;
    const newest = await line.scopes(state);
    const earlierOf = (scope: VerifiedScope) => line.earlier(state, scope);
    for (let kept = wanted; ; kept = keeper.kept(name)) {
      this.#keptTried = kept;
      const back = await this.#keepBack(newest, kept, earlierOf, (uid) => this.#last(uid));
      const loaded = await this.#settle(this.#load(back.scopes), back.earlier);
      if (keeper.kept(name) === kept) return { back, ...loaded };
    }
  }

  #last(uid: string): VerifiedScope | null {
    return this.#servedLast.find(({ scope }) => scope.uid === uid)?.scope ?? null;
  }

  /** When, by the steady clock. */
  #publish(tip: string): number {
    const { distribution } = this.#options;
    const connected = new Set(distribution.proxies().map(({ proxy }) => proxy));
    return this.#pushes.push(tip, connected);
  }

  #tell({ tip, scopes }: LineState): void {
    const { served, name, log } = this.#options;
    const { kept, outOfSync } = this.#known.facts;
    const all = allOutOfSync({ outOfSync, leftOut: served.of(name).failed });
    const names = (uids: Iterable<string>) => [...uids].map((uid) => scopes.get(uid)?.path ?? uid);
    const facts = { ...this.#known.about(tip), outOfSync: names(all.keys()) };
    log.info(kept.size === 0 ? facts : { ...facts, kept: names(kept.keys()) }, 'serving');
  }
}
