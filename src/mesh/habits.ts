import type { ServiceResource } from '../manifests/index.ts';
import type { TrafficPolicy } from './policy-types.ts';
import type { Habits, Service } from './types.ts';

export const noHabits: Habits = { balancing: null, travel: null, stays: null, retryBudget: null };

/** What a Kubernetes Service asks of its clients. */
export function habitsOf(spec: ServiceResource['spec']): Habits {
  const { sessionAffinity, trafficDistribution, internalTrafficPolicy } = spec;
  return {
    balancing:
      sessionAffinity === 'ClientIP'
        ? { how: 'hash', key: { of: 'client-address' }, table: 'ring', size: 1024 }
        : null,
    travel: travels[trafficDistribution ?? 'Any'],
    stays: internalTrafficPolicy === 'Local' ? 'on-node' : null,
    retryBudget: null,
  };
}

const travels = {
  Any: null,
  PreferClose: { how: 'close', from: 'locality' },
  PreferSameZone: { how: 'close', from: 'locality' },
  PreferSameNode: { how: 'close', from: 'node' },
} as const satisfies Record<string, Habits['travel']>;

/** Policies with what the service asks for where they say nothing. */
export function withHabits(
  policies: readonly TrafficPolicy[],
  { habits, ports }: Pick<Service, 'habits' | 'ports'>,
): readonly TrafficPolicy[] {
  const { balancing, travel, retryBudget } = habits;
  if (balancing === null && travel === null && retryBudget === null) return policies;
  return ports.map(({ number }) => {
    const policy = policies.find(({ port }) => port === number) ?? { ...noPolicy, port: number };
    return {
      ...policy,
      balancing: policy.balancing ?? balancing,
      travel: policy.travel ?? travel,
      retryBudget: policy.retryBudget ?? retryBudget,
    };
  });
}

/** All as by default. */
export const noPolicy: Omit<TrafficPolicy, 'port'> = {
  balancing: null,
  travel: null,
  connections: null,
  ejection: null,
  security: null,
  tunnel: null,
  proxyProtocol: null,
  retryBudget: null,
  origins: [],
};
