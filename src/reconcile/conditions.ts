import { errorsText, type Problem } from '../base/problem.ts';
import type { ProxyStatus } from '../xds/index.ts';
import { distribution } from './acks.ts';
import type { Facts } from './facts.ts';
import type { ConditionType, Observation } from './status.ts';

/** What keeps from storing what the remote sent: whoever is woken must not look for it at the remote. */
const OF_THIS_MACHINE: ReadonlySet<string> = new Set(['disk-full', 'store-unusable']);

export function sourceVerified(facts: Facts): Observation {
  const at = facts.followedTip;
  const { failure, refused } = facts;
  if (refused !== null) {
    const message = `tip ${refused.tip} is refused: ${refused.rule}: ${refused.reason}`;
    return condition('SourceVerified', 'False', 'Refused', message, at);
  }
  if (failure !== null) {
    const reason = failure.stage === 'fetch' && !OF_THIS_MACHINE.has(failure.code) ? 'FetchFailed' : 'Failed';
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

/** `problems`: those of whom it is said; `kept`: why its last good resources stand in, of who has any. */
export function valid(facts: Facts, problems: readonly Problem[], kept: string | undefined): Observation {
  const at = facts.appliedRevision;
  if (kept !== undefined) return condition('Valid', 'False', 'LastGoodServed', kept, at);
  const errors = errorsText(problems);
  if (errors !== null)
    return condition('Valid', 'False', 'Problems', `${errors}: what has one is left out`, at);
  return condition('Valid', at === null ? 'Unknown' : 'True', 'NoErrors', `warnings: ${problems.length}`, at);
}

export function translated(facts: Facts): Observation {
  const at = facts.appliedRevision;
  if (facts.notBuilt !== null) return condition('Translated', 'False', 'BuildFailed', facts.notBuilt, at);
  const [first] = facts.untranslated;
  if (first !== undefined) {
    const message = `not for ${facts.untranslated.size} of the proxies, e.g. ${first[0]}: ${first[1]}`;
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

export function distributed(facts: Facts, proxies: readonly ProxyStatus[]): Observation {
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
export function ready(conditions: readonly Observation[]): Observation {
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

export function condition(
  type: ConditionType,
  status: Observation['status'],
  reason: string,
  message: string,
  observedRevision: string | null,
): Observation {
  return { type, status, reason, message, observedRevision };
}
