import {
  collectorOf,
  durationMs,
  type ExtensionProvider,
  fieldsOf,
  type MeshConfigSpec,
  type OpenTelemetryProvider,
  type WrittenSpanTag,
} from '../manifests/index.ts';
import { prometheus } from './metrics.ts';
import type {
  Collector,
  LineFormat,
  LineReporter,
  Reporter,
  ReportSettings,
  SendingReporter,
  SpanReporter,
  SpanTag,
} from './report-types.ts';

/** Of the requests, where nobody says how many (Istio). */
const defaultPercent = 1;

/** What writes lines without being defined (Istio). */
const BUILT_IN = 'envoy';

const stdout = '/dev/stdout';

/** What a scope's proxies report, and to whom, as its MeshConfig says it; an empty one says Istio's defaults: nothing is reported. */
export function readReporters(spec: MeshConfigSpec): ReportSettings {
  const { accessLogFile = '', defaultProviders = {}, defaultConfig = {}, enableTracing = false } = spec;
  const { zipkin, sampling, customTags, maxPathTagLength = null } = defaultConfig.tracing ?? {};
  const collector = enableTracing && zipkin !== undefined ? collectorOf(zipkin.address) : null;
  const builtIn = lines(BUILT_IN, stdout, formatOf(spec));
  const reporters = [...(spec.extensionProviders ?? []).flatMap(readProvider), builtIn, prometheus];
  return {
    reporters: reporters.filter(
      ({ name }, index) => reporters.findIndex((one) => one.name === name) === index,
    ),
    defaults: {
      lines: defaultProviders.accessLogging ?? [],
      spans: defaultProviders.tracing ?? [],
      metrics: defaultProviders.metrics ?? null,
    },
    lines: accessLogFile === '' ? null : lines('', accessLogFile, formatOf(spec)),
    spans: {
      reporter: collector === null ? null : { ...spans('', collector), maxPathLength: maxPathTagLength },
      percent: sampling ?? defaultPercent,
      tags: readTags(customTags ?? {}),
      maxPathLength: maxPathTagLength,
    },
  };
}

function lines(
  name: string,
  path: string,
  format: LineFormat,
  empty: 'written' | 'left-out' = 'written',
): LineReporter {
  return { reports: 'lines', writes: 'file', name, path, format, empty };
}

function formatOf({ accessLogFormat: text = '', accessLogEncoding }: MeshConfigSpec): LineFormat {
  if (accessLogEncoding === 'JSON') return { how: 'json', fields: text === '' ? null : fieldsOf(text) };
  return { how: 'text', text: text === '' ? null : text };
}

/** `host`: may begin with a namespace and `/`. */
function collectorAt({ host, port }: Address): Collector {
  const [namespace, only] = host.includes('/') ? host.split('/') : [null, host];
  return { host: (only ?? host).toLowerCase(), namespace: namespace ?? null, port };
}

type Address = { readonly host: string; readonly port: number };

function spans(name: string, address: Address): SpanReporter {
  return {
    reports: 'spans',
    ...{ name, speaks: 'zipkin', ...collectorAt(address) },
    ...{
      path: null,
      headers: [],
      timeoutMs: null,
      token: null,
      detects: null,
      hasLongIds: true,
      maxPathLength: null,
    },
  };
}

function readProvider(provider: ExtensionProvider): readonly Reporter[] {
  const { name, envoyFileAccessLog: file, zipkin, opentelemetry: otlp, datadog, skywalking } = provider;
  const sending = readSending(provider);
  if (sending !== null) return [sending];
  if (file !== undefined) {
    const { text, labels } = file.logFormat ?? {};
    const json: LineFormat = {
      how: 'json',
      fields: Object.keys(labels ?? {}).length === 0 ? null : (labels ?? null),
    };
    const format: LineFormat = labels === undefined ? { how: 'text', text: text || null } : json;
    return [lines(name, file.path || stdout, format, file.omitEmptyValues ? 'left-out' : 'written')];
  }
  if (zipkin !== undefined) {
    const { service, port, path = null, enable64bitTraceId = false, maxTagLength = null } = zipkin;
    const more = { path, hasLongIds: !enable64bitTraceId, maxPathLength: maxTagLength };
    return [{ ...spans(name, { host: service, port }), ...more }];
  }
  if (datadog !== undefined) {
    const { service: host, port, maxTagLength = null } = datadog;
    return [{ ...spans(name, { host, port }), speaks: 'datadog', maxPathLength: maxTagLength }];
  }
  if (skywalking !== undefined) {
    const { service: host, port, accessToken = null } = skywalking;
    return [{ ...spans(name, { host, port }), speaks: 'skywalking', token: accessToken }];
  }
  if (provider.prometheus !== undefined) return [{ ...prometheus, name }];
  return otlp === undefined ? [] : [readOtlp(name, otlp)];
}

function readSending({
  name,
  envoyHttpAls: http,
  envoyTcpAls: tcp,
}: ExtensionProvider): SendingReporter | null {
  const service = http ?? tcp;
  if (service === undefined) return null;
  return {
    reports: 'lines',
    writes: http === undefined ? 'connections' : 'requests',
    name,
    ...collectorAt({ host: service.service, port: service.port }),
    logName: service.logName ?? null,
    more: {
      states: service.filterStateObjectsToLog ?? [],
      requestHeaders: http?.additionalRequestHeadersToLog ?? [],
      responseHeaders: http?.additionalResponseHeadersToLog ?? [],
      responseTrailers: http?.additionalResponseTrailersToLog ?? [],
    },
  };
}

function readOtlp(name: string, otlp: OpenTelemetryProvider): SpanReporter {
  const { service: host, port, http, grpc = {}, maxTagLength = null, resourceDetectors } = otlp;
  const { timeout } = http ?? grpc;
  const headers = http === undefined ? grpc.initialMetadata : http.headers;
  return {
    ...spans(name, { host, port }),
    speaks: http === undefined ? 'otlp-grpc' : 'otlp-http',
    path: http?.path ?? null,
    headers: (headers ?? []).map((header) => ({ name: header.name, value: header.value ?? '' })),
    timeoutMs: timeout === undefined ? null : durationMs(timeout),
    detects: resourceDetectors?.environment === undefined ? null : 'environment',
    maxPathLength: maxTagLength,
  };
}

/** By name. */
export function readTags(tags: Readonly<Record<string, WrittenSpanTag>>): readonly SpanTag[] {
  return Object.entries(tags).flatMap(
    ([name, { literal, header, environment, formatter }]): readonly SpanTag[] => {
      if (literal !== undefined) return [{ name, from: 'literal', value: literal.value }];
      if (header !== undefined) {
        return [{ name, from: 'header', key: header.name, otherwise: header.defaultValue ?? '' }];
      }
      if (formatter !== undefined) return [{ name, from: 'format', text: formatter.value }];
      if (environment === undefined) return [];
      return [
        { name, from: 'environment', key: environment.name, otherwise: environment.defaultValue ?? '' },
      ];
    },
  );
}
