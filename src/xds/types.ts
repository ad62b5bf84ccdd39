import type { SnapshotResource } from '../translate/index.ts';
import type { Subscription, SubscriptionRules } from './subscription.ts';

export const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
export const ENDPOINT = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
export const LISTENER = 'type.googleapis.com/envoy.config.listener.v3.Listener';
export const ROUTE = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

/** The order of sending: what is referred to comes before what refers to it (xds_protocol.rst, "Eventual consistency"). */
export const ORDER: readonly string[] = [CLUSTER, ENDPOINT, LISTENER, ROUTE];

/** Whose content can refer to a resource of this type. */
export const USERS: Readonly<Record<string, readonly string[]>> = {
  [CLUSTER]: [LISTENER, ROUTE],
  [ENDPOINT]: [CLUSTER],
  [ROUTE]: [LISTENER],
};

const WHOLE: SubscriptionRules = { legacyWildcard: true, trustsInitialVersions: true, culpritsNamed: true };
const NAMED: SubscriptionRules = {
  legacyWildcard: false,
  trustsInitialVersions: false,
  culpritsNamed: false,
};

/** W5, D4: LDS and CDS have a wildcard, and only there may a client's memory be believed (envoy#22418). */
export function rulesOf(typeUrl: string): SubscriptionRules {
  return typeUrl === CLUSTER || typeUrl === LISTENER ? WHOLE : NAMED;
}

/** The subscriptions of one stream, by type. */
export type Subscriptions = ReadonlyMap<string, Subscription<SnapshotResource>>;

/** What one client should have, by type and name. */
export type Resources = ReadonlyMap<string, ReadonlyMap<string, SnapshotResource>>;
