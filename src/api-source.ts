import type { ApiSource } from './api/index.ts';
import { byCodeUnit } from './base/order.ts';
import type { ServerConfig } from './config.ts';
import { formatVerification } from './governance/index.ts';
import {
  type Brake,
  proxyConfig,
  type ReplicaQueue,
  type RepositoryLoop,
  type RepositoryStatus,
  type Served,
} from './reconcile/index.ts';
import type { Telemetry } from './telemetry/index.ts';
import type { XdsServer } from './xds/index.ts';

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
export function statusesOf(loops: Parts['loops'], proxies: ReturnType<XdsServer['proxies']>) {
  return [...loops.values()].map((loop) => loop.status(proxies));
}

/** What the API shows, taken from the other edges. */
export function createApiSource(parts: Parts): ApiSource {
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
