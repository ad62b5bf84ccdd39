/**
 * What has a uid, in one order. A copy in which a few differ shares the order with the map that it was made from: a commit that
 * touches one scope of many costs a copy of one list.
 */
export class KeyedList<Value extends { readonly uid: string }> implements ReadonlyMap<string, Value> {
  readonly #places: ReadonlyMap<string, number>;
  readonly #list: readonly Value[];

  /** `list` by uid. */
  constructor(list: readonly Value[], places?: ReadonlyMap<string, number>) {
    this.#list = list;
    this.#places = places ?? new Map(list.map(({ uid }, place) => [uid, place]));
  }

  /** These changed, and none came or went. */
  with(changed: ReadonlyMap<string, Value>): KeyedList<Value> {
    const list = this.#list.slice();
    for (const [uid, value] of changed) {
      const place = this.#places.get(uid);
      if (place === undefined) throw new Error('a uid came, which is no change of one');
      list[place] = value;
    }
    return new KeyedList(list, this.#places);
  }

  get size(): number {
    return this.#list.length;
  }

  get(uid: string): Value | undefined {
    const place = this.#places.get(uid);
    return place === undefined ? undefined : this.#list[place];
  }

  has(uid: string): boolean {
    return this.#places.has(uid);
  }

  keys() {
    return this.#places.keys() as MapIterator<string>;
  }

  values() {
    return this.#list.values();
  }

  entries() {
    return this.#list.values().map((value): [string, Value] => [value.uid, value]);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  forEach(visit: (value: Value, uid: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const value of this.#list) visit(value, value.uid, this);
  }
}
