import type { Origin, Service, Side, Told } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import type { Draft } from './encode.ts';
import { logOf } from './logs.ts';
import { atEnd, countersOf, isCounting, serviceMetadata } from './metrics.ts';
import { inboundCluster } from './names.ts';
import { servedTargets } from './served.ts';
import { clusterOfCollector, requestIds, tracingOf } from './spans.ts';
import { CLUSTER, LISTENER, type Skipped } from './types.ts';
import type { View } from './view.ts';

/**
 * Listeners with what the proxy reports of what passes through them: of all requests and connections of its side, so that
 * it is added to all of them in one place. What a gateway does is what a client does (Istio).
 */
export function reported(view: View, { drafts, skipped }: Bound): Bound {
  const told = view.reports;
  const [client, server] = [settingsOf(view, told, 'client'), settingsOf(view, told, 'server')];
  const missing = missingCollectors(view, told);
  if (isNothing(client) && isNothing(server)) return { drafts, skipped: [...skipped, ...missing] };
  const applications = isCounting(told.server, view.proxy)
    ? applicationsOf(view)
    : new Map<string, Service>();
  const all = drafts.map((draft) => {
    if (draft.typeUrl === CLUSTER) return named(draft, applications.get(draft.name));
    if (draft.typeUrl !== LISTENER) return draft;
    const { traffic_direction: direction } = draft.json as Listener;
    return withReports(draft, direction === 'INBOUND' ? server : client, told.origins);
  });
  return { drafts: all, skipped: [...skipped, ...missing] };
}

/** The services whose requests come in through a cluster of the application: the first of those that share a port (Istio). */
function applicationsOf(view: View): ReadonlyMap<string, Service> {
  const targets = [...servedTargets(view, view.proxy.ips)];
  return new Map(
    targets.flatMap(([target, [first]]): readonly (readonly [string, Service])[] => {
      return first === undefined ? [] : [[inboundCluster(target), first.service]];
    }),
  );
}

function named(draft: Draft, service: Service | undefined): Draft {
  if (service === undefined) return draft;
  const { metadata = {}, ...json } = draft.json as {
    readonly metadata?: { readonly filter_metadata?: object };
  };
  const filter_metadata = { ...metadata.filter_metadata, ...serviceMetadata(service) };
  return { ...draft, json: { ...json, metadata: { ...metadata, filter_metadata } } };
}

/** Fields of the filters that carry requests, or bytes, and of each listener. */
type Fields = {
  readonly http: object;
  readonly bytes: object;
  readonly listener: object;
  readonly clusters: readonly string[];
};

function isNothing({ http, bytes }: Fields): boolean {
  return Object.keys(http).length + Object.keys(bytes).length === 0;
}

function settingsOf(view: View, told: Told, side: Side): Fields {
  const reports = told[side];
  const { lines, spans } = reports;
  const logsOf = (other: 'requests' | 'connections') =>
    lines.filter(({ to }) => to.writes !== other).flatMap((line) => logOf(line, view));
  const takers = lines.flatMap(({ to }) =>
    to.writes === 'file' ? [] : (clusterOfCollector(to, view) ?? []),
  );
  const logs = logsOf('requests');
  const counters = countersOf(reports, side, view.proxy);
  const cluster = spans === null ? null : clusterOfCollector(spans.to, view);
  const tracing = spans === null || cluster === null ? null : tracingOf(spans, cluster, view.proxy);
  return {
    http: {
      ...logging([...logsOf('connections'), ...counters.http]),
      ...(tracing === null || spans === null ? {} : { tracing, ...requestIds(spans) }),
    },
    bytes: {
      ...logging([...(counters.bytes.length === 0 ? logs : logs.map(atEnd)), ...counters.bytes]),
      ...(counters.bytes.length === 0 ? {} : { access_log_options: { flush_access_log_on_connected: true } }),
    },
    listener: logging(counters.listener),
    clusters: [...takers, ...(tracing === null || cluster === null ? [] : [cluster])],
  };
}

function logging(access_log: readonly object[]): object {
  return access_log.length === 0 ? {} : { access_log };
}

type Filter = { readonly name: string; readonly typed_config: object };
type Chain = { readonly filters: readonly Filter[] };
type Listener = {
  readonly traffic_direction?: string;
  readonly filter_chains?: readonly Chain[];
  readonly default_filter_chain?: Chain;
};

function withReports(draft: Draft, fields: Fields, origins: readonly Origin[]): Draft {
  if (isNothing(fields)) return draft;
  const { filter_chains: chains, default_filter_chain: last, ...json } = draft.json as Listener;
  const clusters = fields.clusters.map((name) => ({ typeUrl: CLUSTER, name }) as const);
  return {
    ...draft,
    json: {
      ...json,
      ...fields.listener,
      ...(chains === undefined ? {} : { filter_chains: chains.map((chain) => inChain(chain, fields)) }),
      ...(last === undefined ? {} : { default_filter_chain: inChain(last, fields) }),
    },
    origins: [...draft.origins, ...origins],
    references: [...draft.references, ...clusters],
  };
}

function inChain(chain: Chain, { http, bytes }: Fields): Chain {
  const more = new Map([
    ['envoy.filters.network.http_connection_manager', http],
    ['envoy.filters.network.tcp_proxy', bytes],
  ]);
  const filters = chain.filters.map((filter): Filter => {
    return { ...filter, typed_config: { ...filter.typed_config, ...more.get(filter.name) } };
  });
  return { ...chain, filters };
}

/** Collectors that the proxy does not see: it reports nothing there. */
function missingCollectors(view: View, told: Told): readonly Skipped[] {
  const all = [told.client, told.server].flatMap(({ spans, lines }) => [
    ...(spans === null ? [] : [spans.to]),
    ...lines.flatMap(({ to }) => (to.writes === 'file' ? [] : [to])),
  ]);
  const unseen = all.filter((to) => clusterOfCollector(to, view) === null);
  const sources = told.origins.map(({ scope, uid, file, line, column }) => ({
    scope,
    uid,
    file,
    line,
    column,
  }));
  return [...new Set(unseen.map((to) => `${to.host}:${to.port}`))].map((address) => {
    return { address, reason: 'the proxy sees no such service, so that it reports nothing there', sources };
  });
}
