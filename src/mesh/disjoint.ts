import type { Encounters } from './encounters.ts';
import { covers } from './hosts.ts';
import type { Match, NamedMatch, PathMatch, StreamMatch, TextMatch } from './types.ts';

/** Whether some request that comes in at one of `encounters` may fit both; false only where that can be told. */
export function requestsMeet(left: Match, right: Match, encounters: Encounters): boolean {
  return (
    clientsMeet(left, right, encounters) &&
    pathsMeet(left, right) &&
    namedMeet(lowered(left.headers), lowered(right.headers)) &&
    namedMeet(left.query, right.query) &&
    !isBarred(left.headers, right.withoutHeaders) &&
    !isBarred(right.headers, left.withoutHeaders)
  );
}

/**
 * The same of connections. Of two ranges, the narrower is for an address whatever their order: only the same range may be
 * wanted twice.
 */
export function connectionsMeet(left: StreamMatch, right: StreamMatch, encounters: Encounters): boolean {
  return (
    clientsMeet(left, right, encounters) &&
    anyMeet(left.names, right.names, (one, other) => covers(one, other) || covers(other, one)) &&
    (left.ranges.length === 0
      ? right.ranges.length === 0
      : left.ranges.some((range) => right.ranges.includes(range)))
  );
}

type About = Pick<Match, 'port' | 'fromNamespace' | 'fromLabels' | 'entrances'>;

function clientsMeet(left: About, right: About, encounters: Encounters): boolean {
  const isSame = <T>(one: T | null, other: T | null) => one === null || other === null || one === other;
  return (
    isSame(left.port, right.port) &&
    isSame(left.fromNamespace, right.fromNamespace) &&
    Object.entries(left.fromLabels).every(([name, value]) => isSame(value, right.fromLabels[name] ?? null)) &&
    encounters.include(left.entrances, right.entrances, left.port ?? right.port)
  );
}

const anybody: About = { port: null, fromNamespace: null, fromLabels: {}, entrances: [] };
const nothing = { name: null, statPrefix: null, path: null, ignorePathCase: false };

/** What a rule without a match is for. */
export const anyRequest: Match = { ...anybody, ...nothing, headers: [], withoutHeaders: [], query: [] };
export const anyConnection: StreamMatch = { ...anybody, names: [], ranges: [] };

/** Empty: any. */
function anyMeet<T>(left: readonly T[], right: readonly T[], meet: (one: T, other: T) => boolean): boolean {
  if (left.length === 0 || right.length === 0) return true;
  return left.some((one) => right.some((other) => meet(one, other)));
}

function pathsMeet(left: Match, right: Match): boolean {
  if (left.path === null || right.path === null) return true;
  if (!left.ignorePathCase && !right.ignorePathCase) return textsMeet(left.path, right.path);
  const lower = (path: PathMatch): Begins => {
    const { text, isWhole } = begins(path);
    return { text: text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()), isWhole };
  };
  return beginsMeet(lower(left.path), lower(right.path));
}

/** A header or parameter that both name has to have a value for both. */
function namedMeet(left: readonly NamedMatch[], right: readonly NamedMatch[]): boolean {
  return left.every(({ name, value }) =>
    right.every((other) => {
      if (other.name !== name || value === null || other.value === null) return true;
      return textsMeet(value, other.value);
    }),
  );
}

/** Whether a header that the one asks for is one with which the other is for no request. */
function isBarred(wanted: readonly NamedMatch[], barred: readonly NamedMatch[]): boolean {
  return lowered(wanted).some(({ name, value }) =>
    lowered(barred).some((other) => {
      if (other.name !== name) return false;
      return other.value === null || (value !== null && isWithin(value, other.value));
    }),
  );
}

function isWithin(narrow: TextMatch, wide: TextMatch): boolean {
  if (narrow.how === wide.how && narrow.text === wide.text) return true;
  return wide.how === 'prefix' && narrow.how !== 'regex' && narrow.text.startsWith(wide.text);
}

const inLowerCase = new WeakMap<readonly NamedMatch[], readonly NamedMatch[]>();

/** Names of headers have no case. Made once: each match is compared with many. */
function lowered(named: readonly NamedMatch[]): readonly NamedMatch[] {
  const known = inLowerCase.get(named);
  if (known !== undefined) return known;
  const lower = named.map(({ name, value }) => ({ name: name.toLowerCase(), value }));
  inLowerCase.set(named, lower);
  return lower;
}

/** How a text that fits begins, and whether that is the whole of it. */
type Begins = { readonly text: string; readonly isWhole: boolean };

function textsMeet(left: PathMatch, right: PathMatch): boolean {
  return beginsMeet(begins(left), begins(right));
}

function beginsMeet(left: Begins, right: Begins): boolean {
  if (left.isWhole && right.isWhole) return left.text === right.text;
  const [short, long] = left.text.length < right.text.length ? [left, right] : [right, left];
  return long.text.startsWith(short.text) && (!short.isWhole || long.text === short.text);
}

const beginnings = new WeakMap<PathMatch, Begins>();

function begins(path: PathMatch): Begins {
  const known = beginnings.get(path);
  if (known !== undefined) return known;
  const { how, text } = path;
  const made = how === 'regex' ? { text: literal(text), isWhole: false } : { text, isWhole: how === 'exact' };
  beginnings.set(path, made);
  return made;
}

/**
 * The plain characters that an expression begins with: nothing is known of what comes after them. A character that is
 * repeated may be missing, and where there is a choice, each side may begin as it likes.
 */
function literal(expression: string): string {
  if (expression.includes('|')) return '';
  const [, plain = '', next = ''] = /^\^?([^\\^$.|?*+()[\]{}]*)(.?)/s.exec(expression) ?? [];
  return '?*{'.includes(next) && next !== '' ? [...plain].slice(0, -1).join('') : plain;
}
