import { byCodeUnit } from '../base/order.ts';
import type { Match } from './types.ts';

/**
 * The order in which matches of HTTPRoutes are tried (Gateway API, HTTPRouteRule `matches`): exact path, then expression, then
 * prefix, the longer before the shorter; then a method; then more headers; then more query parameters. Two routes with
 * the very same match are a conflict (FL3310). Within a route the order is that of the rules.
 */
export function precedence({ path, headers, query }: Match): readonly number[] {
  const hasMethod = headers.some(({ name }) => name === ':method');
  const kind = path === null ? 1 : kindRank[path.how];
  return [
    kind,
    path?.text.length ?? 1,
    hasMethod ? 1 : 0,
    headers.length - (hasMethod ? 1 : 0),
    query.length,
  ];
}

/** Equal where two matches hold for the same requests: the order of headers and parameters does not matter. */
export function matchKey({ path, headers, query }: Match): string {
  const sorted = (named: Match['headers']) =>
    [...named].sort((left, right) => byCodeUnit(left.name, right.name));
  return JSON.stringify([path, sorted(headers), sorted(query)]);
}

const kindRank = { exact: 3, regex: 2, segments: 1, prefix: 1 } as const;
