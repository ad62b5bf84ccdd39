/** What deliveries may cost, per source address; those that are authentic and new cost nothing. */
export const HOOK_LIMITS: Readonly<Record<Limit, number>> = {
  /** Deliveries that a source may send at once. */
  burst: 200,
  /** How many it gets back each second. */
  perSecond: 20,
  /** Sources that are remembered; the one that was silent longest is forgotten first. */
  sources: 10_000,
  /** How long and how many ids of deliveries are remembered. */
  rememberMs: 600_000,
  deliveries: 10_000,
  /** Hints of one repository that come in this time are one. */
  coalesceMs: 250,
};

type Limit = 'burst' | 'perSecond' | 'sources' | 'rememberMs' | 'deliveries' | 'coalesceMs';

/** A token bucket for each source address. */
export interface Buckets {
  /** Takes one token; false: there is none. */
  take(source: string, nowMs: number): boolean;
  giveBack(source: string): void;
}

export function createBuckets(limits: Pick<typeof HOOK_LIMITS, 'burst' | 'perSecond' | 'sources'>): Buckets {
  const { burst, perSecond, sources } = limits;
  /** In the order of their last use. */
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  const touch = (source: string, bucket: { tokens: number; atMs: number }) => {
    buckets.delete(source);
    buckets.set(source, bucket);
    for (const eldest of buckets.keys()) {
      if (buckets.size <= sources) break;
      buckets.delete(eldest);
    }
  };
  return {
    take(source, nowMs) {
      const key = networkOf(source);
      const { tokens, atMs } = buckets.get(key) ?? { tokens: burst, atMs: nowMs };
      const refilled = Math.min(burst, tokens + (Math.max(0, nowMs - atMs) / 1_000) * perSecond);
      touch(key, { tokens: refilled >= 1 ? refilled - 1 : refilled, atMs: nowMs });
      return refilled >= 1;
    },
    giveBack(source) {
      const bucket = buckets.get(networkOf(source));
      if (bucket !== undefined) bucket.tokens = Math.min(burst, bucket.tokens + 1);
    },
  };
}

/** An IPv6 network of 64 bits is one source: whoever has one address of it has all. */
function networkOf(source: string): string {
  if (!source.includes(':') || source.startsWith('::ffff:')) return source;
  const [head = '', tail = ''] = source.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = source.includes('::')
    ? Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0')
    : [];
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}

/** Ids that were seen of late; bounded in time and number. */
export interface Seen {
  has(id: string, nowMs: number): boolean;
  add(id: string, nowMs: number): void;
}

export function createSeen(limits: Pick<typeof HOOK_LIMITS, 'rememberMs' | 'deliveries'>): Seen {
  const ids = new Map<string, number>();
  return {
    has: (id, nowMs) => nowMs - (ids.get(id) ?? Number.NEGATIVE_INFINITY) < limits.rememberMs,
    add(id, nowMs) {
      ids.delete(id);
      ids.set(id, nowMs);
      for (const [eldest, atMs] of ids) {
        if (ids.size <= limits.deliveries && nowMs - atMs < limits.rememberMs) break;
        ids.delete(eldest);
      }
    },
  };
}
