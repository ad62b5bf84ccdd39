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
      const stamp = sharing((now, then) => stamped(now, then, nowMs));
      const scopes = report.scopes.map((scope) => ({
        ...scope,
        conditions: stamp(scope.conditions, before.get(scope.uid) ?? NONE),
      }));
      last = { reported: report.scopes, stamped: scopes };
    }
    return { ...report, conditions, scopes: last.stamped };
  };
}

const NONE: readonly Condition[] = [];

/** What is reported in one list of many scopes, and was before, is stamped once. */
function sharing(
  make: (now: readonly Observation[], then: readonly Condition[]) => readonly Condition[],
): typeof make {
  const made = new Map<readonly Observation[], Map<readonly Condition[], readonly Condition[]>>();
  return (now, then) => {
    const known = made.get(now) ?? new Map<readonly Condition[], readonly Condition[]>();
    made.set(now, known);
    const conditions = known.get(then) ?? make(now, then);
    known.set(then, conditions);
    return conditions;
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
