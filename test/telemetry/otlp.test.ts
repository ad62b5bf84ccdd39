import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openTracer, type Tracer, type TracerOptions } from '../../src/telemetry/tracer.ts';
import { freePort } from '../redis.ts';
import { quiet } from '../server.ts';
import { createAuthority } from '../translate/certificates.ts';
import { type Collector, startCollector } from './collector.ts';

/** Spans on their way to a receiver that is there, is not, fails, or hangs. */

const SECRET = 'geheim-7f3a';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

let collector: Collector;
let tracer: Tracer;
let logged: { level: string; fields: object; message: string }[];
beforeEach(async () => {
  collector = await startCollector();
  logged = [];
  // Read by the exporter itself.
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', `authorization=Bearer%20${SECRET}`);
  vi.stubEnv('OTEL_SERVICE_NAME', 'mesh-control');
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test,service.name=not-this');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await tracer.close();
  await collector.close();
});

const level = (name: string) => (fields: object, message: string) =>
  void logged.push({ level: name, fields, message });
const log = { info: level('info'), warn: level('warn'), error: level('error') };
const real = {
  after(delayMs: number, run: () => void) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

async function open(environment: TracerOptions['environment'] = {}, clock: TracerOptions['clock'] = real) {
  const endpoint = `${collector.url}/`;
  const all = { OTEL_BSP_SCHEDULE_DELAY: '5', ...environment };
  tracer = await openTracer({ endpoint, environment: all, clock, log });
}

function trace(parent: string | null = null): string {
  const carrier = parent === null ? null : { traceparent: parent, tracestate: '' };
  const span = tracer.root('reconcile', { atMs: Date.now(), parent: carrier });
  span.end(Date.now());
  return span.traceId;
}

const received = () => collector.spans.map(({ traceId }) => traceId);

test('spans arrive with who sent them, as the standard variables say it', async () => {
  await open();
  const id = trace();
  await expect.poll(received).toEqual([id]);
  expect(collector.spans[0]?.resource).toMatchObject({
    'service.name': 'mesh-control',
    'service.version': expect.stringMatching(/^\d/),
    'deployment.environment.name': 'test',
    'service.instance.id': expect.stringMatching(/./),
  });
  expect(collector.headers.authorization).toBe(`Bearer ${SECRET}`);
  expect(logged).toEqual([]);
});

test('a receiver that fails is told of once, and once when it is back; nothing it echoes is logged', async () => {
  await open();
  collector.answer = (response, headers) => {
    response.statusMessage = `no ${headers.authorization}`;
    response.writeHead(500).end(JSON.stringify(headers));
  };
  for (const requests of [1, 2, 3]) {
    trace();
    await expect.poll(() => collector.requests).toBe(requests);
  }
  await expect.poll(() => logged).toMatchObject([{ level: 'warn', fields: { error: 'status 500' } }]);
  collector.answer = null;
  const id = trace();
  await expect.poll(received).toContain(id);
  await expect.poll(() => logged.map((line) => line.level)).toEqual(['warn', 'info']);
  expect(JSON.stringify(logged)).not.toContain(SECRET);
});

test('a receiver that is away is told of once, and gets what comes after it is there', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '200');
  await collector.close();
  collector = await startCollector(await freePort());
  await open();
  await collector.close();
  trace();
  await expect.poll(() => logged).toMatchObject([{ level: 'warn', fields: { error: expect.any(String) } }]);
  collector = await startCollector(collector.port);
  const arrived = () => {
    trace();
    return collector.spans.length;
  };
  await expect.poll(arrived).toBeGreaterThan(0);
});

test('a receiver that hangs stops nobody: what waits is bounded, and the end waits no longer than it may', async () => {
  let timeIsUp = () => {};
  const clock = {
    after(_: number, run: () => void) {
      timeIsUp = run;
      return () => {};
    },
  };
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '3600000');
  await open({ OTEL_BSP_MAX_QUEUE_SIZE: '20', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' }, clock);
  const over = Promise.withResolvers<void>();
  collector.answer = (response) => void response.on('close', () => over.resolve());
  trace();
  await expect.poll(() => collector.requests).toBe(1);
  for (let i = 0; i < 1_000; i++) trace();
  const closed = tracer.close();
  timeIsUp();
  await closed;
  // Its connection is over too: nothing keeps the process.
  await over.promise;
  expect(collector.requests).toBeLessThanOrEqual(1 + 2);
});

test('what has ended is sent before the end', async () => {
  await open({ OTEL_BSP_SCHEDULE_DELAY: '3600000' });
  const id = trace();
  await tracer.close();
  expect(received()).toEqual([id]);
});

test.each([
  ['01', [TRACE]],
  ['00', []],
])('whoever asks decides whether a trace is kept: flags %s', async (flags, expected) => {
  await open();
  expect(trace(`00-${TRACE}-00f067aa0ba902b7-${flags}`)).toBe(TRACE);
  await tracer.close();
  expect(received()).toEqual(expected);
});

test('a traceparent that is none begins a trace of its own', async () => {
  await open();
  const id = trace('00-not-a-trace');
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  await expect.poll(received).toEqual([id]);
});

test('samplers are those of the standard variables; one that is none is told of', async () => {
  await open({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' });
  expect(trace()).toMatch(/^[0-9a-f]{32}$/); // It is in the log, kept or not.
  await tracer.close();
  expect(received()).toEqual([]);
  await open({ OTEL_TRACES_SAMPLER: 'sometimes', OTEL_TRACES_SAMPLER_ARG: '2' });
  const id = trace();
  await expect.poll(received).toEqual([id]);
  expect(logged.map(({ fields }) => Object.keys(fields)[0])).toEqual([
    'OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG',
  ]);
});

test.each([
  ['OTEL_SDK_DISABLED', 'true'],
  ['OTEL_TRACES_EXPORTER', 'none'],
])('%s=%s turns traces off', async (name, value) => {
  await open({ [name]: value });
  trace();
  await tracer.close();
  expect(collector.requests).toBe(0);
});

test('a receiver is known by its certificate, and we by ours, as the standard variables name them', async () => {
  const authority = await createAuthority();
  onTestFinished(() => authority.remove());
  const { cert, key, certFile, keyFile } = await authority.issue('localhost');
  await collector.close();
  const tls = { cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: true };
  collector = await startCollector(0, tls);
  await open({
    OTEL_EXPORTER_OTLP_CERTIFICATE: authority.caFile,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: certFile,
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: keyFile,
  });
  const id = trace();
  await expect.poll(received).toEqual([id]);
});

test('a certificate that cannot be read is a mistake of the configuration', async () => {
  tracer = { root: () => expect.unreachable(), close: async () => {} };
  const environment = { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.pem' };
  const options = { endpoint: collector.url, clock: real, log: quiet };
  await expect(openTracer({ ...options, environment })).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining('OTEL_EXPORTER_OTLP_CERTIFICATE'),
  });
});
