import type { Source } from '../manifests/index.ts';
import type { Amendment } from './amendments.ts';
import type { ClientDefaults } from './client-defaults.ts';
import type { ClientRule } from './client-rules.ts';
import type { Interception } from './interceptions.ts';
import type { Manners } from './manners.ts';
import type { Connections, TrafficPolicy, Travel } from './policy-types.ts';
import type { Quota } from './quotas.ts';
import type { Reporting, ReportSettings } from './report-types.ts';

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
 * `looked-up-anew`: for each connection the one address that the name has then; `as-asked`: by the name that a request
 * or a TLS connection asks for; `original`: where the client wanted to go anyway.
 */
export type Discovery = 'listed' | 'looked-up' | 'looked-up-anew' | 'as-asked' | 'original';

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
  /** Names of which its servers' certificates have to have one, where a policy says none; empty: any. */
  readonly certificateNames: readonly string[];
  /** By name. */
  readonly subsets: readonly Subset[];
  /** By port, for what goes to no subset; a port without one: the defaults. */
  readonly policies: readonly TrafficPolicy[];
  /** What it asks of its clients where no rule says otherwise. */
  readonly habits: Habits;
  readonly visibility: Visibility;
  readonly origin: Origin;
};

/** Null: it asks for nothing. `stays`: its requests do not leave the client's node. */
export type Habits = Pick<TrafficPolicy, 'balancing' | 'travel' | 'retryBudget'> & {
  readonly stays: 'on-node' | null;
};

export type TextMatch = { readonly how: 'exact' | 'prefix' | 'regex'; readonly text: string };

/** A header or query parameter; `value` null: it is there. */
export type NamedMatch = { readonly name: string; readonly value: TextMatch | null };

/** `segments`: the whole path, or what stands before a `/` in it; `/` is every path. */
export type PathMatch = TextMatch | { readonly how: 'segments'; readonly text: string };

/** All that is said has to hold. */
export type Match = {
  readonly name: string | null;
  /** What its statistics are called; null: it has none of its own. */
  readonly statPrefix: string | null;
  readonly path: PathMatch | null;
  readonly ignorePathCase: boolean;
  /** Headers, with `:method`, `:authority` and `:scheme` among them. */
  readonly headers: readonly NamedMatch[];
  readonly withoutHeaders: readonly NamedMatch[];
  readonly query: readonly NamedMatch[];
  /** Port of the service that was asked for. */
  readonly port: number | null;
  readonly fromNamespace: string | null;
  readonly fromLabels: Readonly<Record<string, string>>;
  /** Some of the routing's `entrances`; empty: all of them. */
  readonly entrances: readonly string[];
};

export type Header = { readonly name: string; readonly value: string };

/** Changes of headers; names are in lower case, values are literal. */
export type HeaderChanges = {
  /** Instead of what is there. */
  readonly set: readonly Header[];
  /** Beside what is there. */
  readonly add: readonly Header[];
  readonly remove: readonly string[];
};

/** A place that requests can be sent to. */
export type Target = {
  readonly host: string;
  readonly subset: string | null;
  /** Null: the service's only port, or else the one that was asked for. */
  readonly port: number | null;
};

/**
 * Where a share of the requests goes. A host, subset or port that a client cannot see is not an error here: its
 * requests are answered 503 (`build` says why).
 */
export type Destination = Target & {
  /** Share of the sum over the rule's destinations. */
  readonly weight: number;
  /** The host that it is told was asked for; null: the rule's. */
  readonly askedHost: string | null;
  readonly requestHeaders: HeaderChanges;
  readonly responseHeaders: HeaderChanges;
};

/** Gets a copy of `percent` of the requests, and nobody hears its answers. */
export type Mirror = Target & { readonly percent: number };

export type Retries = {
  readonly attempts: number;
  readonly perTryTimeoutMs: number | null;
  /** Conditions as the author names them; empty: the default ones. */
  readonly on: readonly string[];
  /** Whether another try goes to another host, where there is one. */
  /** Null: but for requests that belong to one host by their hash. */
  readonly avoidTried: boolean | null;
  /** Whether another try may go to another locality at once. */
  readonly otherLocalities: boolean;
  /** Least time between tries; null: the default. */
  readonly backoffMs: number | null;
};

/** A path in place of another; the query stays. */
export type PathRewrite =
  /** Of what the rule's match of the path named: the whole, or the prefix; of segments with their `/`. */
  | { readonly how: 'matched'; readonly text: string }
  | { readonly how: 'whole'; readonly text: string }
  /** Of each part that fits `pattern` (RE2); `\1` in the text is its first group. */
  | { readonly how: 'regex'; readonly pattern: string; readonly text: string };

/** Errors made on purpose, for a share of the requests. */
export type Fault = {
  readonly delay: { readonly ms: number; readonly percent: number } | null;
  readonly abort: {
    readonly with: 'http' | 'grpc';
    readonly status: number;
    readonly percent: number;
  } | null;
};

/** What scripts of other origins may do (Fetch, "CORS protocol"). */
export type Cors = {
  readonly origins: readonly TextMatch[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeS: number | null;
  /** Null: nothing is said about credentials. */
  readonly credentials: boolean | null;
  /** Whether preflights of other origins go on to the destination; null: the default, which is yes. */
  readonly forwardOthers: boolean | null;
};

export type Forward = {
  readonly does: 'forward';
  readonly destinations: readonly Destination[];
  /** Share, beside those of the destinations, that may not go where the manifest says, and is answered 500. */
  readonly refusedWeight: number;
  readonly path: PathRewrite | null;
  /** The host that the destination is told was asked for; null: the one that was. */
  readonly askedHost: string | null;
  readonly mirrors: readonly Mirror[];
  /** Null or 0: no limit. */
  readonly timeoutMs: number | null;
  /** Null: the default retries. */
  readonly retries: Retries | null;
  readonly fault: Fault | null;
};

export type Redirect = {
  readonly does: 'redirect';
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly scheme: 'http' | 'https' | null;
  readonly host: string | null;
  /** `asked`: the one that was asked for; `default`: the scheme's; null: what the client said. */
  readonly port: number | 'asked' | 'default' | null;
  readonly path: PathRewrite | null;
};

export type Respond = {
  readonly does: 'respond';
  readonly status: number;
  readonly body: { readonly text: string } | { readonly base64: string } | null;
};

/** One step of a routing: any of the matches (none: every request), then what is done. */
export type Rule = {
  readonly name: string | null;
  readonly matches: readonly Match[];
  readonly action: Forward | Redirect | Respond;
  readonly requestHeaders: HeaderChanges;
  readonly responseHeaders: HeaderChanges;
  readonly cors: Cors | null;
  /** What another scope is asked to say of the requests of a step (empty: all), which said this; null: its own scope did. */
  readonly handed: readonly Match[] | null;
  readonly origin: Origin;
};

/** A share of the connections. */
export type StreamShare = Target & { readonly weight: number };

/** Of a connection, all that is said has to hold. */
export type StreamMatch = {
  /** Names by which TLS asks (SNI); may start with `*.`; empty: any. */
  readonly names: readonly string[];
  /** Addresses and ranges of them that the client wanted to connect to; empty: any. */
  readonly ranges: readonly string[];
  readonly port: number | null;
  readonly fromNamespace: string | null;
  readonly fromLabels: Readonly<Record<string, string>>;
  /** Some of the routing's `entrances`; empty: all of them. */
  readonly entrances: readonly string[];
};

/** One step for connections whose bytes nobody reads: of TLS, or of anything else. */
export type StreamRule = {
  readonly of: 'tls' | 'tcp';
  /** Any of these; empty: every connection. */
  readonly matches: readonly StreamMatch[];
  readonly destinations: readonly StreamShare[];
  readonly origin: Origin;
};

/**
 * How HTTP requests for a host are distributed: the first rule that fits. A `consumer` routes those of its own clients
 * only, and for them it beats the `producer`.
 */
export type Routing = {
  readonly host: string;
  readonly role: 'producer' | 'consumer';
  /** Ports of the host that it is about; null: all. */
  readonly ports: readonly number[] | null;
  readonly namespace: string;
  /** Where the requests come in: `mesh`, all sidecars; else a gateway's id. */
  readonly entrances: readonly string[];
  readonly rules: readonly Rule[];
  /** For connections to its ports that carry no HTTP: the first that fits. */
  readonly streams: readonly StreamRule[];
  readonly visibility: Visibility;
  readonly origin: Origin;
};

/** What the gateway proxies of one scope open to those outside. */
export type Gateway = {
  /** `namespace/name`. */
  readonly id: string;
  readonly namespace: string;
  /** Labels of the proxies that it is for; empty: all of its scope. */
  readonly selector: Readonly<Record<string, string>>;
  /** Whether it is only for proxies of its own namespace. */
  readonly isOwnNamespaceOnly: boolean;
  readonly servers: readonly GatewayServer[];
  readonly origin: Origin;
};

/** One port of a gateway. */
export type GatewayServer = {
  readonly port: number;
  /** What the gateway calls the port; unique in it. */
  readonly name: string;
  /** Requests of HTTP; TLS, passed on by the name that it asks for; or bytes as they come, once TLS is ended. */
  readonly carries: 'requests' | 'tls' | 'bytes';
  /** How it ends TLS; null: it does not. */
  readonly security: Termination | null;
  /** Address of the proxy; null: all of them. */
  readonly bind: string | null;
  readonly offers: readonly Offer[];
  /** Whether every request is sent to https instead. */
  readonly insistsOnHttps: boolean;
};

/** How a server ends TLS. */
export type Termination = {
  /** Of different kinds of keys. */
  readonly certificates: readonly Certificate[];
  /** Null: they are asked for none. */
  readonly clients: ClientCheck | null;
  /** Null: the default. */
  readonly minVersion: TlsVersion | null;
  readonly maxVersion: TlsVersion | null;
  /** By OpenSSL's names; empty: the default ones. */
  readonly ciphers: readonly string[];
};

/** Null and empty: the default. */
export type TlsDefaults = Pick<Termination, 'minVersion' | 'ciphers'> & {
  /** By OpenSSL's names. */
  readonly curves: readonly string[];
};

export type TlsVersion = '1.0' | '1.1' | '1.2' | '1.3';

/** Of the proxy's own machine: two files, or a secret of a namespace (null: the proxy's) that it keeps there. */
export type Certificate =
  | { readonly from: 'files'; readonly chain: string; readonly key: string }
  | SecretName;

export type SecretName = {
  readonly from: 'secret';
  readonly namespace: string | null;
  readonly name: string;
};

/** Who signs certificates, likewise. */
export type Authorities = { readonly from: 'file'; readonly file: string } | SecretName;

/** Which certificates of clients are good. */
export type ClientCheck = {
  readonly isRequired: boolean;
  /** Who signs them. */
  readonly authorities: Authorities;
  /** File of those that were revoked. */
  readonly revoked: string | null;
  /** Names of which a certificate has to have one; empty: any. */
  readonly names: readonly string[];
  /** Base64 of the SHA-256 of the key; empty: any. */
  readonly keyHashes: readonly string[];
  /** SHA-256 of the certificate in hexadecimal digits; empty: any. */
  readonly hashes: readonly string[];
  /** Whether a certificate that does not hold is taken, too. */
  readonly takesAny: boolean;
};

/** A host that routings may be bound to. */
export type Offer = {
  /** Lower case; `*`, or may start with `*.`. */
  readonly host: string;
  /** The only namespace whose routings may; null: any. */
  readonly to: string | null;
};

/** Where an application is: a socket's path, or a port of an address; null: the workload's own. */
export type Place =
  | { readonly at: 'socket'; readonly path: string }
  | { readonly at: 'port'; readonly address: string | null; readonly port: number };

/** A port that a sidecar serves in place of those of its services. */
export type Ingress = {
  readonly port: Port;
  /** Address of the proxy where nothing is captured; null: the workload's. */
  readonly bind: string | null;
  /** Whether nothing captures it, however the proxy gets its traffic. */
  readonly isBound: boolean;
  readonly to: Place;
  /** How clients connect; null: in plain text. */
  readonly security: Termination | null;
  /** Null: as is said of the whole workload. */
  readonly connections: Connections | null;
};

/** Where a proxy listens for what its applications call. */
export type Bind =
  /** Its path; `@` begins one that is in no file system. */
  | { readonly at: 'socket'; readonly path: string }
  /** `isCaptured`: where traffic is captured, what goes to the address; else its applications call the proxy itself. */
  | { readonly at: 'address'; readonly address: string; readonly isCaptured: boolean };

/** What becomes of traffic to where nobody defines anything. `look-up`: requests go by the name that they ask for. */
type Unknown = 'pass' | 'look-up' | 'refuse';

/** What the sidecars of some workloads see and serve. Null: nothing is said. */
export type Sidecar = {
  readonly namespace: string;
  /** Labels of the workloads; null: all of the namespace. */
  readonly selector: Readonly<Record<string, string>> | null;
  /** What is seen at one port, or (null) at all that have none of their own. */
  readonly imports:
    | readonly {
        readonly port: number | null;
        /** `from`: a namespace, `.` the workload's or `*` any. Hosts may start with `*.`, or be `*`. */
        readonly hosts: readonly { readonly from: string; readonly host: string }[];
        /** Which of them are not seen all the same. */
        readonly except: readonly { readonly from: string; readonly host: string }[];
        /** Null: where the services are. */
        readonly bind: Bind | null;
        readonly protocol: Protocol;
      }[]
    | null;
  readonly unknown: Unknown | null;
  /** Where what passes goes; null: where it wanted to go. */
  readonly through: Target | null;
  /** How the proxy connects to the application, in place of what policies say. */
  readonly connections: Connections | null;
  readonly ingress: readonly Ingress[] | null;
  readonly origin: Origin;
};

/** What holds for the manifests and the proxies of a scope. */
export type Settings = {
  /** Whose rules are the defaults of other namespaces. */
  readonly rootNamespace: string;
  readonly unknown: Unknown;
  readonly connectTimeoutMs: number;
  /** How long a host that is looked up is known, where the answer does not say it. */
  readonly dnsRefreshMs: number;
  /** What clients do where no rule says otherwise; null: the default in all. */
  readonly clients: ClientDefaults | null;
  /** Where applications get what nobody says otherwise of: at the address that was asked for, or at the loopback. */
  readonly applications: 'as-asked' | 'loopback';
  /** How requests are treated that come in, and what of it goes for what is called. */
  readonly manners: Manners;
  /** Of all that is not between workloads, where nothing more is said. */
  readonly tls: TlsDefaults;
  /** Who sees what does not say it itself. */
  readonly exportTo: Readonly<Record<'services' | 'routings' | 'rules', readonly string[]>>;
  /** Of requests for which no rule says any; null: the default ones. */
  readonly retries: Retries | null;
  /** How far requests go where no policy says it; null: the default. */
  readonly travel: Travel | null;
  /** How long the first bytes of a connection are waited for; 0: as long as it takes. */
  readonly detectionMs: number;
  readonly reports: ReportSettings;
};

/** What one scope owns; patterns as in `scope.yaml`. */
export type Owner = {
  readonly uid: string;
  /** uid of the scope that it stands in; null: a root. */
  readonly parent: string | null;
  /** uid of the root that it stands below, or is: scopes of two repositories have different ones. */
  readonly root: string;
  /** Of two roots, the names that both claim are those of the one with the lower rank; of one rank, nobody's. */
  readonly rank: number;
  /** Dotted scope path. */
  readonly path: string;
  readonly namespaces: readonly string[];
  readonly hosts: readonly string[];
  readonly settings: Settings;
  /** Controllers of GatewayClasses by name, its own and those of the scopes above it. */
  readonly gatewayClasses: Readonly<Record<string, string>>;
  /** What it grants to children, and so does not own, whether they do or not. */
  readonly granted: { readonly namespaces: readonly string[]; readonly hosts: readonly string[] };
};

export type Mesh = {
  readonly owners: readonly Owner[];
  /** By host, then namespace. */
  readonly services: readonly Service[];
  /** How some clients treat services, by host, then namespace. */
  readonly clientRules: readonly ClientRule[];
  /** By host, then namespace. */
  readonly routings: readonly Routing[];
  /** By id. */
  readonly gateways: readonly Gateway[];
  /** By namespace, then place. */
  readonly sidecars: readonly Sidecar[];
  /** By namespace, then in the order in which they come. */
  readonly amendments: readonly Amendment[];
  /** By namespace, then place. */
  readonly reportings: readonly Reporting[];
  /** By host, then place. */
  readonly interceptions: readonly Interception[];
  /** By id. */
  readonly quotas: readonly Quota[];
};

export type Endpoint = {
  /** IP address, or a host name where the service is `looked-up`. */
  readonly address: string;
  /** What has this address among others, of which a client needs one; null: it has no other. */
  readonly workload: string | null;
  /** Port of the workload by number of the service's port. */
  readonly ports: ReadonlyMap<number, number>;
  readonly labels: Readonly<Record<string, string>>;
  /** `region/zone/subzone`, or empty; `/zone` where nobody says the region. */
  readonly locality: string;
  /** Name of the Node that it runs on; null: nobody says. */
  readonly node: string | null;
  readonly weight: number;
  readonly namespace: string;
  readonly origin: Origin;
};

/** Endpoints by service id, each list by address. Apart from the mesh, because they change far more often. */
export type Endpoints = ReadonlyMap<string, readonly Endpoint[]>;
