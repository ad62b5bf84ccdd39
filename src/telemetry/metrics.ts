import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createScopeMetrics, isLiving } from './scope-metrics.ts';
import type { Look, Views } from './views.ts';

/** Seconds, from what nobody notices to what somebody is called for. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Types of resources by their short names; whatever else a client asks for is one more, so that none makes up labels. */
const TYPES: Readonly<Record<string, string>> = {
  'type.googleapis.com/envoy.config.cluster.v3.Cluster': 'cds',
  'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment': 'eds',
  'type.googleapis.com/envoy.config.listener.v3.Listener': 'lds',
  'type.googleapis.com/envoy.config.route.v3.RouteConfiguration': 'rds',
};

export function shortType(typeUrl: string): string {
  return TYPES[typeUrl] ?? 'other';
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The metrics of one server, in a registry of its own. What stands for an object is made anew from the status at each
 * scrape, so that it goes when the object goes; what is counted is counted where it happens. No label holds a commit, a
 * uid or a proxy: their number is bounded by what is in the repositories, times a constant.
 */
export function createMetrics(version: string, now: () => number = Date.now) {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const seconds = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Histogram({ name, help, labelNames, registers, buckets: SECONDS });

  const scopeMetrics = createScopeMetrics();
  const gauges = {
    repositoryCondition: gauge('fairlead_repository_condition', 'Each condition of each repository.', [
      'repo',
      'type',
      'status',
      'reason',
    ]),
    gitLastSuccess: gauge('fairlead_git_last_success_timestamp_seconds', 'When the remote answered last.', [
      'repo',
    ]),
    gitPoll: gauge('fairlead_git_poll_seconds', 'How often the remote is looked at.', ['repo']),
    running: gauge(
      'fairlead_reconcile_running_seconds',
      'How long the run that goes on has run; 0: none does.',
      ['repo'],
    ),
    queueDepth: gauge('fairlead_queue_depth', 'Repositories that are due and wait to be reconciled.'),
    queueOldest: gauge(
      'fairlead_queue_oldest_seconds',
      'How long the longest waiting repository has been due.',
    ),
    connected: gauge('fairlead_xds_connected_proxies', 'Connected proxies.', ['protocol']),
    stale: gauge(
      'fairlead_xds_stale_proxies',
      'Connected proxies that have not answered the last response of a type.',
      ['type'],
    ),
    unanswered: gauge(
      'fairlead_xds_unanswered_seconds',
      'How long the proxy that is silent longest has owed the answer to a response of a type.',
      ['type'],
    ),
    rejecting: gauge('fairlead_xds_rejecting_proxies', 'Connected proxies that refuse something of a type.', [
      'type',
    ]),
    memory: gauge('process_resident_memory_bytes', 'Resident memory.'),
    startTime: gauge('process_start_time_seconds', 'When the process began.'),
    build: gauge('fairlead_build_info', 'One, with what runs.', ['version', 'node']),
  } as const;
  const counters = {
    reconciles: counter('fairlead_reconcile_total', 'Runs of a repository, by how they ended.', ['result']),
    reconcileSeconds: seconds('fairlead_reconcile_duration_seconds', 'Time of a run.', ['result']),
    commitToAck: seconds(
      'fairlead_commit_to_ack_seconds',
      'From when the server learnt that there is something new (hook, or start of the poll) to the ACK of the last connected proxy.',
    ),
    verifications: counter(
      'fairlead_verify_total',
      'Offered tips by verdict; reason: the rule that refused.',
      ['result', 'reason'],
    ),
    verifySeconds: seconds('fairlead_verify_duration_seconds', 'Time of one verification.'),
    queueRetries: counter('fairlead_queue_retries_total', 'Runs that failed, and are tried again.'),
    gitRequests: counter(
      'fairlead_git_requests_total',
      'What was asked of remotes; result: ok, or the code of the failure.',
      ['op', 'result'],
    ),
    webhooks: counter('fairlead_webhook_total', 'Webhooks by provider and how they were answered.', [
      'forge',
      'result',
    ]),
    pushes: counter('fairlead_xds_pushes_total', 'Responses sent to proxies.', ['type']),
    nacks: counter(
      'fairlead_xds_nacks_total',
      'Refusals by proxies, for each scope that has a part in what was refused.',
      ['type', 'scope'],
    ),
    pushToAck: seconds('fairlead_xds_push_to_ack_seconds', 'From a response to its ACK.', ['type']),
    cpu: counter('process_cpu_seconds_total', 'User and system time.'),
  } as const;
  const nacked = new Map<string, { readonly type: string; readonly scope: string }>();
  const forgetEnded = (repositories: Look['repositories']) => {
    if (nacked.size === 0) return;
    const living = new Set(
      repositories.flatMap(({ scopes }) => scopes.filter(isLiving).map(({ path }) => path)),
    );
    for (const [key, labels] of nacked) {
      if (labels.scope === '' || living.has(labels.scope)) continue;
      nacked.delete(key);
      counters.nacks.remove(labels);
    }
  };
  gauges.build.set({ version, node: process.versions.node }, 1);
  gauges.startTime.set(Math.round(Date.now() / 1_000 - process.uptime()));
  return {
    ...counters,
    nacked(typeUrl: string, scopes: readonly string[]) {
      for (const scope of scopes.length === 0 ? [''] : scopes) {
        const labels = { type: shortType(typeUrl), scope };
        nacked.set(JSON.stringify(labels), labels);
        counters.nacks.inc(labels);
      }
    },
    /** In Prometheus' text format, 0.0.4. `runningMs`: by repository, of each run that goes on. */
    async text(views: Views, runningMs: ReadonlyMap<string, number> = new Map()): Promise<string> {
      const queue = await views.queue();
      const { repositories, proxies } = views.look();
      fillRepositories(gauges, repositories);
      fillRunning(gauges.running, repositories, runningMs);
      fillProxies(gauges, proxies, now());
      gauges.queueDepth.set(queue.due);
      gauges.queueOldest.set(queue.oldestMs / 1_000);
      total(counters.queueRetries, queue.retries);
      forgetEnded(repositories);
      const { user, system } = process.cpuUsage();
      total(counters.cpu, (user + system) / 1e6);
      gauges.memory.set(process.memoryUsage.rss());
      return `${await scopeMetrics(repositories)}\n${await registry.metrics()}`;
    },
  };
}

type Gauges = Readonly<
  Record<
    'repositoryCondition' | 'gitLastSuccess' | 'gitPoll' | 'connected' | 'stale' | 'unanswered' | 'rejecting',
    Gauge
  >
>;

function fillRepositories(gauges: Gauges, repositories: Look['repositories']): void {
  const { repositoryCondition, gitLastSuccess, gitPoll } = gauges;
  for (const each of [repositoryCondition, gitLastSuccess, gitPoll]) each.reset();
  for (const { name: repo, conditions, fetch } of repositories) {
    if (fetch.lastOkMs !== null) gitLastSuccess.set({ repo }, fetch.lastOkMs / 1_000);
    gitPoll.set({ repo }, fetch.pollMs / 1_000);
    for (const { type, status, reason } of conditions)
      repositoryCondition.set({ repo, type, status, reason }, 1);
  }
}

function fillRunning(
  running: Gauge,
  repositories: Look['repositories'],
  runningMs: ReadonlyMap<string, number>,
): void {
  running.reset();
  for (const { name: repo } of repositories) running.set({ repo }, (runningMs.get(repo) ?? 0) / 1_000);
}

function fillProxies(
  { connected, stale, unanswered, rejecting }: Gauges,
  proxies: Look['proxies'],
  nowMs: number,
): void {
  for (const each of [connected, stale, unanswered, rejecting]) each.reset();
  for (const protocol of ['delta', 'sotw']) connected.set({ protocol }, 0);
  for (const type of Object.values(TYPES)) {
    stale.set({ type }, 0);
    unanswered.set({ type }, 0);
    rejecting.set({ type }, 0);
  }
  const longest = new Map<string, number>();
  for (const { protocol, types } of proxies) {
    connected.inc({ protocol });
    for (const { typeUrl, state, unansweredSinceMs } of types) {
      const [type, waitedMs] = [shortType(typeUrl), nowMs - (unansweredSinceMs ?? nowMs)];
      longest.set(type, Math.max(longest.get(type) ?? 0, waitedMs));
      if (state === 'STALE') stale.inc({ type });
      if (state === 'ERROR') rejecting.inc({ type });
    }
  }
  for (const [type, waitedMs] of longest) unanswered.set({ type }, waitedMs / 1_000);
}

/** Of a counter that is kept elsewhere. */
function total(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}
