import {
  areHonoured,
  durationMs,
  type HTTPBackend,
  type HTTPCorsFilter,
  type HTTPHeaderFilter,
  type HTTPNamedMatch,
  type HTTPPathModifier,
  type HTTPRouteFilter,
  type HTTPRouteMatch,
} from '../manifests/index.ts';
import type { WrittenRule } from './route-rules.ts';
import type {
  Cors,
  Destination,
  Forward,
  HeaderChanges,
  Match,
  Mirror,
  NamedMatch,
  Origin,
  PathMatch,
  PathRewrite,
  Redirect,
  Respond,
  Retries,
  Rule,
  Target,
  TextMatch,
} from './types.ts';

/** Where a backend's requests go; null where they may not go. */
export type Resolve = (backend: HTTPBackend) => Target | null;

/** A rule of an HTTPRoute without its matches, which are ranked on their own. */
export function readHttpRule(rule: WrittenRule, resolve: Resolve, origin: Origin): Omit<Rule, 'matches'> {
  const filters = rule.filters ?? [];
  if (!areHonoured(filters, 'rule')) return { ...answered(origin), name: rule.name ?? null };
  const cors = filters.find(({ type }) => type === 'CORS')?.cors;
  return {
    name: rule.name ?? null,
    action: readAction(rule, filters, resolve),
    ...readHeaders(filters),
    cors: cors === undefined ? null : readCors(cors),
    handed: null,
    origin,
  };
}

/** A filter that is not honoured is never passed by: nothing else may become of the requests (Gateway API, HTTPRouteFilter). */
function answered(origin: Origin): Omit<Rule, 'matches' | 'name'> {
  return { action: refusal(), ...readHeaders([]), cors: null, handed: null, origin };
}

/** One for each rule, which is known by it (`rule-places`). */
function refusal(): Respond {
  return { does: 'respond', status: 500, body: null };
}

/** Without a backend that may get a request it is answered 500 (Gateway API, `backendRefs`). */
function readAction(
  rule: WrittenRule,
  filters: readonly HTTPRouteFilter[],
  resolve: Resolve,
): Forward | Redirect | Respond {
  const redirect = filters.find(({ type }) => type === 'RequestRedirect')?.requestRedirect;
  if (redirect !== undefined) return readRedirect(redirect);
  const forward = readForward(rule, filters, resolve);
  return forward.destinations.length > 0 ? forward : refusal();
}

function readForward(rule: WrittenRule, filters: readonly HTTPRouteFilter[], resolve: Resolve): Forward {
  const rewrite = filters.find(({ type }) => type === 'URLRewrite')?.urlRewrite;
  const backends = (rule.backendRefs ?? []).map((backend) => {
    return { backend, to: areHonoured(backend.filters ?? [], 'backend') ? resolve(backend) : null };
  });
  const refused = backends.filter(({ to }) => to === null);
  return {
    does: 'forward',
    destinations: backends.flatMap(({ backend, to }): readonly Destination[] => {
      const { weight = 1, filters: own = [] } = backend;
      return to === null || weight === 0 ? [] : [{ ...to, weight, askedHost: null, ...readHeaders(own) }];
    }),
    refusedWeight: refused.reduce((sum, { backend: { weight = 1 } }) => sum + weight, 0),
    path: readPath(rewrite?.path),
    askedHost: rewrite?.hostname ?? null,
    mirrors: filters.flatMap((filter) => readMirror(filter, resolve)),
    timeoutMs: rule.timeouts?.request === undefined ? null : durationMs(rule.timeouts.request),
    retries: readRetries(rule),
    fault: null,
  };
}

/** A copy for a backend that may not get it is dropped (Gateway API, `requestMirror`). */
function readMirror({ type, requestMirror }: HTTPRouteFilter, resolve: Resolve): readonly Mirror[] {
  if (type !== 'RequestMirror' || requestMirror === undefined) return [];
  const { backendRef, percent, fraction } = requestMirror;
  const to = resolve(backendRef);
  const { numerator = 1, denominator = fraction === undefined ? 1 : 100 } = fraction ?? {};
  const share = percent ?? (numerator / denominator) * 100;
  return to === null || share === 0 ? [] : [{ ...to, percent: share }];
}

/** Connections that fail are always tried again (Gateway API, `retry`). */
const failures = ['connect-failure', 'refused-stream', 'reset'];

/** A limit of one try goes with the default retries. */
function readRetries({ retry, timeouts }: WrittenRule): Retries | null {
  const perTryTimeoutMs = timeouts?.backendRequest === undefined ? null : durationMs(timeouts.backendRequest);
  if (retry === undefined && perTryTimeoutMs === null) return null;
  const { attempts = 2, codes = [], backoff } = retry ?? {};
  return {
    attempts,
    perTryTimeoutMs,
    on: codes.length === 0 ? [] : [...failures, ...codes.map(String)],
    avoidTried: null,
    otherLocalities: false,
    backoffMs: backoff === undefined ? null : durationMs(backoff),
  };
}

function readRedirect({
  scheme,
  hostname,
  path,
  port,
  statusCode,
}: NonNullable<HTTPRouteFilter['requestRedirect']>): Redirect {
  return {
    does: 'redirect',
    status: statusCode ?? 302,
    scheme: scheme ?? null,
    host: hostname ?? null,
    port: port ?? (scheme === undefined ? 'asked' : 'default'),
    path: readPath(path),
  };
}

function readPath(path: HTTPPathModifier | undefined): PathRewrite | null {
  if (path === undefined) return null;
  if (path.type === 'ReplaceFullPath') return { how: 'whole', text: path.replaceFullPath || '/' };
  return { how: 'matched', text: path.replacePrefixMatch ?? '' };
}

function readHeaders(filters: readonly HTTPRouteFilter[]): Pick<Rule, 'requestHeaders' | 'responseHeaders'> {
  const request = filters.find(({ type }) => type === 'RequestHeaderModifier');
  const response = filters.find(({ type }) => type === 'ResponseHeaderModifier');
  return {
    requestHeaders: readChanges(request?.requestHeaderModifier),
    responseHeaders: readChanges(response?.responseHeaderModifier),
  };
}

function readChanges({ set = [], add = [], remove = [] }: HTTPHeaderFilter = {}): HeaderChanges {
  const lower = ({ name, value }: { name: string; value: string }) => ({ name: name.toLowerCase(), value });
  return { set: set.map(lower), add: add.map(lower), remove: remove.map((name) => name.toLowerCase()) };
}

const defaultMaxAgeS = 5;

function readCors(cors: HTTPCorsFilter): Cors {
  return {
    origins: (cors.allowOrigins ?? []).map(readOrigin),
    methods: cors.allowMethods ?? [],
    headers: cors.allowHeaders ?? [],
    exposed: cors.exposeHeaders ?? [],
    maxAgeS: cors.maxAge ?? defaultMaxAgeS,
    credentials: cors.allowCredentials ?? null,
    forwardOthers: null,
  };
}

/** `*` is every origin; `https://*.a.example` are those of its subdomains. */
function readOrigin(origin: string): TextMatch {
  if (origin === '*' || !origin.includes('*')) return { how: 'exact', text: origin };
  return { how: 'regex', text: origin.replaceAll('.', '\\.').replace('*', '[^/:]+') };
}

/** A match of an HTTPRoute; `port`: of the parent that it is for, null: any. */
export function readHttpMatch(match: HTTPRouteMatch, port: number | null): Match {
  const method = match.method === undefined ? [] : [{ name: ':method', value: exact(match.method) }];
  return {
    name: null,
    statPrefix: null,
    path: readPathMatch(match),
    ignorePathCase: false,
    headers: [
      ...method,
      ...(match.headers ?? []).map((header) => readNamed(header, header.name.toLowerCase())),
    ],
    withoutHeaders: [],
    query: (match.queryParams ?? []).map((parameter) => readNamed(parameter, parameter.name)),
    port,
    fromNamespace: null,
    fromLabels: {},
    entrances: [],
  };
}

/** A prefix is one of whole segments, so that the `/` at its end does not count. */
function readPathMatch({ path: { type = 'PathPrefix', value = '/' } = {} }: HTTPRouteMatch): PathMatch {
  if (type === 'Exact') return { how: 'exact', text: value };
  if (type === 'RegularExpression') return { how: 'regex', text: value };
  return { how: 'segments', text: value.replace(/\/+$/, '') || '/' };
}

export function readNamed({ type, value }: HTTPNamedMatch, name: string): NamedMatch {
  return { name, value: type === 'RegularExpression' ? { how: 'regex', text: value } : exact(value) };
}

function exact(text: string): TextMatch {
  return { how: 'exact', text };
}
