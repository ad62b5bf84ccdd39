import type { ScopeState } from './types.ts';

/**
 * The scopes of a state, in one order. A copy in which a few differ shares all others with the map that it was made
 * from: a commit that touches one scope of many costs no pass over them.
 */
export class ScopeMap implements ReadonlyMap<string, ScopeState> {
  readonly #lower: ReadonlyMap<string, ScopeState>;
  /** Of uids that the lower map has. */
  readonly #upper: ReadonlyMap<string, ScopeState>;

  constructor(lower: ReadonlyMap<string, ScopeState>, upper: ReadonlyMap<string, ScopeState> = new Map()) {
    this.#lower = lower;
    this.#upper = upper;
  }

  /** These scopes changed, and none came or went. */
  with(changed: ReadonlyMap<string, ScopeState>): ScopeMap {
    const upper = new Map([...this.#upper, ...changed]);
    if (upper.size ** 2 <= this.size) return new ScopeMap(this.#lower, upper);
    return new ScopeMap(new Map([...this.#lower].map(([uid, scope]) => [uid, upper.get(uid) ?? scope])));
  }

  get size(): number {
    return this.#lower.size;
  }

  get(uid: string): ScopeState | undefined {
    return this.#upper.get(uid) ?? this.#lower.get(uid);
  }

  has(uid: string): boolean {
    return this.#lower.has(uid);
  }

  keys() {
    return this.#lower.keys() as MapIterator<string>;
  }

  *entries(): Generator<[string, ScopeState], undefined> {
    for (const [uid, scope] of this.#lower) yield [uid, this.#upper.get(uid) ?? scope];
  }

  *values(): Generator<ScopeState, undefined> {
    for (const [, scope] of this.entries()) yield scope;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  forEach(visit: (scope: ScopeState, uid: string, map: ReadonlyMap<string, ScopeState>) => void): void {
    for (const [uid, scope] of this) visit(scope, uid, this);
  }
}
