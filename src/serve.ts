import type { ServerConfig } from './config.ts';
import { environment } from './environment.ts';
import { createServer } from './main.ts';
import { systemClock } from './reconcile/index.ts';
import { createLog } from './telemetry/index.ts';

/** How long a start that is told to end may take to let go of what it has opened. */
const START_GRACE_MS = 2_000;

/** Why it ends, and the exit code that says so. */
type End =
  | { readonly signal: NodeJS.Signals; readonly code: 0 }
  | { readonly signal: null; readonly code: 2 };

/** `fairlead serve`: runs until SIGINT or SIGTERM, or until its data folder is another's; a second signal ends it at once. The exit code. */
export async function serve(config: ServerConfig): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<End>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => resolve({ signal, code: 0 }));
  const log = createLog(process.stderr); // Standard output is for data.
  const lost = () => resolve({ signal: null, code: 2 }); // Who finds it out has said why.
  const world = { log, clock: systemClock, random: Math.random, environment: environment(), lost };
  const starting = createServer(config, world);
  const early = await Promise.race([starting.then(() => null), promise]);
  if (early !== null) {
    log.info({ signal: early.signal }, 'ending before the start is over');
    const late = setTimeout(endAtOnce, START_GRACE_MS, early);
    await starting.finally(() => clearTimeout(late));
  }
  const server = await starting;
  const { signal, code } = await promise;
  log.info({ signal }, 'draining');
  await server.close();
  return code;
}

/** As a second signal would: what is left is what a killed process leaves. */
function endAtOnce({ signal, code }: End): void {
  // Nobody listens any more. `exit` alone would wait for threads, of which one may hang in a file system.
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(code); // The first process of a container is not ended by a signal that it does not listen to.
}
