import { closed, is, isDigest, isLine, isSeq, listOf, oneOf, orNull, parsed } from './shape.ts';

/** One thing whose changes an operator has stopped, or has let go on. Of two about one thing the later is in force. */
export type Suspension = {
  readonly repository: string;
  /** The version that it stays at; null: the whole repository. */
  readonly scope: KeptVersion | null;
  readonly state: 'Suspended' | 'Resumed';
  readonly reason: string;
  readonly by: string;
  /** Milliseconds since the epoch, by the clock that all replicas have. */
  readonly atMs: number;
  /** When it ends by itself; null: when somebody ends it. */
  readonly untilMs: number | null;
  /** Tells apart what two replicas were told in the same millisecond. */
  readonly id: string;
};

export type KeptVersion = {
  readonly uid: string;
  readonly path: string;
  readonly digest: string;
  readonly seq: number;
};

/** More are refused: every scope of a large mesh, one by one. */
export const MAX_SUSPENSIONS = 10_000;
/** The rest is for repositories: what stops everything always has room. */
export const MAX_SCOPES = 9_000;
const MAX_REASON = 500;
const MAX_BY = 100;

const HEADER = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Suspensions' } as const;

const TIME = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 52;

const isSuspension = closed({
  repository: isLine(63),
  scope: orNull(closed({ uid: isDigest, path: isLine(1_000), digest: isDigest, seq: isSeq })),
  state: oneOf('Suspended', 'Resumed'),
  reason: isLine(MAX_REASON),
  by: isLine(MAX_BY),
  atMs: TIME,
  untilMs: orNull(TIME),
  id: isLine(32),
});

export function formatSuspensions(suspensions: readonly Suspension[]): string {
  return `${JSON.stringify({ ...HEADER, suspensions }, null, 2)}\n`;
}

/** Strict: null for anything that `formatSuspensions` would not have written. */
export function parseSuspensions(text: string): readonly Suspension[] | null {
  const members = { apiVersion: is(HEADER.apiVersion), kind: is(HEADER.kind) };
  const value = parsed(text);
  const isWhole = closed({ ...members, suspensions: listOf(isSuspension, MAX_SUSPENSIONS) })(value);
  return isWhole ? (value as { readonly suspensions: readonly Suspension[] }).suspensions : null;
}

/** What it is about. */
export function keyOf({ repository, scope }: Pick<Suspension, 'repository' | 'scope'>): string {
  return `${repository} ${scope?.uid ?? ''}`;
}

/** The same order on every replica, in whatever order they hear. */
export function isLater(one: Suspension, other: Suspension): boolean {
  return one.atMs === other.atMs ? one.id > other.id : one.atMs > other.atMs;
}

const DAY_MS = 24 * 3_600_000;
/** Whoever was away for longer does not hear any more that it has ended. */
const REMEMBERED_MS = 30 * DAY_MS;

/** It ended so long ago that nobody has to be told of it any more. */
export function isForgotten({ state, atMs, untilMs }: Suspension, nowMs: number): boolean {
  const endMs = state === 'Resumed' ? atMs : untilMs;
  return endMs !== null && endMs + REMEMBERED_MS < nowMs;
}

/** `suspended by ana at …: reason; until …`. */
export function suspensionText({ by, atMs, untilMs, reason }: Suspension): string {
  const until = untilMs === null ? '' : `; until ${time(untilMs)}`;
  return `suspended by ${by} at ${time(atMs)}: ${reason}${until}`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
