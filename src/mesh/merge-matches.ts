import { isDeepStrictEqual } from 'node:util';
import type { Match, NamedMatch, PathMatch, TextMatch } from './types.ts';

/**
 * The matches that hold where one of `outer` and one of `inner` holds; none on a side is every request. Null where an inner
 * one fits no outer one: then the whole rule is for nothing (Istio).
 */
export function mergeMatches(outer: readonly Match[], inner: readonly Match[]): readonly Match[] | null {
  if (outer.length === 0) return inner;
  if (inner.length === 0) return outer;
  const found = inner.map((narrow) =>
    outer.filter((wide) => isWithin(narrow, wide)).map((wide) => both(wide, narrow)),
  );
  return found.some(({ length }) => length === 0) ? null : found.flat();
}

function both(wide: Match, narrow: Match): Match {
  const name = [wide.name, narrow.name].filter((each) => each !== null).join('-');
  return {
    ...narrow,
    name: name === '' ? null : name,
    statPrefix: narrow.statPrefix ?? wide.statPrefix,
    path: narrow.path ?? wide.path,
    headers: joined(wide.headers, narrow.headers),
    withoutHeaders: united(wide.withoutHeaders, narrow.withoutHeaders),
    query: joined(wide.query, narrow.query),
    port: narrow.port ?? wide.port,
    fromNamespace: narrow.fromNamespace ?? wide.fromNamespace,
    fromLabels: { ...wide.fromLabels, ...narrow.fromLabels },
    entrances: narrow.entrances.length > 0 ? narrow.entrances : wide.entrances,
  };
}

/** Of two that name one header, the one that says more. */
function joined(wide: readonly NamedMatch[], narrow: readonly NamedMatch[]): readonly NamedMatch[] {
  const kept = wide.filter(({ name, value }) => {
    const other = narrow.find((one) => one.name === name);
    return other === undefined || (other.value === null && value !== null);
  });
  return [...kept, ...narrow.filter(({ name }) => !kept.some((one) => one.name === name))];
}

/** Each of them excludes requests. */
function united(wide: readonly NamedMatch[], narrow: readonly NamedMatch[]): readonly NamedMatch[] {
  return [...wide, ...narrow.filter((one) => !wide.some((other) => isDeepStrictEqual(one, other)))];
}

/** Whether the two can be told to hold together. */
function isWithin(narrow: Match, wide: Match): boolean {
  const texts: readonly (readonly [Text, Text])[] = [
    [narrow.path, wide.path],
    ...pairs(narrow.headers, wide.headers),
    ...pairs(narrow.withoutHeaders, wide.withoutHeaders),
    ...pairs(narrow.query, wide.query),
  ];
  return (
    texts.every(([inner, outer]) => covers(outer, inner)) &&
    narrow.ignorePathCase === wide.ignorePathCase &&
    isSame(narrow.port, wide.port) &&
    isSame(narrow.fromNamespace, wide.fromNamespace) &&
    Object.entries(narrow.fromLabels).every(([name, value]) =>
      isSame(value, wide.fromLabels[name] ?? null),
    ) &&
    (wide.entrances.length === 0 || narrow.entrances.every((entrance) => wide.entrances.includes(entrance)))
  );
}

type Text = TextMatch | PathMatch | null;

function pairs(
  narrow: readonly NamedMatch[],
  wide: readonly NamedMatch[],
): readonly (readonly [Text, Text])[] {
  return narrow.map(({ name, value }) => [value, wide.find((other) => other.name === name)?.value ?? null]);
}

function isSame<T>(left: T | null, right: T | null): boolean {
  return left === null || right === null || left === right;
}

/** An expression is within nothing but what says nothing, not even within itself (Istio). */
function covers(outer: Text, inner: Text): boolean {
  if (outer === null || inner === null) return true;
  if (outer.how === 'regex' || inner.how === 'regex') return false;
  if (outer.how === 'exact') return inner.how === 'exact' && inner.text === outer.text;
  return inner.text.startsWith(outer.text);
}
