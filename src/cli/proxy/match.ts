import type { Request } from './request.ts';
import { at, type Fields, listAt, textAt } from './resource.ts';

/** Whether a route of an Envoy is for a request (`envoy.config.route.v3.RouteMatch`). Shares of traffic are taken. */
export function isFor(route: Fields, request: Request): boolean {
  const { match } = route;
  return (
    isPath(match, request) &&
    listAt(match, 'headers').every((header) => isNamed(header, request.headers)) &&
    listAt(match, 'query_parameters').every((parameter) => isNamed(parameter, request.query))
  );
}

function isPath(match: unknown, { path }: Request): boolean {
  const fold = at(match, 'case_sensitive') === false;
  const folded = (text: string) => (fold ? text.toLowerCase() : text);
  const [prefix, exact, segments, regex] = [
    textAt(match, 'prefix'),
    textAt(match, 'path'),
    textAt(match, 'path_separated_prefix'),
    textAt(match, 'safe_regex', 'regex'),
  ];
  if (prefix !== null) return folded(path).startsWith(folded(prefix));
  if (exact !== null) return folded(path) === folded(exact);
  if (segments !== null) return `${folded(path)}/`.startsWith(`${folded(segments)}/`);
  return regex === null || fits(regex, path);
}

/** A header or query parameter. */
function isNamed(matcher: Fields, values: ReadonlyMap<string, string>): boolean {
  const value = values.get((textAt(matcher, 'name') ?? '').toLowerCase());
  const isFitting = isValue(matcher, value);
  return matcher.invert_match === true ? !isFitting : isFitting;
}

function isValue(matcher: Fields, value: string | undefined): boolean {
  if (matcher.present_match !== undefined) return (value !== undefined) === matcher.present_match;
  const text = value ?? (matcher.treat_missing_header_as_empty === true ? '' : undefined);
  return text !== undefined && isText(matcher.string_match, text);
}

function isText(matcher: unknown, value: string): boolean {
  const fold = at(matcher, 'ignore_case') === true;
  const folded = (text: string) => (fold ? text.toLowerCase() : text);
  const own = folded(value);
  const said = (how: string) => {
    const text = textAt(matcher, how);
    return text === null ? null : folded(text);
  };
  const [exact, prefix, suffix, part] = [said('exact'), said('prefix'), said('suffix'), said('contains')];
  if (exact !== null) return own === exact;
  if (prefix !== null) return own.startsWith(prefix);
  if (suffix !== null) return own.endsWith(suffix);
  if (part !== null) return own.includes(part);
  return fits(textAt(matcher, 'safe_regex', 'regex') ?? '', value);
}

const MAX_TEXT = 2_000;

/** RE2 reads an expression as JavaScript does, but for its flags; one that JavaScript cannot read fits nothing. */
function fits(expression: string, text: string): boolean {
  try {
    const [, flags = '', rest = ''] = /^(?:\(\?([imsU]+)\))?([\s\S]*)$/.exec(expression) ?? [];
    const known = flags.replace(/[^ims]/g, '');
    return new RegExp(`^(?:${rest})$`, known).test(text.slice(0, MAX_TEXT));
  } catch {
    return false;
  }
}

/** How closely a virtual host is for an authority, as Envoy ranks them; null: not at all. */
export function closeness(domain: string, authority: string): number | null {
  const [own, asked] = [domain.toLowerCase(), authority.toLowerCase()];
  if (own === asked) return Number.POSITIVE_INFINITY;
  if (own === '*') return 0;
  // The longest suffix, then the longest prefix; what stands for the star is never empty.
  if (own.startsWith('*'))
    return asked.length >= own.length && asked.endsWith(own.slice(1)) ? 1e6 + own.length : null;
  if (!own.endsWith('*')) return null;
  return asked.length >= own.length && asked.startsWith(own.slice(0, -1)) ? own.length : null;
}
