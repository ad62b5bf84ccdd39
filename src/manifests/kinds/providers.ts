import type { ExtensionProvider, LogFormat, MeshConfigSpec } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkDurations } from './durations.ts';
import { checkLogFields, checkLogFormat, isFields } from './log-format.ts';

/** Providers that are there without being defined (Istio). */
const builtIn = ['envoy', 'prometheus', 'stackdriver'];

/** What proxies write and send their records of the traffic to, and what of it they do where nothing else is said. */
export function* checkProviders(spec: MeshConfigSpec, path: Path): Generator<Finding> {
  const { extensionProviders = [], defaultProviders = {} } = spec;
  yield* checkLine(spec, path);
  const names = extensionProviders.map(({ name }) => name);
  for (const [index, provider] of extensionProviders.entries()) {
    const at = [...path, 'extensionProviders', index];
    if (names.indexOf(provider.name) < index) {
      yield {
        code: 'FL2212',
        message: `the provider ${provider.name} is given twice`,
        path: [...at, 'name'],
      };
    }
    yield* checkProvider(provider, at);
  }
  for (const [of, all] of Object.entries(defaultProviders)) {
    for (const [index, name] of all.entries()) {
      if (names.includes(name) || builtIn.includes(name)) continue;
      yield {
        code: 'FL2284',
        message: `no provider is called ${name}`,
        path: [...path, 'defaultProviders', of, index],
      };
    }
  }
}

function* checkLine(
  { accessLogFormat: text = '', accessLogEncoding }: MeshConfigSpec,
  path: Path,
): Generator<Finding> {
  const at = [...path, 'accessLogFormat'];
  if (accessLogEncoding !== 'JSON') return yield* checkLogFormat(text, at);
  if (text === '') return;
  const fields = fieldsOf(text);
  if (fields === null)
    yield {
      code: 'FL2109',
      message: 'the format of lines of JSON is no object of JSON',
      path: at,
      fix: `write an object, such as '{"status": "%RESPONSE_CODE%"}'`,
    };
  else for (const finding of checkLogFields(fields, at)) yield { ...finding, path: at };
}

/** The object that a text is; null: it is none. */
export function fieldsOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

function* checkProvider(provider: ExtensionProvider, path: Path): Generator<Finding> {
  const [first, ...others] = Object.keys(provider).filter((field) => field !== 'name');
  if (first === undefined)
    yield { code: 'FL2106', message: `the provider ${provider.name} is of no kind`, path };
  for (const other of others)
    yield { code: 'FL2220', message: `${other} beside ${first}`, path: [...path, other], on: 'key' };
  const { envoyFileAccessLog: file, opentelemetry } = provider;
  if (file?.logFormat !== undefined)
    yield* checkLines(file.logFormat, [...path, 'envoyFileAccessLog', 'logFormat']);
  for (const way of ['http', 'grpc'] as const)
    yield* checkDurations({ timeout: opentelemetry?.[way]?.timeout }, [...path, 'opentelemetry', way]);
}

function* checkLines({ text, labels }: LogFormat, path: Path): Generator<Finding> {
  if (text !== undefined && labels !== undefined)
    yield { code: 'FL2220', message: 'labels beside text', path: [...path, 'labels'], on: 'key' };
  if (text !== undefined) yield* checkLogFormat(text, [...path, 'text']);
  if (labels !== undefined) yield* checkLogFields(labels, [...path, 'labels']);
}

/** Of `host:port`; null: it is not that. */
export function collectorOf(address: string): { readonly host: string; readonly port: number } | null {
  const [, host = '', port = ''] =
    /^([A-Za-z0-9_][-A-Za-z0-9_.]{0,253}):([1-9][0-9]{0,4})$/.exec(address) ?? [];
  return host === '' || Number(port) > 65535 ? null : { host, port: Number(port) };
}
