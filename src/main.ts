import { createApi } from './api/index.ts';
import { createApiSource, statusesOf } from './api-source.ts';
import { Failure } from './base/failure.ts';
import type { Log } from './base/log.ts';
import { must } from './base/must.ts';
import type { ServerConfig } from './config.ts';
import type { Environment } from './environment.ts';
import { listen } from './listen.ts';
import { createStages } from './pipeline.ts';
import {
  type Clock,
  createBrake,
  createLoop,
  createPublisher,
  createServed,
  openDataFolder,
  openQueue,
  openReplicas,
  type RepositoryLoop,
  renewOperatorToken,
} from './reconcile/index.ts';
import { openRepository, readPins } from './repositories.ts';
import { createTelemetry, openTracer } from './telemetry/index.ts';
import { createXdsServer } from './xds/index.ts';

/** What the composition root takes from the world. */
export type World = {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  /** Where the git and ssh commands find themselves and the way out. */
  readonly environment: Environment;
  /** The data folder is another's: whoever called for the server closes it. What it would write is refused by then. */
  readonly lost: (why: Failure) => void;
};

/** A running control plane. */
export interface Server {
  readonly xdsPort: number;
  readonly httpPort: number;
  /** Drains: no new work, answers in flight end, streams are closed, and the data folder is let go. */
  close(): Promise<void>;
}

/**
 * Wires git → governance → manifests → mesh → translate → xds, and drives it. Resolves when both ports answer; what
 * was followed before is served then, whether the remote answers or not. Throws `Failure` where it cannot start.
 */
export async function createServer(config: ServerConfig, world: World): Promise<Server> {
  await using starting = new AsyncDisposableStack();
  const { log, clock, random, environment } = world;
  const { repositories, removalTimeoutMs, maxConnectionAgeMs, keepaliveMs, otlpEndpoint: endpoint } = config;
  const names = repositories.map(({ name }) => name);
  const now = () => clock.now();
  const steadyMs = () => clock.steadyMs();

  // What is kept on this machine, and what is believed to begin with.
  const closing = new AbortController();
  const lost = (why: Failure) => {
    closing.abort(); // What is being fetched is not to be written, and no failure of its own.
    world.lost(why);
  };
  const folder = await openDataFolder(config.dataDir, { log, clock, lost });
  starting.defer(() => folder.close());
  const pins = await readPins(repositories);

  // What scopes come to: manifests → mesh → translate. A loop for each repository takes them there; see below.
  const stages = createStages(pins.map(({ uid }) => uid));
  const served = createServed(stages, steadyMs, names);
  const loops = new Map<string, RepositoryLoop>();

  // What operators see.
  const tracer = await openTracer({ endpoint, environment, clock, log });
  const views = {
    look() {
      const proxies = xds.proxies();
      return { repositories: statusesOf(loops, proxies), proxies };
    },
    queue: () => queue.depth(),
  };
  const telemetry = createTelemetry({ clock, log, tracer, repositories, views });
  starting.defer(() => telemetry.close());
  // Closed after the streams: whoever asks hears until then that this server ends.
  const probes = starting.use(new AsyncDisposableStack());
  const draining = new AbortController();

  // What proxies hear.
  const { snapshotFor, forget } = served;
  const serving = { snapshotFor, forget, removalTimeoutMs, maxConnectionAgeMs, keepaliveMs };
  const xds = createXdsServer({ ...serving, log, now, steadyMs, observer: telemetry.xds });
  starting.defer(() => xds.close());
  const distributionOf = createPublisher(names, xds);

  // When there is work, and what replicas tell each other.
  const handler = (key: string) => reconcile(loops, key, closing.signal);
  // Closed after the queue, whose runs read them.
  const stores = starting.use(new AsyncDisposableStack());
  const queue = await openQueue({ redis: config, keys: names, handler, clock, random, log });
  starting.defer(() => queue.close());
  starting.defer(() => closing.abort());
  const keeper = await openReplicas({
    ...{ ...world, folder, loops, queue, told: telemetry.braked },
    repositories: names.map((name, at) => ({ name, genesis: must(pins[at]).commit })),
  });
  starting.defer(async () => keeper.close());

  // The work: git → governance for each repository, and from there to what proxies hear.
  for (const [index, repository] of repositories.entries()) {
    const opened = await openRepository(repository, must(pins[index]), folder, world);
    stores.defer(() => opened.git.close());
    const distribution = distributionOf(repository.name);
    const parts = { read: stages.read, served, distribution, keeper, observer: telemetry.loop };
    const loop = createLoop({ ...repository, ...opened, ...world, ...parts });
    loops.set(loop.name, loop);
  }
  for (const loop of loops.values()) await loop.restore().catch(unlessAlone(loops));
  // Only now: of what was served before, nobody's word takes a scope back.
  await keeper.start();

  // What people and programs ask.
  const brake = createBrake({ loops, suspensions: keeper });
  const mayOperate = await renewOperatorToken(folder.files, folder.operatorToken);
  const parts = { loops, xds, queue, served, config, telemetry, brake, mayOperate };
  const api = createApi(createApiSource({ ...parts, draining: draining.signal }), log, now);
  probes.defer(() => api.close());

  // From here on there are answers, and work.
  const httpPort = await listen(api, 'http', config.http);
  const xdsPort = await listen(xds, 'xds', config.xds);
  await queue.start();
  starting.defer(() => draining.abort());
  log.info({ xdsPort, httpPort, repositories: names }, 'listening');
  const running = starting.move();
  return { xdsPort, httpPort, close: () => running.disposeAsync() };
}

/** Of several repositories one that waits for its operator says so itself, and the others go on: decision 0056. */
function unlessAlone(loops: ReadonlyMap<string, RepositoryLoop>): (error: unknown) => void {
  return (error) => {
    if (loops.size < 2 || !(error instanceof Failure)) throw error;
  };
}

async function reconcile(loops: ReadonlyMap<string, RepositoryLoop>, key: string, signal: AbortSignal) {
  const loop = loops.get(key);
  return loop === undefined ? { outcome: 'done' as const } : loop.reconcile(signal);
}
