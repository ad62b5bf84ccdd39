import { randomBytes } from 'node:crypto';
import type { Log } from '../base/log.ts';
import { version } from '../base/version.ts';

export type Attributes = Readonly<Record<string, string | number>>;

/** As a request carries it (W3C Trace Context); '' where it does not. */
export type Carrier = Readonly<Record<'traceparent' | 'tracestate', string>>;

/** Milliseconds since the Unix epoch, with fractions. */
type Start = { readonly atMs: number; readonly attributes?: Attributes };

/** What is said of one trace. Nothing of it throws, waits, or changes what is traced. */
export interface Span {
  /** 32 hex digits. */
  readonly traceId: string;
  child(name: string, start: Start & { readonly server?: Carrier }): Span;
  set(attributes: Attributes): void;
  /** `code` is stable. */
  fail(error: { readonly code: string; readonly message: string }, atMs: number): void;
  end(atMs: number): void;
}

/** Where traces go. */
export interface Tracer {
  /** The first span of a trace, or of this process in the trace of whoever asked. */
  root(name: string, start: Start & { readonly parent: Carrier | null }): Span;
  /** What has ended is sent, for as long as that may take; never rejects. */
  close(): Promise<void>;
}

/** Nobody listens: a trace is its id. */
export const noTracer: Tracer = {
  root: () => silent(randomBytes(16).toString('hex')),
  close: async () => {},
};

function silent(traceId: string): Span {
  const span: Span = { traceId, child: () => span, set() {}, fail() {}, end() {} };
  return span;
}

export type TracerOptions = {
  /** Base URL of an OTLP/HTTP receiver. */
  readonly endpoint: string;
  /** Where the variables of OpenTelemetry are that have to be known here; the rest its own packages read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly clock: { after(delayMs: number, run: () => void): () => void };
  readonly log: Log;
};

/** What only some servers need is loaded by those that do. Throws Failure config-invalid as `createOtlpTracer` does. */
export async function openTracer(
  options: Omit<TracerOptions, 'endpoint' | 'version'> & { readonly endpoint: string | null },
): Promise<Tracer> {
  const { endpoint, environment } = options;
  const isOff = environment.OTEL_SDK_DISABLED === 'true' || environment.OTEL_TRACES_EXPORTER === 'none';
  if (endpoint === null || isOff) return noTracer;
  const { createOtlpTracer } = await import('./otlp.ts');
  return createOtlpTracer({ ...options, endpoint, version: version() });
}
