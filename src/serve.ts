import type { ServerConfig } from './config.ts';
import { environment } from './environment.ts';
import { createServer } from './main.ts';
import { systemClock } from './reconcile/index.ts';
import { createLog } from './telemetry/index.ts';

/** How long a start that is told to end may take to let go of what it has opened. */
const START_GRACE_MS = 2_000;

/** `fairlead serve`: runs until SIGINT or SIGTERM; a second signal ends it at once. The exit code. */
export async function serve(config: ServerConfig): Promise<number> {
  const stop = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.resolve(signal));
  const log = createLog(process.stderr); // Standard output is for data.
  const world = { log, clock: systemClock, random: Math.random, environment: environment() };
  const starting = createServer(config, world);
  const early = await Promise.race([starting.then(() => null), stop.promise]);
  if (early !== null) {
    log.info({ signal: early }, 'ending before the start is over');
    const late = setTimeout(endAtOnce, START_GRACE_MS, early);
    await starting.finally(() => clearTimeout(late));
  }
  const server = await starting;
  const signal = await stop.promise;
  log.info({ signal }, 'draining');
  await server.close();
  return 0;
}

/** As a second signal would: what is left is what a killed process leaves. */
function endAtOnce(signal: NodeJS.Signals): void {
  // Nobody listens any more. `exit` alone would wait for threads, of which one may hang in a file system.
  process.kill(process.pid, signal);
  process.exit(0); // The first process of a container is not ended by a signal that it does not listen to.
}
