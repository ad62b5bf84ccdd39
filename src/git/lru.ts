/**
 * A cache that forgets what was not used of late once the weights of its values exceed `limit`. Two generations: what is
 * used moves into the younger one, and when that holds half of the limit the elder is forgotten. Reading moves nothing else.
 */
export class Lru<Key, Value> {
  readonly #half: number;
  #young = new Map<Key, Entry<Value>>();
  #old = new Map<Key, Entry<Value>>();
  #weight = 0;

  constructor(limit: number) {
    this.#half = limit / 2;
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young.value;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#add(key, old);
    return old.value;
  }

  set(key: Key, value: Value, weight = 1): void {
    this.#old.delete(key);
    this.#weight -= this.#young.get(key)?.weight ?? 0;
    this.#add(key, { value, weight });
  }

  delete(key: Key): void {
    this.#weight -= this.#young.get(key)?.weight ?? 0;
    this.#young.delete(key);
    this.#old.delete(key);
  }

  #add(key: Key, entry: Entry<Value>): void {
    if (entry.weight > this.#half) return void this.#young.delete(key);
    if (this.#weight + entry.weight > this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#young.set(key, entry);
    this.#weight += entry.weight;
  }
}

type Entry<Value> = { readonly value: Value; readonly weight: number };
