import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { XdsObserver } from '../xds/index.ts';
import { createMetrics, shortType } from './metrics.ts';
import type { Views } from './views.ts';
import { type Watch, watchRun } from './watch.ts';

export interface Telemetry {
  /** A loop's observer: tells it of its runs. */
  readonly loop: { began(repository: string): Watch };
  readonly xds: XdsObserver;
  /** Somebody said that the repository has changed: what is found next counts from here. */
  hinted(repository: string): void;
  /** A webhook of a provider was answered. */
  hooked(forge: string, result: string): void;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

/** `now` in milliseconds; `views` are asked at each scrape. */
export function createTelemetry(options: { readonly now: () => number; readonly views: Views }): Telemetry {
  const { now, views } = options;
  const metrics = createMetrics(version());
  const hints = new Map<string, number>();
  return {
    loop: {
      began(repository) {
        const learntMs = hints.get(repository) ?? now();
        hints.delete(repository);
        return watchRun({ metrics, now, learntMs, trace: randomBytes(16).toString('hex') });
      },
    },
    xds: {
      connected() {},
      left() {},
      pushed: (typeUrl) => metrics.pushes.inc({ type: shortType(typeUrl) }),
      acked: (typeUrl, afterMs) => metrics.pushToAck.observe({ type: shortType(typeUrl) }, afterMs / 1_000),
      nacked({ typeUrl, rejected }) {
        const scopes = rejected.flatMap(({ sources }) => sources.map(({ scope }) => scope));
        metrics.nacked(typeUrl, [...new Set(scopes)]);
      },
    },
    hinted(repository) {
      if (!hints.has(repository)) hints.set(repository, now());
    },
    hooked: (forge, result) => metrics.webhooks.inc({ forge, result }),
    metrics: () => metrics.text(views),
  };
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
