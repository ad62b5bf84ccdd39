import { isDeepStrictEqual } from 'node:util';
import { sameItems } from '../base/lists.ts';
import type { Origin, Service } from '../mesh/index.ts';
import { actionBehind } from './behind.ts';
import { type Draft, distinct, distinctAgain } from './encode.ts';
import { routeConfiguration } from './http.ts';
import { defaultRoute, type Routes, routesOf } from './routes.ts';
import { CLUSTER, type Reference, ROUTES } from './types.ts';
import { routingOf, type View } from './view.ts';

/** A host and port that clients may ask for. `bare`: also without the port. */
export type Entry = {
  readonly host: string;
  readonly port: number;
  readonly bare: boolean;
  readonly names: readonly string[];
  /** Null: only a routing defines the host. */
  readonly service: Service | null;
  readonly routes: Routes;
  readonly origins: readonly Origin[];
};

export type VirtualHost = {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly object[];
};

/** What a route table is made of. */
type Table = {
  readonly name: string;
  /** In the order of their hosts. */
  readonly entries: readonly Entry[];
  /** One for each entry. */
  readonly hosts: readonly VirtualHost[];
  /** What comes after the hosts. */
  readonly rest: readonly object[];
  readonly otherClusters: readonly string[];
  /** Port of the hosts that only routings define; null: it has none of them. */
  readonly virtualPort: number | null;
  readonly fields: object;
};

/** What drafts of tables were made of. */
const tables = new WeakMap<Draft, Table>();

/** `known`: its references, each once and in order, and its JSON, where they are. */
export function routeTable(table: Table, known: Partial<Pick<Draft, 'references' | 'json'>> = {}): Draft {
  const { name, entries, hosts, rest, fields } = table;
  const draft: Draft = {
    typeUrl: ROUTES,
    name,
    json: known.json ?? { ...routeConfiguration(name, [...hosts, ...rest]), ...fields },
    references: known.references ?? distinct(clustersOf(table).map(toCluster)),
    // Made when somebody asks, which is seldom: of all hosts they are many.
    get origins() {
      return entries.flatMap(({ origins }) => origins);
    },
  };
  tables.set(draft, table);
  return draft;
}

function toCluster(name: string): Reference {
  return { typeUrl: CLUSTER, name };
}

function clustersOf({ entries, otherClusters }: Table): readonly string[] {
  return [...entries.flatMap(({ routes }) => routes.clusters), ...otherClusters];
}

/** By the routes that it has, its name and its domains. */
const virtualHosts = new WeakMap<Routes, Map<string, VirtualHost>>();

/** One that did not change is the same object: it is encoded once. */
export function virtualHost(name: string, domains: readonly string[], routes: Routes): VirtualHost {
  const byText = virtualHosts.get(routes) ?? new Map<string, VirtualHost>();
  virtualHosts.set(routes, byText);
  const text = [name, ...domains].join(' ');
  const host = byText.get(text) ?? { name, domains, routes: routes.routes };
  byText.set(text, host);
  return host;
}

/** What the routing of a view says about a host at a port, and where it says it. */
export function routed(
  { host, port, service }: Pick<Entry, 'host' | 'port' | 'service'>,
  view: View,
): Pick<Entry, 'routes' | 'origins'> {
  const routing = service === null ? (view.routings.get(host) ?? null) : routingOf(view, host, port);
  const routes = routing === null ? nothing : routesOf(routing, port, view);
  const origins = routing?.rules.map(({ origin }) => origin) ?? [];
  if (service === null) return { routes, origins };
  // Rules of which none is for this client and port say nothing about its requests (Istio).
  const isDefault = routes.routes.length === 0;
  return {
    routes: isDefault ? defaultRoute(service, port, view.settings) : routes,
    origins: [service.origin, ...origins],
  };
}

const nothing: Routes = { routes: [], clusters: [] };

/**
 * The table of a view in which nothing but what is said of these hosts may be another; with the same JSON where it says the
 * same. Null where a host comes or goes
 * with that.
 */
export function tableAgain(draft: Draft, changed: readonly string[], view: View): Draft | null {
  const table = tables.get(draft);
  if (table === undefined) return null;
  const entries = table.entries.slice();
  const hosts = table.hosts.slice();
  const [gained, lost]: [string[], string[]] = [[], []];
  let isSame = true;
  for (const host of changed) {
    const all = placesOf(table.entries, host);
    if (all.length === 0 && comes(table, host, view)) return null;
    for (const at of all) {
      const [entry, old] = [table.entries[at], table.hosts[at]];
      if (entry === undefined || old === undefined) continue;
      const service = entry.service === null ? null : (view.services.get(host) ?? entry.service);
      const now = routed({ host, port: entry.port, service }, view);
      if (service === null && now.routes.routes.length === 0) return null;
      if (now.routes === entry.routes && service === entry.service) continue;
      isSame = false;
      gained.push(...now.routes.clusters);
      lost.push(...entry.routes.clusters);
      entries[at] = { ...entry, ...now, service };
      hosts[at] = saySame(now.routes, entry.routes) ? old : virtualHost(old.name, old.domains, now.routes);
    }
  }
  if (isSame) return draft;
  const again = { ...table, entries, hosts };
  const gone = lost.filter((cluster) => !gained.includes(cluster) && !leadsTo(again, cluster));
  const references = distinctAgain(draft.references, gained.map(toCluster), gone.map(toCluster));
  return routeTable(again, sameItems(hosts, table.hosts) ? { references, json: draft.json } : { references });
}

/** Whether they are equal, and made of the same actions. */
function saySame({ routes: now }: Routes, { routes: old }: Routes): boolean {
  const isMade = now.every((route, index) => {
    const other = old[index];
    return other !== undefined && actionBehind(route) === actionBehind(other);
  });
  return isMade && isDeepStrictEqual(now, old);
}

function leadsTo({ entries, otherClusters }: Table, cluster: string): boolean {
  return otherClusters.includes(cluster) || entries.some(({ routes }) => routes.clusters.includes(cluster));
}

/** Whether a host that only a routing defines has routes now, and had none before. */
function comes({ virtualPort: port }: Table, host: string, view: View): boolean {
  if (port === null || view.services.has(host) || !view.routings.has(host)) return false;
  return routed({ host, port, service: null }, view).routes.routes.length > 0;
}

/** Indexes of the entries of a host: they stand together. */
function placesOf(entries: readonly Entry[], host: string): readonly number[] {
  let [start, end] = [0, entries.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    const other = entries[middle];
    if (other !== undefined && other.host < host) start = middle + 1;
    else end = middle;
  }
  const found: number[] = [];
  for (let at = start; entries[at]?.host === host; at += 1) found.push(at);
  return found;
}
