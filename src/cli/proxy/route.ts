import { at, type Fields, listAt, provenanceOf, textAt } from './resource.ts';
import type { View } from './views.ts';

export const routeView: View = {
  aliases: ['routes', 'r', 'rds'],
  head: ['NAME', 'VHOST', 'DOMAINS', 'MATCH', 'DESTINATION', 'VIRTUAL SERVICE'],
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
          cells: [...about, matchOf(route), destinationOf(route), virtualServiceOf(route)],
          part: route,
        };
      });
    });
  },
};

/** As istioctl abridges them. */
function domainsOf([first = '-', ...more]: readonly string[]): string {
  return more.length === 0 ? first : `${first} + ${more.length} more`;
}

/** What a request has to have. */
export function matchOf(route: Fields): string {
  const { match } = route;
  const prefix = textAt(match, 'prefix');
  const path = textAt(match, 'path');
  const separated = textAt(match, 'path_separated_prefix');
  const regex = textAt(match, 'safe_regex', 'regex');
  const where = prefix !== null ? `${prefix}*` : (path ?? separated ?? (regex === null ? '/*' : `~${regex}`));
  const headers = listAt(match, 'headers').map((header) => textAt(header, 'name'));
  const query = listAt(match, 'query_parameters').map((parameter) => `?${textAt(parameter, 'name')}`);
  return [where, ...headers, ...query].join(' ');
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

/** `name.namespace`, as istioctl writes it. */
function virtualServiceOf(route: Fields): string {
  const [kind, namespace, name] = provenanceOf(route)?.document.split('/') ?? [];
  return kind === 'VirtualService' ? `${name}.${namespace}` : '';
}
