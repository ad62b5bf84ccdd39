import type { Origin, Reports, Told } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import type { Draft } from './encode.ts';
import { logOf } from './logs.ts';
import { clusterOfCollector, requestIds, tracingOf } from './spans.ts';
import { CLUSTER, LISTENER, type Skipped } from './types.ts';
import type { View } from './view.ts';

/**
 * Listeners with what the proxy reports of what passes through them: of all requests and connections of its side, so that
 * it is added to all of them in one place. What a gateway does is what a client does (Istio).
 */
export function reported(view: View, { drafts, skipped }: Bound): Bound {
  const told = view.reports;
  const [client, server] = [settingsOf(view, told.client), settingsOf(view, told.server)];
  const missing = missingCollectors(view, told);
  if (isNothing(client) && isNothing(server)) return { drafts, skipped: [...skipped, ...missing] };
  const all = drafts.map((draft) => {
    if (draft.typeUrl !== LISTENER) return draft;
    const { traffic_direction: direction } = draft.json as Listener;
    return withReports(draft, direction === 'INBOUND' ? server : client, told.origins);
  });
  return { drafts: all, skipped: [...skipped, ...missing] };
}

/** Fields of the filters that carry requests, or bytes. */
type Fields = { readonly http: object; readonly bytes: object; readonly clusters: readonly string[] };

function isNothing({ http, bytes }: Fields): boolean {
  return Object.keys(http).length + Object.keys(bytes).length === 0;
}

function settingsOf(view: View, { lines, spans }: Reports): Fields {
  const logsOf = (other: 'requests' | 'connections') => {
    const access_log = lines.filter(({ to }) => to.writes !== other).flatMap((line) => logOf(line, view));
    return access_log.length === 0 ? {} : { access_log };
  };
  const takers = lines.flatMap(({ to }) =>
    to.writes === 'file' ? [] : (clusterOfCollector(to, view) ?? []),
  );
  const cluster = spans === null ? null : clusterOfCollector(spans.to, view);
  const tracing = spans === null || cluster === null ? null : tracingOf(spans, cluster, view.proxy);
  return {
    http: {
      ...logsOf('connections'),
      ...(tracing === null || spans === null ? {} : { tracing, ...requestIds(spans) }),
    },
    bytes: logsOf('requests'),
    clusters: [...takers, ...(tracing === null || cluster === null ? [] : [cluster])],
  };
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
