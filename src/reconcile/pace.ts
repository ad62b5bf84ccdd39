/** How often something is done that others can ask for: at once, then later and later for as long as it leads to nothing. */
export interface Pace {
  /** In how many milliseconds to do it; null: it is on its way already. */
  next(nowMs: number): number | null;
  /** It led to something. */
  reached(): void;
}

export function createPace(limits: { readonly firstMs: number; readonly maxMs: number }): Pace {
  let times = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    next(nowMs) {
      if (lastMs > nowMs) return null;
      const spaceMs = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(times, 30));
      lastMs = Math.max(nowMs, lastMs + spaceMs);
      times += 1;
      return lastMs - nowMs;
    },
    reached() {
      times = 0;
    },
  };
}
