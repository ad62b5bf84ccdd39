import type { Condition, Observation, Report, RepositoryStatus } from './status.ts';

type Known = { readonly status: Condition['status']; readonly sinceMs: number };

/** Says of each condition since when it has its status: the first time that it was reported so, by this process. */
export function createTransitions(): (report: Report, nowMs: number) => RepositoryStatus {
  let known: ReadonlyMap<string, Known> = new Map();
  return (report, nowMs) => {
    const next = new Map<string, Known>();
    const stamp = (of: string) => (condition: Observation) => {
      const key = `${of} ${condition.type}`;
      const before = known.get(key);
      const now = before?.status === condition.status ? before : { status: condition.status, sinceMs: nowMs };
      next.set(key, now);
      return { ...condition, lastTransitionMs: now.sinceMs };
    };
    const conditions = report.conditions.map(stamp(''));
    const scopes = report.scopes.map((scope) => ({
      ...scope,
      conditions: scope.conditions.map(stamp(scope.uid)),
    }));
    known = next;
    return { ...report, conditions, scopes };
  };
}
