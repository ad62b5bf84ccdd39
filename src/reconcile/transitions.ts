import type { Condition, Observation, Report, RepositoryStatus } from './status.ts';

type Scopes = RepositoryStatus['scopes'];

/** Says of each condition since when it has its status: the first time that it was reported so, by this process. */
export function createTransitions(): (report: Report, nowMs: number) => RepositoryStatus {
  let conditions: readonly Condition[] = [];
  let last: { readonly reported: Report['scopes']; readonly stamped: Scopes } = { reported: [], stamped: [] };
  return (report, nowMs) => {
    conditions = stamped(report.conditions, conditions, nowMs);
    if (last.reported !== report.scopes) {
      const before = new Map(last.stamped.map((scope) => [scope.uid, scope.conditions]));
      const scopes = report.scopes.map((scope) => ({
        ...scope,
        conditions: stamped(scope.conditions, before.get(scope.uid) ?? [], nowMs),
      }));
      last = { reported: report.scopes, stamped: scopes };
    }
    return { ...report, conditions, scopes: last.stamped };
  };
}

/** A handful each: looked for one by one. */
function stamped(
  conditions: readonly Observation[],
  before: readonly Condition[],
  nowMs: number,
): readonly Condition[] {
  return conditions.map((condition) => {
    const then = before.find(({ type }) => type === condition.type);
    const lastTransitionMs = then?.status === condition.status ? then.lastTransitionMs : nowMs;
    return { ...condition, lastTransitionMs };
  });
}
