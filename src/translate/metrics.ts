import type { Endpoint, Metric, MetricTag, Reports, Service, Side } from '../mesh/index.ts';
import {
  firstOf,
  type MetricLabel,
  metricLabels,
  SERVICE_METADATA,
  WORKLOAD_METADATA,
  workloadFacts,
} from './metric-labels.ts';
import { typed } from './pieces.ts';
import type { Proxy } from './types.ts';

/**
 * Istio's metrics, counted by an access logger of Envoy as it is released (`stats`, since 1.39 with the limits that are
 * used here). A label is text, or an operator over node, cluster and endpoint, so that one logger is for all who share labels.
 */
const logger = 'envoy.access_loggers.stats';

/**
 * A namespace of statistics that Envoy prints without its own prefix: it knows this one as soon as it has any WebAssembly
 * plugin, and no configuration can name another. Without the plugin the names are `envoy_istio_requests_total`.
 */
const BARE = 'wasmcustom';

const plain = ['envoy.access_loggers.wasm', 'envoy.wasm.runtime.v8'] as const;

/** The smallest module that Envoy takes: it says its version, gives no memory and does nothing. */
const module =
  'AGFzbQEAAAABCQJgAABgAX8BfwMDAgABBQMBAAEHPwMXcHJveHlfYWJpX3ZlcnNpb25fMF8yXzEAABhwcm94eV9vbl9tZW1vcnlfYWxsb2NhdGUAAQZtZW1vcnkCAAoJAgIACwQAQQAL';

/**
 * The most of each kind in one logger, whatever clients send: what is beyond is not counted (`server.stats_overflow.counter`).
 * One limit for all loggers (`sharing_name`) has Envoy 1.40 crash in `--mode validate`.
 */
const most = 10_000;

type Counted = {
  readonly name: string;
  readonly value: string | null;
  readonly unit: 'Bytes' | 'Milliseconds' | null;
};

/** Istio's names; `value` null: one each. A unit makes it a histogram. */
const ofRequests: ReadonlyMap<Metric, Counted> = new Map([
  ['requests', { name: 'istio_requests_total', value: null, unit: null }],
  ['durations', { name: 'istio_request_duration_milliseconds', value: '%DURATION%', unit: 'Milliseconds' }],
  ['request-sizes', { name: 'istio_request_bytes', value: '%BYTES_RECEIVED%', unit: 'Bytes' }],
  ['response-sizes', { name: 'istio_response_bytes', value: '%BYTES_SENT%', unit: 'Bytes' }],
]);
const ofBeginnings: ReadonlyMap<Metric, Counted> = new Map([
  ['opened-connections', { name: 'istio_tcp_connections_opened_total', value: null, unit: null }],
]);
const ofEnds: ReadonlyMap<Metric, Counted> = new Map([
  ['closed-connections', { name: 'istio_tcp_connections_closed_total', value: null, unit: null }],
  ['sent-bytes', { name: 'istio_tcp_sent_bytes_total', value: '%BYTES_SENT%', unit: null }],
  ['received-bytes', { name: 'istio_tcp_received_bytes_total', value: '%BYTES_RECEIVED%', unit: null }],
]);

/** Whether the proxy counts anything of a side. */
export function isCounting({ metrics }: Pick<Reports, 'metrics'>, { extensions }: Proxy): boolean {
  return metrics.length > 0 && (extensions === null || extensions.has(logger));
}

/** What counts one side: access loggers of requests and of connections, and of each listener that has them. */
export function countersOf(
  { metrics }: Reports,
  side: Side,
  proxy: Proxy,
): {
  readonly http: readonly object[];
  readonly bytes: readonly object[];
  readonly listener: readonly object[];
} {
  if (!isCounting({ metrics }, proxy)) return { http: [], bytes: [], listener: [] };
  const { extensions } = proxy;
  const isBare = extensions === null || plain.every((name) => extensions.has(name));
  const log = (of: ReadonlyMap<Metric, Counted>, carried: 'requests' | 'bytes', filter: object | null) => {
    const labels = metricLabels(side, carried, proxy);
    const stats = metrics.flatMap(({ metric, tags }) => {
      const counted = of.get(metric);
      return counted === undefined ? [] : [{ ...counted, tags: tagged(labels, tags) }];
    });
    return stats.length === 0 ? [] : [statsLog(stats, isBare, filter)];
  };
  return {
    http: log(ofRequests, 'requests', null),
    bytes: [...log(ofBeginnings, 'bytes', begun), ...log(ofEnds, 'bytes', ended)],
    listener: isBare ? [namesLog] : [],
  };
}

/** A log of bytes that is written when a connection ends, where others are written when it begins. */
export function atEnd({ filter, ...log }: { readonly filter?: object }): object {
  return { ...log, filter: filter === undefined ? ended : { and_filter: { filters: [ended, filter] } } };
}

const ended = { log_type_filter: { types: ['TcpConnectionEnd'] } };

/** When the endpoint is known, or when it is known that there is none. */
const begun = {
  or_filter: {
    filters: [
      { log_type_filter: { types: ['TcpUpstreamConnected'] } },
      {
        and_filter: {
          filters: [ended, { response_flag_filter: { flags: ['UF', 'UH', 'NR', 'UO', 'URX', 'NC'] } }],
        },
      },
    ],
  },
};

type Stat = Counted & { readonly tags: readonly object[] };

function statsLog(stats: readonly Stat[], isBare: boolean, filter: object | null): object {
  const counters = stats.filter(({ unit }) => unit === null);
  const histograms = stats.filter(({ unit }) => unit !== null);
  return {
    name: logger,
    ...(filter === null ? {} : { filter }),
    typed_config: typed('envoy.extensions.access_loggers.stats.v3.Config', {
      stats_scope: {
        ...(isBare ? { prefix: BARE } : {}),
        max_counters: most,
        max_histograms: most,
      },
      counters: counters.map(({ name, tags, value }) => ({
        stat: { name, tags },
        ...(value === null ? { value_fixed: '1' } : { value_format: value }),
      })),
      histograms: histograms.map(({ name, tags, value, unit }) => ({
        stat: { name, tags },
        unit,
        value_format: value,
      })),
    }),
  };
}

/** Labels with what is said of them; what is new comes last. */
function tagged(labels: readonly MetricLabel[], changes: readonly MetricTag[]): readonly object[] {
  const all = new Map(labels.map((label) => [label.name, label]));
  for (const { name, value } of changes) {
    if (value === null) all.delete(name);
    else all.set(name, { name, format: firstOf(['CEL', value]) });
  }
  return [...all.values()].map(({ name, format }) => ({ name, value_format: format }));
}

/** Never runs: that it is there is enough. All listeners share what it takes (`vm_id`). */
const namesLog = {
  name: plain[0],
  filter: { runtime_filter: { runtime_key: 'fairlead.never' } },
  typed_config: typed('envoy.extensions.access_loggers.wasm.v3.WasmAccessLog', {
    config: {
      name: 'fairlead.names',
      vm_config: { vm_id: 'fairlead.names', runtime: plain[1], code: { local: { inline_bytes: module } } },
    },
  }),
};

/** Metadata of a service's clusters, for labels. Of one that has no short name the host is its name (Istio). */
export function serviceMetadata({
  host,
  namespace,
  shortName,
}: Pick<Service, 'host' | 'namespace' | 'shortName'>): object {
  return { [SERVICE_METADATA]: { host, name: shortName ?? host, namespace } };
}

/** Metadata of an endpoint, likewise; what is not known is not there. */
export function workloadMetadata({ labels, namespace, workload, origin }: Endpoint): object {
  const { app, version, canonical, revision } = workloadFacts(labels);
  const name = workloadName(workload ?? origin.document, labels);
  const facts = {
    name,
    namespace,
    app,
    version,
    canonical: canonical === 'unknown' ? name : canonical,
    revision,
  };
  return { filter_metadata: { [WORKLOAD_METADATA]: facts } };
}

/** Of a Pod what made it, as far as its name and labels tell; else the name of a WorkloadEntry. */
function workloadName(document: string, labels: Readonly<Record<string, string>>): string {
  const [kind = '', , name = ''] = document.split('/');
  if (kind === 'WorkloadEntry') return name;
  if (kind !== 'Pod') return 'unknown';
  const { 'pod-template-hash': hash, 'controller-revision-hash': revision } = labels;
  const maker = name.slice(0, Math.max(0, name.lastIndexOf('-')));
  if (hash !== undefined) return maker.endsWith(`-${hash}`) ? maker.slice(0, -hash.length - 1) : name;
  return revision === undefined || maker === '' ? name : maker;
}
