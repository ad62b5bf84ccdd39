import type { LineState, ScopeState } from '../governance/index.ts';
import type { Clock } from './clock.ts';
import type { Distribution } from './publisher.ts';
import type { Timeline } from './status.ts';

/**
 * The run that found a change: when it began, had fetched and had judged it, by the steady clock; null: read from the
 * local store, after a restart.
 */
export type Found = {
  readonly trace: string;
  readonly startedMs: number;
  readonly fetchedMs: number;
  readonly verifiedMs: number;
};

type Mutable = { -readonly [K in keyof Timeline]: Timeline[K] };

/**
 * A timeline that goes on. Its times are what the steady clock says from when it was found: whoever sets the machine's
 * clock between two stages changes no duration.
 */
type Open = { readonly timeline: Mutable; readonly epochMs: number };

/** When the last change of each scope of one repository passed each stage. In memory only: a restart begins anew. */
export interface Timelines {
  /** `state` is what is to be served from now on. Scopes whose lineage has grown since the last one changed with it. */
  verified(state: LineState, found: Found | null): void;
  /** What was verified is translated, and given to distribution. */
  translated(): void;
  /** Looks what has been pushed and acknowledged since. */
  follow(): void;
  /** Of the last change of a scope. */
  of(uid: string): Timeline | null;
  /** Of the last change of any. */
  last(): Timeline | null;
}

export function createTimelines(
  distribution: Pick<Distribution, 'pushed' | 'ackedSteadyMs'>,
  clock: Pick<Clock, 'now' | 'steadyMs'>,
): Timelines {
  const byUid = new Map<string, Mutable>();
  let before: LineState | null = null;
  let last: Mutable | null = null;
  /** Not acknowledged by all yet, in the order in which they came, which is that of their pushes. */
  let open: readonly Open[] = [];
  const now = ({ epochMs }: Open) => Math.round(epochMs + clock.steadyMs());
  return {
    verified(state, found) {
      if (last?.revision === state.tip) return;
      const epochMs = clock.now() - clock.steadyMs();
      last = { ...NOTHING, ...(found === null ? {} : instants(found, epochMs)), revision: state.tip };
      for (const scope of state.scopes.values()) {
        if (isNew(before?.scopes.get(scope.uid), scope)) byUid.set(scope.uid, last);
      }
      before = state;
      // A proxy that never answers must not have all of them kept.
      const known = new Set([...byUid.values(), last]);
      open = [...open, { timeline: last, epochMs }].filter(({ timeline }) => known.has(timeline));
    },
    translated() {
      for (const one of open) one.timeline.translatedMs ??= now(one);
    },
    follow() {
      const push = distribution.pushed();
      if (push === null) return;
      for (const one of open) {
        if (one.timeline.translatedMs === null || one.timeline.push !== null) continue;
        one.timeline.push = push;
        one.timeline.pushedMs = now(one);
      }
      open = open.slice(acknowledge(open, distribution));
    },
    of: (uid) => byUid.get(uid) ?? null,
    last: () => last,
  };
}

function instants({ trace, startedMs, fetchedMs, verifiedMs }: Found, epochMs: number): Found {
  const at = (steadyMs: number) => Math.round(epochMs + steadyMs);
  return { trace, startedMs: at(startedMs), fetchedMs: at(fetchedMs), verifiedMs: at(verifiedMs) };
}

const NOTHING: Omit<Timeline, 'revision'> = {
  trace: null,
  startedMs: null,
  fetchedMs: null,
  verifiedMs: null,
  translatedMs: null,
  pushedMs: null,
  push: null,
  ackedMs: null,
};

/** How many, from the first, have arrived: where one has not, no later one has. */
function acknowledge(open: readonly Open[], distribution: Pick<Distribution, 'ackedSteadyMs'>): number {
  let count = 0;
  for (const { timeline, epochMs } of open) {
    const steadyMs = timeline.push === null ? null : distribution.ackedSteadyMs(timeline.push);
    if (steadyMs === null || timeline.pushedMs === null) break;
    timeline.ackedMs = Math.max(Math.round(epochMs + steadyMs), timeline.pushedMs);
    count += 1;
  }
  return count;
}

function isNew(before: ScopeState | undefined, now: ScopeState): boolean {
  return before !== now && before?.lineage.length !== now.lineage.length;
}
