import { type Obstacle, References } from './references.ts';
import type { Holders, Resources, XdsResource } from './types.ts';

/** Something that did not go as it should for one resource of one client. Names are public (`proxy-status`). */
export type SessionCondition = {
  /**
   * `HeldBack`: not sent, for it refers to something that the client refused.
   * `RemovalBlocked`: not removed, for the client refused the change that would stop using it.
   * `RemovalTimedOut`: removed though its users did not ACK in time.
   * `AckTimedOut`: sent though what it refers to was not ACKed in time.
   */
  readonly type: 'HeldBack' | 'RemovalBlocked' | 'RemovalTimedOut' | 'AckTimedOut';
  readonly typeUrl: string;
  readonly name: string;
  /** The resources in the way, as `type name`. */
  readonly because: readonly string[];
  readonly sinceMs: number;
};

type Wait = { readonly typeUrl: string; readonly name: string; readonly sinceMs: number; blocked: boolean };

/**
 * Make before break, for one client: an addition waits for the ACK of the clusters it names (an Envoy ACKs CDS only
 * when its clusters are warm), a removal for the ACK of whatever stopped using it (O3). Both wait `timeoutMs` at
 * most, unless the client refused something: then what it has stays, whole.
 */
export class Ordering {
  readonly references: References;
  readonly #holders: Holders;
  readonly #separate: boolean;
  readonly #timeoutMs: number;
  readonly #waits = new Map<string, Wait>();
  readonly #conditions = new Map<string, SessionCondition>();

  /** `separate`: as in `References`. */
  constructor(holders: Holders, options: { readonly timeoutMs: number; readonly separate: boolean }) {
    this.references = new References(holders, options);
    this.#holders = holders;
    this.#separate = options.separate;
    this.#timeoutMs = options.timeoutMs;
  }

  conditions(): readonly SessionCondition[] {
    return [...this.#conditions.values()];
  }

  /** When the next wait ends by itself, in the caller's milliseconds; `null`: none will. */
  deadlineMs(nowMs: number): number | null {
    let next: number | null = null;
    for (const { sinceMs, blocked } of this.#waits.values()) {
      const endMs = sinceMs + this.#timeoutMs;
      if (!blocked && endMs > nowMs && (next === null || endMs < next)) next = endMs;
    }
    return next;
  }

  retarget(target: Resources): void {
    this.references.retarget(target);
  }

  gate(typeUrl: string, name: string, want: XdsResource | null, nowMs: number): 'send' | 'wait' | 'blocked' {
    const obstacles = this.#obstacles(typeUrl, name, want);
    if (obstacles.length === 0 && this.#waits.size + this.#conditions.size === 0) return 'send';
    const at = `${typeUrl}\n${name}\n${want === null}`;
    if (obstacles.length === 0) {
      this.#waits.delete(at);
      this.#conditions.delete(at);
      return 'send';
    }
    const wait = this.#waits.get(at) ?? { typeUrl, name, sinceMs: nowMs, blocked: false };
    this.#waits.set(at, wait);
    wait.blocked = obstacles.some((obstacle) => this.references.stuck(obstacle));
    if (!wait.blocked && nowMs - wait.sinceMs < this.#timeoutMs) return 'wait';
    const [blocked, late] =
      want === null
        ? (['RemovalBlocked', 'RemovalTimedOut'] as const)
        : (['HeldBack', 'AckTimedOut'] as const);
    const because = [
      ...new Set(obstacles.map((obstacle) => `${shortType(obstacle.typeUrl)} ${obstacle.name}`)),
    ];
    const type = wait.blocked ? blocked : late;
    this.#conditions.set(at, { type, typeUrl, name, because, sinceMs: wait.sinceMs });
    return wait.blocked ? 'blocked' : 'send';
  }

  /** Drops the waits and conditions whose cause is gone. */
  prune(): void {
    for (const [at, { typeUrl, name }] of this.#waits) {
      if (!this.#holders.get(typeUrl)?.awaits(name)) this.#waits.delete(at);
    }
    for (const [at, condition] of this.#conditions)
      if (!this.#lasts(at, condition)) this.#conditions.delete(at);
  }

  #lasts(at: string, { type, typeUrl, name }: SessionCondition): boolean {
    const removal = type === 'RemovalBlocked' || type === 'RemovalTimedOut';
    const want = this.references.wanted(typeUrl, name);
    if (removal !== (want === null)) return false;
    if (type === 'RemovalBlocked' || type === 'HeldBack') return this.#waits.has(at);
    return this.#obstacles(typeUrl, name, want).length > 0;
  }

  #obstacles(typeUrl: string, name: string, want: XdsResource | null): readonly Obstacle[] {
    if (want !== null) return this.references.missing(want);
    return this.#hasNothing(typeUrl, name) ? [] : this.references.users(typeUrl, name);
  }

  /**
   * D5: who does not have it can lose nothing by its removal. Not so where each type has a stream of its own: a name may
   * be asked for there that an older stream gave, and that is in use.
   */
  #hasNothing(typeUrl: string, name: string): boolean {
    const holder = this.#holders.get(typeUrl);
    return !this.#separate && holder?.selects(name) === true && !holder.mayHave(name);
  }
}

/** `type.googleapis.com/envoy.config.cluster.v3.Cluster` → `Cluster`. */
function shortType(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
