import type { Problem } from '../base/problem.ts';
import type { TelemetryResource } from '../manifests/index.ts';
import { gatewayNameLabel } from './api-gateways.ts';
import { metricsAt, readMetricRule } from './metrics.ts';
import { mistake, originOf, placesOf } from './mistake.ts';
import type {
  LineReporter,
  LineRule,
  Reporter,
  Reporting,
  ReportSettings,
  Reports,
  Side,
  SpanReporter,
  SpanRule,
} from './report-types.ts';
import { readTags } from './reporters.ts';
import { isAbove, settingsFor } from './root.ts';
import type { Mesh, Origin, Owner } from './types.ts';
import { hasLabels } from './workloads.ts';

type Labels = Readonly<Record<string, string>>;

/** One for each Gateway that is named, else one. */
function readReportings(resource: TelemetryResource): readonly Reporting[] {
  const { namespace, spec } = resource;
  const { selector, targetRef, targetRefs = [], accessLogging = [], tracing = [], metrics = [] } = spec;
  const labels = selector?.matchLabels ?? {};
  const gateways = [targetRef ?? [], targetRefs].flat().map(({ name }) => ({ [gatewayNameLabel]: name }));
  const selectors = gateways.length > 0 ? gateways : [Object.keys(labels).length === 0 ? null : labels];
  const said = {
    lines: accessLogging.map(({ match, providers = [], disabled = false, filter }): LineRule => {
      const condition = filter?.expression || null;
      return {
        sides: sidesOf(match),
        reporters: providers.map(({ name }) => name),
        condition,
        isOff: disabled,
      };
    }),
    spans: tracing.map(({ match, providers = [], customTags, ...rule }): SpanRule => {
      return {
        sides: sidesOf(match),
        reporter: providers[0]?.name ?? null,
        isOff: rule.disableSpanReporting ?? null,
        percent: rule.randomSamplingPercentage ?? null,
        tags: customTags === undefined ? null : readTags(customTags),
        goesByRequestId: rule.useRequestIdForTraceSampling ?? null,
        stopsHere: rule.disableContextPropagation ?? null,
      };
    }),
    metrics: metrics.map((rule) => readMetricRule(rule, sidesOf)),
  };
  return selectors.map((each) => ({ namespace, selector: each, ...said, origin: originOf(resource) }));
}

function sidesOf(match: { readonly mode?: string } | undefined): readonly Side[] {
  if (match?.mode === 'CLIENT') return ['client'];
  return match?.mode === 'SERVER' ? ['server'] : ['client', 'server'];
}

/** Those that contradict each other for every workload that the narrower one selects: neither is honoured (FL3352). */
export function withoutRivalReportings(
  resources: readonly TelemetryResource[],
  owners: readonly Owner[],
  problems: Problem[],
): readonly Reporting[] {
  const all = resources.flatMap((resource) =>
    readReportings(resource).map((reporting) => ({ resource, reporting })),
  );
  for (const resource of resources) problems.push(...unknownReporters(resource, owners));
  return all.flatMap(({ resource, reporting }) => {
    const rivals = all.filter(
      (other) => other.resource !== resource && areRivals(reporting, other.reporting),
    );
    if (rivals.length === 0) return [reporting];
    const places = placesOf(new Set(rivals.map((rival) => rival.resource.source)));
    const message = `its workloads have the Telemetry at ${places}, too`;
    problems.push(mistake(resource, ['spec'], 'FL3352', message));
    return [];
  });
}

function areRivals(one: Reporting, other: Reporting): boolean {
  if (one.namespace !== other.namespace) return false;
  if (one.selector === null || other.selector === null) return one.selector === other.selector;
  return hasLabels(one.selector, other.selector) || hasLabels(other.selector, one.selector);
}

/** Reporters that are not there, or do not report what they are asked for. */
function unknownReporters(resource: TelemetryResource, owners: readonly Owner[]): readonly Problem[] {
  const { reporters } = settingsFor({ owners }, resource.namespace).reports;
  const { accessLogging = [], tracing = [], metrics = [] } = resource.spec;
  const named = [
    ...accessLogging.map((rule, index) => ({ of: 'lines', field: 'accessLogging', rule, index }) as const),
    ...tracing.map((rule, index) => ({ of: 'spans', field: 'tracing', rule, index }) as const),
    ...metrics.map((rule, index) => ({ of: 'metrics', field: 'metrics', rule, index }) as const),
  ];
  return named.flatMap(({ of, field, rule, index }) =>
    (rule.providers ?? []).flatMap(({ name }, at): readonly Problem[] => {
      if (reporterOf(reporters, of, name) !== null) return [];
      const isThere = reporters.some((one) => one.name === name);
      const message = isThere
        ? `the provider ${name} takes no ${words[of]}`
        : `no provider is called ${name}: nothing is reported to it`;
      return [mistake(resource, ['spec', field, index, 'providers', at, 'name'], 'FL3353', message)];
    }),
  );
}

const words = { lines: 'access logs', spans: 'spans', metrics: 'metrics' } as const;

function reporterOf(all: readonly Reporter[], of: 'lines', name: string): LineReporter | null;
function reporterOf(all: readonly Reporter[], of: 'spans', name: string): SpanReporter | null;
function reporterOf(all: readonly Reporter[], of: Reporter['reports'], name: string): Reporter | null;
function reporterOf(all: readonly Reporter[], of: Reporter['reports'], name: string): Reporter | null {
  return all.find((one) => one.reports === of && one.name === name) ?? null;
}

/** What a proxy reports, and where that is said. */
export type Told = Readonly<Record<Side, Reports>> & { readonly origins: readonly Origin[] };

/**
 * What the proxies of a workload report (Istio, "Telemetry"): what the root namespace says, over that what their own
 * namespace does, over that what selects them.
 */
export function reportsOf(mesh: Mesh, namespace: string, labels: Labels): Told {
  const { rootNamespace: root, reports: settings } = settingsFor(mesh, namespace);
  const own = mesh.reportings.filter((reporting) => reporting.namespace === namespace);
  const roots = isAbove(mesh, root, namespace) ? mesh.reportings.filter((one) => one.namespace === root) : [];
  const selecting = own.filter(({ selector }) => selector !== null && hasLabels(labels, selector));
  const general = (root === namespace ? [own] : [roots, own]).map((all) =>
    all.find(({ selector }) => selector === null),
  );
  const found = [...general, selecting.length === 1 ? selecting[0] : undefined].filter(
    (one) => one !== undefined,
  );
  return {
    client: reportsAt('client', found, settings),
    server: reportsAt('server', found, settings),
    origins: found.map(({ origin }) => origin),
  };
}

function reportsAt(side: Side, said: readonly Reporting[], settings: ReportSettings): Reports {
  const isCounted = (name: string) => reporterOf(settings.reporters, 'metrics', name) !== null;
  const levels = said.map(({ metrics }) => metrics);
  return {
    lines: linesAt(side, said, settings),
    spans: spansAt(side, said, settings),
    metrics: metricsAt(side, levels, settings.defaults.metrics, isCounted),
  };
}

/** The reporters that the last level names take the place of those of the levels above it (Istio). */
function linesAt(side: Side, said: readonly Reporting[], settings: ReportSettings): Reports['lines'] {
  const { defaults, reporters } = settings;
  const levels = said.map(({ lines }) => lines.filter(({ sides }) => sides.includes(side)));
  if (said.every(({ lines }) => lines.length === 0) && defaults.lines.length === 0) {
    return settings.lines === null ? [] : [{ to: settings.lines, condition: null }];
  }
  const named = levels.map((rules) => rules.flatMap((rule) => rule.reporters));
  const inForce = named.findLast((names) => names.length > 0) ?? defaults.lines;
  const found = new Map<string, string | null>(
    said.every(({ lines }) => lines.length === 0) ? defaults.lines.map((name) => [name, null]) : [],
  );
  let former = defaults.lines;
  for (const rule of levels.flat()) {
    former = rule.reporters.length > 0 ? rule.reporters : former;
    for (const name of former.filter((each) => inForce.includes(each))) {
      if (rule.isOff) found.delete(name);
      else found.set(name, rule.condition);
    }
  }
  return [...found].flatMap(([name, condition]) => {
    const to = reporterOf(reporters, 'lines', name);
    return to === null ? [] : [{ to, condition }];
  });
}

/** Each setting is that of the last level that says it (Istio). */
function spansAt(side: Side, said: readonly Reporting[], settings: ReportSettings): Reports['spans'] {
  const rules = said.flatMap(({ spans }) => spans).filter(({ sides }) => sides.includes(side));
  const last = <Field extends keyof SpanRule>(field: Field) =>
    rules.findLast((rule) => rule[field] !== null)?.[field] ?? null;
  const name = last('reporter') ?? settings.defaults.spans[0] ?? null;
  const to = name === null ? settings.spans.reporter : reporterOf(settings.reporters, 'spans', name);
  if (to === null || last('isOff') === true) return null;
  return {
    to,
    percent: last('percent') ?? settings.spans.percent,
    tags: last('tags') ?? settings.spans.tags,
    maxPathLength: to.maxPathLength ?? settings.spans.maxPathLength,
    goesByRequestId: last('goesByRequestId') ?? true,
    stopsHere: last('stopsHere') ?? false,
  };
}
