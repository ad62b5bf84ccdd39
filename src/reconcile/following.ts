import type { ObjectId } from '../git/index.ts';
import type { LineState } from '../governance/index.ts';
import type { Clock } from './clock.ts';
import type { Known } from './known.ts';
import { createMemory, type Memory, type MemoryOptions } from './memory.ts';
import { type Judged, judge, lastTrusted, stateAt } from './verify.ts';
import type { RefusedTip } from './witness.ts';

export type FollowingOptions = MemoryOptions & { readonly clock: Pick<Clock, 'now'> };

/** Following (G9): what was followed last, and what becomes of what is offered. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #known: Known;
  readonly #memory: Memory;

  constructor(options: FollowingOptions, known: Known) {
    this.#options = options;
    this.#known = known;
    this.#memory = createMemory(options);
  }

  /** The last followed tip; null before the first. */
  tip(): ObjectId | null {
    return this.#memory.tip();
  }

  /** Reads it from the disk; at start, once. Throws `Failure` `witness-corrupt | witness-mismatch`. */
  async recall(): Promise<ObjectId | null> {
    const tip = await this.#memory.recall();
    if (tip !== null) this.#known.learn({ followedTip: tip });
    return tip;
  }

  /** s(tip) of it; null where it is no longer on a line of the pin. Throws `Failure` `witness-mismatch | object-missing`. */
  async recalled(tip: ObjectId): Promise<LineState | null> {
    const state = await stateAt(this.#options.line, tip);
    if (state !== null) this.#memory.agree(state);
    return state;
  }

  async verify(offered: ObjectId): Promise<Judged> {
    this.#known.enter('verify');
    const { line, git } = this.#options;
    return judge(line, git, await lastTrusted(line, this.tip()), offered);
  }

  /** The state to serve, which is on the disk before it is; null where nothing was ever followed. */
  async follow(judged: Judged, offered: ObjectId): Promise<LineState | null> {
    this.#known.enter('witness');
    if (judged.outcome === 'refused') return this.#refuse({ ...judged, tip: offered });
    this.#known.learn({ refused: null, stale: judged.outcome === 'stale' });
    await this.#memory.remember(judged.state);
    this.#known.learn({ followedTip: judged.state.tip });
    return judged.state;
  }

  /** What was followed last stays. */
  async #refuse({ tip, rule, reason }: RefusedTip): Promise<LineState | null> {
    const { clock, log } = this.#options;
    const known = this.#known;
    const refused = { tip, rule, reason };
    if (known.facts.refused?.tip !== tip) {
      log.warn({ ...known.about(tip), ...refused }, 'refused the offered tip; the followed one is served');
      const trace = known.run?.trace ?? null;
      known.learn({ stale: false, refused: { ...refused, sinceMs: clock.now() }, trace });
    }
    const followed = await this.#lastFollowed();
    await this.#memory.refuse(refused, followed, known.about(tip));
    return followed;
  }

  async #lastFollowed(): Promise<LineState | null> {
    const tip = this.tip();
    const { state } = this.#known.facts;
    return tip === null || state?.tip === tip ? state : stateAt(this.#options.line, tip);
  }
}
