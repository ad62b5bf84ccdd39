import { byCodeUnit } from '../base/order.ts';
import type {
  GRPCMethodMatch,
  GRPCRouteMatch,
  GRPCRouteResource,
  HTTPRouteResource,
  HTTPRouteRule,
} from '../manifests/index.ts';
import { precedence } from './http-route-order.ts';
import { readHttpMatch, readNamed } from './http-route-rule.ts';
import type { Match, PathMatch } from './types.ts';

/** A route of the Gateway API for requests that are read as HTTP. */
export type RouteResource = HTTPRouteResource | GRPCRouteResource;

/** A rule as it is written, but for what it is for. */
export type WrittenRule = Omit<HTTPRouteRule, 'matches'>;

/** `rank`: of two of one kind, the greater is tried first. */
export type RankedMatch = { readonly match: Match; readonly rank: readonly number[] };

/** The rules of a route; without any it has one, for every request (Gateway API). `port`: of its parent, null: any. */
export function rulesOf(
  resource: RouteResource,
  port: number | null,
): readonly { readonly written: WrittenRule; readonly matches: readonly RankedMatch[] }[] {
  if (resource.kind === 'HTTPRoute') {
    return (resource.spec.rules ?? [{}]).map((written) => ({
      written,
      matches: orAny(written.matches).map((match) => {
        const read = readHttpMatch(match, port);
        return { match: read, rank: precedence(read) };
      }),
    }));
  }
  return (resource.spec.rules ?? [{}]).map(({ matches, ...written }) => ({
    written,
    matches: orAny(matches).map((match) => ({ match: readGrpcMatch(match, port), rank: grpcRank(match) })),
  }));
}

export function backendsOf({ spec }: RouteResource): readonly WrittenRule[] {
  return spec.rules ?? [];
}

function orAny<T extends object>(matches: readonly T[] = []): readonly (T | Record<string, never>)[] {
  return matches.length === 0 ? [{}] : matches;
}

/** More of the service's name, then of the method's, then more headers (Gateway API, GRPCRouteRule `matches`). */
function grpcRank({ method, headers = [] }: GRPCRouteMatch): readonly number[] {
  return [method?.service?.length ?? 0, method?.method?.length ?? 0, headers.length];
}

function readGrpcMatch({ method, headers = [] }: GRPCRouteMatch, port: number | null): Match {
  return {
    ...readHttpMatch({}, port),
    path: method === undefined ? null : readMethod(method),
    headers: headers.map((header) => readNamed(header, header.name.toLowerCase())),
  };
}

/** A gRPC request has the path `/service/method`. */
function readMethod({ type = 'Exact', service, method }: GRPCMethodMatch): PathMatch {
  if (type === 'Exact') {
    if (service !== undefined && method !== undefined) return { how: 'exact', text: `/${service}/${method}` };
    if (service !== undefined) return { how: 'prefix', text: `/${service}/` };
    return { how: 'regex', text: `/[^/]+/${method}` };
  }
  const part = (expression: string | undefined) => (expression === undefined ? '[^/]+' : `(?:${expression})`);
  return { how: 'regex', text: `/${part(service)}/${part(method)}` };
}

/** Where two are of one rank, which the specification tells by their age, git knows none, and it is by their names at once. */
export function byRank(
  left: { readonly rank: readonly number[]; readonly route: string },
  right: { readonly rank: readonly number[]; readonly route: string },
): number {
  const differing = left.rank.findIndex((value, index) => value !== right.rank[index]);
  if (differing !== -1) return (right.rank[differing] ?? 0) - (left.rank[differing] ?? 0);
  return byCodeUnit(left.route, right.route);
}
