/**
 * Values by key, in the order of the keys' first coming, of which a few can be replaced without a pass over all of them:
 * the copy shares the lower layer, and those that differ lie in a small one upon it.
 */
export class ByKey<Value> {
  readonly #lower: ReadonlyMap<string, Value>;
  readonly #upper: ReadonlyMap<string, Value>;

  constructor(lower: ReadonlyMap<string, Value>, upper: ReadonlyMap<string, Value> = new Map()) {
    this.#lower = lower;
    this.#upper = upper;
  }

  get(key: string): Value | undefined {
    return this.#upper.get(key) ?? this.#lower.get(key);
  }

  has(key: string): boolean {
    return this.#lower.has(key);
  }

  keys(): Iterable<string> {
    return this.#lower.keys();
  }

  *values(): Iterable<Value> {
    for (const [key, value] of this.#lower) yield this.#upper.get(key) ?? value;
  }

  /** Keys that are not there stay so. The upper layer is merged once it is larger than a root of the lower. */
  with(replaced: ReadonlyMap<string, Value>): ByKey<Value> {
    const upper = new Map(this.#upper);
    for (const [key, value] of replaced) if (this.#lower.has(key)) upper.set(key, value);
    if (upper.size ** 2 <= this.#lower.size) return new ByKey(this.#lower, upper);
    return new ByKey(new Map(Array.from(this.#lower, ([key, value]) => [key, upper.get(key) ?? value])));
  }
}
