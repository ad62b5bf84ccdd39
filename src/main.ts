import { pino } from 'pino';
import { type ApiSource, createApi } from './api/index.ts';
import { Failure } from './base/failure.ts';
import type { Log } from './base/log.ts';
import { must } from './base/must.ts';
import { byCodeUnit } from './base/order.ts';
import type { GitConfig } from './cli/index.ts';
import { flagOf, type RepositoryConfig, type ServerConfig } from './config.ts';
import { type Environment, environment } from './environment.ts';
import { createTreeDigests, openGit } from './git/index.ts';
import { formatVerification, openLine, type Pin } from './governance/index.ts';
import { createStages } from './pipeline.ts';
import {
  type Brake,
  type Clock,
  createBrake,
  createLoop,
  createPublisher,
  createServed,
  type DataFolder,
  nodeFiles,
  openDataFolder,
  openQueue,
  openReplicas,
  proxyConfig,
  type ReplicaQueue,
  type RepositoryLoop,
  type RepositoryStatus,
  readPin,
  renewOperatorToken,
  type Served,
  systemClock,
} from './reconcile/index.ts';
import { createTelemetry, openTracer, type Telemetry } from './telemetry/index.ts';
import { createXdsServer, type XdsServer } from './xds/index.ts';

export { inspectDataFolder, inspectRedis } from './reconcile/index.ts';

/** What the composition root takes from the world. */
export type World = {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  /** Where the git and ssh commands find themselves and the way out. */
  readonly environment: Environment;
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
  const { log, clock, random } = world;
  const folder = await openDataFolder(config.dataDir);
  starting.defer(() => folder.close());
  const now = () => clock.now();
  const pins = await readPins(config.repositories);
  const stages = createStages(pins.map(({ uid }) => uid));
  const names = config.repositories.map(({ name }) => name);
  const steadyMs = () => clock.steadyMs();
  const served = createServed(stages, steadyMs, names);
  const { removalTimeoutMs, maxConnectionAgeMs, keepaliveMs } = config;
  const serving = { snapshotFor: served.snapshotFor, removalTimeoutMs, maxConnectionAgeMs, keepaliveMs };
  const loops = new Map<string, RepositoryLoop>();
  const { otlpEndpoint: endpoint, repositories } = config;
  const tracer = await openTracer({ endpoint, environment: world.environment, clock, log });
  const telemetry = createTelemetry({
    ...{ clock, log, tracer, repositories },
    views: {
      look() {
        const proxies = xds.proxies();
        return { repositories: statusesOf(loops, proxies), proxies };
      },
      queue: () => queue.depth(),
    },
  });
  starting.defer(() => telemetry.close());
  // Closed after the streams: whoever asks hears until then that this server ends.
  const probes = starting.use(new AsyncDisposableStack());
  const draining = new AbortController();
  const xds = createXdsServer({ ...serving, log, now, steadyMs, observer: telemetry.xds });
  starting.defer(() => xds.close());
  const distributionOf = createPublisher(names, xds);
  const closing = new AbortController();
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
  for (const [index, repository] of config.repositories.entries()) {
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
  const brake = createBrake({ loops, suspensions: keeper, clock });
  const mayOperate = await renewOperatorToken(folder.files, folder.operatorToken);
  const parts = { loops, xds, queue, served, config, telemetry, brake, mayOperate };
  const api = createApi(apiSource({ ...parts, draining: draining.signal }), log, now);
  probes.defer(() => api.close());
  const httpPort = await listen(api, 'http', config.http);
  const xdsPort = await listen(xds, 'xds', config.xds);
  await queue.start();
  starting.defer(() => draining.abort());
  log.info({ xdsPort, httpPort, repositories: [...loops.keys()] }, 'listening');
  const running = starting.move();
  return { xdsPort, httpPort, close: () => running.disposeAsync() };
}

/** One for each repository, in their order. Throws Failure as `readPin` does, and `config-invalid` where two are of one root. */
async function readPins(repositories: ServerConfig['repositories']): Promise<readonly Pin[]> {
  const pins = await Promise.all(repositories.map(({ pin }) => readPin(nodeFiles, pin)));
  for (const [index, { uid }] of pins.entries()) {
    const former = pins.findIndex((pin) => pin.uid === uid);
    if (former === index) continue;
    const [one, other] = [must(repositories[former]).name, must(repositories[index]).name];
    throw new Failure('config-invalid', `${one} and ${other} are pinned to the same root`, 'leave one out');
  }
  return pins;
}

/** Of several repositories one that waits for its operator says so itself, and the others go on: decision 0056. */
function unlessAlone(loops: ReadonlyMap<string, RepositoryLoop>): (error: unknown) => void {
  return (error) => {
    if (loops.size < 2 || !(error instanceof Failure)) throw error;
  };
}

/** What is kept of one repository, and its line from the pin on. */
async function openRepository(config: RepositoryConfig, pin: Pin, folder: DataFolder, world: World) {
  const { log, environment } = world;
  const { gitdir, witness, proofs } = await folder.repository(config.name);
  const { git, picked } = await openGit({ gitdir, ...gitOptions(config, environment) });
  log.info({ repository: config.name, ...picked }, 'git backend picked');
  const line = openLine(git, createTreeDigests(git), pin);
  return { pin, git, line, files: folder.files, witness, proofs: { folder: proofs, gitdir } };
}

type Listener = { readonly listen: (host: string, port: number) => Promise<number> };

/** Throws Failure port-unusable: taken, not of this machine, or only for root. */
async function listen(server: Listener, setting: 'http' | 'xds', { host, port }: ServerConfig['http']) {
  try {
    return await server.listen(host, port);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const why = said.includes('EADDRINUSE') ? 'somebody listens there already' : said;
    const fix = `choose another: ${flagOf(setting)} host:port; fairlead check --pre tells before`;
    throw new Failure('port-unusable', `${setting} ${host}:${port}: ${why}`, fix, { cause });
  }
}

/** The git store that `serve` would have in `gitdir`. */
export function openRemote(config: GitConfig, gitdir: string): ReturnType<typeof openGit> {
  return openGit({ gitdir, ...gitOptions(config, environment()) });
}

function gitOptions(config: GitConfig, environment: Environment) {
  const { sshKeyFile: keyFile, knownHostsFile, username, tokenFile, githubAppFile, caFile, proxy } = config;
  return {
    remote: { url: config.repository, branch: config.branch },
    timeoutMs: config.fetchTimeoutMs,
    backend: config.gitBackend,
    access: { username, tokenFile, githubAppFile, caFile, proxy },
    ssh: keyFile === null || knownHostsFile === null ? null : { keyFile, knownHostsFile },
    environment,
  };
}

async function reconcile(loops: ReadonlyMap<string, RepositoryLoop>, key: string, signal: AbortSignal) {
  const loop = loops.get(key);
  return loop === undefined ? { outcome: 'done' as const } : loop.reconcile(signal);
}

type Parts = {
  readonly loops: ReadonlyMap<string, RepositoryLoop>;
  readonly xds: XdsServer;
  readonly queue: ReplicaQueue;
  readonly served: Served;
  readonly config: ServerConfig;
  readonly telemetry: Telemetry;
  readonly brake: Brake;
  readonly mayOperate: ApiSource['mayOperate'];
  /** Aborted when the server ends. */
  readonly draining: AbortSignal;
};

/** Each with the same proxies: a list of them costs as much as there are. */
function statusesOf(loops: Parts['loops'], proxies: ReturnType<XdsServer['proxies']>) {
  return [...loops.values()].map((loop) => loop.status(proxies));
}

/** What the API shows, taken from the other edges. */
function apiSource(parts: Parts): ApiSource {
  const { loops, xds, queue, served, config, telemetry, brake, mayOperate, draining } = parts;
  const hooks = new Map(
    config.repositories.map(({ name, branch, webhookSecretFile }) => [
      name,
      { branch, secretFile: webhookSecretFile },
    ]),
  );
  const statuses = () => statusesOf(loops, xds.proxies());
  const states = () => [...loops.values()].flatMap((loop) => loop.state() ?? []);
  return {
    draining: () => draining.aborted,
    ready() {
      if (draining.aborted)
        return { ready: false, message: 'this server ends: proxies are asked to go elsewhere' };
      const all = statuses();
      const waiting = all.find(({ appliedRevision }) => appliedRevision === null);
      const condition = waiting?.conditions.find(({ type }) => type === 'Ready');
      const message = waiting === undefined ? servingText(all) : `${waiting.name}: ${condition?.message}`;
      return { ready: waiting === undefined, message: [message, ...aloneBecause(queue)].join('; ') };
    },
    repositories: () => statuses().map(({ scopes, ...rest }) => ({ ...rest, scopes: scopes.length })),
    verification(name) {
      const state = loops.get(name)?.state() ?? null;
      return state === null ? null : formatVerification(state);
    },
    follows: async (name, commit) => (await loops.get(name)?.follows(commit)) ?? null,
    scopes: () =>
      statuses()
        .flatMap(({ scopes }) => scopes)
        .sort((a, b) => byCodeUnit(a.path, b.path)),
    proxies: () => [...xds.proxies()].sort((a, b) => byCodeUnit(a.proxy, b.proxy)),
    proxyConfig: (proxy) => proxyConfig(proxy, served.lastSnapshot(proxy), xds.proxies()),
    partOrigin: (proxy, asked) => served.partOrigin(proxy, asked),
    decisions: (scopes) => served.decisions(scopes),
    lineage(wanted) {
      const scopes = states().flatMap((state) => [...state.scopes.values()]);
      const named = scopes.filter(({ uid, path }) => uid === wanted || path === wanted);
      // A name may be used again: what lives goes before what has ended.
      const found = named.find(({ status }) => status !== 'Tombstone') ?? named[0];
      return found === undefined ? null : { scope: found.path, uid: found.uid, entries: found.lineage };
    },
    hooks: () => hooks,
    async trigger(name, what, delayMs, hook) {
      const loop = loops.get(name);
      if (loop === undefined) return false;
      loop.want(what);
      telemetry.hinted(name, hook);
      // Who asks this replica waits for its run; who only hints at news is served by whichever takes it.
      await (delayMs === null ? queue.here(name) : queue.add(name, delayMs));
      return true;
    },
    metrics: () => telemetry.metrics(),
    eventsSince: (id) => telemetry.events.since(id),
    onEvent: (listener) => telemetry.events.subscribe(listener),
    hooked: (forge, result) => telemetry.hooked(forge, result),
    mayOperate,
    suspend: (asked) => brake.suspend(asked),
    resume: (asked) => brake.resume(asked),
  };
}

/** What has stopped, and who stopped it, is said wherever somebody asks whether all is well. */
function servingText(statuses: readonly RepositoryStatus[]): string {
  const suspended = statuses.flatMap(({ name, conditions }) =>
    conditions.flatMap(({ type, reason, message }) =>
      type === 'Suspended' || reason === 'ReplicasDiffer' ? [`${name}: ${message}`] : [],
    ),
  );
  return ['what was verified is served', ...suspended].join('; ');
}

function aloneBecause(queue: ReplicaQueue): readonly string[] {
  const failure = queue.redisFailure();
  return failure === null ? [] : [`without Redis (${failure.code}: ${failure.message}): ${failure.fix}`];
}

/** JSON lines on standard error: standard output is for data. */
function createLog(): Log {
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** A control plane as the process' surroundings have it: real clock, real randomness. */
function start(config: ServerConfig, log: Log): Promise<Server> {
  return createServer(config, { log, clock: systemClock, random: Math.random, environment: environment() });
}

/** `fairlead serve`: runs until SIGINT or SIGTERM; a second signal ends it at once. The exit code. */
export async function serve(config: ServerConfig): Promise<number> {
  const stop = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.resolve(signal));
  const log = createLog();
  const server = await start(config, log);
  const signal = await stop.promise;
  log.info({ signal }, 'draining');
  await server.close();
  return 0;
}
