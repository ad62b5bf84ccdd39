import { must } from '../base/must.ts';
import type { Problem } from '../base/problem.ts';
import type { ScopeState } from '../governance/index.ts';
import { type ApiStatus, apiStatuses } from '../mesh/index.ts';
import type { ProxyStatus } from '../xds/index.ts';
import { rejections } from './acks.ts';
import { condition, distributed, ready, sourceVerified, translated, valid } from './conditions.ts';
import { allOutOfSync, type Facts } from './facts.ts';
import { brakeOf, keptConditions } from './kept-report.ts';
import type { Observation, Report, ScopeStatus } from './status.ts';

/** What is said of each scope of a repository, in the order of its state. */
export function scopeStatuses(facts: Facts, proxies: readonly ProxyStatus[]): Report['scopes'] {
  const states = [...(facts.state?.scopes.values() ?? [])];
  const living = states.filter(({ status }) => status !== 'Tombstone');
  const byDirectory = new Map(living.map(({ directory, uid }) => [directory, uid]));
  const statuses = facts.built === null ? [] : apiStatuses(facts.built);
  const all: All = {
    problems: Map.groupBy(facts.problems, ({ file }) => ownerOf(file, byDirectory)),
    outOfSync: allOutOfSync(facts),
    rejected: rejections(proxies),
    connected: proxies.length,
    verified: sourceVerified(facts),
    made: translated(facts),
    sent: distributed(facts, proxies),
    gatewayApi: Map.groupBy(statuses, ({ uid }) => uid),
    plain: new Map(),
  };
  return states.map((scope) => scopeStatus(facts, scope, all));
}

/** What is worked out once for all scopes. */
type All = {
  /** By the uid of the scope whose file it is. */
  readonly problems: ReadonlyMap<string | null, readonly Problem[]>;
  readonly outOfSync: ReadonlyMap<string, string>;
  /** By uid: by how many proxies. */
  readonly rejected: ReadonlyMap<string, number>;
  /** Proxies. */
  readonly connected: number;
  readonly verified: Observation;
  readonly made: Observation;
  readonly sent: Observation;
  /** By uid of the scope. */
  readonly gatewayApi: ReadonlyMap<string, readonly ApiStatus[]>;
  /** By seq: what is said of every scope of which nothing else is said. Most are such. */
  readonly plain: Map<number, readonly Observation[]>;
};

const NO_PROBLEMS: readonly Problem[] = [];
const NO_STATUSES: readonly ApiStatus[] = [];
const VERIFIED = { ok: true } as const;

function scopeStatus(facts: Facts, scope: ScopeState, all: All): ScopeStatus<Observation> {
  const problems = all.problems.get(scope.uid) ?? NO_PROBLEMS;
  const conditions = conditionsOf(facts, scope, problems, all);
  const { uid, path, directory, status, seq, hold, unproven } = scope;
  return {
    repository: facts.name,
    uid,
    path,
    directory,
    status,
    revisions: revisions(facts, scope),
    lastChange: lastChange(facts, scope),
    seq,
    epoch: scope.epoch.commit,
    digest: scope.accepted.digest,
    sync: sync(facts, scope, all),
    health: health(conditions),
    verified: hold === null ? VERIFIED : { ok: false, rule: hold.rule, reason: hold.reason },
    hold,
    unproven,
    suspended: brakeOf(facts.kept.get(uid)?.suspension ?? null),
    conditions,
    problems,
    gatewayApi: all.gatewayApi.get(scope.uid) ?? NO_STATUSES,
  };
}

/** The same list for all scopes of which the same is said: there are thousands, and it is made again with each change. */
function conditionsOf(
  facts: Facts,
  scope: ScopeState,
  problems: readonly Problem[],
  all: All,
): readonly Observation[] {
  const { hold, uid, seq } = scope;
  const isSpecial = facts.kept.has(uid) || all.outOfSync.has(uid) || all.rejected.has(uid);
  const isPlain = scope.status === 'Live' && hold === null && !isSpecial && problems.length === 0;
  const known = isPlain ? all.plain.get(seq) : undefined;
  if (known !== undefined) return known;
  const own = scopeConditions(facts, scope, problems, all);
  const conditions = [readyOf(scope, own), ...own];
  if (isPlain) all.plain.set(seq, conditions);
  return conditions;
}

/** Of whom nothing is served all is as it shall be, and that is not what is accepted. */
function readyOf({ status }: ScopeState, own: readonly Observation[]): Observation {
  const told = ready(own);
  if (status === 'Live' || told.reason !== 'Ready') return told;
  return status === 'Tombstone'
    ? { ...told, reason: 'Ended', message: 'it has ended: nothing of it is served' }
    : { ...told, reason: 'Withdrawn', message: 'its parent has withdrawn it: nothing of it is served' };
}

function scopeConditions(
  facts: Facts,
  scope: ScopeState,
  problems: readonly Problem[],
  { outOfSync, rejected, connected, verified, made, sent }: All,
): readonly Observation[] {
  const { hold, uid, seq } = scope;
  const at = facts.state?.tip ?? null;
  const kept = facts.kept.get(uid);
  const quorum =
    hold === null
      ? condition('QuorumMet', 'True', 'Accepted', `seq ${seq} is what the main line has`, at)
      : condition(
          'QuorumMet',
          'False',
          'Held',
          `${hold.rule}: ${hold.reason}; seq ${facts.applied.get(uid) ?? kept?.served.seq ?? seq} is served`,
          at,
        );
  const nacks = rejected.get(uid);
  const arrived =
    nacks === undefined
      ? sent
      : condition(
          'Distributed',
          'False',
          'Rejected',
          `${nacks} of ${connected} proxies rejected something of it`,
          at,
        );
  return [
    verified,
    quorum,
    valid(facts, problems, outOfSync.get(uid)),
    made,
    arrived,
    ...(kept === undefined ? [] : keptConditions(kept, seq, at)),
  ];
}

function revisions({ applied }: Facts, { uid, seq, lineage, hold }: ScopeState): ScopeStatus['revisions'] {
  const verified = acceptedAt(lineage, seq);
  const served = applied.get(uid);
  return {
    attempted: hold?.commit ?? verified,
    verified,
    // Of the lineage as it was then: an entry stays what it is.
    applied: served === undefined ? null : acceptedAt(lineage, served),
  };
}

function acceptedAt(lineage: ScopeState['lineage'], wanted: number): string | null {
  const isIt = ({ event, seq }: ScopeState['lineage'][number]) =>
    seq === wanted && (event === 'accepted' || event === 'genesis');
  return lineage.findLast(isIt)?.commit ?? null;
}

function lastChange({ timelines }: Facts, { uid, lineage }: ScopeState): ScopeStatus['lastChange'] {
  const { event, seq, commit } = must(lineage.at(-1));
  return { event, seq, commit, timeline: timelines.of(uid) };
}

function sync(facts: Facts, scope: ScopeState, { outOfSync }: All): ScopeStatus['sync'] {
  if (facts.appliedRevision === null) return 'Unknown';
  if (scope.hold !== null) return 'Held';
  const kept = facts.kept.get(scope.uid);
  if (kept !== undefined && kept.served.digest !== scope.accepted.digest) return 'OutOfSync';
  if (outOfSync.has(scope.uid) || facts.appliedRevision !== facts.state?.tip) return 'OutOfSync';
  return 'Synced';
}

function health(conditions: readonly Observation[]): ScopeStatus['health'] {
  const broken = conditions.some(({ type, status }) => type !== 'QuorumMet' && status === 'False');
  if (broken) return 'Degraded';
  return conditions.some(({ type, status }) => type === 'Distributed' && status === 'Unknown')
    ? 'Progressing'
    : 'Healthy';
}

/** The scope with the longest directory that holds the problem's file; the root's directory is empty. */
function ownerOf(file: string, uids: ReadonlyMap<string, string>): string | null {
  for (let end = file.lastIndexOf('/'); end > 0; end = file.lastIndexOf('/', end - 1)) {
    const uid = uids.get(file.slice(0, end));
    if (uid !== undefined) return uid;
  }
  return uids.get('') ?? null;
}
