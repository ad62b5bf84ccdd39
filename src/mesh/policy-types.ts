import type { Authorities, Certificate, Origin } from './types.ts';

/** What decides which endpoint a request sticks to. */
export type HashKey =
  | { readonly of: 'header' | 'query'; readonly name: string }
  /** `ttlMs` null: never made up; 0: for the session. */
  | {
      readonly of: 'cookie';
      readonly name: string;
      readonly path: string | null;
      readonly ttlMs: number | null;
      /** Of one that is made up; `value` empty: the name alone. */
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly of: 'client-address' };

/** An endpoint that is new gets its share little by little; null: the proxy's default. */
export type Warmup = {
  readonly durationMs: number;
  readonly startPercent: number | null;
  readonly aggression: number | null;
};

/** How requests are spread over endpoints. `original`: they go where the client wanted to go anyway. */
export type Balancing =
  | { readonly how: 'least-requests' | 'in-turn'; readonly warmup: Warmup | null }
  | { readonly how: 'random' | 'original' }
  | { readonly how: 'hash'; readonly key: HashKey; readonly table: 'ring' | 'maglev'; readonly size: number };

/**
 * How far requests go. `nearest`: to the next locality only when those before it fail; a region may name the one that takes
 * over from it first. `alike`: to those that differ in the latest label first. `shares`: in percent by locality
 * (`region/zone/subzone`, or its beginning, or with `*` at the end), by the first that fits the client's.
 */
export type Travel =
  | { readonly how: 'anywhere' }
  /** As `nearest`, or from the client's own node on, whether or not anything tells who fails: to be there is enough. */
  | { readonly how: 'close'; readonly from: 'node' | 'locality' }
  | { readonly how: 'nearest'; readonly regions: readonly { readonly from: string; readonly to: string }[] }
  | {
      readonly how: 'alike';
      /** `value` null: the client's. */
      readonly labels: readonly { readonly name: string; readonly value: string | null }[];
    }
  | {
      readonly how: 'shares';
      readonly shares: readonly {
        readonly from: string;
        readonly to: readonly { readonly locality: string; readonly percent: number }[];
      }[];
    };

/** Probes of idle connections by the kernel; null: its defaults. */
export type KeepAlive = {
  readonly probes: number | null;
  readonly timeSeconds: number | null;
  readonly intervalSeconds: number | null;
};

/** What one proxy may use of all endpoints together, and how its connections live. Null: no limit, or the default. */
export type Connections = {
  readonly connectTimeoutMs: number | null;
  readonly maxConnections: number | null;
  readonly maxPendingRequests: number | null;
  readonly maxRequests: number | null;
  readonly maxRetries: number | null;
  readonly maxRequestsPerConnection: number | null;
  readonly maxStreamsPerConnection: number | null;
  readonly maxAgeMs: number | null;
  /** Of HTTP connections and of bytes; 0: they may idle for ever. */
  readonly idleMs: { readonly http: number | null; readonly tcp: number | null };
  readonly keepAlive: KeepAlive | null;
  /** Pings of HTTP/2; one that is not answered in time ends the connection. */
  readonly pings: { readonly everyMs: number; readonly timeoutMs: number } | null;
  /** What is spoken to the endpoints: what the port declares, which is the default, HTTP/2, or what the client speaks. */
  readonly speak: 'declared' | 'http2' | 'as-client' | null;
};

/** When an endpoint is left alone for a while. Null: the default; errors of 0 do not count. */
export type Ejection = {
  readonly serverErrors: number | null;
  readonly gatewayErrors: number | null;
  /** Failures to connect: null where they count as server errors. */
  readonly localFailures: { readonly errors: number | null } | null;
  readonly intervalMs: number | null;
  readonly baseTimeMs: number | null;
  readonly maxPercent: number | null;
  /** Below this share of endpoints that are left, none is left alone. */
  readonly minHealthyPercent: number;
  /** Statuses that are errors of an endpoint; empty: those from 500 on. */
  readonly errorStatuses: readonly number[];
};

/** How clients encrypt; files are those of the proxy's machine. */
export type ClientSecurity = {
  /** What the client shows; null: nothing. */
  readonly shows: Certificate | null;
  /** What the server has to show; null: anything. */
  readonly trusts: {
    /** Null: those whom the system of the proxy trusts. */
    readonly authorities: Authorities | null;
    readonly revoked: string | null;
    /** Of which one is enough; empty: the host of a request, where neither that nor `sni` is said; null: any will do. */
    readonly names: readonly string[] | null;
  } | null;
  /** Null: the host of a request. */
  readonly sni: string | null;
};

/** How many retries there may be at once. Null: the proxy's default. */
export type RetryBudget = {
  readonly percent: number | null;
  readonly least: number | null;
  /** For so long a request counts, though it has ended. */
  readonly countsForMs: number | null;
};

/** An HTTP proxy that connections go through. */
export type Tunnel = { readonly method: 'CONNECT' | 'POST'; readonly host: string; readonly port: number };

/** How clients treat the endpoints at one port of a service or subset. Null: as they treat those without a policy. */
export type TrafficPolicy = {
  readonly port: number;
  readonly balancing: Balancing | null;
  /** Null: to the nearest, where there is ejection. */
  readonly travel: Travel | null;
  readonly connections: Connections | null;
  readonly ejection: Ejection | null;
  readonly security: ClientSecurity | null;
  readonly tunnel: Tunnel | null;
  /** Version of the PROXY protocol that connections begin with; null: they do not. */
  readonly proxyProtocol: 'V1' | 'V2' | null;
  readonly retryBudget: RetryBudget | null;
  /** Where its parts are written. */
  readonly origins: readonly Origin[];
};
