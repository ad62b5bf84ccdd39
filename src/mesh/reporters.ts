import {
  collectorOf,
  durationMs,
  type ExtensionProvider,
  fieldsOf,
  type MeshConfigSpec,
  type WrittenSpanTag,
} from '../manifests/index.ts';
import type {
  LineFormat,
  LineReporter,
  Reporter,
  ReportSettings,
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
  const reporters = [...(spec.extensionProviders ?? []).flatMap(readProvider), builtIn];
  return {
    reporters: reporters.filter(
      ({ name }, index) => reporters.findIndex((one) => one.name === name) === index,
    ),
    defaults: { lines: defaultProviders.accessLogging ?? [], spans: defaultProviders.tracing ?? [] },
    lines: accessLogFile === '' ? null : lines('', accessLogFile, formatOf(spec)),
    spans: {
      reporter: collector === null ? null : { ...spans('', collector), maxPathLength: maxPathTagLength },
      percent: sampling ?? defaultPercent,
      tags: readTags(customTags ?? {}),
      maxPathLength: maxPathTagLength,
    },
  };
}

function lines(name: string, path: string, format: LineFormat): LineReporter {
  return { reports: 'lines', name, path, format };
}

function formatOf({ accessLogFormat: text = '', accessLogEncoding }: MeshConfigSpec): LineFormat {
  if (accessLogEncoding === 'JSON') return { how: 'json', fields: text === '' ? null : fieldsOf(text) };
  return { how: 'text', text: text === '' ? null : text };
}

function spans(name: string, { host, port }: { readonly host: string; readonly port: number }): SpanReporter {
  const [namespace, only] = host.includes('/') ? host.split('/') : [null, host];
  return {
    reports: 'spans',
    ...{ name, speaks: 'zipkin', host: (only ?? host).toLowerCase(), namespace: namespace ?? null, port },
    ...{ path: null, headers: [], timeoutMs: null, hasLongIds: true, maxPathLength: null },
  };
}

function readProvider(provider: ExtensionProvider): readonly Reporter[] {
  const { name, envoyFileAccessLog: file, zipkin, opentelemetry: otlp } = provider;
  if (file !== undefined) {
    const { text, labels } = file.logFormat ?? {};
    const json: LineFormat = {
      how: 'json',
      fields: Object.keys(labels ?? {}).length === 0 ? null : (labels ?? null),
    };
    const format: LineFormat = labels === undefined ? { how: 'text', text: text || null } : json;
    return [lines(name, file.path || stdout, format)];
  }
  if (zipkin !== undefined) {
    const { service, port, path = null, enable64bitTraceId = false, maxTagLength = null } = zipkin;
    const more = { path, hasLongIds: !enable64bitTraceId, maxPathLength: maxTagLength };
    return [{ ...spans(name, { host: service, port }), ...more }];
  }
  if (otlp === undefined) return [];
  const { service, port, http, maxTagLength = null } = otlp;
  const base = { ...spans(name, { host: service, port }), maxPathLength: maxTagLength };
  if (http === undefined) return [{ ...base, speaks: 'otlp-grpc' }];
  const { path, headers = [], timeout } = http;
  const timeoutMs = timeout === undefined ? null : durationMs(timeout);
  const texts = headers.map((header) => ({ name: header.name, value: header.value ?? '' }));
  return [{ ...base, speaks: 'otlp-http', path, headers: texts, timeoutMs }];
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
