import { sameItems } from '../base/lists.ts';
import { must } from '../base/must.ts';
import type { Problem } from '../base/problem.ts';
import type { LineState, Pin, ScopeState } from '../governance/index.ts';
import { type ApiStatus, apiStatuses, type Built } from '../mesh/index.ts';
import type { ProxyStatus } from '../xds/index.ts';
import { distribution, isRejectedBy } from './acks.ts';
import type { Apart, KeptScope } from './kept.ts';
import { brakeOf, keptConditions, keptIn } from './kept-report.ts';
import type {
  ConditionType,
  Freshness,
  Observation,
  Refusal,
  Report,
  RepositoryStatus,
  ScopeStatus,
  Stages,
} from './status.ts';
import type { Suspension } from './suspension.ts';
import type { Timelines } from './timelines.ts';

/** What the loop knows; the status is a pure function of it, of the proxies, and of the time. */
export type Facts = {
  readonly name: string;
  readonly pin: Pin;
  readonly followedTip: string | null;
  readonly state: LineState | null;
  readonly offeredTip: string | null;
  readonly refused: Refusal | null;
  /** The remote offers less than what is followed. */
  readonly stale: boolean;
  readonly fetchOkMs: number | null;
  /** How long ago a tip was fetched that was then judged and not refused, whatever the clock was set to since. */
  readonly verifiedAgeMs: number | null;
  /** How often it is to be. */
  readonly pollMs: number;
  readonly runs: RepositoryStatus['runs'];
  readonly failure: RepositoryStatus['failure'];
  readonly appliedRevision: string | null;
  /** By uid: the number at which each scope is served, of which anything is. */
  readonly applied: ReadonlyMap<string, number>;
  readonly timelines: Pick<Timelines, 'of' | 'last'>;
  /** The push that had it; null before, and while another repository has nothing to serve yet. */
  readonly push: number | null;
  /** By uid: scopes served from their last good resources, and why. */
  readonly outOfSync: ReadonlyMap<string, string>;
  /** Of the whole repository. */
  readonly suspension: Suspension | null;
  /** By uid: scopes that are kept at a version, and what is served of them. */
  readonly kept: ReadonlyMap<string, KeptScope>;
  /** From other replicas. */
  readonly apart: Apart | null;
  readonly problems: readonly Problem[];
  /** Null: nothing is. */
  readonly built: Pick<Built, 'mesh'> | null;
  /** Why the mesh as a whole could not be built; null when it was. */
  readonly notBuilt: string | null;
  /** By proxy id. */
  readonly untranslated: ReadonlyMap<string, string>;
  readonly stages: Stages;
  readonly trace: RepositoryStatus['trace'];
};

/**
 * Reports of one repository, one after the other. Whoever looks at the status does so more often than it changes: while nothing
 * changes that is said of scopes, their list is the same one.
 */
export function createReport(): (facts: Facts, proxies: readonly ProxyStatus[]) => Report {
  let basis: readonly unknown[] = [];
  let scopes: Report['scopes'] = [];
  return (facts, proxies) => {
    const now = basisOf(facts, proxies);
    if (!sameItems(now, basis)) {
      basis = now;
      scopes = scopeStatuses(facts, proxies);
    }
    return report(facts, proxies, scopes);
  };
}

/** What the status of scopes is made of: objects that are replaced and never changed, and the words of what all of them say. */
function basisOf(facts: Facts, proxies: readonly ProxyStatus[]): readonly unknown[] {
  const { state, applied, kept, outOfSync, problems, built, appliedRevision } = facts;
  const said = [sourceVerified(facts), translated(facts), distributed(facts, proxies)];
  const rejecting = proxies.some(({ rejected }) => rejected.length > 0) ? proxies : null;
  const objects = [state, applied, kept, outOfSync, problems, built, appliedRevision, rejecting];
  return [...objects, ...said.flatMap((observation) => Object.values(observation))];
}

function report(facts: Facts, proxies: readonly ProxyStatus[], scopes: Report['scopes']): Report {
  const conditions = repositoryConditions(facts, scopes, proxies);
  return {
    name: facts.name,
    genesis: facts.pin.commit,
    path: facts.pin.path,
    followedTip: facts.followedTip,
    offeredTip: facts.offeredTip,
    refused: facts.refused,
    fetch: freshness(facts),
    runs: facts.runs,
    appliedRevision: facts.appliedRevision,
    failure: facts.failure,
    stages: facts.stages,
    revisions: {
      attempted: facts.offeredTip,
      verified: facts.followedTip,
      applied: facts.appliedRevision,
    },
    timeline: facts.timelines.last(),
    trace: facts.trace,
    suspended: brakeOf(facts.suspension),
    conditions: [ready(conditions), ...conditions],
    scopes,
    problems: facts.problems,
  };
}

function scopeStatuses(facts: Facts, proxies: readonly ProxyStatus[]): Report['scopes'] {
  const states = [...(facts.state?.scopes.values() ?? [])];
  const living = states.filter(({ status }) => status !== 'Tombstone');
  const byDirectory = new Map(living.map(({ directory, uid }) => [directory, uid]));
  const statuses = facts.built === null ? [] : apiStatuses(facts.built);
  const all: All = {
    problems: Map.groupBy(facts.problems, ({ file }) => ownerOf(file, byDirectory)),
    rejecting: proxies.filter(({ rejected }) => rejected.length > 0),
    verified: sourceVerified(facts),
    made: translated(facts),
    sent: distributed(facts, proxies),
    gatewayApi: Map.groupBy(statuses, ({ uid }) => uid),
  };
  return states.map((scope) => scopeStatus(facts, scope, all));
}

function freshness(facts: Facts): Freshness {
  const failing = facts.failure?.stage === 'fetch' ? facts.failure.sinceMs : null;
  const { fetchOkMs: lastOkMs, verifiedAgeMs: ageMs, pollMs } = facts;
  return { lastOkMs, ageMs, failingSinceMs: failing, pollMs };
}

/** What is worked out once for all scopes. */
type All = {
  /** By the uid of the scope whose file it is. */
  readonly problems: ReadonlyMap<string | null, readonly Problem[]>;
  readonly rejecting: readonly ProxyStatus[];
  readonly verified: Observation;
  readonly made: Observation;
  readonly sent: Observation;
  /** By uid of the scope. */
  readonly gatewayApi: ReadonlyMap<string, readonly ApiStatus[]>;
};

function scopeStatus(facts: Facts, scope: ScopeState, all: All): ScopeStatus<Observation> {
  const problems = all.problems.get(scope.uid) ?? [];
  const conditions = scopeConditions(facts, scope, problems, all);
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
    sync: sync(facts, scope),
    health: health(conditions),
    verified: hold === null ? { ok: true } : { ok: false, rule: hold.rule, reason: hold.reason },
    hold,
    unproven,
    suspended: brakeOf(facts.kept.get(uid)?.suspension ?? null),
    conditions: [ready(conditions), ...conditions],
    problems,
    gatewayApi: all.gatewayApi.get(scope.uid) ?? [],
  };
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

function sync(facts: Facts, scope: ScopeState): ScopeStatus['sync'] {
  if (facts.appliedRevision === null) return 'Unknown';
  if (scope.hold !== null) return 'Held';
  const kept = facts.kept.get(scope.uid);
  if (kept !== undefined && kept.served.digest !== scope.accepted.digest) return 'OutOfSync';
  if (facts.outOfSync.has(scope.uid) || facts.appliedRevision !== facts.state?.tip) return 'OutOfSync';
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

function scopeConditions(
  facts: Facts,
  scope: ScopeState,
  problems: readonly Problem[],
  { rejecting, verified, made, sent }: All,
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
          `${hold.rule}: ${hold.reason}; seq ${kept?.served.seq ?? seq} is served`,
          at,
        );
  const rejected = rejecting.filter((proxy) => isRejectedBy(proxy, uid));
  const arrived =
    rejected.length > 0
      ? condition('Distributed', 'False', 'Rejected', `${rejected.length} proxies rejected it`, at)
      : sent;
  return [
    verified,
    quorum,
    valid(facts, problems, facts.outOfSync.get(uid)),
    made,
    arrived,
    ...(kept === undefined ? [] : keptConditions(kept, seq, at)),
  ];
}

function repositoryConditions(
  facts: Facts,
  scopes: readonly ScopeStatus<Observation>[],
  proxies: readonly ProxyStatus[],
): readonly Observation[] {
  const at = facts.state?.tip ?? null;
  const held = scopes.filter(({ hold }) => hold !== null).map(({ path }) => path);
  const quorum =
    held.length === 0
      ? condition('QuorumMet', at === null ? 'Unknown' : 'True', 'Accepted', 'no scope is held', at)
      : condition('QuorumMet', 'False', 'Held', `held: ${held.join(', ')}`, at);
  const [kept] = facts.outOfSync.values();
  const nacks = proxies.filter(({ rejected }) => rejected.length > 0).length;
  const sent =
    nacks > 0
      ? condition('Distributed', 'False', 'Rejected', `${nacks} proxies rejected something`, at)
      : distributed(facts, proxies);
  const all = [sourceVerified(facts), quorum, valid(facts, facts.problems, kept), translated(facts), sent];
  return [...all, ...keptIn(facts, facts.state)];
}

function sourceVerified(facts: Facts): Observation {
  const at = facts.followedTip;
  const { failure, refused } = facts;
  if (refused !== null) {
    const message = `tip ${refused.tip} is refused: ${refused.rule}: ${refused.reason}`;
    return condition('SourceVerified', 'False', 'Refused', message, at);
  }
  if (failure !== null) {
    const reason = failure.stage === 'fetch' ? 'FetchFailed' : 'Failed';
    const message = `${failure.code}: ${failure.message}; ${failure.fix}`;
    return condition('SourceVerified', at === null ? 'Unknown' : 'False', reason, message, at);
  }
  if (facts.state === null) return condition('SourceVerified', 'Unknown', 'Pending', 'not verified yet', at);
  if (facts.stale) {
    const message = `the remote offers ${facts.offeredTip}, which is behind the followed tip ${at}`;
    return condition('SourceVerified', 'True', 'Stale', message, at);
  }
  return condition(
    'SourceVerified',
    'True',
    'Followed',
    `every commit from the genesis to ${at} was judged`,
    at,
  );
}

function valid(facts: Facts, problems: readonly Problem[], kept: string | undefined): Observation {
  const at = facts.appliedRevision;
  if (kept !== undefined) return condition('Valid', 'False', 'LastGoodServed', kept, at);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  if (errors > 0) return condition('Valid', 'False', 'Problems', `${errors} documents are left out`, at);
  return condition('Valid', at === null ? 'Unknown' : 'True', 'NoErrors', `${problems.length} warnings`, at);
}

function translated(facts: Facts): Observation {
  const at = facts.appliedRevision;
  if (facts.notBuilt !== null) return condition('Translated', 'False', 'BuildFailed', facts.notBuilt, at);
  const [first] = facts.untranslated;
  if (first !== undefined) {
    const message = `${facts.untranslated.size} proxies, e.g. ${first[0]}: ${first[1]}`;
    return condition('Translated', 'False', 'TranslateFailed', message, at);
  }
  return condition(
    'Translated',
    at === null ? 'Unknown' : 'True',
    'Translated',
    'for every connected proxy',
    at,
  );
}

function distributed(facts: Facts, proxies: readonly ProxyStatus[]): Observation {
  const at = facts.appliedRevision;
  if (at === null) return condition('Distributed', 'Unknown', 'Pending', 'nothing is served yet', at);
  if (facts.push === null) {
    return condition('Distributed', 'Unknown', 'Pending', 'another repository has nothing to serve yet', at);
  }
  const { acked, rejected, connected } = distribution(proxies, facts.push);
  if (connected === 0) return condition('Distributed', 'True', 'NoProxies', 'no proxy is connected', at);
  const message = `${acked} of ${connected} proxies acknowledged`;
  if (acked + rejected < connected) return condition('Distributed', 'Unknown', 'Progressing', message, at);
  return condition('Distributed', 'True', 'Acknowledged', message, at);
}

/** Ready is the first of the others that is not True. A hold is no fault: the accepted state is served; nor is being alone. */
function ready(conditions: readonly Observation[]): Observation {
  const judged = conditions.filter(({ type }) => type !== 'QuorumMet');
  const worst =
    judged.find(({ status }) => status === 'False') ??
    judged.find(({ type, status }) => status === 'Unknown' && type !== 'Witnessed');
  if (worst !== undefined) return { ...worst, type: 'Ready' };
  const suspended = conditions.find(({ type }) => type === 'Suspended');
  if (suspended !== undefined) return { ...suspended, type: 'Ready' };
  const at = conditions[0]?.observedRevision ?? null;
  return condition('Ready', 'True', 'Ready', 'what is accepted is served', at);
}

function condition(
  type: ConditionType,
  status: Observation['status'],
  reason: string,
  message: string,
  observedRevision: string | null,
): Observation {
  return { type, status, reason, message, observedRevision };
}
