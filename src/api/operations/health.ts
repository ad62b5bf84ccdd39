import { answerOf, flag, json, operation, text } from '../schemas/index.ts';

export const health = {
  livez: operation({
    operationId: 'livez',
    summary: 'Does the process answer?',
    tags: ['health'],
    ok: { 200: json('It does.', answerOf('Liveness', { live: flag })) },
  }),
  healthz: operation({
    operationId: 'healthz',
    summary: "As /livez, by the older name of Kubernetes' probes.",
    tags: ['health'],
    ok: { 200: json('It does.', answerOf('Liveness', { live: flag })) },
  }),
  readyz: operation({
    operationId: 'readyz',
    summary: 'Is what was verified being served?',
    tags: ['health'],
    ok: {
      200: json('It is.', answerOf('Readiness', { ready: flag, message: text })),
      503: json('Not yet.', answerOf('Readiness', { ready: flag, message: text })),
    },
  }),
  metrics: operation({
    operationId: 'metrics',
    summary: 'Metrics for Prometheus; docs/metrics.md has each.',
    tags: ['health'],
    ok: {
      200: { description: "Prometheus' text format, 0.0.4.", content: { 'text/plain': { schema: text } } },
    },
  }),
  openapi: operation({
    operationId: 'openapi',
    summary: 'This document.',
    tags: ['health'],
    ok: { 200: json('OpenAPI 3.1.', { type: 'object' }) },
    refusals: [503],
  }),
} as const;
