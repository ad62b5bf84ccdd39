import { short } from '../output.ts';
import { shortName } from '../proxy/find.ts';
import { conditionOf, duration, freshness, scopeFreshness } from './freshness.ts';
import { isAlive, type Proxy, type Repository, type Revisions, type Scope } from './read.ts';

/** A table before it is one: its head, and a row of cells for each thing. */
export type Rows = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** `wide` has what `table` leaves out to fit into a terminal. */
export type Width = 'table' | 'wide';

const REVISIONS = ['ATTEMPTED', 'VERIFIED', 'APPLIED'];

function revisionCells(revisions: Revisions | undefined): readonly string[] {
  const { attempted = null, verified = null, applied = null } = revisions ?? {};
  return [attempted, verified, applied].map(short);
}

export function repositoryRows(repositories: readonly Repository[], width: Width): Rows {
  const wide = width === 'wide';
  return {
    head: ['REPOSITORY', ...REVISIONS, 'READY', 'FRESH', ...(wide ? ['SINCE', 'MESSAGE'] : [])],
    rows: repositories.map((one) => {
      const ready = conditionOf(one, 'Ready');
      const more = [since(ready.lastTransitionMs), ready.message];
      const cells = [one.name, ...revisionCells(one.revisions), ready.reason, freshness(one)];
      return wide ? [...cells, ...more] : cells;
    }),
  };
}

export function scopeRows(scopes: readonly Scope[], repositories: readonly Repository[], width: Width): Rows {
  const wide = width === 'wide';
  const several = repositories.length > 1; // Then two scopes may have one name.
  return {
    head: [
      'SCOPE',
      ...(several ? ['REPOSITORY'] : []),
      ...(several && wide ? ['UID'] : []),
      ...(wide ? REVISIONS : []),
      'SYNC',
      'HEALTH',
      'FRESH',
      ...(wide ? ['READY', 'SINCE'] : []),
    ],
    rows: scopes.filter(isAlive).map((scope) => {
      const ready = conditionOf(scope, 'Ready');
      const fresh = scopeFreshness(scope, repositories);
      const more = [ready.reason, since(ready.lastTransitionMs)];
      const revisions = wide ? revisionCells(scope.revisions) : [];
      const whose = several ? [scope.repository, ...(wide ? [scope.uid] : [])] : [];
      return [scope.path, ...whose, ...revisions, scope.sync, scope.health, fresh, ...(wide ? more : [])];
    }),
  };
}

export function proxyRows(proxies: readonly Proxy[], nowMs: number, width: Width): Rows {
  const wide = width === 'wide';
  return {
    head: ['PROXY', 'REVISION', 'ACKED', 'REJECTED', 'CONNECTED', ...(wide ? ['PUSH', 'NODE'] : [])],
    rows: proxies.map(({ proxy, revision, fullyAcked, rejected, connectedAtMs }) => {
      const age = connectedAtMs === undefined ? '-' : duration(Math.max(0, nowMs - connectedAtMs));
      const cells = [shortName(proxy), short(revision), short(fullyAcked?.revision ?? null)];
      const more = [String(fullyAcked?.push ?? '-'), proxy];
      return [...cells, String(rejected.length), age, ...(wide ? more : [])];
    }),
  };
}

/** Without the cells that only grow older: two of them differ where something happened. */
export function happenings({ head, rows }: Rows): readonly string[] {
  return rows.map((row) =>
    row.filter((_, at) => head[at] !== 'FRESH' && head[at] !== 'CONNECTED').join('  '),
  );
}

function since(ms: number | undefined): string {
  return ms === undefined ? '-' : new Date(ms).toISOString();
}
