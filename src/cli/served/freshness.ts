import type { Condition, Repository, Scope } from './read.ts';

/** How long ago a repository was last found to be as it is served; stale: its remote had less then. */
export function freshness(repository: Pick<Repository, 'fetch' | 'conditions'>): string {
  const { ageMs } = repository.fetch;
  if (ageMs === null) return 'never verified';
  const isStale = staleness(repository.conditions) !== null;
  return `verified ${duration(ageMs)} ago${isStale ? ', stale' : ''}`;
}

/** What a remote that serves old history offers; null: it does not. */
export function staleness(conditions: readonly Pick<Condition, 'reason' | 'message'>[] = []): string | null {
  return conditions.find(({ reason }) => reason === 'Stale')?.message ?? null;
}

/** `verified 12 s ago, seq 41`; of whom nothing is served, that it is withdrawn. */
export function scopeFreshness(
  { repository, seq, status }: Scope,
  repositories: readonly Repository[],
): string {
  const own = repositories.find(({ name }) => name === repository);
  const withdrawn = status === 'Withdrawn' ? ', withdrawn' : '';
  return `${own === undefined ? 'never verified' : freshness(own)}${withdrawn}, seq ${seq}`;
}

/** In the largest unit of which there is one: people compare, and do not add up. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** A condition as the server says it; `Unknown` where it does not. */
export function conditionOf({ conditions = [] }: Pick<Scope, 'conditions'>, wanted: string): Condition {
  const found = conditions.find(({ type }) => type === wanted);
  return found ?? { type: wanted, status: 'Unknown', reason: '-', message: 'the server does not say' };
}
