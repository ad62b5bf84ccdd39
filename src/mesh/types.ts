import type { Source } from '../manifests/index.ts';
import type { TrafficPolicy } from './policy-types.ts';

/** Where a part of the mesh comes from; `document` is stable under moves: `VirtualService/shop/cart`. */
export type Origin = Source & { readonly document: string };

/** What a port carries. `tls`: opaque but for its SNI. `undeclared`: nobody said, and the first bytes have to tell. */
export type Protocol = 'http' | 'http2' | 'tcp' | 'tls' | 'undeclared';

export type Port = { readonly number: number; readonly name: string; readonly protocol: Protocol };

/** Whose clients may see something: everybody's, those of one scope's namespaces, or of the namespaces named. */
export type Visibility =
  | { readonly to: 'everybody' }
  | { readonly to: 'scope'; readonly uid: string }
  | { readonly to: 'namespaces'; readonly names: readonly string[] };

/** A named part of a service's endpoints: those with all of these labels. */
export type Subset = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By port, those of the service merged in; a port without one: the defaults. */
  readonly policies: readonly TrafficPolicy[];
  readonly origin: Origin;
};

/**
 * How endpoints are found: `listed` in `Endpoints`; `looked-up` by name, the listed ones or else the host itself;
 * `original`: where the client wanted to go anyway.
 */
export type Discovery = 'listed' | 'looked-up' | 'original';

export type Service = {
  /** `namespace/host`: the key in `Endpoints`. */
  readonly id: string;
  /** Fully qualified, lower case; may start with `*.`. */
  readonly host: string;
  readonly namespace: string;
  /** The label by which clients in its namespace may call it; null where only the host counts. */
  readonly shortName: string | null;
  /** Virtual IP addresses. */
  readonly addresses: readonly string[];
  /** Ranges of addresses (`10.1.0.0/16`), by which captured traffic can be told. */
  readonly ranges: readonly string[];
  /** By number. */
  readonly ports: readonly Port[];
  readonly discovery: Discovery;
  /** By name. */
  readonly subsets: readonly Subset[];
  /** By port, for what goes to no subset; a port without one: the defaults. */
  readonly policies: readonly TrafficPolicy[];
  readonly visibility: Visibility;
  readonly origin: Origin;
};

export type TextMatch = { readonly how: 'exact' | 'prefix' | 'regex'; readonly text: string };

/** A header or query parameter; `value` null: it is there. */
export type NamedMatch = { readonly name: string; readonly value: TextMatch | null };

/** All that is said has to hold. */
export type Match = {
  readonly name: string | null;
  readonly path: TextMatch | null;
  readonly ignorePathCase: boolean;
  /** Headers, with `:method`, `:authority` and `:scheme` among them. */
  readonly headers: readonly NamedMatch[];
  readonly withoutHeaders: readonly NamedMatch[];
  readonly query: readonly NamedMatch[];
  /** Port of the service that was asked for. */
  readonly port: number | null;
  readonly fromNamespace: string | null;
  readonly fromLabels: Readonly<Record<string, string>>;
};

/**
 * Where a share of the requests goes. A host, subset or port that a client cannot see is not an error here: its
 * requests are answered 503 (`build` says why).
 */
export type Destination = {
  readonly host: string;
  readonly subset: string | null;
  /** Null: the service's only port, or else the one that was asked for. */
  readonly port: number | null;
  /** Share of the sum over the rule's destinations. */
  readonly weight: number;
};

export type Retries = {
  readonly attempts: number;
  readonly perTryTimeoutMs: number | null;
  /** Conditions as the author names them; empty: the default ones. */
  readonly on: readonly string[];
};

/** One step of a routing: any of the matches (none: every request), then the destinations. */
export type Rule = {
  readonly name: string | null;
  readonly matches: readonly Match[];
  readonly destinations: readonly Destination[];
  /** Null or 0: no limit. */
  readonly timeoutMs: number | null;
  /** Null: the default retries. */
  readonly retries: Retries | null;
};

/** How HTTP requests for a host are distributed: the first rule that fits. */
export type Routing = {
  readonly host: string;
  readonly namespace: string;
  readonly rules: readonly Rule[];
  readonly visibility: Visibility;
  readonly origin: Origin;
};

/** What one scope owns; patterns as in `scope.yaml`. */
export type Owner = {
  readonly uid: string;
  /** Dotted scope path. */
  readonly path: string;
  readonly namespaces: readonly string[];
  readonly hosts: readonly string[];
};

export type Mesh = {
  readonly owners: readonly Owner[];
  /** By host, then namespace. */
  readonly services: readonly Service[];
  /** By host, then namespace. */
  readonly routings: readonly Routing[];
};

export type Endpoint = {
  /** IP address, or a host name where the service is `looked-up`. */
  readonly address: string;
  /** Port of the workload by number of the service's port. */
  readonly ports: ReadonlyMap<number, number>;
  readonly labels: Readonly<Record<string, string>>;
  /** `region/zone/subzone`, or empty. */
  readonly locality: string;
  readonly weight: number;
  readonly namespace: string;
  readonly origin: Origin;
};

/** Endpoints by service id, each list by address. Apart from the mesh, because they change far more often. */
export type Endpoints = ReadonlyMap<string, readonly Endpoint[]>;
