import {
  durationMs,
  type HttpCors,
  type HttpDirectResponse,
  type HttpFault,
  type HttpRedirect,
  type HttpRoute,
  type RouteDestination,
  type WrittenRetries,
} from '../manifests/index.ts';
import { readHeaders } from './headers.ts';
import { resolveHost } from './hosts.ts';
import { readMatch, readText } from './routing-match.ts';
import type {
  Cors,
  Destination,
  Fault,
  Forward,
  Mirror,
  Origin,
  PathRewrite,
  Redirect,
  Respond,
  Retries,
  Rule,
  StreamShare,
  Target,
} from './types.ts';

/** One step of a VirtualService. */
export function readRule(route: HttpRoute, namespace: string, origin: Origin): Rule {
  const { askedHost, ...headers } = readHeaders(route.headers);
  return {
    name: route.name ?? null,
    matches: (route.match ?? []).map((match) => readMatch(match, namespace)),
    action: readAction(route, namespace, askedHost),
    ...headers,
    cors: route.corsPolicy === undefined ? null : readCors(route.corsPolicy),
    handed: null,
    origin,
  };
}

function readAction(route: HttpRoute, namespace: string, askedHost: string | null): Rule['action'] {
  if (route.redirect !== undefined) return readRedirect(route.redirect);
  if (route.directResponse !== undefined) return readResponse(route.directResponse);
  return readForward(route, namespace, askedHost);
}

function readForward(route: HttpRoute, namespace: string, askedHost: string | null): Forward {
  const { rewrite, timeout, retries, fault } = route;
  return {
    does: 'forward',
    destinations: readDestinations(route.route ?? [], namespace),
    refusedWeight: 0,
    path: readRewrite(rewrite),
    askedHost: rewrite?.authority ?? askedHost,
    mirrors: readMirrors(route, namespace),
    timeoutMs: timeout === undefined ? null : durationMs(timeout),
    retries: retries === undefined ? null : readRetries(retries),
    fault: fault === undefined ? null : readFault(fault),
  };
}

type Given<Field extends keyof HttpRoute> = NonNullable<HttpRoute[Field]>;

function readDestinations(route: Given<'route'>, namespace: string): readonly Destination[] {
  return weighted(route).map(({ written, weight }) => ({
    ...readTarget(written.destination, namespace),
    weight,
    ...readHeaders(written.headers),
  }));
}

/** Shares of connections. */
export function readShares(route: readonly RouteDestination[], namespace: string): readonly StreamShare[] {
  return weighted(route).map(({ written, weight }) => ({
    ...readTarget(written.destination, namespace),
    weight,
  }));
}

/** A destination alone gets everything; among others, one without a weight gets nothing (Istio). */
function weighted<D extends RouteDestination>(
  route: readonly D[],
): readonly { readonly written: D; readonly weight: number }[] {
  return route
    .map((written) => ({ written, weight: written.weight ?? (route.length === 1 ? 100 : 0) }))
    .filter(({ weight }) => weight > 0);
}

/** A destination as it is written: its host is completed from the namespace of the rule. */
export function readTarget({ host, subset, port }: Given<'mirror'>, namespace: string): Target {
  return { host: resolveHost(host, namespace), subset: subset ?? null, port: port?.number ?? null };
}

function readRewrite({ uri, uriRegexRewrite: regex }: HttpRoute['rewrite'] = {}): PathRewrite | null {
  if (regex !== undefined) return { how: 'regex', pattern: regex.match, text: regex.rewrite };
  return uri === undefined ? null : { how: 'matched', text: uri };
}

function readMirrors(route: HttpRoute, namespace: string): readonly Mirror[] {
  const { mirror, mirrors = [], mirrorPercentage, mirrorPercent, mirror_percent: oldest } = route;
  const percent = mirrorPercentage?.value ?? mirrorPercent ?? oldest ?? 100;
  const one = mirror === undefined ? [] : [{ ...readTarget(mirror, namespace), percent }];
  const more = mirrors.map(({ destination, percentage }) => {
    return { ...readTarget(destination, namespace), percent: percentage?.value ?? 100 };
  });
  return [...one, ...more].filter((each) => each.percent > 0);
}

export function readRetries(retries: WrittenRetries): Retries {
  const { attempts, perTryTimeout, retryOn = '', backoff } = retries;
  const on = retryOn.split(',').map((condition) => condition.trim());
  return {
    attempts,
    perTryTimeoutMs: perTryTimeout === undefined ? null : durationMs(perTryTimeout),
    on: on.filter((condition) => condition !== ''),
    avoidTried: retries.retryIgnorePreviousHosts ?? null,
    otherLocalities: retries.retryRemoteLocalities ?? false,
    backoffMs: backoff === undefined ? null : durationMs(backoff),
  };
}

/** A fault without a percentage is for no request (Istio). */
function readFault({ delay, abort }: HttpFault): Fault {
  return {
    delay:
      delay === undefined
        ? null
        : { ms: durationMs(delay.fixedDelay), percent: delay.percentage?.value ?? delay.percent ?? 0 },
    abort: abort === undefined ? null : { ...abortStatus(abort), percent: abort.percentage?.value ?? 0 },
  };
}

type Abort = NonNullable<HttpFault['abort']>;

function abortStatus({ httpStatus, grpcStatus = 'OK' }: Abort): { with: 'http' | 'grpc'; status: number } {
  if (httpStatus !== undefined) return { with: 'http', status: httpStatus };
  return { with: 'grpc', status: grpcStatuses.indexOf(grpcStatus) };
}

/** In the order of their numbers (gRPC, "Status codes"). */
const grpcStatuses: readonly NonNullable<Abort['grpcStatus']>[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

function readRedirect({ uri, prefixRewrite, ...redirect }: HttpRedirect): Redirect {
  const { authority, scheme, port, derivePort, redirectCode } = redirect;
  const prefix = prefixRewrite === undefined ? null : ({ how: 'matched', text: prefixRewrite } as const);
  return {
    does: 'redirect',
    status: redirectCode ?? 301,
    scheme: scheme ?? null,
    host: authority ?? null,
    port: port ?? (derivePort === 'FROM_REQUEST_PORT' ? 'asked' : null),
    path: uri === undefined ? prefix : { how: 'whole', text: uri },
  };
}

function readResponse({ status, body }: HttpDirectResponse): Respond {
  if (body?.bytes !== undefined) return { does: 'respond', status, body: { base64: body.bytes } };
  return { does: 'respond', status, body: body?.string === undefined ? null : { text: body.string } };
}

function readCors(policy: HttpCors): Cors {
  const { allowOrigins, allowOrigin = [], maxAge, unmatchedPreflights: unmatched } = policy;
  const exact = allowOrigin.map((text) => ({ how: 'exact', text }) as const);
  return {
    origins: allowOrigins?.map(readText).filter((origin) => origin !== null) ?? exact,
    methods: policy.allowMethods ?? [],
    headers: policy.allowHeaders ?? [],
    exposed: policy.exposeHeaders ?? [],
    maxAgeS: maxAge === undefined ? null : Math.floor(durationMs(maxAge) / 1000),
    credentials: policy.allowCredentials ?? null,
    forwardOthers: unmatched === undefined || unmatched === 'UNSPECIFIED' ? null : unmatched === 'FORWARD',
  };
}
