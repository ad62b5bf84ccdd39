import { durationMs, type MeshConfigSpec } from '../manifests/index.ts';

/** What becomes of what requests say of a client's certificate; `mutual`: where the client of the connection shows one. */
export type CertificateHeader =
  | 'removed'
  | 'kept-if-mutual'
  | 'appended-if-mutual'
  | 'replaced-if-mutual'
  | 'kept';

/** What is said of it where something is said. */
type CertificateParts = Readonly<Record<'subject' | 'cert' | 'chain' | 'dns' | 'uri', boolean>>;

/** How connections that come in live, and what they may take. Null: the default; 0ms: without end. */
export type Incoming = {
  readonly bufferBytes: number | null;
  readonly idleMs: number | null;
  readonly maxAgeMs: number | null;
  readonly drainMs: number | null;
  readonly requestMs: number | null;
  readonly headersMs: number | null;
  readonly streamIdleMs: number | null;
  readonly streamMs: number | null;
  readonly maxStreams: number | null;
  readonly streamWindowBytes: number | null;
  readonly connectionWindowBytes: number | null;
  /** Headers with `_` in their name. */
  readonly underscores: 'allowed' | 'refused' | 'dropped' | null;
};

/** How the proxies of a scope treat the requests that come in to them, from outside or from their own workload. */
export type Manners = {
  readonly paths: {
    /** Whether `/a/../b` is `/b`. */
    readonly isNormal: boolean;
    readonly mergesSlashes: boolean;
    /** `%2F` and `%5C`. */
    readonly escapedSlashes: 'kept' | 'refused' | 'redirected' | 'decoded';
  };
  /** Of answers: what the proxy calls itself (null: the default), or what the application does. */
  readonly server:
    | { readonly says: 'proxy'; readonly name: string | null }
    | { readonly says: 'application' };
  readonly requestIds: 'made' | 'as-they-are';
  /** What the proxy says of its own work, in headers of its own. */
  readonly ownHeaders: 'said' | 'not-said';
  readonly port: 'said' | 'not-said';
  /** Of the names of headers of HTTP/1. */
  readonly letters: 'small' | 'as-sent';
  readonly certificates: {
    readonly inbound: CertificateHeader | null;
    readonly gateway: CertificateHeader | null;
    readonly parts: CertificateParts;
  };
  /** Before a gateway: how many proxies are believed, and whether connections begin with the PROXY protocol. */
  readonly before: { readonly trusted: number; readonly speaks: 'proxy-protocol' | null };
  readonly incoming: Incoming;
  /** Bytes that a proxy keeps for a connection that it makes; null: the default. */
  readonly outgoingBufferBytes: number | null;
};

type ProxySpec = NonNullable<MeshConfigSpec['defaultConfig']>;
type Written = NonNullable<ProxySpec['connectionSettings']>;

/** What a MeshConfig says; an empty one says Istio's defaults. */
export function readManners({ pathNormalization, defaultConfig = {} }: MeshConfigSpec): Manners {
  const {
    proxyHeaders: headers = {},
    gatewayTopology: topology = {},
    connectionSettings = {},
  } = defaultConfig;
  const said = { ...(connectionSettings.profile === 'EDGE' ? edge : {}), ...connectionSettings };
  const {
    subject = true,
    cert = false,
    chain = false,
    dns = true,
    uri = true,
  } = headers.setCurrentClientCertDetails ?? {};
  return {
    paths: readPaths(pathNormalization?.normalization, said),
    server: headers.server?.disabled
      ? { says: 'application' }
      : { says: 'proxy', name: headers.server?.value || null },
    requestIds: headers.requestId?.disabled ? 'as-they-are' : 'made',
    ownHeaders: headers.envoyDebugHeaders?.disabled ? 'not-said' : 'said',
    port: headers.xForwardedPort?.enabled ? 'said' : 'not-said',
    letters: headers.preserveHttp1HeaderCase ? 'as-sent' : 'small',
    certificates: {
      inbound: certificateHeaders[headers.forwardedClientCert ?? 'UNDEFINED'],
      gateway: certificateHeaders[topology.forwardClientCertDetails ?? 'UNDEFINED'],
      parts: { subject, cert, chain, dns, uri },
    },
    before: {
      trusted: topology.numTrustedProxies ?? 0,
      speaks: topology.proxyProtocol === undefined ? null : 'proxy-protocol',
    },
    incoming: readIncoming(said),
    outgoingBufferBytes: said.clusterPerConnectionBufferLimitBytes ?? null,
  };
}

/** Istio's profile EDGE: what Envoy recommends for those who stand at the edge. */
const edge: Written = {
  listenerPerConnectionBufferLimitBytes: 32_768,
  clusterPerConnectionBufferLimitBytes: 32_768,
  httpIdleTimeout: '3600s',
  httpRequestTimeout: '300s',
  httpStreamIdleTimeout: '300s',
  httpMaxConcurrentStreams: 100,
  http2InitialStreamWindowSize: 65_536,
  http2InitialConnectionWindowSize: 1_048_576,
  httpHeadersWithUnderscoresAction: 'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST',
  httpMergeSlashes: true,
  httpPathWithEscapedSlashesAction: 'UNESCAPE_AND_REDIRECT',
};

type Normalization = NonNullable<NonNullable<MeshConfigSpec['pathNormalization']>['normalization']>;

/** What is said of slashes counts; else each normalization does what those before it do, too. */
function readPaths(normalization: Normalization = 'DEFAULT', said: Written): Manners['paths'] {
  const level = levels[normalization];
  return {
    isNormal: level > 0,
    mergesSlashes: said.httpMergeSlashes ?? level > 1,
    escapedSlashes:
      escapes[said.httpPathWithEscapedSlashesAction ?? unspecified] ?? (level > 2 ? 'decoded' : 'kept'),
  };
}

const levels = { NONE: 0, DEFAULT: 1, BASE: 1, MERGE_SLASHES: 2, DECODE_AND_MERGE_SLASHES: 3 } as const;

const unspecified = 'PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED';
const escapes = {
  [unspecified]: null,
  KEEP_UNCHANGED: 'kept',
  REJECT_REQUEST: 'refused',
  UNESCAPE_AND_REDIRECT: 'redirected',
  UNESCAPE_AND_FORWARD: 'decoded',
} as const;

const certificateHeaders = {
  UNDEFINED: null,
  SANITIZE: 'removed',
  FORWARD_ONLY: 'kept-if-mutual',
  APPEND_FORWARD: 'appended-if-mutual',
  SANITIZE_SET: 'replaced-if-mutual',
  ALWAYS_FORWARD_ONLY: 'kept',
} as const;

const underscores = {
  HEADERS_WITH_UNDERSCORES_UNSPECIFIED: null,
  HEADERS_WITH_UNDERSCORES_ALLOW: 'allowed',
  HEADERS_WITH_UNDERSCORES_REJECT_REQUEST: 'refused',
  HEADERS_WITH_UNDERSCORES_DROP_HEADER: 'dropped',
} as const;

function readIncoming(said: Written): Incoming {
  const ms = (text: string | undefined) => (text === undefined ? null : durationMs(text));
  const action = said.httpHeadersWithUnderscoresAction ?? 'HEADERS_WITH_UNDERSCORES_UNSPECIFIED';
  return {
    bufferBytes: said.listenerPerConnectionBufferLimitBytes ?? null,
    idleMs: ms(said.httpIdleTimeout),
    maxAgeMs: ms(said.httpMaxConnectionDuration),
    drainMs: ms(said.httpDrainTimeout),
    requestMs: ms(said.httpRequestTimeout),
    headersMs: ms(said.httpRequestHeadersTimeout),
    streamIdleMs: ms(said.httpStreamIdleTimeout),
    streamMs: ms(said.httpMaxStreamDuration),
    maxStreams: said.httpMaxConcurrentStreams ?? null,
    streamWindowBytes: said.http2InitialStreamWindowSize ?? null,
    connectionWindowBytes: said.http2InitialConnectionWindowSize ?? null,
    underscores: underscores[action],
  };
}
