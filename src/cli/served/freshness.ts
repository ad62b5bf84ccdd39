import type { Condition, Repository, Scope } from './read.ts';

/** How long ago a repository was last found to be as it is served. */
export function freshness({ fetch }: Pick<Repository, 'fetch'>): string {
  return fetch.ageMs === null ? 'never verified' : `verified ${duration(fetch.ageMs)} ago`;
}

/** `verified 12 s ago, seq 41`. */
export function scopeFreshness({ repository, seq }: Scope, repositories: readonly Repository[]): string {
  const own = repositories.find(({ name }) => name === repository);
  return `${own === undefined ? 'never verified' : freshness(own)}, seq ${seq}`;
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
