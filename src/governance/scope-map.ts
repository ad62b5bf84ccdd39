import type { ScopeState } from './types.ts';

/**
 * The scopes of a state, in one order. A copy in which a few differ shares the order with the map that it was made from: a
 * commit that touches one scope of many costs a copy of one list.
 */
export class ScopeMap implements ReadonlyMap<string, ScopeState> {
  readonly #places: ReadonlyMap<string, number>;
  readonly #list: readonly ScopeState[];

  /** `list` by uid. */
  constructor(list: readonly ScopeState[], places?: ReadonlyMap<string, number>) {
    this.#list = list;
    this.#places = places ?? new Map(list.map(({ uid }, place) => [uid, place]));
  }

  /** These scopes changed, and none came or went. */
  with(changed: ReadonlyMap<string, ScopeState>): ScopeMap {
    const list = this.#list.slice();
    for (const [uid, scope] of changed) {
      const place = this.#places.get(uid);
      if (place === undefined) throw new Error('a scope came, which is no change of one');
      list[place] = scope;
    }
    return new ScopeMap(list, this.#places);
  }

  get size(): number {
    return this.#list.length;
  }

  get(uid: string): ScopeState | undefined {
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
    return this.#list.values().map((scope): [string, ScopeState] => [scope.uid, scope]);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  forEach(visit: (scope: ScopeState, uid: string, map: ReadonlyMap<string, ScopeState>) => void): void {
    for (const scope of this.#list) visit(scope, scope.uid, this);
  }
}
