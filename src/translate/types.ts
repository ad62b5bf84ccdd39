import type { Source } from '../manifests/index.ts';
import type { Origin } from '../mesh/index.ts';

export const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
export const ENDPOINTS = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
export const LISTENER = 'type.googleapis.com/envoy.config.listener.v3.Listener';
export const ROUTES = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

export type TypeUrl = typeof CLUSTER | typeof ENDPOINTS | typeof LISTENER | typeof ROUTES;

/** How a proxy asks: all types on one stream (ADS) or each on its own, and in which variant of the protocol. */
export type ProxyXds = { readonly services: 'ads' | 'per-type'; readonly protocol: 'delta' | 'sotw' };

/** What a proxy says about itself (`formats.md`, "Proxies"). */
export type Proxy = {
  /** The node id as sent. */
  readonly id: string;
  /** `router`: a gateway, which serves those who are not of the mesh. */
  readonly type: 'sidecar' | 'router';
  readonly ip: string;
  /** All its addresses, `ip` first (`INSTANCE_IPS`). */
  readonly ips: readonly string[];
  readonly name: string;
  readonly namespace: string;
  readonly dnsDomain: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What else it says of itself in texts. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where it runs, `region/zone/subzone` or its beginning; empty: it does not say. */
  readonly locality: string;
  /** The Node that it runs on (`NODE_NAME`); null: it does not say. */
  readonly node: string | null;
  readonly serviceAccount: string | null;
  /** Names of the extensions that it has; null: it did not say, and is taken to have all that are needed. */
  readonly extensions: ReadonlySet<string> | null;
  /**
   * How traffic gets in. `ports`: bound listeners and an HTTP proxy port, without iptables or root. `redirect`: what
   * iptables redirects to 15001 and 15006. `none`: a gateway, which is called by its own address.
   */
  readonly capture: 'ports' | 'redirect' | 'none';
  /** Port of the HTTP proxy on 127.0.0.1; 15080 unless `FAIRLEAD.httpProxyPort` says otherwise. */
  readonly httpProxyPort: number;
  /** Folder of its machine with the secrets that it keeps, `namespace/name` below it; null: it has none (`FAIRLEAD.credentials`). */
  readonly credentials: string | null;
  /** Delta ADS unless `FAIRLEAD.services` and `FAIRLEAD.protocol` say otherwise. */
  readonly xds: ProxyXds;
};

/** A resource that another one names. */
export type Reference = { readonly typeUrl: TypeUrl; readonly name: string };

export type SnapshotResource = {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** Hash of the bytes, or of the hashes of their pieces; 16 hex digits. */
  readonly version: string;
  /** The encoded resource: the `value` of its `google.protobuf.Any`. Encoded once, shared by all sessions. */
  readonly any: Uint8Array;
  /** The same in pieces, of which a large resource shares those that did not change with the one before. */
  readonly pieces?: readonly Uint8Array[];
  /** The same as proto3 JSON, with the field names of Envoy's documentation. */
  readonly json: object;
  /** Where its parts are written, in order of file and line. */
  readonly sources: readonly Origin[];
  readonly references: readonly Reference[];
};

/** A listener that cannot be bound as asked, so that nothing is served on the address, or a cluster that has nobody. */
export type Skipped = {
  /** Or the name of the cluster. */
  readonly address: string;
  readonly reason: string;
  readonly sources: readonly Source[];
};

/** Everything that one proxy must hear. */
export type Snapshot = {
  /** By type in the order of sending, then by name. */
  readonly resources: ReadonlyMap<TypeUrl, ReadonlyMap<string, SnapshotResource>>;
  /** `Unowned`: nobody owns the proxy's namespace, and it hears nothing. */
  readonly status: 'Ready' | 'Unowned';
  readonly skipped: readonly Skipped[];
};
