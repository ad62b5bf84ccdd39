import type { PathMatch, PathRewrite } from '../mesh/index.ts';

/** Envoy's fields for another path, in `RouteAction` and `RedirectAction` alike; `matched`: what the route matches. */
export function pathRewrite(path: PathRewrite | null, matched: PathMatch | null): object {
  if (path === null) return {};
  if (path.how === 'regex') return { regex_rewrite: regex(path.pattern, path.text) };
  if (path.how === 'whole') return { regex_rewrite: regex('^.*$', path.text.replaceAll('\\', '\\\\')) };
  return matched?.how === 'segments' ? segments(matched.text, path.text) : { prefix_rewrite: path.text };
}

/** One `/` between what takes the place of the prefix and the rest (Gateway API, `replacePrefixMatch`). */
function segments(prefix: string, text: string): object {
  const start = text.replace(/\/+$/, '');
  if (prefix === '/') return { prefix_rewrite: `${start}/` };
  if (start !== '') return { prefix_rewrite: start };
  return { regex_rewrite: regex(`^${prefix.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}/*`, '/') };
}

function regex(pattern: string, substitution: string): object {
  return { pattern: { regex: pattern }, substitution };
}
