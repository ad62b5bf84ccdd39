import { at, type Fields, isFields, listAt, socketOf, textAt } from './resource.ts';
import type { View } from './views.ts';

export const listenerView: View = {
  aliases: ['listeners', 'l', 'lds'],
  head: ['ADDRESS', 'PORT', 'MATCH', 'DESTINATION'],
  filters: { address: 'it listens on', port: 'it listens on', type: 'HTTP or TCP' },
  rows({ resource }, filters) {
    const { address, port } = socketOf(resource.address);
    if (filters.address !== undefined && filters.address !== address) return [];
    if (filters.port !== undefined && filters.port !== port) return [];
    return chainsOf(resource)
      .map(({ chain, match }) => ({ match, ...destinationOf(chain) }))
      .filter(({ type }) => filters.type === undefined || filters.type.toUpperCase() === type)
      .map(({ match, destination }) => ({ cells: [address, port, match, destination], part: resource }));
  },
};

type Chain = { readonly chain: Fields; readonly match: string };

function chainsOf(listener: Fields): readonly Chain[] {
  const chains = listAt(listener, 'filter_chains').map((chain) => ({ chain, match: matchOf(chain) }));
  const otherwise = listener.default_filter_chain;
  return isFields(otherwise) ? [...chains, { chain: otherwise, match: 'otherwise' }] : chains;
}

/** What has to hold for a connection to come here, in short. */
function matchOf(chain: Fields): string {
  const match = at(chain, 'filter_chain_match');
  const texts = (field: string) => {
    const found = at(match, field);
    return Array.isArray(found) ? found.map(String).join(',') : '';
  };
  const ranges = listAt(match, 'prefix_ranges').map((range) => {
    return `${textAt(range, 'address_prefix')}/${at(range, 'prefix_len')}`;
  });
  const port = at(match, 'destination_port');
  const said = [
    ['Addr', `${ranges.join(',')}${port === undefined ? '' : `:${port}`}`],
    ['Trans', textAt(match, 'transport_protocol') ?? ''],
    ['App', texts('application_protocols')],
    ['SNI', texts('server_names')],
  ].filter(([, value]) => value !== '');
  return said.length === 0 ? 'ALL' : said.map(([name, value]) => `${name}: ${value}`).join('; ');
}

type Destination = { readonly type: 'HTTP' | 'TCP'; readonly destination: string };

/** The last filter of a chain is the one that sends on. */
function destinationOf(chain: Fields): Destination {
  for (const filter of listAt(chain, 'filters').toReversed()) {
    const config = at(filter, 'typed_config');
    const type = textAt(config, '@type') ?? '';
    if (type.endsWith('HttpConnectionManager')) return { type: 'HTTP', destination: routesOf(config) };
    if (type.endsWith('TcpProxy')) return { type: 'TCP', destination: clustersOf(config) };
  }
  return { type: 'TCP', destination: '-' };
}

function routesOf(manager: unknown): string {
  const name = textAt(manager, 'rds', 'route_config_name');
  if (name !== null) return `Route: ${name}`;
  const clusters = listAt(manager, 'route_config', 'virtual_hosts')
    .flatMap((host) => listAt(host, 'routes'))
    .flatMap((route) => textAt(route, 'route', 'cluster') ?? []);
  const inline = textAt(manager, 'route_config', 'name') ?? [...new Set(clusters)].join(',');
  return `Inline Route: ${inline || '-'}`;
}

function clustersOf(proxy: unknown): string {
  const one = textAt(proxy, 'cluster');
  if (one !== null) return `Cluster: ${one}`;
  const several = listAt(proxy, 'weighted_clusters', 'clusters').map((cluster) => {
    return `${textAt(cluster, 'name')} (${at(cluster, 'weight')})`;
  });
  return `Clusters: ${several.join(', ') || '-'}`;
}
