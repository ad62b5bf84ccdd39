import { readFileSync } from 'node:fs';
import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  type Context,
  defaultTextMapGetter,
  type HrTime,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  type Tracer as SdkTracer,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { Failure } from '../base/failure.ts';
import { samplerOf } from './sampler.ts';
import type { Carrier, Span, Tracer, TracerOptions } from './tracer.ts';

/** How long a server that ends waits for spans to be taken. */
const FLUSH_MS = 2_000;

type Environment = TracerOptions['environment'];

/**
 * Traces in the OpenTelemetry protocol, as JSON over HTTP. At most so many spans wait as the batch processor's queue has
 * places; what nobody takes is dropped. Throws Failure config-invalid where a certificate that is named cannot be read.
 */
export function createOtlpTracer({ endpoint, environment, version, clock, log }: TracerOptions): Tracer {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const connections = createConnections(tlsOf(environment));
  const exporter = new OTLPTraceExporter({ url, httpAgentOptions: connections.agentFor });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'fairlead', 'service.version': version }))
      .merge(
        detectResources({
          detectors: [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector],
        }),
      ),
    sampler: samplerOf(environment, log),
    spanProcessors: [new BatchSpanProcessor({ exporter: told(exporter, url, log), ...queueOf(environment) })],
  });
  const tracer = provider.getTracer('fairlead', version);
  return {
    root: (name, { atMs, attributes = {}, parent }) =>
      wrap(tracer, tracer.startSpan(name, { startTime: instant(atMs), attributes }, contextOf(parent))),
    async close() {
      const bound = Promise.withResolvers<void>();
      const cancel = clock.after(FLUSH_MS, () => bound.resolve());
      await Promise.race([provider.shutdown().catch(() => {}), bound.promise]);
      cancel();
      connections.stop();
    },
  };
}

function wrap(tracer: SdkTracer, span: SdkSpan): Span {
  const { traceId } = span.spanContext();
  const context = trace.setSpan(ROOT_CONTEXT, span);
  return {
    traceId,
    child(name, { atMs, attributes = {}, server }) {
      const kind = server === undefined ? SpanKind.INTERNAL : SpanKind.SERVER;
      const links = linksTo(server, traceId);
      return wrap(
        tracer,
        tracer.startSpan(name, { startTime: instant(atMs), attributes, kind, links }, context),
      );
    },
    set: (attributes) => void span.setAttributes(attributes),
    fail({ code, message }, atMs) {
      span.recordException({ code, message }, instant(atMs));
      span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message });
    },
    end: (atMs) => span.end(instant(atMs)),
  };
}

const propagator = new W3CTraceContextPropagator();

function contextOf(carrier: Carrier | null): Context {
  return carrier === null ? ROOT_CONTEXT : propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
}

/** To the span of whoever asked, where the trace is another. */
function linksTo(carrier: Carrier | undefined, traceId: string) {
  const context = carrier === undefined ? undefined : trace.getSpanContext(contextOf(carrier));
  return context === undefined || context.traceId === traceId ? [] : [{ context }];
}

/** A number could be taken for a time since the start of the process, where the clock was put back. */
function instant(atMs: number): HrTime {
  const seconds = Math.floor(atMs / 1_000);
  return [seconds, Math.floor((atMs - seconds * 1_000) * 1e6)];
}

/** Says once that spans are not taken, and once that they are again. What a receiver answers is not repeated: it may echo headers. */
function told(exporter: SpanExporter, endpoint: string, log: TracerOptions['log']): SpanExporter {
  let failing = false;
  const note = (isFailure: boolean, error: Error | undefined) => {
    if (isFailure === failing) return;
    failing = isFailure;
    if (!failing) return log.info({ endpoint }, 'traces are taken again');
    const fix = 'look at the receiver: OTLP over HTTP is port 4318 by default, gRPC (4317) is not spoken';
    log.warn(
      { endpoint, error: wordOf(error), fix },
      'traces are not taken and are dropped; nothing else waits',
    );
  };
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        note(result.code === ExportResultCode.FAILED, result.error);
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

function wordOf(error: (Error & { readonly code?: unknown }) | undefined): string {
  const { code } = error ?? {};
  if (typeof code === 'number') return `status ${code}`;
  return typeof code === 'string' ? code : (error?.message ?? 'no answer');
}

/** Connections to the receiver, which can be ended at once: a process that is over waits for nobody. */
function createConnections(tls: Readonly<Record<string, Buffer>>) {
  let agent: HttpAgent | null = null;
  return {
    agentFor(protocol: string): HttpAgent {
      const options: AgentOptions = { keepAlive: true };
      agent = protocol === 'https:' ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
      return agent;
    },
    stop() {
      if (agent === null) return;
      agent.createConnection = () => {
        throw new Error('the server has ended');
      };
      agent.destroy();
    },
  };
}

const TLS = { ca: 'CERTIFICATE', cert: 'CLIENT_CERTIFICATE', key: 'CLIENT_KEY' } as const;

/** As the exporter reads them itself where it makes its own connections. */
function tlsOf(environment: Environment): Readonly<Record<string, Buffer>> {
  const found = Object.entries(TLS).flatMap(([option, name]) => {
    const names = [`OTEL_EXPORTER_OTLP_TRACES_${name}`, `OTEL_EXPORTER_OTLP_${name}`];
    const variable = names.find((each) => (environment[each] ?? '') !== '');
    const path = variable === undefined ? undefined : environment[variable];
    return variable === undefined || path === undefined ? [] : [[option, read(variable, path)] as const];
  });
  return Object.fromEntries(found);
}

function read(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('config-invalid', `${variable}: ${said}`, 'correct the path, or unset it', { cause });
  }
}

/** The specification's names and defaults. */
function queueOf(environment: Environment) {
  const number = (name: string, standard: number) => {
    const given = environment[name] ?? '';
    return /^[1-9]\d{0,8}$/.test(given) ? Number(given) : standard;
  };
  return {
    maxQueueSize: number('OTEL_BSP_MAX_QUEUE_SIZE', 2_048),
    maxExportBatchSize: number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512),
    scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY', 5_000),
  };
}
