/**
 * A map that never changes. A changed copy shares the lower layer, with what differs in a small one upon it: a change of
 * a few keys costs no pass over all of them.
 */
export class LayeredMap<Value> {
  readonly #lower: ReadonlyMap<string, Value>;
  /** Null: not there, whatever the lower layer says. */
  readonly #upper: ReadonlyMap<string, Value | null>;

  constructor(
    lower: ReadonlyMap<string, Value> = new Map(),
    upper: ReadonlyMap<string, Value | null> = new Map(),
  ) {
    this.#lower = lower;
    this.#upper = upper;
  }

  get(key: string): Value | undefined {
    const value = this.#upper.get(key);
    return value === undefined ? this.#lower.get(key) : (value ?? undefined);
  }

  /** Null takes a key away. The upper layer is merged once it is no longer small: larger than a root of the lower. */
  with(changes: ReadonlyMap<string, Value | null>): LayeredMap<Value> {
    const upper = new Map(this.#upper);
    for (const [key, value] of changes) upper.set(key, value);
    if (upper.size ** 2 <= this.#lower.size) return new LayeredMap(this.#lower, upper);
    const merged = new Map(this.#lower);
    for (const [key, value] of upper) {
      if (value === null) merged.delete(key);
      else merged.set(key, value);
    }
    return new LayeredMap(merged);
  }

  *[Symbol.iterator](): IterableIterator<readonly [string, Value]> {
    for (const entry of this.#lower) if (!this.#upper.has(entry[0])) yield entry;
    for (const [key, value] of this.#upper) if (value !== null) yield [key, value];
  }
}
