import type { SnapshotResource } from '../translate/index.ts';
import type { Brought } from './holdings.ts';
import type { SubscriptionRules } from './subscription.ts';

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

const WHOLE: SubscriptionRules = {
  legacyWildcard: true,
  trustsInitialVersions: true,
  culpritsNamed: true,
  fullState: true,
};
const NAMED: SubscriptionRules = {
  legacyWildcard: false,
  trustsInitialVersions: false,
  culpritsNamed: false,
  fullState: false,
};

/** W5, D4, S3: LDS and CDS have a wildcard, and only there may a client's memory be believed (envoy#22418). */
export function rulesOf(typeUrl: string): SubscriptionRules {
  return typeUrl === CLUSTER || typeUrl === LISTENER ? WHOLE : NAMED;
}

/** A resource as this room needs it: of any type, with its bytes made elsewhere. */
export type XdsResource = Pick<SnapshotResource, 'name' | 'version' | 'any' | 'pieces' | 'sources'> & {
  readonly typeUrl: string;
  readonly references: readonly { readonly typeUrl: string; readonly name: string }[];
};

/** What one client should have, by type and name. */
export type Resources = ReadonlyMap<string, ReadonlyMap<string, XdsResource>>;

/** What a client has of one type, and has asked for, over all of its streams. */
export interface Holder {
  selects(name: string): boolean;
  /** True while the name waits to be sent or removed. */
  awaits(name: string): boolean;
  rejects(name: string): boolean;
  /** As `Holdings.holds`. */
  holds(name: string): boolean;
  /** As `Holdings.losses`. */
  readonly losses: number;
  /** As `Holdings.mayHave`. */
  mayHave(name: string): boolean;
  /** As `Holdings.contents`. */
  contents(): Iterable<XdsResource | Brought>;
}

/** By type; a type that the client never asked for is absent. */
export interface Holders {
  get(typeUrl: string): Holder | undefined;
  entries(): Iterable<readonly [typeUrl: string, holder: Holder]>;
}
