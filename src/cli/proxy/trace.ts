import { closeness, isFor } from './match.ts';
import type { Request } from './request.ts';
import { at, type Fields, type Kind, listAt, type ProxyResource, socketOf, textAt } from './resource.ts';

/** One thing that decides about a request. */
export type Step = {
  readonly what: 'listener' | 'host' | 'route' | 'cluster' | 'endpoints';
  /** In words. */
  readonly says: string;
  readonly resource: ProxyResource;
  /** What of the resource carries its own provenance. */
  readonly part: unknown;
  /** What of it a rule may have made: a route, or a filter that passes on bytes. */
  readonly rule: object | null;
};

/** What becomes of a request: the steps to it, and the end in a word or two. */
export type Trace = { readonly steps: readonly Step[]; readonly outcome: Outcome };

type Outcome =
  | { readonly does: 'forward'; readonly clusters: readonly string[] }
  | { readonly does: 'redirect' | 'respond' | 'pass' | 'refuse'; readonly message: string };

/** Follows a request through what a proxy was sent, as Envoy would. Null: nothing of the proxy is for it. */
export function trace(resources: readonly ProxyResource[], request: Request): Trace | null {
  const all = entrances(resources);
  const near = all.filter(({ listener, ports }) => {
    return ports.includes(request.port) || isHttpProxy(listener) || listener.name === 'virtualOutbound';
  });
  const http =
    request.scheme === 'tcp' ? null : firstOf(near, (entrance) => throughHttp(entrance, resources, request));
  return http ?? firstOf(near, (entrance) => throughBytes(entrance, resources, request));
}

function firstOf<T>(all: readonly T[], look: (one: T) => Trace | null): Trace | null {
  const found = all.flatMap((one) => look(one) ?? []);
  // A host that is known goes before whatever is for all others.
  return found.find(({ outcome }) => outcome.does !== 'pass') ?? found[0] ?? null;
}

type Entrance = {
  readonly listener: ProxyResource;
  readonly address: string;
  readonly port: number;
  /** At which clients ask: of a gateway behind a Service, not only that of the listener. */
  readonly ports: readonly number[];
  readonly match: unknown;
  /** Which sends on, and how. */
  readonly filter: Fields;
  readonly config: unknown;
};

/** Every way into the proxy for its own application, or for a gateway's clients. */
function entrances(resources: readonly ProxyResource[]): readonly Entrance[] {
  const listeners = resources.filter(({ kind, name }) => kind === 'listener' && name !== 'virtualInbound');
  return listeners
    .filter(({ resource }) => resource.traffic_direction !== 'INBOUND')
    .flatMap((listener) => {
      const { address, port } = socketOf(listener.resource.address);
      const { default_filter_chain: otherwise } = listener.resource;
      const chains = [...listAt(listener.resource, 'filter_chains'), ...(otherwise ? [otherwise] : [])];
      return chains.flatMap((chain) =>
        listAt(chain, 'filters').map((filter) => {
          const match = at(chain, 'filter_chain_match');
          const config = at(filter, 'typed_config');
          const named = serverPort(textAt(config, 'rds', 'route_config_name') ?? '');
          const ports = [Number(port), ...portsAsked(listener.resource), ...named];
          return { listener, address, port: Number(port), ports, match, filter, config };
        }),
      );
    });
}

function portsAsked(listener: Fields): readonly number[] {
  const ports = at(listener, 'metadata', 'filter_metadata', 'fairlead.asked', 'ports');
  return Array.isArray(ports) ? ports.map(Number) : [];
}

/** `http.80`, `https.443.…`: that of a gateway's server (istiod's dumps say it in no other way). */
function serverPort(table: string): readonly number[] {
  const [, port] = /^https?\.(\d+)(?:\.|$)/.exec(table) ?? [];
  return port === undefined ? [] : [Number(port)];
}

function isHttpProxy({ resource }: ProxyResource): boolean {
  return listAt(resource, 'filter_chains').some((chain) =>
    listAt(chain, 'filters').some(
      (filter) => textAt(filter, 'typed_config', 'rds', 'route_config_name') === 'http_proxy',
    ),
  );
}

function throughHttp(
  { listener, address, port, config }: Entrance,
  resources: readonly ProxyResource[],
  request: Request,
): Trace | null {
  const name = textAt(config, 'rds', 'route_config_name');
  const table = find(resources, 'route', name ?? '');
  if (name === null || table === undefined) return null;
  const isPortless = table.resource.ignore_port_in_host_matching === true;
  const host = hostFor(table.resource, isPortless ? request.host : request.authority);
  if (host === null) return null;
  const entered: Step = {
    what: 'listener',
    says: `${address}:${port}, routes ${name}`,
    resource: listener,
    part: null,
    rule: null,
  };
  const route = listAt(host, 'routes').find((one) => isFor(one, request));
  const [first] = listAt(host, 'routes');
  const says = textAt(host, 'name') ?? '-';
  const hosted: Step = { what: 'host', says, resource: table, part: null, rule: null };
  if (host.require_tls === 'ALL' && request.scheme === 'http') {
    const { says: does, outcome } = ended(
      'redirect',
      `it is redirected to https://${request.authority} (301)`,
    );
    const insists: Step = { what: 'route', says: does, resource: table, part: host, rule: null };
    return { steps: [entered, hosted, insists], outcome };
  }
  if (route === undefined) {
    const message = 'no rule of the host is for it: it is answered 404';
    return first === undefined ? null : { steps: [entered, hosted], outcome: { does: 'refuse', message } };
  }
  const { says: does, outcome } = actionOf(route);
  const routed: Step = { what: 'route', says: does, resource: table, part: route, rule: route };
  const steps = [entered, hosted, routed, ...clusterSteps(outcome, resources)];
  return { steps, outcome };
}

/** Connections whose bytes go to a service of the host, or that are told by the name that a TLS client asks for. */
function throughBytes(
  { listener, address, port, ports, match, filter, config }: Entrance,
  resources: readonly ProxyResource[],
  request: Request,
): Trace | null {
  const one = textAt(config, 'cluster');
  const several = listAt(config, 'weighted_clusters', 'clusters').flatMap(
    (cluster) => textAt(cluster, 'name') ?? [],
  );
  const clusters = one === null ? several : [one];
  const isAddressed = address === request.host && port === request.port;
  const isNamed = isAskedFor(match, request) && ports.includes(request.port);
  if (clusters.length === 0 || !(isAddressed || isNamed || clusters.some((name) => isOf(name, request))))
    return null;
  const outcome: Outcome = { does: 'forward', clusters };
  const says = `${address}:${port}, bytes as they come`;
  const entered: Step = {
    ...{ what: 'listener', says, resource: listener },
    ...{ part: listener.resource, rule: filter },
  };
  return { steps: [entered, ...clusterSteps(outcome, resources)], outcome };
}

/** SNI: a chain for some names is for these alone. */
function isAskedFor(match: unknown, { scheme, host }: Request): boolean {
  const names = at(match, 'server_names');
  if (scheme !== 'https' || !Array.isArray(names)) return false;
  return names.some((name) => closeness(String(name), host) !== null);
}

function isOf(cluster: string, { host, port }: Request): boolean {
  const [, number, , named = ''] = cluster.split('|');
  return Number(number) === port && (named === host || named.startsWith(`${host}.`));
}

function hostFor(table: Fields, authority: string): Fields | null {
  let best: { readonly host: Fields; readonly rank: number } | null = null;
  for (const host of listAt(table, 'virtual_hosts')) {
    const domains = at(host, 'domains');
    for (const domain of Array.isArray(domains) ? domains.map(String) : []) {
      const rank = closeness(domain, authority);
      if (rank !== null && (best === null || rank > best.rank)) best = { host, rank };
    }
  }
  return best?.host ?? null;
}

function actionOf(route: Fields): { readonly says: string; readonly outcome: Outcome } {
  const status = at(route, 'direct_response', 'status');
  if (status !== undefined) return ended('respond', `the proxy itself answers ${status}`);
  if (route.redirect !== undefined) {
    const { scheme_redirect: scheme, host_redirect: host } = route.redirect as Fields;
    const to = [
      scheme === undefined ? '' : `${scheme}://`,
      host ?? '',
      at(route, 'redirect', 'path_redirect') ?? '',
    ];
    return ended('redirect', `it is redirected to ${to.join('') || 'another path'}`);
  }
  const several = listAt(route, 'route', 'weighted_clusters', 'clusters');
  const total = several.reduce((sum, cluster) => sum + Number(at(cluster, 'weight') ?? 0), 0);
  const shares = several.map((cluster) => {
    const percent = Math.round((1000 * Number(at(cluster, 'weight') ?? 0)) / total) / 10;
    return { name: textAt(cluster, 'name') ?? '', percent };
  });
  const one = textAt(route, 'route', 'cluster');
  const all = one === null ? shares : [{ name: one, percent: 100 }];
  if (one === 'PassthroughCluster')
    return ended('pass', 'no host of the mesh: where its connection was captured, it passes on as it is');
  if (one === 'BlackHoleCluster')
    return ended('refuse', 'what it is routed to is not there: it is answered 503');
  const says = all.map(({ name, percent }) => `${percent} % to ${name}`).join(', ');
  const clusters = all.filter(({ percent }) => percent > 0).map(({ name }) => name);
  return { says, outcome: { does: 'forward', clusters } };
}

function ended(does: 'redirect' | 'respond' | 'pass' | 'refuse', message: string) {
  return { says: message, outcome: { does, message } };
}

function clusterSteps(outcome: Outcome, resources: readonly ProxyResource[]): readonly Step[] {
  if (outcome.does !== 'forward') return [];
  return outcome.clusters.flatMap((name): readonly Step[] => {
    const cluster = find(resources, 'cluster', name);
    if (cluster === undefined) return [];
    const listed = find(resources, 'endpoint', name);
    const own: Step = {
      ...{ what: 'cluster', says: name, resource: cluster },
      ...{ part: cluster.resource, rule: null },
    };
    const assignment = listed?.resource ?? at(cluster.resource, 'load_assignment');
    const source = listed ?? cluster;
    const says = placeOf(cluster.resource) ?? endpointsOf(assignment);
    return [own, { what: 'endpoints', says, resource: source, part: null, rule: null }];
  });
}

/** Where a cluster without endpoints of its own sends requests; null: it has its own. */
function placeOf(cluster: Fields): string | null {
  if (cluster.type === 'ORIGINAL_DST') return 'where the connection wanted to go';
  if (cluster.cluster_type !== undefined) return 'the host that is asked for, as it is looked up then';
  return null;
}

const MAX_SHOWN = 8;

function endpointsOf(assignment: unknown): string {
  const all = listAt(assignment, 'endpoints').flatMap((group) => listAt(group, 'lb_endpoints'));
  const shown = all.slice(0, MAX_SHOWN).map((one) => {
    const { address, port } = socketOf(at(one, 'endpoint', 'address'));
    return `${address}:${port}`;
  });
  if (all.length === 0) return 'none: its requests are answered 503';
  return `${shown.join(', ')}${all.length > MAX_SHOWN ? ` and ${all.length - MAX_SHOWN} more` : ''}`;
}

function find(resources: readonly ProxyResource[], kind: Kind, name: string): ProxyResource | undefined {
  return resources.find((one) => one.kind === kind && one.name === name);
}
