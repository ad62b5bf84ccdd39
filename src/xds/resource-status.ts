import type { Brought, Versioned } from './holdings.ts';
import type { Rejection, Subscription } from './subscription.ts';

/** One resource of one client, in the terms of CSDS (`envoy.service.status.v3`, `envoy.admin.v3`). */
export type ResourceStatus<R> = {
  readonly name: string;
  /** How the client stands to it. */
  readonly client: 'REQUESTED' | 'DOES_NOT_EXIST' | 'ACKED' | 'NACKED';
  /** How what the client has stands to what it should have. */
  readonly config: 'SYNCED' | 'NOT_SENT' | 'STALE' | 'ERROR';
  /** What the client ACKed last. */
  readonly acked: R | Brought | null;
  readonly rejection: Rejection<R> | null;
};

/** Of everything that the client has, wants, or was refused by it. */
export function resourceStatuses<R extends Versioned>(
  subscription: Subscription<R>,
): readonly ResourceStatus<R>[] {
  const rejections = new Map(subscription.rejections().map((rejection) => [rejection.name, rejection]));
  return [...subscription.known()].sort().map((name) => {
    const acked = subscription.holdings.acked(name);
    const rejection = rejections.get(name) ?? null;
    const wanted = subscription.wanted(name);
    const config = rejection === null ? configOf(subscription, name) : 'ERROR';
    if (rejection !== null) return { name, client: 'NACKED', config, acked, rejection };
    if (acked !== null) return { name, client: 'ACKED', config, acked, rejection };
    return { name, client: wanted === null ? 'DOES_NOT_EXIST' : 'REQUESTED', config, acked, rejection };
  });
}

function configOf<R extends Versioned>(
  subscription: Subscription<R>,
  name: string,
): 'SYNCED' | 'NOT_SENT' | 'STALE' {
  const wanted = subscription.wanted(name)?.version;
  if (subscription.holdings.acked(name)?.version === wanted) return 'SYNCED';
  return subscription.holdings.believed(name)?.version === wanted ? 'STALE' : 'NOT_SENT';
}
