import { at, type Fields, isFields, listAt, socketOf, textAt } from './resource.ts';
import { matchOf as routeMatch } from './route.ts';
import type { View } from './views.ts';

export const listenerView: View = {
  what: 'listeners',
  aliases: ['listeners', 'l', 'lds'],
  head: ['ADDRESSES', 'PORT', 'MATCH', 'DESTINATION'],
  filters: { address: 'it listens on', port: 'it listens on', type: 'HTTP or TCP' },
  rows({ resource }, filters) {
    const { address, port } = socketOf(resource.address);
    const others = listAt(resource, 'additional_addresses').map((one) => socketOf(one.address).address);
    const addresses = [address, ...others];
    if (filters.address !== undefined && !addresses.includes(filters.address)) return [];
    if (filters.port !== undefined && filters.port !== port) return [];
    return chainsOf(resource)
      .map(({ chain, match }) => ({ match, ...destinationOf(chain) }))
      .filter(({ type }) => filters.type === undefined || filters.type.toUpperCase() === type)
      .map(({ match, destination }) => ({
        cells: [addresses.join(','), port, match, destination],
        part: resource,
      }));
  },
};

type Chain = { readonly chain: Fields; readonly match: string };

function chainsOf(listener: Fields): readonly Chain[] {
  const chains = listAt(listener, 'filter_chains').map((chain) => ({ chain, match: matchOf(chain) }));
  const otherwise = listener.default_filter_chain;
  return isFields(otherwise) ? [...chains, { chain: otherwise, match: matchOf(otherwise) }] : chains;
}

/** What a client of plain HTTP is told by. */
const PLAIN_HTTP = 'http/1.0,http/1.1,h2c';

/** What has to hold for a connection to come here, in short and in istioctl's order. */
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
  const addressed = ranges.length === 0 && port !== undefined ? '*' : ranges.join(',');
  const protocols = texts('application_protocols');
  const said = [
    ['SNI', texts('server_names')],
    ['Trans', textAt(match, 'transport_protocol') ?? ''],
    ['App', protocols === PLAIN_HTTP ? 'HTTP' : protocols],
    ['Addr', `${addressed}${port === undefined ? '' : `:${port}`}`],
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
  const hosts = listAt(manager, 'route_config', 'virtual_hosts');
  const routes = hosts.flatMap((host) => listAt(host, 'routes'));
  const [only] = routes;
  const cluster = textAt(only, 'route', 'cluster');
  const isForAll = routes.length === 1 && textAt(only, 'match', 'prefix') === '/';
  if (isForAll && cluster !== null) return named(cluster);
  return `Inline Route: ${routes.map(routeMatch).join(', ') || '-'}`;
}

/** Clusters that stand for no service say what they are by their names. */
function named(cluster: string): string {
  return cluster.includes('Cluster') ? cluster : `Cluster: ${cluster}`;
}

function clustersOf(proxy: unknown): string {
  const one = textAt(proxy, 'cluster');
  if (one !== null) return named(one);
  const several = listAt(proxy, 'weighted_clusters', 'clusters').map((cluster) => {
    return `${textAt(cluster, 'name')} (${at(cluster, 'weight')})`;
  });
  return `Clusters: ${several.join(', ') || '-'}`;
}
