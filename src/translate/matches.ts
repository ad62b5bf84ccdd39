import { hasLabels, type Match, type NamedMatch, type PathMatch, type TextMatch } from '../mesh/index.ts';
import type { Proxy } from './types.ts';

/** Whether a match can hold for requests of this proxy to this port; what it says about them is decided here. */
export function concerns(match: Match, proxy: Proxy, port: number): boolean {
  if (match.port !== null && match.port !== port) return false;
  if (match.fromNamespace !== null && match.fromNamespace !== proxy.namespace) return false;
  return hasLabels(proxy.labels, match.fromLabels);
}

/** Envoy's `RouteMatch`; null matches every request. */
export function routeMatch(match: Match | null): object {
  if (match === null) return { prefix: '/' };
  const headers = [
    ...match.headers.map(headerMatch),
    ...match.withoutHeaders.map((header) => ({
      ...headerMatch(header),
      invert_match: true,
      ...absentToo(header),
    })),
  ];
  return {
    ...pathMatch(match.path),
    ...(match.ignorePathCase ? { case_sensitive: false } : {}),
    ...(headers.length > 0 ? { headers } : {}),
    ...(match.query.length > 0 ? { query_parameters: match.query.map(queryMatch) } : {}),
  };
}

function pathMatch(path: PathMatch | null): object {
  if (path === null) return { prefix: '/' };
  if (path.how === 'segments')
    return path.text === '/' ? { prefix: '/' } : { path_separated_prefix: path.text };
  if (path.how === 'exact') return { path: path.text };
  return path.how === 'prefix' ? { prefix: path.text } : { safe_regex: { regex: path.text } };
}

function headerMatch({ name, value }: NamedMatch): object {
  return value === null ? { name, present_match: true } : { name, string_match: textMatch(value) };
}

/** An inverted comparison alone would not hold for a request without the header. */
function absentToo({ value }: NamedMatch): object {
  return value === null ? {} : { treat_missing_header_as_empty: true };
}

function queryMatch({ name, value }: NamedMatch): object {
  return value === null ? { name, present_match: true } : { name, string_match: textMatch(value) };
}

/** Envoy's `StringMatcher`. */
export function textMatch({ how, text }: TextMatch): object {
  return how === 'regex' ? { safe_regex: { regex: text } } : { [how]: text };
}
