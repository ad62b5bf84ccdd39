/** A seeded source of small numbers (mulberry32): the same mutations on every machine. */
export type Random = {
  /** 0 to `limit` − 1. */
  below(limit: number): number;
  pick<T>(of: readonly T[]): T;
};

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  const pick = <T>(of: readonly T[]): T => {
    const value = of[below(of.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  };
  return { below, pick };
}
