import { expect, test } from 'vitest';
import type { Attributes, Span, Tracer } from '../../src/telemetry/tracer.ts';
import { createTraces, FORGET_MS } from '../../src/telemetry/traces.ts';
import { simulatedClock } from '../reconcile/clock.ts';

type Told = {
  name: string;
  startMs: number;
  endMs: number | null;
  attributes: Attributes;
  error: string | null;
};

/** Notes spans in the order in which they begin. */
function recorder() {
  const told: Told[] = [];
  const span = (name: string, atMs: number, attributes: Attributes = {}): Span => {
    const own: Told = { name, startMs: atMs, endMs: null, attributes, error: null };
    told.push(own);
    return {
      traceId: 'a'.repeat(32),
      child: (child, start) => span(child, start.atMs, start.attributes),
      set(more) {
        own.attributes = { ...own.attributes, ...more };
      },
      fail({ code }) {
        own.error = code;
      },
      end(endMs) {
        own.endMs ??= endMs;
      },
    };
  };
  const tracer: Tracer = {
    root: (name, start) => span(name, start.atMs, start.attributes),
    close: async () => {},
  };
  return { told, tracer };
}

const YEAR_MS = 365 * 24 * 3_600_000;
const hook = { provider: 'github', traceparent: '', tracestate: '', tookMs: 20 };
const TIP = 'b'.repeat(40);
const followed = [{ name: 'mesh', repository: 'https://token@git.example/mesh.git?x=1', branch: 'main' }];

test.each([
  ['back', -YEAR_MS],
  ['on', YEAR_MS],
])('spans of one run touch each other where the clock is set %s by a year', async (_, byMs) => {
  const clock = simulatedClock();
  const { told, tracer } = recorder();
  const traces = createTraces(tracer, clock, followed);
  const startMs = clock.now() - 20;
  traces.hinted('mesh', hook);
  await clock.advance(30);
  const run = traces.began('mesh');
  for (const step of ['fetch', 'verify', 'load'] as const) {
    run.step(step);
    clock.set(byMs);
    await clock.advance(10);
  }
  run.pushed(1);
  run.ended({ result: 'followed' });
  await clock.advance(40);
  run.acked();
  expect(
    told.map(({ name, startMs: from, endMs }) => [name, from - startMs, (endMs ?? 0) - startMs]),
  ).toEqual([
    ['reconcile', 0, 120],
    ['POST /hooks/v1/:provider/:repository', 0, 20],
    ['queue', 20, 50],
    ['fetch', 50, 60],
    ['verify', 60, 70],
    ['load', 70, 80],
    ['acknowledge', 80, 120],
  ]);
  expect(clock.pending()).toBe(0);
});

test('what is pushed twice in one run is awaited once, and nothing is left of the first', async () => {
  const clock = simulatedClock();
  const { told, tracer } = recorder();
  const run = createTraces(tracer, clock, followed).began('mesh');
  run.pushed(1);
  await clock.advance(10);
  run.pushed(1);
  run.ended({ result: 'followed' });
  await clock.advance(10);
  run.acked();
  const startMs = told[0]?.startMs ?? 0;
  expect(told.map(({ name, endMs }) => [name, (endMs ?? Number.NaN) - startMs])).toEqual([
    ['reconcile', 20],
    ['acknowledge', 10],
    ['acknowledge', 20],
  ]);
  expect(clock.pending()).toBe(0);
});

test('a run says what it was about, and nothing that could be a secret', () => {
  const { told, tracer } = recorder();
  const traces = createTraces(tracer, simulatedClock(), followed);
  const run = traces.began('mesh');
  run.step('fetch');
  run.offered(TIP);
  run.step('verify');
  run.judged('refused', 'G9');
  run.ended({ result: 'refused', rule: 'G9' });
  expect(
    told.map(({ name, attributes, error, endMs }) => ({ name, attributes, error, over: endMs !== null })),
  ).toEqual([
    {
      name: 'reconcile',
      attributes: {
        'fairlead.outcome': 'refused',
        'fairlead.repository': 'mesh',
        'fairlead.rule': 'G9',
        'fairlead.trigger': 'poll',
        'vcs.ref.head.name': 'main',
        'vcs.ref.head.revision': TIP,
        'vcs.ref.head.type': 'branch',
        'vcs.repository.url.full': 'https://git.example/mesh.git',
      },
      error: null,
      over: true,
    },
    { name: 'fetch', attributes: {}, error: null, over: true },
    {
      name: 'verify',
      attributes: { 'fairlead.rule': 'G9', 'fairlead.verdict': 'refused' },
      error: null,
      over: true,
    },
  ]);
});

test('a failure is that of its step and of the run', () => {
  const { told, tracer } = recorder();
  const run = createTraces(tracer, simulatedClock(), []).began('mesh');
  run.step('fetch');
  run.ended({ result: 'failed', code: 'remote-unreachable', message: 'no route' });
  expect(told.map(({ name, error }) => [name, error])).toEqual([
    ['reconcile', 'remote-unreachable'],
    ['fetch', 'remote-unreachable'],
  ]);
});

test('a proxy that never acknowledges holds no trace open for ever', async () => {
  const clock = simulatedClock();
  const { told, tracer } = recorder();
  const run = createTraces(tracer, clock, []).began('mesh');
  run.step('publish');
  run.pushed(2);
  run.ended({ result: 'followed' });
  expect(told.at(-1)).toMatchObject({ name: 'acknowledge', endMs: null });
  await clock.advance(300_000);
  expect(told.at(-1)).toMatchObject({ error: 'not-acknowledged', endMs: clock.now() });
  expect(told[0]).toMatchObject({ endMs: clock.now() });
  run.acked();
  expect(told).toHaveLength(3);
});

test('of a burst of requests so many have a span, and all are counted', () => {
  const { told, tracer } = recorder();
  const traces = createTraces(tracer, simulatedClock(), []);
  for (let i = 0; i < 1_000; i++) traces.hinted('mesh', hook);
  traces.hinted('mesh', null);
  traces.began('mesh');
  expect(told.filter(({ name }) => name.startsWith('POST'))).toHaveLength(20);
  expect(told[0]?.attributes).toMatchObject({ 'fairlead.hooks': 1_000, 'fairlead.trigger': 'github' });
});

test('what has not ended when the server ends is ended', async () => {
  const { told, tracer } = recorder();
  const traces = createTraces(tracer, simulatedClock(), []);
  traces.hinted('other', null);
  const run = traces.began('mesh');
  run.step('publish');
  run.pushed(1);
  run.ended({ result: 'followed' });
  await traces.close();
  expect(told.filter(({ endMs }) => endMs === null)).toEqual([]);
  expect(told.find(({ name }) => name === 'acknowledge')?.error).toBe('server-ended');
});

test('a hint that another replica served does not begin the run that comes long after it', async () => {
  const clock = simulatedClock();
  const { told, tracer } = recorder();
  const traces = createTraces(tracer, clock, followed);
  traces.hinted('mesh', hook);
  await clock.advance(FORGET_MS);
  expect([told.every(({ endMs }) => endMs !== null), clock.pending()]).toEqual([true, 0]);
  await clock.advance(300_000);
  expect(traces.began('mesh').learntMs).toBe(clock.steadyMs());
  // One that comes in time does, and leaves nothing behind.
  traces.hinted('mesh', hook);
  const learntMs = clock.steadyMs();
  await clock.advance(FORGET_MS - 1);
  expect(traces.began('mesh').learntMs).toBe(learntMs);
  expect(clock.pending()).toBe(0);
});
