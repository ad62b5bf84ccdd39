import type { Problem } from '../base/problem.ts';
import {
  durationMs,
  type HttpMatch,
  type HttpRoute,
  type PresenceOrMatch,
  type StringMatch,
  type VirtualServiceResource,
} from '../manifests/index.ts';
import { claimHost } from './claim.ts';
import { resolveHost } from './hosts.ts';
import { originOf } from './mistake.ts';
import type { Destination, Match, NamedMatch, Owner, Retries, Routing, Rule, TextMatch } from './types.ts';

/** A routing and the manifest that defines it. */
export type DefinedRouting = {
  readonly routing: Routing;
  readonly resource: VirtualServiceResource;
  readonly index: number;
};

/** One routing per host that the scope may speak for; a refused host leaves out the whole manifest. */
export function readRoutings(
  resource: VirtualServiceResource,
  owners: readonly Owner[],
): { readonly defined: readonly DefinedRouting[]; readonly problems: readonly Problem[] } {
  const { namespace, spec } = resource;
  const claims = spec.hosts.map((host, index) => {
    return claimHost(resource, resolveHost(host, namespace), ['spec', 'hosts', index], owners);
  });
  const problems = claims.flatMap((claim) => claim.problems);
  if (claims.some(({ visibility }) => visibility === null)) return { defined: [], problems };
  const rules = (spec.http ?? []).map((route) => readRule(route, namespace));
  const defined = claims.flatMap(({ host, visibility }, index) => {
    if (visibility === null) return [];
    return [{ routing: { host, namespace, rules, visibility, origin: originOf(resource) }, resource, index }];
  });
  return { defined, problems };
}

function readRule({ name, match = [], route, timeout, retries }: HttpRoute, namespace: string): Rule {
  return {
    name: name ?? null,
    matches: match.map(readMatch),
    destinations: readDestinations(route, namespace),
    timeoutMs: timeout === undefined ? null : durationMs(timeout),
    retries: retries === undefined ? null : readRetries(retries),
  };
}

/** A destination alone gets everything; among others, one without a weight gets nothing (Istio). */
function readDestinations(route: HttpRoute['route'], namespace: string): readonly Destination[] {
  return route
    .map(({ destination: { host, subset, port }, weight }) => ({
      host: resolveHost(host, namespace),
      subset: subset ?? null,
      port: port?.number ?? null,
      weight: weight ?? (route.length === 1 ? 100 : 0),
    }))
    .filter(({ weight }) => weight > 0);
}

function readRetries({
  attempts = 2,
  perTryTimeout,
  retryOn = '',
}: NonNullable<HttpRoute['retries']>): Retries {
  const on = retryOn.split(',').map((condition) => condition.trim());
  return {
    attempts,
    perTryTimeoutMs: perTryTimeout === undefined ? null : durationMs(perTryTimeout),
    on: on.filter((condition) => condition !== ''),
  };
}

function readMatch(match: HttpMatch): Match {
  const pseudo = { ':method': match.method, ':authority': match.authority, ':scheme': match.scheme };
  return {
    name: match.name ?? null,
    path: match.uri === undefined ? null : readText(match.uri),
    ignorePathCase: match.ignoreUriCase ?? false,
    headers: [...readNamed(pseudo), ...readNamed(match.headers)],
    withoutHeaders: readNamed(match.withoutHeaders),
    query: readNamed(match.queryParams),
    port: match.port ?? null,
    fromNamespace: match.sourceNamespace ?? null,
    fromLabels: match.sourceLabels ?? {},
  };
}

function readNamed(
  values: Readonly<Record<string, PresenceOrMatch | undefined>> = {},
): readonly NamedMatch[] {
  return Object.entries(values).flatMap(([name, value]) => {
    return value === undefined ? [] : [{ name, value: readText(value) }];
  });
}

function readText({ exact, prefix, regex }: StringMatch | PresenceOrMatch): TextMatch | null {
  if (exact !== undefined) return { how: 'exact', text: exact };
  if (prefix !== undefined) return { how: 'prefix', text: prefix };
  return regex === undefined ? null : { how: 'regex', text: regex };
}
