import { at, type Fields, istioDocument, listAt, nameIn, provenanceOf, textAt } from './resource.ts';
import type { View } from './views.ts';

export const routeView: View = {
  what: 'route tables',
  aliases: ['routes', 'r', 'rds'],
  head: ['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'VIRTUAL SERVICE', 'DESTINATION'],
  filters: { name: 'of the route configuration', fqdn: 'part of a domain' },
  rows({ name, resource }, filters) {
    if (filters.name !== undefined && filters.name !== name) return [];
    return listAt(resource, 'virtual_hosts').flatMap((host) => {
      const all = at(host, 'domains');
      const domains = Array.isArray(all) ? all.map(String) : [];
      const { fqdn } = filters;
      if (fqdn !== undefined && !domains.some((domain) => domain.includes(fqdn))) return [];
      return listAt(host, 'routes').map((route) => {
        const about = [name, textAt(host, 'name') ?? '-', domainsOf(domains)];
        return {
          cells: [...about, matchOf(route), ruleOf(route), destinationOf(route)],
          part: route,
        };
      });
    });
  },
};

const SHOWN_DOMAINS = 2;

/** As istioctl abridges them: the first two of those without a port. */
function domainsOf(domains: readonly string[]): string {
  const portless = domains.filter((domain) => !/:\d+$/.test(domain));
  const all = portless.length > 0 ? portless : domains;
  const shown = all.slice(0, SHOWN_DOMAINS).join(', ');
  return all.length > SHOWN_DOMAINS ? `${shown} + ${all.length - SHOWN_DOMAINS} more...` : shown || '-';
}

/** What a request has to have: its path as istioctl writes it, then what two rules of one path are told apart by. */
export function matchOf(route: Fields): string {
  const { match } = route;
  const prefix = textAt(match, 'prefix');
  const path = textAt(match, 'path');
  const separated = textAt(match, 'path_separated_prefix');
  const regex = textAt(match, 'safe_regex', 'regex');
  const where =
    prefix !== null
      ? `${prefix}*`
      : (path ?? (separated === null ? regexText(regex) : `PathPrefix:${separated}`));
  const headers = listAt(match, 'headers').map(valueText);
  const query = listAt(match, 'query_parameters').map((parameter) => `?${valueText(parameter)}`);
  return [where, ...headers, ...query].join(' ');
}

/** A header or a query parameter: `x-user=bo`, `x-user^=b`, `!x-user`. */
function valueText(matcher: Fields): string {
  const said = Object.entries(SIGNS).flatMap(([how, sign]) => {
    const value = textAt(matcher, 'string_match', ...how.split('.'));
    return value === null ? [] : [`${sign}${value}`];
  });
  const isNot = matcher.invert_match === true || matcher.present_match === false;
  return `${isNot ? '!' : ''}${textAt(matcher, 'name')}${said.join('')}`;
}

const SIGNS = { exact: '=', prefix: '^=', suffix: '$=', contains: '*=', 'safe_regex.regex': '~' };

function regexText(regex: string | null): string {
  return regex === null ? '/*' : `regex ${regex}`;
}

/** Where it goes, or how it is answered. */
export function destinationOf(route: Fields): string {
  const status = at(route, 'direct_response', 'status');
  if (status !== undefined) return `status ${status}`;
  if (route.redirect !== undefined) return 'redirect';
  const one = textAt(route, 'route', 'cluster');
  if (one !== null) return one;
  const several = listAt(route, 'route', 'weighted_clusters', 'clusters').map((cluster) => {
    return `${textAt(cluster, 'name')} (${at(cluster, 'weight') ?? 0})`;
  });
  return several.join(', ') || '-';
}

/** Whatever routes: a route of the Gateway API is a VirtualService to istioctl, too. */
const ROUTING = ['VirtualService', 'HTTPRoute', 'GRPCRoute', 'ServiceProfile'];

function ruleOf(route: Fields): string {
  const own = provenanceOf(route)?.document;
  return nameIn([...(own === undefined ? [] : [own]), ...istioDocument(route)], ROUTING);
}
