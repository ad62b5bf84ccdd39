import { isTagValue, type TelemetryResource } from '../manifests/index.ts';
import type {
  Metric,
  MetricChange,
  MetricReporter,
  MetricRule,
  MetricTag,
  Reports,
  Side,
} from './report-types.ts';

/** What counts where the proxy's own statistics are read, without being defined (Istio). */
export const prometheus: MetricReporter = { reports: 'metrics', name: 'prometheus' };

/** By the names of manifests; messages of gRPC are not counted. */
const metrics: Readonly<Record<string, Metric>> = {
  REQUEST_COUNT: 'requests',
  REQUEST_DURATION: 'durations',
  REQUEST_SIZE: 'request-sizes',
  RESPONSE_SIZE: 'response-sizes',
  TCP_OPENED_CONNECTIONS: 'opened-connections',
  TCP_CLOSED_CONNECTIONS: 'closed-connections',
  TCP_SENT_BYTES: 'sent-bytes',
  TCP_RECEIVED_BYTES: 'received-bytes',
};
const all: readonly Metric[] = Object.values(metrics);

type Written = NonNullable<TelemetryResource['spec']['metrics']>[number];
type Override = NonNullable<Written['overrides']>[number];

/** What a Telemetry says of metrics; `sidesOf`: which end of the traffic a mode means. */
export function readMetricRule(
  { providers = [], overrides = [] }: Written,
  sidesOf: (match: Override['match']) => readonly Side[],
): MetricRule {
  return {
    reporters: providers.map(({ name }) => name),
    changes: overrides.map(({ match, disabled, tagOverrides = {} }): MetricChange => {
      return {
        sides: sidesOf(match),
        metrics: metricsOf(match),
        isOff: disabled ?? null,
        tags: readTags(tagOverrides),
      };
    }),
  };
}

function metricsOf({
  metric = 'ALL_METRICS',
  customMetric,
}: NonNullable<Override['match']> = {}): readonly Metric[] {
  if (customMetric !== undefined) return [];
  return metric === 'ALL_METRICS' ? all : [metrics[metric] ?? []].flat();
}

/** By name, as Prometheus may call it; an expression that is none changes nothing (FL2283). */
function readTags(tags: NonNullable<Override['tagOverrides']>): readonly MetricTag[] {
  return Object.entries(tags).flatMap(([written, { operation, value = '' }]): readonly MetricTag[] => {
    const name = written.replace(/[^A-Za-z0-9_]/g, '_').replace(/^[0-9]/, '_$&');
    // Buckets of a histogram are told apart by it.
    if (name === '' || name === 'le') return [];
    if (operation === 'REMOVE') return [{ name, value: null }];
    return isTagValue(value) ? [{ name, value }] : [];
  });
}

/** What is in force of one reporter: levels from the widest to the narrowest, the last word counts (Istio). */
export function metricsAt(
  side: Side,
  levels: readonly (readonly MetricRule[])[],
  asked: readonly string[] | null,
  isCounted: (reporter: string) => boolean,
): Reports['metrics'] {
  const rules = levels.flat();
  // Istio's installation names it; who changes its metrics without one means that.
  const defaults = asked ?? (rules.length === 0 ? [] : [prometheus.name]);
  const named = levels.map((level) => level.flatMap(({ reporters }) => reporters));
  const inForce = (named.findLast((names) => names.length > 0) ?? defaults).find(isCounted);
  if (inForce === undefined) return [];
  const off = new Set<Metric>();
  const tags = new Map(all.map((metric) => [metric, new Map<string, MetricTag>()]));
  let former = defaults;
  for (const { reporters, changes } of rules) {
    former = reporters.length > 0 ? reporters : former;
    if (!former.includes(inForce)) continue;
    for (const change of changes.filter(({ sides }) => sides.includes(side))) {
      for (const metric of change.metrics) {
        if (change.isOff === true) off.add(metric);
        if (change.isOff === false) off.delete(metric);
        for (const tag of change.tags) tags.get(metric)?.set(tag.name, tag);
      }
    }
  }
  return all
    .filter((metric) => !off.has(metric))
    .map((metric) => ({ metric, tags: [...(tags.get(metric)?.values() ?? [])] }));
}
