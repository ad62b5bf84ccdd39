import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { XdsObserver } from '../xds/index.ts';
import { changes } from './changes.ts';
import { createEvents, type Events } from './events.ts';
import { createMetrics, shortType } from './metrics.ts';
import type { RepositoryView, Views } from './views.ts';
import { type Watch, watchRun } from './watch.ts';

export interface Telemetry {
  /** A loop's observer: tells it of its runs. */
  readonly loop: { began(repository: string): Watch };
  readonly xds: XdsObserver;
  /** Somebody said that the repository has changed: what is found next counts from here. */
  hinted(repository: string): void;
  /** Somebody has stopped changes of something, or lets them go on; `over`: nobody but the time has. */
  braked(brake: Braked, how: 'suspended' | 'resumed' | 'over'): void;
  /** A webhook of a provider was answered. */
  hooked(forge: string, result: string): void;
  readonly events: Pick<Events, 'since' | 'subscribe'>;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

/** Of a repository; `scope` null: it as a whole. Milliseconds since the epoch. */
type Braked = {
  readonly repository: string;
  readonly scope: { readonly path: string } | null;
  readonly reason: string;
  readonly by: string;
  readonly untilMs: number | null;
};

type TelemetryOptions = {
  /** As `reconcile` has it, in milliseconds. */
  readonly clock: {
    now(): number;
    steadyMs(): number;
    after(delayMs: number, run: () => void): () => void;
  };
  readonly log: Log;
  /** Asked at each scrape, and where something may have changed. */
  readonly views: Views;
};

/** A look at the status costs as much as there are scopes: so long further reasons for one are the same reason. */
const LOOK_AFTER_MS = 250;

export function createTelemetry({ clock, log, views }: TelemetryOptions): Telemetry {
  const now = () => clock.now();
  const steadyMs = () => clock.steadyMs();
  const events = createEvents(now);
  const look = createLook({ clock, log, views }, events);
  const metrics = createMetrics(version(), now);
  const hints = new Map<string, number>();
  return {
    loop: {
      began(repository) {
        const learntMs = hints.get(repository) ?? steadyMs();
        hints.delete(repository);
        return watchRun({ metrics, steadyMs, learntMs, trace: randomBytes(16).toString('hex'), look });
      },
    },
    xds: {
      connected(proxy) {
        events.add({ type: 'connected', proxy, message: 'the proxy is there' });
        look();
      },
      left(proxy) {
        events.add({ type: 'disconnected', proxy, message: 'the proxy left' });
        look();
      },
      pushed: (typeUrl) => metrics.pushes.inc({ type: shortType(typeUrl) }),
      acked: (typeUrl, afterMs) => metrics.pushToAck.observe({ type: shortType(typeUrl) }, afterMs / 1_000),
      nacked({ proxy, typeUrl, error, rejected }) {
        events.add({ type: 'nack', proxy, message: `${typeUrl}: ${error}` });
        look();
        const scopes = rejected.flatMap(({ sources }) => sources.map(({ scope }) => scope));
        metrics.nacked(typeUrl, [...new Set(scopes)]);
      },
    },
    hinted(repository) {
      if (!hints.has(repository)) hints.set(repository, steadyMs());
    },
    braked(brake, how) {
      const { repository, scope } = brake;
      const type = how === 'suspended' ? 'suspended' : 'resumed';
      events.add({ type, repository, scope: scope?.path ?? null, message: brakeText(brake, how) });
    },
    hooked: (forge, result) => metrics.webhooks.inc({ forge, result }),
    events,
    metrics: () => metrics.text(views),
  };
}

function brakeText({ by, reason, untilMs }: Braked, how: 'suspended' | 'resumed' | 'over'): string {
  if (how === 'over') return `its time is over; suspended by ${by}: ${reason}`;
  const until = how === 'resumed' || untilMs === null ? '' : `; until ${new Date(untilMs).toISOString()}`;
  return `by ${by}: ${reason}${until}`;
}

/** Soon, once: compares the status with that of the look before. */
function createLook({ clock, log, views }: TelemetryOptions, events: Events): () => void {
  const seen = new Map<string, RepositoryView>();
  let pending = false;
  const look = () => {
    pending = false;
    for (const repository of views.look().repositories) {
      for (const fact of changes(seen.get(repository.name) ?? null, repository)) {
        const { type, message, id: _, timeMs: __, proxy: ___, ...about } = events.add(fact);
        // Of repositories the loop's own lines say it.
        if (about.scope !== null) log.info({ event: type, ...about }, message);
      }
      seen.set(repository.name, repository);
    }
  };
  return () => {
    if (!pending) clock.after(LOOK_AFTER_MS, look);
    pending = true;
  };
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
