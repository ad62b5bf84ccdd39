import { isDeepStrictEqual } from 'node:util';
import { byCodeUnit } from '../../base/order.ts';
import { at, type Fields, isFields, listAt, textAt } from '../proxy/resource.ts';
import { destinationOf, matchOf } from '../proxy/route.ts';
import type { Side } from './proxies.ts';

/** What requests for a host experience otherwise. */
export type HostDifference = {
  readonly host: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** The rules that differ; `before` null: there was none. */
  readonly routes: readonly {
    readonly match: string;
    readonly before: string | null;
    readonly after: string | null;
  }[];
  /** Whose requests: `sidecars of demo`, `gateways app=edge of edge`. */
  readonly proxies: readonly string[];
};

/** How the route tables of two sides differ, by host. */
export function hostDifferences(sides: readonly Side[]): readonly HostDifference[] {
  const all = sides.flatMap(({ proxies, before, after }) => {
    const [old, now] = [hostsOf(before), hostsOf(after)];
    const hosts = [...new Set([...old.keys(), ...now.keys()])];
    return hosts.flatMap((host) => difference(host, old.get(host), now.get(host), proxies));
  });
  const alike = Map.groupBy(all, ({ proxies: _, ...rest }) => JSON.stringify(rest));
  const merged = [...alike.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    return { ...first, proxies: [first, ...others].flatMap(({ proxies }) => proxies) };
  });
  return merged.sort((left, right) => byCodeUnit(left.host, right.host));
}

function hostsOf(resources: Side['before']): ReadonlyMap<string, Fields> {
  const tables = [...resources.values()].filter(({ typeUrl }) => typeUrl.endsWith('.RouteConfiguration'));
  const hosts = tables.flatMap(({ json }) => listAt(json, 'virtual_hosts'));
  return new Map(hosts.map((host) => [textAt(host, 'name') ?? '-', host]));
}

function difference(
  host: string,
  before: Fields | undefined,
  after: Fields | undefined,
  proxies: string,
): readonly HostDifference[] {
  if (isDeepStrictEqual(before, after)) return [];
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const [old, now] = [listAt(before, 'routes'), listAt(after, 'routes')];
  const [left, right] = [byMatch(old), byMatch(now)];
  const routes = [...new Set([...left.keys(), ...right.keys()])].flatMap((match) => {
    const [was, is] = [left.get(match), right.get(match)];
    if (isDeepStrictEqual(was, is)) return [];
    const [before, after] = [was, is].map((route) => (route === undefined ? null : wordsOf(route)));
    return [
      { match, before: before ?? null, after: before === after ? otherwise(was, is) : (after ?? null) },
    ];
  });
  return [{ host, change, routes, proxies: [proxies] }];
}

/** Rules by what they match; of several alike the first is taken, as by an Envoy. */
function byMatch(routes: readonly Fields[]): ReadonlyMap<string, Fields> {
  return new Map(routes.map((route) => [matchOf(route), route] as const).reverse());
}

/** The same in words, and other in what nobody has words for: the fields of Envoy in which it is. */
function otherwise(was: Fields = {}, is: Fields = {}): string {
  const differing = (left: Fields, right: Fields) =>
    [...new Set([...Object.keys(left), ...Object.keys(right)])].filter(
      (name) => !isDeepStrictEqual(left[name], right[name]),
    );
  const inner = (route: Fields) => (isFields(route.route) ? route.route : {});
  const fields = differing(was, is).flatMap((name) =>
    name === 'route' ? differing(inner(was), inner(is)) : [name],
  );
  return `${wordsOf(is)}, with another ${fields.join(', ')}`;
}

function wordsOf(route: Fields): string {
  const timeout = textAt(route, 'route', 'timeout');
  const tries = at(route, 'route', 'retry_policy', 'num_retries');
  const more = [
    timeout === null || timeout === '0s' ? '' : `timeout ${timeout}`,
    tries === undefined ? '' : `${tries} retries`,
    ...listAt(route, 'route', 'request_mirror_policies').map(
      (mirror) => `mirror ${textAt(mirror, 'cluster')}`,
    ),
  ].filter((word) => word !== '');
  const to = destinationOf(route).replaceAll(
    /outbound\|(\d+)\|([^|]*)\|([^ ,]+)/g,
    (_, port, subset, host) => {
      return `${host}:${port}${subset === '' ? '' : ` ${subset}`}`;
    },
  );
  return [to, ...more].join(', ');
}
