import type { Log } from '../base/log.ts';
import { version } from '../base/version.ts';
import type { XdsObserver } from '../xds/index.ts';
import { changes } from './changes.ts';
import { createEvents, type Events } from './events.ts';
import { createMetrics, shortType } from './metrics.ts';
import type { Hook, TraceClock } from './run-trace.ts';
import { noTracer, type Tracer } from './tracer.ts';
import { createTraces, type Followed } from './traces.ts';
import type { RepositoryView, Views } from './views.ts';
import { type Watch, watchRun } from './watch.ts';

export interface Telemetry {
  /** A loop's observer: tells it of its runs. */
  readonly loop: { began(repository: string): Watch };
  readonly xds: XdsObserver;
  /** Somebody said that the repository has changed: what is found next counts from here; by which request, if by one. */
  hinted(repository: string, hook?: Hook): void;
  /** Somebody has stopped changes of something, or lets them go on; `over`: nobody but the time has. */
  braked(brake: Braked, how: 'suspended' | 'resumed' | 'over'): void;
  /** A webhook of a provider was answered. */
  hooked(forge: string, result: string): void;
  readonly events: Pick<Events, 'since' | 'subscribe'>;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
  /** Nothing runs any more: what is still to be told is told. */
  close(): Promise<void>;
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
  readonly clock: TraceClock;
  readonly log: Log;
  /** Asked at each scrape, and where something may have changed. */
  readonly views: Views;
  /** Where traces go; nowhere, unless given. */
  readonly tracer?: Tracer;
  /** What traces say of repositories. */
  readonly repositories?: readonly Followed[];
};

/** A look at the status costs as much as there are scopes: so long further reasons for one are the same reason. */
const LOOK_AFTER_MS = 250;

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { clock, views, tracer = noTracer, repositories = [] } = options;
  const now = () => clock.now();
  const steadyMs = () => clock.steadyMs();
  const events = createEvents(now);
  const look = createLook(options, events);
  const metrics = createMetrics(version(), now);
  const traces = createTraces(tracer, clock, repositories);
  /** By repository: since when it runs. */
  const running = new Map<string, number>();
  const runningMs = () =>
    new Map([...running].map(([repository, sinceMs]) => [repository, steadyMs() - sinceMs]));
  return {
    loop: {
      began(repository) {
        running.set(repository, steadyMs());
        const over = () => running.delete(repository);
        return watchRun({ metrics, steadyMs, trace: traces.began(repository), look, over });
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
    hinted: (repository, hook) => traces.hinted(repository, hook ?? null),
    braked(brake, how) {
      const { repository, scope } = brake;
      const type = how === 'suspended' ? 'suspended' : 'resumed';
      events.add({ type, repository, scope: scope?.path ?? null, message: brakeText(brake, how) });
    },
    hooked: (forge, result) => metrics.webhooks.inc({ forge, result }),
    events,
    metrics: () => metrics.text(views, runningMs()),
    close: () => traces.close(),
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
        // Of repositories the loop's own lines say the rest.
        if (about.scope !== null || type === 'health') log.info({ event: type, ...about }, message);
      }
      seen.set(repository.name, repository);
    }
  };
  return () => {
    if (!pending) clock.after(LOOK_AFTER_MS, look);
    pending = true;
  };
}
