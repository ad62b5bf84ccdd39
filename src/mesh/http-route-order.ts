import { byCodeUnit } from '../base/order.ts';
import type { Match, Rule } from './types.ts';

/** A rule with one match, or none: then it is for every request. */
export type Ranked = { readonly rule: Rule; readonly match: Match; readonly route: string };

/**
 * The order in which rules are tried (Gateway API, HTTPRouteRule `matches`): exact path, then expression, then prefix, the
 * longer before the shorter; then a method; then more headers; then more query parameters. The specification breaks a
 * tie between routes by their age, which git does not know, and then by their names: here it is their names at once. Two
 * routes with the very same match are a conflict instead (FL3310). Within a route the order is that of the rules.
 */
export function byPrecedence(left: Ranked, right: Ranked): number {
  const [a, b] = [precedence(left.match), precedence(right.match)];
  const differing = a.findIndex((value, index) => value !== b[index]);
  if (differing !== -1) return (b[differing] ?? 0) - (a[differing] ?? 0);
  return byCodeUnit(left.route, right.route);
}

const kindRank = { exact: 3, regex: 2, segments: 1, prefix: 1 } as const;

function precedence({ path, headers, query }: Match): readonly number[] {
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
