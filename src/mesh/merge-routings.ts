import { sameItems } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import type { Match, Routing, Rule, StreamMatch, StreamRule } from './types.ts';

/**
 * Routings of which those of one host are one: what they say of some requests in the order of their documents, and then what
 * one of them says of the rest. In which order they come changes nothing, since no request fits two of them
 * (`contradictions`).
 */
export function mergeByHost(routings: readonly Routing[]): readonly Routing[] {
  const hosts = new Set(routings.map(({ host }) => host));
  if (hosts.size === routings.length) return routings;
  return [...Map.groupBy(routings, ({ host }) => host).values()].flatMap((all) => mergedRouting(all) ?? []);
}

type Merged = { readonly all: readonly Routing[]; readonly routing: Routing };

/** By the first: the same object for all who see the same. */
const merged = new WeakMap<Routing, Merged>();

/** Null: there is none. */
export function mergedRouting(routings: readonly Routing[]): Routing | null {
  const all = routings.toSorted(byDocument);
  const [first] = all;
  if (first === undefined || all.length === 1) return first ?? null;
  const known = merged.get(first);
  if (known !== undefined && sameItems(known.all, all)) return known.routing;
  const parts = all.map(partsOf);
  const rules = [
    ...parts.flatMap(({ rules: { some } }) => some),
    ...parts.flatMap(({ rules }) => rules.rest),
  ];
  const streams = [
    ...parts.flatMap(({ streams: { some } }) => some),
    ...parts.flatMap(({ streams: { rest } }) => rest),
  ];
  const routing = { ...first, rules: together(rules), streams: together(streams) };
  merged.set(first, { all, routing });
  return routing;
}

function byDocument(left: Routing, right: Routing): number {
  return byCodeUnit(left.origin.document, right.origin.document);
}

/** A rule with some of its matches. */
export type Piece<R, M> = {
  readonly rule: R;
  /** Empty: every request. */
  readonly matches: readonly M[];
  /**
   * What is compared with others, likewise: of what another scope says, all that it was asked to speak for, so that its words
   * decide about nothing else.
   */
  readonly reach: readonly M[];
};

/** `rest`: at the end, for whatever the client asks. */
type Split<R, M> = { readonly some: readonly Piece<R, M>[]; readonly rest: readonly Piece<R, M>[] };

type Parts = { readonly rules: Split<Rule, Match>; readonly streams: Split<StreamRule, StreamMatch> };

const parts = new WeakMap<Routing, Parts>();

export function partsOf(routing: Routing): Parts {
  const known = parts.get(routing);
  if (known !== undefined) return known;
  const made = {
    rules: split(routing.rules, ({ handed }) => handed, isAnyRequest),
    streams: split(routing.streams, () => null, isAnyConnection),
  };
  parts.set(routing, made);
  return made;
}

/** Up to the first that takes all: no other is ever reached. */
function split<M extends Match | StreamMatch, R extends { readonly matches: readonly M[] }>(
  rules: readonly R[],
  handedOf: (rule: R) => readonly M[] | null,
  isAny: (match: M) => boolean,
): Split<R, M> {
  const pieces = rules.flatMap((rule): readonly Piece<R, M>[] => {
    const handed = handedOf(rule);
    if (handed !== null) return [{ rule, matches: rule.matches, reach: handed }];
    if (rule.matches.length === 0) return [{ rule, matches: [], reach: [] }];
    return rule.matches.map((match) => ({ rule, matches: [match], reach: [match] }));
  });
  const isRest = ({ reach }: Piece<R, M>) => reach.every(isAny);
  const last = pieces.findIndex(({ rule, reach }) => {
    return handedOf(rule) === null && reach.every((match) => isAny(match) && isOfAll(match));
  });
  const reached = last === -1 ? pieces : pieces.slice(0, last + 1);
  const from = reached.findLastIndex((piece) => !isRest(piece)) + 1;
  return { some: reached.slice(0, from), rest: reached.slice(from) };
}

function isAnyRequest({ path, headers, withoutHeaders, query }: Match): boolean {
  const isAnyPath =
    path === null || ((path.how === 'prefix' || path.how === 'segments') && path.text === '/');
  return isAnyPath && headers.length + withoutHeaders.length + query.length === 0;
}

function isAnyConnection({ names, ranges }: StreamMatch): boolean {
  return ranges.length === 0 && (names.length === 0 || names.includes('*'));
}

/** Whether clients and ports make no difference. */
function isOfAll({ port, fromNamespace, fromLabels, entrances }: Match | StreamMatch): boolean {
  return (
    port === null && fromNamespace === null && Object.keys(fromLabels).length === 0 && entrances.length === 0
  );
}

/** Pieces that stand beside each other are one rule again. */
function together<M, R extends { readonly matches: readonly M[] }>(
  pieces: readonly Piece<R, M>[],
): readonly R[] {
  const found: { readonly rule: R; readonly matches: M[] }[] = [];
  for (const { rule, matches } of pieces) {
    const last = found.at(-1);
    if (last?.rule === rule) last.matches.push(...matches);
    else found.push({ rule, matches: [...matches] });
  }
  return found.map(({ rule, matches }) =>
    matches.length === rule.matches.length ? rule : { ...rule, matches },
  );
}
