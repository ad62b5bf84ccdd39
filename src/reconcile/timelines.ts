import type { LineState, ScopeState } from '../governance/index.ts';
import type { Distribution } from './publisher.ts';
import type { Timeline } from './status.ts';

/** When the run that found a change began, had fetched and had judged it; null: read from the local store, after a restart. */
export type Found = { readonly startedMs: number; readonly fetchedMs: number; readonly verifiedMs: number };

type Mutable = { -readonly [K in keyof Timeline]: Timeline[K] };

/** When the last change of each scope of one repository passed each stage. In memory only: a restart begins anew. */
export interface Timelines {
  /** `state` is what is to be served from now on. Scopes whose lineage has grown since the last one changed with it. */
  verified(state: LineState, found: Found | null): void;
  /** What was verified is translated, and given to distribution. */
  translated(nowMs: number): void;
  /** Looks what has been pushed and acknowledged since. */
  follow(nowMs: number): void;
  /** Of the last change of a scope. */
  of(uid: string): Timeline | null;
  /** Of the last change of any. */
  last(): Timeline | null;
}

export function createTimelines(distribution: Pick<Distribution, 'pushed' | 'ackedMs'>): Timelines {
  const byUid = new Map<string, Mutable>();
  let before: LineState | null = null;
  let last: Mutable | null = null;
  /** Not acknowledged by all yet, in the order in which they came, which is that of their pushes. */
  let open: readonly Mutable[] = [];
  return {
    verified(state, found) {
      if (last?.revision === state.tip) return;
      last = { ...NOTHING, ...found, revision: state.tip };
      for (const scope of state.scopes.values()) {
        if (isNew(before?.scopes.get(scope.uid), scope)) byUid.set(scope.uid, last);
      }
      before = state;
      // A proxy that never answers must not have all of them kept.
      const known = new Set([...byUid.values(), last]);
      open = [...open, last].filter((one) => known.has(one));
    },
    translated(nowMs) {
      for (const one of open) one.translatedMs ??= nowMs;
    },
    follow(nowMs) {
      const push = distribution.pushed();
      if (push === null) return;
      for (const one of open) {
        if (one.translatedMs === null || one.push !== null) continue;
        one.push = push;
        one.pushedMs = nowMs;
      }
      open = open.slice(acknowledge(open, distribution));
    },
    of: (uid) => byUid.get(uid) ?? null,
    last: () => last,
  };
}

const NOTHING: Omit<Timeline, 'revision'> = {
  startedMs: null,
  fetchedMs: null,
  verifiedMs: null,
  translatedMs: null,
  pushedMs: null,
  push: null,
  ackedMs: null,
};

/** How many, from the first, have arrived: where one has not, no later one has. */
function acknowledge(open: readonly Mutable[], distribution: Pick<Distribution, 'ackedMs'>): number {
  let count = 0;
  for (const one of open) {
    const atMs = one.push === null ? null : distribution.ackedMs(one.push);
    if (atMs === null || one.pushedMs === null) break;
    one.ackedMs = Math.max(atMs, one.pushedMs);
    count += 1;
  }
  return count;
}

function isNew(before: ScopeState | undefined, now: ScopeState): boolean {
  return before !== now && before?.lineage.length !== now.lineage.length;
}
