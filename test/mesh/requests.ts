import fc from 'fast-check';
import type { Match } from '../../src/mesh/index.ts';

/** Matches and requests of a small world, in which they meet often; and whether a request fits a match. */

const text = fc.constantFrom('', '/', '/a', '/ab', '/A', '/b', '/a/b');
const regex = fc.constantFrom(
  '/a',
  '/a.*',
  '/a?b',
  '/(a|b)',
  '/a|/b',
  '[/]b',
  '/b+',
  '^/a',
  '/ab*',
  '(?:/b)',
);
const how = fc.oneof(
  fc.record({ how: fc.constantFrom('exact' as const, 'prefix' as const), text }),
  fc.record({ how: fc.constant('regex' as const), text: regex }),
);
const named = fc.array(fc.record({ name: fc.constantFrom('x', 'y'), value: fc.option(how) }), {
  maxLength: 1,
});

export const anyMatch: fc.Arbitrary<Match> = fc
  .record({
    path: fc.option(how),
    ignorePathCase: fc.boolean(),
    headers: named,
    withoutHeaders: named,
    query: named,
  })
  .map((said) => ({
    ...said,
    ...{ name: null, statPrefix: null, port: null, fromNamespace: null, fromLabels: {}, entrances: [] },
  }));

const value = fc.option(fc.constantFrom('', '/', '/a', '/ab', '/b', '/A', '/a/b'));
export const anyRequest = fc.record({
  path: fc.constantFrom('/', '/a', '/ab', '/A', '/Ab', '/b', '/a/b'),
  headers: fc.record({ x: value, y: value }),
  query: fc.record({ x: value, y: value }),
});

type Values = Readonly<Record<string, string | null>>;
type Request = { readonly path: string; readonly headers: Values; readonly query: Values };

export function holds(asked: Match, { path, headers, query }: Request): boolean {
  return (
    (asked.path === null || fits(asked.path, path, asked.ignorePathCase)) &&
    asked.headers.every(({ name, value: wanted }) => fits(wanted, headers[name] ?? null)) &&
    asked.withoutHeaders.every(({ name, value: wanted }) => !fits(wanted, headers[name] ?? null)) &&
    asked.query.every(({ name, value: wanted }) => fits(wanted, query[name] ?? null))
  );
}

function fits(pattern: Match['path'], given: string | null, isCaseless = false): boolean {
  if (given === null) return false;
  if (pattern === null) return true;
  if (pattern.how === 'regex') return new RegExp(`^(?:${pattern.text})$`).test(given);
  const [wanted, asked] = isCaseless
    ? [pattern.text.toLowerCase(), given.toLowerCase()]
    : [pattern.text, given];
  return pattern.how === 'exact' ? asked === wanted : asked.startsWith(wanted);
}
