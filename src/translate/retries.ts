import type { Retries } from '../mesh/index.ts';
import { duration, typed } from './pieces.ts';

const defaultConditions = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

/**
 * Istio's retries: twice, on what is safe to repeat, on another host each time, but what is hashed: it belongs to one host.
 * `{}`: no retries.
 */
export function retryPolicy(retries: Retries | null, hash: readonly object[]): object {
  return retries?.attempts === 0 ? {} : { retry_policy: policyOf(retries, hash) };
}

function policyOf(retries: Retries | null, hash: readonly object[]): object {
  const conditions = retries === null || retries.on.length === 0 ? defaultConditions.split(',') : retries.on;
  const codes = conditions.filter((condition) => /^\d{3}$/.test(condition)).map(Number);
  const names = conditions.filter((condition) => !/^\d{3}$/.test(condition));
  const missing =
    codes.length > 0 && !names.includes('retriable-status-codes') ? ['retriable-status-codes'] : [];
  return {
    retry_on: [...names, ...missing].join(','),
    num_retries: retries?.attempts ?? 2,
    ...(codes.length > 0 ? { retriable_status_codes: codes } : {}),
    ...(retries?.perTryTimeoutMs ? { per_try_timeout: duration(retries.perTryTimeoutMs) } : {}),
    ...((retries?.avoidTried ?? hash.length === 0) ? { retry_host_predicate: [anotherHost] } : {}),
    host_selection_retry_max_attempts: '5',
    ...(retries?.otherLocalities ? { retry_priority: anotherLocality } : {}),
    ...(retries?.backoffMs ? { retry_back_off: { base_interval: duration(retries.backoffMs) } } : {}),
  };
}

const previousHosts = 'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate';
const anotherHost = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  typed_config: typed(previousHosts, {}),
};

const previousPriorities = 'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig';
const anotherLocality = {
  name: 'envoy.retry_priorities.previous_priorities',
  typed_config: typed(previousPriorities, { update_frequency: 2 }),
};
