import { isDeepStrictEqual } from 'node:util';
import type { Match, NamedMatch, PathMatch, StreamMatch, TextMatch } from './types.ts';

/** Whether every request that fits `later` fits `earlier`, as far as that can be told without comparing expressions. */
export function takesAll(earlier: readonly Match[], later: readonly Match[]): boolean {
  if (earlier.length === 0) return true;
  return later.length > 0 && later.every((match) => earlier.some((wide) => covers(wide, match)));
}

/**
 * The same of connections, but a name or range in full beats one that is wider, whatever their order: only the same ones are
 * taken.
 */
export function takesAllConnections(earlier: readonly StreamMatch[], later: readonly StreamMatch[]): boolean {
  return later.length > 0 && later.every((match) => earlier.some((wide) => coversConnection(wide, match)));
}

function coversConnection(wide: StreamMatch, narrow: StreamMatch): boolean {
  const areIn = (all: readonly string[], some: readonly string[]) => {
    return all.length === 0 ? some.length === 0 : some.length > 0 && some.every((one) => all.includes(one));
  };
  return (
    areIn(wide.names, narrow.names) &&
    areIn(wide.ranges, narrow.ranges) &&
    (wide.port === null || wide.port === narrow.port) &&
    (wide.fromNamespace === null || wide.fromNamespace === narrow.fromNamespace) &&
    Object.entries(wide.fromLabels).every(([label, value]) => narrow.fromLabels[label] === value) &&
    (wide.entrances.length === 0 || areIn(wide.entrances, narrow.entrances))
  );
}

function covers(wide: Match, narrow: Match): boolean {
  const { name: _, path, ignorePathCase, headers, withoutHeaders, query, ...rest } = wide;
  const { port, fromNamespace, fromLabels, entrances, ...unknown } = rest;
  const isAlike = Object.entries(unknown).every(([field, value]) =>
    isDeepStrictEqual(narrow[field as keyof Match], value),
  );
  return (
    isAlike &&
    coversPath({ path, ignorePathCase }, narrow) &&
    (port === null || port === narrow.port) &&
    (fromNamespace === null || fromNamespace === narrow.fromNamespace) &&
    Object.entries(fromLabels).every(([label, value]) => narrow.fromLabels[label] === value) &&
    (entrances.length === 0 ||
      (narrow.entrances.length > 0 && narrow.entrances.every((one) => entrances.includes(one)))) &&
    coversNamed(headers, narrow.headers) &&
    coversNamed(query, narrow.query) &&
    withoutHeaders.every((header) => narrow.withoutHeaders.some((one) => isDeepStrictEqual(one, header)))
  );
}

function coversNamed(wide: readonly NamedMatch[], narrow: readonly NamedMatch[]): boolean {
  return wide.every(({ name, value }) =>
    narrow.some((one) => one.name === name && (value === null || coversText(value, one.value))),
  );
}

function coversText(wide: TextMatch, narrow: TextMatch | null): boolean {
  if (narrow === null) return false;
  if (isDeepStrictEqual(wide, narrow)) return true;
  return wide.how === 'prefix' && narrow.how !== 'regex' && narrow.text.startsWith(wide.text);
}

type Paths = Pick<Match, 'path' | 'ignorePathCase'>;

function coversPath({ path: wide, ignorePathCase }: Paths, { path: narrow, ...other }: Paths): boolean {
  if (wide === null || isEveryPath(wide)) return true;
  if (narrow === null || (other.ignorePathCase && !ignorePathCase)) return false;
  const text = (path: PathMatch) => (ignorePathCase ? path.text.toLowerCase() : path.text);
  if (wide.how === narrow.how && text(wide) === text(narrow)) return true;
  if (narrow.how === 'regex') return false;
  if (wide.how === 'prefix') return text(narrow).startsWith(text(wide));
  // A prefix goes on where segments would have ended.
  if (wide.how !== 'segments' || narrow.how === 'prefix') return false;
  return text(narrow) === text(wide) || text(narrow).startsWith(`${text(wide)}/`);
}

function isEveryPath({ how, text }: PathMatch): boolean {
  return (how === 'prefix' || how === 'segments') && text === '/';
}
