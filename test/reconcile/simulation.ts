import { dirname, join } from 'node:path';
import { Failure } from '../../src/base/failure.ts';
import type { Log } from '../../src/base/log.ts';
import { createTreeDigests, type GitBackend, type Objects } from '../../src/git/index.ts';
import { type Line, openLine, type Pin } from '../../src/governance/index.ts';
import { stages } from '../../src/pipeline.ts';
import { FETCH_TIMEOUTS } from '../../src/reconcile/fetch.ts';
import type { LoopObserver } from '../../src/reconcile/index.ts';
import { type Keeper, NOTHING_KEPT } from '../../src/reconcile/kept.ts';
import { createLoop, type RepositoryLoop } from '../../src/reconcile/loop.ts';
import { createMemoryQueue } from '../../src/reconcile/memory-queue.ts';
import { createServed, type Served, type ServeStages } from '../../src/reconcile/serve.ts';
import { openSuspensions, type Suspensions } from '../../src/reconcile/suspensions.ts';
import type { WorkQueue } from '../../src/reconcile/work-queue.ts';
import type { ProxyStatus } from '../../src/xds/index.ts';
import type { Ack } from '../../src/xds/stream.ts';
import { unwatched } from '../server.ts';
import { type SimulatedClock, simulatedClock } from './clock.ts';
import { type Disk, testDisk } from './files.ts';

/** A remote as the network may have it. */
type Remote = { fetch(signal: AbortSignal | undefined): Promise<string> };

export type Simulation = {
  readonly clock: SimulatedClock;
  readonly disk: Disk;
  readonly loop: RepositoryLoop;
  readonly queue: WorkQueue;
  readonly served: Served;
  /** Revisions in the order in which they were pushed. */
  readonly published: string[];
  readonly logged: readonly Logged[];
  /** What the suspensions told: `suspended by ana`. */
  readonly told: readonly string[];
  /** What the proxies are at; `acknowledge` tells the loop. */
  setSessions(sessions: readonly ProxyStatus[]): void;
  /** What the remote does from now on. */
  remote(remote: Remote): void;
  /** The remote's branch is at this commit. */
  offer(tip: string): void;
  /** The remote cannot be reached. */
  unplug(): void;
  /** From now on, what stands in this file and comes to it is kept. */
  suspensions(file: string): Promise<Suspensions>;
  /** From now on, this says what is kept. */
  keep(keeper: Keeper): void;
  /** Makes the key due, and waits until the run is over. */
  run(): Promise<void>;
};

export const POLL_MS = 60_000;
/** By then a fetch has ended, whatever the remote does. */
export const FETCH_TIMEOUT_MS = 30_000;

/** The loop with everything real but the network, the disk's health and the time. */
export function simulate(input: {
  readonly objects: Objects;
  readonly pin: Pin;
  readonly witness: string;
  readonly disk?: Disk;
  /** Its own, or that of several. */
  readonly clock?: SimulatedClock;
  readonly read?: typeof stages.read;
  readonly stages?: ServeStages;
  readonly observer?: LoopObserver;
  /** Has it derive what real bytes would not. */
  readonly derive?: (line: Line) => Line;
}): Simulation {
  const { derive = (line) => line } = input;
  const clock = input.clock ?? simulatedClock();
  const disk = input.disk ?? testDisk();
  const published: string[] = [];
  const logged: Logged[] = [];
  const told: string[] = [];
  let sessions: readonly ProxyStatus[] = [];
  const listeners: ((ack: Ack) => void)[] = [];
  let remote: Remote = unreachable;
  let keeper: Keeper = nobody;
  const git: GitBackend = {
    has: (commit) =>
      input.objects.commit(commit).then(
        () => true,
        () => false,
      ),
    ...input.objects,
    fetch: (signal) => remote.fetch(signal),
    remoteTip: (signal) => remote.fetch(signal),
    resolve: async (ref) => ref,
    close: async () => {},
  };
  const served = createServed(input.stages ?? stages, clock.steadyMs);
  const loop = createLoop({
    name: 'mesh',
    pin: input.pin,
    git,
    line: derive(openLine(input.objects, createTreeDigests(input.objects), input.pin)),
    read: input.read ?? stages.read,
    served,
    distribution: {
      publish: (revision) => published.push(revision),
      pushed: () => published.length,
      proxies: () => sessions,
      ackedSteadyMs: (wanted) => {
        const acked = sessions.flatMap(({ fullyAcked }) => fullyAcked ?? []);
        const times = acked.filter(({ push }) => push >= wanted).map(({ atMs }) => atMs);
        return times.length > 0 && times.length === sessions.length ? Math.max(...times) : null;
      },
      onAck: (listener) => {
        listeners.push(listener);
        return () => {};
      },
    },
    keeper: {
      suspended: (name) => keeper.suspended(name),
      kept: (name) => keeper.kept(name),
      apart: (name) => keeper.apart(name),
      followed: (name, state) => keeper.followed(name, state),
      looked: (name, startMs) => keeper.looked(name, startMs),
    },
    files: disk,
    witness: input.witness,
    proofs: { folder: join(dirname(input.witness), 'proofs'), gitdir: join(dirname(input.witness), 'git') },
    clock,
    random: () => 0.5,
    log: recorder(logged),
    observer: input.observer ?? unwatched,
    pollMs: POLL_MS,
    fetchTimeoutMs: FETCH_TIMEOUT_MS / FETCH_TIMEOUTS,
  });
  const queue = createMemoryQueue({ clock, random: () => 0.5, handler: () => loop.reconcile() });
  const simulation: Simulation = {
    ...{ clock, disk, loop, queue, served, published, logged, told },
    setSessions(next) {
      sessions = next;
      for (const listener of listeners)
        listener({ proxy: 'any', revision: published.at(-1) ?? '', atMs: clock.now() });
    },
    remote(next) {
      remote = next;
    },
    offer: (tip) => simulation.remote({ fetch: async () => tip }),
    unplug: () => simulation.remote(unreachable),
    async suspensions(file) {
      const versions = (_: string, uid: string) => loop.versions(uid);
      const onChange = (name: string) => void queue.add(name);
      const parts = { files: disk, file, clock, random: () => 0.5, log: recorder(logged) };
      const opened = await openSuspensions({
        ...{ ...parts, versions, onChange },
        told: ({ by }, how) => told.push(`${how} by ${by}`),
      });
      keeper = { ...nobody, suspended: (name) => opened.suspended(name), kept: (name) => opened.kept(name) };
      return opened;
    },
    keep(next) {
      keeper = next;
    },
    async run() {
      await queue.add('mesh');
      await queue.drain();
    },
  };
  return simulation;
}

const nobody: Keeper = {
  suspended: () => null,
  kept: () => NOTHING_KEPT,
  apart: () => null,
  followed() {},
  looked() {},
};

const unreachable: Remote = {
  async fetch() {
    throw new Failure('remote-unreachable', 'the remote cannot be reached', 'check the network');
  },
};

type Logged = {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

function recorder(lines: Logged[]): Log {
  const to = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    void lines.push({ level, message, fields });
  return { info: to('info'), warn: to('warn'), error: to('error') };
}
