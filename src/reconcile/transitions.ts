import type { Condition, Observation, Report, RepositoryStatus } from './status.ts';

type Known = { readonly status: Condition['status']; readonly sinceMs: number };

type Scopes = RepositoryStatus['scopes'];

/** Says of each condition since when it has its status: the first time that it was reported so, by this process. */
export function createTransitions(): (report: Report, nowMs: number) => RepositoryStatus {
  const ofRepository = createStamps();
  const ofScopes = createStamps();
  let last: { readonly reported: Report['scopes']; readonly stamped: Scopes } | null = null;
  return (report, nowMs) => {
    const stamp = ofRepository(nowMs);
    const conditions = report.conditions.map(stamp(''));
    if (last?.reported !== report.scopes) {
      const stampScope = ofScopes(nowMs);
      const stamped = report.scopes.map((scope) => ({
        ...scope,
        conditions: scope.conditions.map(stampScope(scope.uid)),
      }));
      last = { reported: report.scopes, stamped };
    }
    return { ...report, conditions, scopes: last.stamped };
  };
}

/** What is not reported again is forgotten. */
function createStamps(): (nowMs: number) => (of: string) => (condition: Observation) => Condition {
  let known: ReadonlyMap<string, Known> = new Map();
  return (nowMs) => {
    const before = known;
    const next = new Map<string, Known>();
    known = next;
    return (of) => (condition) => {
      const key = `${of} ${condition.type}`;
      const then = before.get(key);
      const now = then?.status === condition.status ? then : { status: condition.status, sinceMs: nowMs };
      next.set(key, now);
      return { ...condition, lastTransitionMs: now.sinceMs };
    };
  };
}
