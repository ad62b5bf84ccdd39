import type { Clock } from './clock.ts';
import type { CurrentStatus } from './current-status.ts';
import type { Known } from './known.ts';
import type { RunWatch } from './observer.ts';
import type { Distribution } from './publisher.ts';
import type { Timelines } from './timelines.ts';

export type PushesOptions = {
  readonly distribution: Distribution;
  readonly clock: Pick<Clock, 'steadyMs'>;
};

/** Pushed, and not acknowledged by all; of a proxy that never does, only so many are remembered. */
const MAX_AWAITED = 100;
type Awaited = { readonly run: RunWatch; readonly connected: ReadonlySet<string> };

/** What one repository has pushed, until all that were connected then have acknowledged it. */
export class Pushes {
  readonly #options: PushesOptions;
  readonly #known: Known;
  readonly #timelines: Timelines;
  readonly #status: CurrentStatus;
  /** When the revision was pushed whose ACKs are still awaited. */
  #pushedSteadyMs: number | null = null;
  /** Runs whose pushes are not acknowledged yet. */
  #awaited: Awaited[] = [];

  constructor(options: PushesOptions, known: Known, timelines: Timelines, status: CurrentStatus) {
    this.#options = options;
    this.#known = known;
    this.#timelines = timelines;
    this.#status = status;
    options.distribution.onAck(() => this.follow());
  }

  /** To `connected`. The result is when, by the steady clock. */
  push(tip: string, connected: ReadonlySet<string>): number {
    const { distribution, clock } = this.#options;
    const { run } = this.#known;
    run?.step('publish');
    distribution.publish(tip);
    run?.pushed(connected.size);
    // Of a proxy that comes later no time is told: it may come any time.
    if (run !== null && connected.size > 0)
      this.#awaited = [...this.#awaited, { run, connected }].slice(-MAX_AWAITED);
    this.#pushedSteadyMs = clock.steadyMs();
    return this.#pushedSteadyMs;
  }

  /** Looks what has been acknowledged since. */
  follow(): void {
    const { distribution } = this.#options;
    this.#timelines.follow();
    const push = distribution.pushed();
    if (this.#pushedSteadyMs === null || push === null) return;
    const atMs = distribution.ackedSteadyMs(push);
    if (atMs === null) return;
    const ackMs = Math.max(0, atMs - this.#pushedSteadyMs);
    this.#known.learn({ stages: { ...this.#known.facts.stages, ackMs } });
    this.#pushedSteadyMs = null;
    const proxies = this.#awaited.length === 0 ? [] : distribution.proxies();
    // Of a run whose proxies have all left, whoever has come since tells nothing.
    for (const { run, connected } of this.#awaited.splice(0))
      if (proxies.some(({ proxy }) => connected.has(proxy))) run.acked();
    this.#status(); // Distributed is true from now on.
  }
}
