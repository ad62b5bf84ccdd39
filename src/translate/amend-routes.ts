import type { EnvoyMatch } from '../manifests/index.ts';
import type { Change } from '../mesh/index.ts';
import { amendList, changed, type Selection } from './amend-list.ts';
import { type Context, isIn } from './amend-match.ts';
import { stillMadeOf } from './behind.ts';
import { type Fields, mergeChange } from './merge-message.ts';
import type { View } from './view.ts';

/** What is changed, for whom, and which of the changes did something. */
export type Work = {
  readonly view: View;
  readonly changes: readonly Change[];
  readonly done: Set<Change>;
};

type TableMatch = NonNullable<EnvoyMatch['routeConfiguration']>;

const message = (name: string) => `envoy.config.route.v3.${name}`;

/** A route table as the changes leave it; itself where none is for it. */
export function amendRoutes(work: Work, table: Fields, context: Context): Fields {
  return work.changes.reduce((now, change) => {
    const match = change.says.match?.routeConfiguration;
    if (!isIn(change, context) || !isTable(match, now, context, work.view)) return now;
    const after = amendTable(now, change, match);
    if (after !== now) work.done.add(change);
    return after;
  }, table);
}

function amendTable(table: Fields, change: Change, match: TableMatch = {}): Fields {
  const { applyTo } = change.says;
  const hosts = (table.virtual_hosts ?? []) as readonly Fields[];
  const withHosts = (after: readonly Fields[]) =>
    after === hosts ? table : { ...table, virtual_hosts: after };
  switch (applyTo) {
    case 'ROUTE_CONFIGURATION':
      if (match.portNumber !== undefined && portOf(table) === null) return table;
      return mergeChange(message('RouteConfiguration'), table, change.says);
    case 'VIRTUAL_HOST':
      return withHosts(amendList(hosts, change, hostsMeant(table, match)));
    case 'HTTP_ROUTE': {
      const { isSelected } = hostsMeant(table, match);
      return withHosts(changed(hosts, (host) => (isSelected(host) ? amendHost(host, change, match) : host)));
    }
    default:
      return table;
  }
}

function amendHost(host: Fields, change: Change, { vhost = {} }: TableMatch): Fields {
  const { name, action = 'ANY' } = vhost.route ?? {};
  const routes = (host.routes ?? []) as readonly Fields[];
  const after = amendList(routes, change, {
    message: message('Route'),
    isNamed: name !== undefined || action !== 'ANY',
    isSelected: (route) => (name === undefined || route.name === name) && does(route, action),
    end: ({ length }) => length,
  });
  if (after === routes) return host;
  if (change.says.patch.operation.startsWith('MERGE'))
    for (const [at, route] of after.entries()) stillMadeOf(route, routes[at]);
  return { ...host, routes: after };
}

function does(
  route: Fields,
  action: NonNullable<NonNullable<TableMatch['vhost']>['route']>['action'],
): boolean {
  const field = { ROUTE: 'route', REDIRECT: 'redirect', DIRECT_RESPONSE: 'direct_response', ANY: null }[
    action ?? 'ANY'
  ];
  return field === null || route[field] !== undefined;
}

/** Where one table has the hosts of all ports, a port is that of their names. */
function hostsMeant(table: Fields, { portNumber, vhost = {} }: TableMatch): Selection {
  const { name, domainName } = vhost;
  const isOfPort = (host: Fields) =>
    portNumber === undefined || portOf(table) !== null || String(host.name).endsWith(`:${portNumber}`);
  return {
    message: message('VirtualHost'),
    isNamed: name !== undefined || domainName !== undefined,
    isSelected: (host) =>
      isOfPort(host) &&
      (name === undefined || host.name === name) &&
      (domainName === undefined || ((host.domains ?? []) as readonly unknown[]).includes(domainName)),
    end: ({ length }) => length,
  };
}

/** `80`, `host:80`, `inbound|80||`, `http.80`, `https.443.…`; null: it is for several. */
function portOf({ name }: Fields): number | null {
  const found = /^(?:inbound\|(\d+)\||https?\.(\d+)(?:\.|$)|(?:.*:)?(\d+)$)/.exec(String(name));
  const port = found?.slice(1).find((text) => text !== undefined);
  return port === undefined ? null : Number(port);
}

function isTable(match: TableMatch | undefined, table: Fields, context: Context, view: View): boolean {
  const { name, portNumber, portName, gateway } = match ?? {};
  if (name !== undefined && name !== table.name) return false;
  const port = portOf(table);
  if (portNumber !== undefined && port !== null && port !== portNumber) return false;
  if (context !== 'GATEWAY' || (portName === undefined && gateway === undefined)) return true;
  const [, , ownPortName, ownName, namespace] = String(table.name).split('.');
  return view.openings.some(({ gateway: { id }, server }) => {
    const isOfTable =
      ownName === undefined || (id === `${namespace}/${ownName}` && server.name === ownPortName);
    const isMeant = (gateway ?? id) === id && (portName ?? server.name) === server.name;
    return server.port === port && isOfTable && isMeant;
  });
}
