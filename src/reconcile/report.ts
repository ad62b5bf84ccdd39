import { sameItems } from '../base/lists.ts';
import type { ProxyStatus } from '../xds/index.ts';
import { rejections } from './acks.ts';
import { condition, distributed, ready, sourceVerified, translated, valid } from './conditions.ts';
import { allOutOfSync, type Facts } from './facts.ts';
import { brakeOf, keptIn } from './kept-report.ts';
import { scopeStatuses } from './scope-report.ts';
import type { Freshness, Observation, Report, ScopeStatus } from './status.ts';

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
  const { state, applied, kept, outOfSync, leftOut, problems, built, appliedRevision } = facts;
  const said = [sourceVerified(facts), translated(facts), distributed(facts, proxies)];
  const objects = [state, applied, kept, outOfSync, leftOut, problems, built, appliedRevision];
  const words = said.flatMap((observation) => Object.values(observation));
  return [...objects, ...words, ...[...rejections(proxies)].flat()];
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
  const [kept] = allOutOfSync(facts).values();
  const nacks = proxies.filter(({ rejected }) => rejected.length > 0).length;
  const sent =
    nacks > 0
      ? condition(
          'Distributed',
          'False',
          'Rejected',
          `${nacks} of ${proxies.length} proxies rejected something`,
          at,
        )
      : distributed(facts, proxies);
  const all = [sourceVerified(facts), quorum, valid(facts, facts.problems, kept), translated(facts), sent];
  return [...all, ...keptIn(facts, facts.state)];
}

function freshness(facts: Facts): Freshness {
  const failing = facts.failure?.stage === 'fetch' ? facts.failure.sinceMs : null;
  const { fetchOkMs: lastOkMs, verifiedAgeMs: ageMs, pollMs } = facts;
  return { lastOkMs, ageMs, failingSinceMs: failing, pollMs };
}
