import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { must } from '../../src/base/must.ts';
import { startRedis } from '../redis.ts';
import { type Floors, openFloors } from './arrive-floors.ts';
import { type History, historyOf, tipsOf } from './history.ts';
import { type Load, startLoad } from './load.ts';
import type { Options } from './options.ts';
import { type ServerProcess, startServer } from './process.ts';
import { openRemotes, type Remote, type Remotes } from './remote.ts';
import { cache, type Figure, median, publish, quantile } from './report.ts';

/** One push, by stage; milliseconds from the end of `git push`. */
type Round = Readonly<Record<(typeof STAGES)[number] | 'whole', number>>;

type Timeline = Readonly<
  Record<'startedMs' | 'fetchedMs' | 'verifiedMs' | 'translatedMs' | 'pushedMs' | 'ackedMs', number>
> & { readonly revision: string };
type Repositories = { readonly items: readonly [{ readonly timeline: Timeline | null }] };

/** A server of one queue with its clients and a remote of its own. */
type Side = {
  readonly queue: (typeof QUEUES)[number];
  readonly remote: Remote;
  readonly server: ServerProcess;
  readonly load: Load;
  readonly dataDir: string;
  close(): Promise<void>;
};

export type ArriveSize = {
  readonly scopes: number;
  readonly clients: number;
  /** Pushes before the others, of each server: V8 compiles what they need. */
  readonly warm: number;
  /** By webhook, and by poll, of each server; and of two replicas by webhook. */
  readonly rounds: Readonly<Record<(typeof TRIGGERS)[number] | 'replicas', number>>;
};

type Queue = (typeof QUEUES)[number];
type Trigger = (typeof TRIGGERS)[number];

const QUEUES = ['memory', 'BullMQ'] as const;
const TRIGGERS = ['webhook', 'poll'] as const;
const STAGES = ['receipt', 'queue', 'fetch', 'verify', 'translate', 'publish', 'ACK'] as const;
const POLL_MS = 1_000;
const MAX_RATIO = 1.3;
const SECRET = 'of the bench';

/** `git push` → all clients ACKed, with each queue, by webhook and by poll. Fails where BullMQ takes too long. */
export async function benchArrive({ clients, rounds }: Options): Promise<void> {
  const fewer = Math.ceil((rounds ?? 100) / 4);
  const of = { webhook: rounds ?? 100, poll: fewer, replicas: fewer };
  const size = { scopes: 20, clients: clients ?? 1_000, warm: 10, rounds: of };
  const { figures, ratio } = await measureArrive(size, cache);
  const parameters = { clients: size.clients, scopes: size.scopes, ...of, 'poll every ms': POLL_MS };
  await publish('arrive', { title: 'arrive', parameters, figures });
  if (ratio > MAX_RATIO) throw new Error(`BullMQ takes ${ratio.toFixed(2)} times as long as memory`);
}

/** `histories`: where generated histories are kept. */
export async function measureArrive(size: ArriveSize, histories: string) {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const { webhook: byWebhook, poll: byPoll, replicas: ofReplicas } = size.rounds;
  const merges = 3 * size.warm + byWebhook + byPoll + ofReplicas;
  const history = await historyOf(histories, { commits: 1 + 3 * merges, scopes: size.scopes, format: 'ssh' });
  const remotes = await openRemotes(folder);
  stack.defer(() => remotes.close());
  const redis = await startRedis(['--maxmemory-policy', 'noeviction']);
  stack.defer(() => redis.close());
  const secret = join(folder, 'secret');
  await writeFile(secret, `${SECRET}\n`, { mode: 0o600 });
  const { clients, warm } = size;
  const world = { folder, secret, history, remotes, redisPort: redis.port, clients, warm };
  const tips = await tipsOf(history);
  const part = (from: number, rounds: number) => tips.slice(from, from + 1 + size.warm + rounds);
  const webhook = await play(world, 'webhook', part(0, byWebhook));
  const poll = await play(world, 'poll', part(size.warm + byWebhook, byPoll));
  const replicas = await playReplicas(world, part(2 * size.warm + byWebhook + byPoll, ofReplicas));
  const ratio = wholeOf(webhook.rounds.BullMQ, 0.5) / wholeOf(webhook.rounds.memory, 0.5);
  const figures: readonly Figure[] = [
    ...totals('webhook', webhook.rounds),
    { what: 'webhook: BullMQ beside memory', value: ratio, unit: '×', note: `at most ${MAX_RATIO}` },
    ...STAGES.map((stage) => stageFigure(stage, webhook)),
    ...totals('poll', poll.rounds),
    replicasFigure(replicas),
  ];
  return { figures, ratio };
}

type World = {
  readonly folder: string;
  /** Path of the file with the webhook's secret. */
  readonly secret: string;
  readonly history: History;
  readonly remotes: Remotes;
  readonly redisPort: number;
  readonly clients: number;
  readonly warm: number;
};

type Played = {
  readonly rounds: Readonly<Record<(typeof QUEUES)[number], readonly Round[]>>;
  readonly floors: readonly Floors[];
};

/** Both servers follow the first tip, and are then pushed the others one by one, in turns. */
async function play(
  world: World,
  trigger: Trigger,
  [first = '', ...tips]: readonly string[],
): Promise<Played> {
  await using stack = new AsyncDisposableStack();
  const sides: Side[] = [];
  for (const queue of QUEUES) {
    const side = await openSide(world, trigger, queue, first);
    stack.defer(() => side.close());
    sides.push(side);
  }
  const [memory, bullmq] = [must(sides[0]), must(sides[1])];
  await memory.load.take();
  const floors = trigger === 'webhook' ? await floorsBeside(world, memory, stack) : null;
  const rounds: Record<(typeof QUEUES)[number], Round[]> = { memory: [], BullMQ: [] };
  const measured: Floors[] = [];
  for (const [index, tip] of tips.entries()) {
    const isWarm = index >= world.warm;
    for (const side of index % 2 === 0 ? [memory, bullmq] : [bullmq, memory]) {
      const round = await measure(side, trigger, tip);
      if (isWarm) rounds[side.queue].push(round);
    }
    const least = await floors?.(tip);
    if (least !== undefined && isWarm) measured.push(least);
  }
  return { rounds, floors: measured };
}

async function openSide(world: World, trigger: Trigger, queue: Queue, tip: string): Promise<Side> {
  const name = `${trigger}-${queue.toLowerCase()}`;
  const remote = await world.remotes.add(name, world.history, tip);
  return startSide(world, { name, trigger, queue, remote, prefix: name }, tip);
}

type Part = Pick<Side, 'queue' | 'remote'> & {
  readonly name: string;
  readonly trigger: Trigger;
  /** Who has the same shares the work. */
  readonly prefix: string;
};

async function startSide(
  { folder, secret, redisPort, clients }: Pick<World, 'folder' | 'secret' | 'redisPort' | 'clients'>,
  { name, trigger, queue, remote, prefix }: Part,
  tip: string,
): Promise<Side> {
  const dataDir = join(folder, name);
  const server = await startServer(join(folder, `${name}.json`), {
    ...{ dataDir, repository: remote.url, pin: remote.pin, webhookSecretFile: secret },
    poll: trigger === 'poll' ? `${POLL_MS}ms` : '1h',
    ...(queue === 'BullMQ' ? { redis: `redis://127.0.0.1:${redisPort}`, redisPrefix: prefix } : {}),
  });
  const load = await startLoad(server.xdsPort, clients);
  await acked(server, tip);
  const close = async () => {
    await load.close();
    await server.close();
  };
  return { queue, remote, server, load, dataDir, close };
}

/** Milliseconds from the end of a push until all proxies of one replica had it: the one that the webhook told, and the other. */
type Replicated = { readonly told: number; readonly other: number };

/** Two replicas with half of the clients each; the hook tells them by turns. */
async function playReplicas(
  world: World,
  [first = '', ...tips]: readonly string[],
): Promise<readonly Replicated[]> {
  await using stack = new AsyncDisposableStack();
  const remote = await world.remotes.add('replicas', world.history, first);
  const half = { ...world, clients: Math.ceil(world.clients / 2) };
  const common = { trigger: 'webhook', queue: 'BullMQ', remote, prefix: 'replicas' } as const;
  const sides: Side[] = [];
  for (const name of ['replica-1', 'replica-2']) {
    const side = await startSide(half, { ...common, name }, first);
    stack.defer(() => side.close());
    sides.push(side);
  }
  const [one, two] = [must(sides[0]), must(sides[1])];
  const rounds: Replicated[] = [];
  for (const [index, tip] of tips.entries()) {
    const [told, other] = index % 2 === 0 ? [one, two] : [two, one];
    const heard = await Promise.all([told.load.next(), other.load.next()]);
    await remote.push(tip);
    const pushedMs = now();
    await deliver(told.server, tip);
    await Promise.all(heard.map((each) => each.heard));
    const timelines = await Promise.all([acked(told.server, tip), acked(other.server, tip)]);
    const [toldMs, otherMs] = timelines.map(({ ackedMs }) => ackedMs - pushedMs);
    if (index >= world.warm) rounds.push({ told: must(toldMs), other: must(otherMs) });
  }
  return rounds;
}

function replicasFigure(rounds: readonly Replicated[]): Figure {
  const whole = rounds.map(({ told, other }) => Math.max(told, other));
  const [told, other] = [median(rounds.map((each) => each.told)), median(rounds.map((each) => each.other))];
  const those = `that which was told ${told.toFixed(0)}, the other ${other.toFixed(0)}`;
  const note = `p99 ${quantile(whole, 0.99).toFixed(0)} of ${whole.length} pushes; ${those}`;
  return {
    what: 'webhook, two replicas with half of the clients each',
    value: median(whole),
    unit: 'ms p50',
    note,
  };
}

/** Of what the server beside them does: they fetch from its remote, and send as much as it sent with one push. */
async function floorsBeside(world: World, { remote, dataDir, load }: Side, stack: AsyncDisposableStack) {
  const witness = join(dataDir, 'repositories', 'mesh', 'witness.json');
  const floors = await openFloors({ ...world, url: remote.url, witness });
  stack.defer(() => floors.close());
  let bytes: number | null = null;
  return async (tip: string) => {
    bytes ??= Math.round((await load.take()).bytes / world.clients);
    return floors.measure(tip, bytes);
  };
}

async function measure(side: Side, trigger: Trigger, tip: string): Promise<Round> {
  if (trigger === 'poll') await delay(Math.random() * POLL_MS);
  const { heard } = await side.load.next();
  await side.remote.push(tip);
  const pushedMs = now();
  if (trigger === 'webhook') await deliver(side.server, tip);
  const answeredMs = now();
  await heard;
  const timeline = await acked(side.server, tip);
  return {
    receipt: answeredMs - pushedMs,
    queue: Math.max(0, timeline.startedMs - answeredMs),
    fetch: timeline.fetchedMs - timeline.startedMs,
    verify: timeline.verifiedMs - timeline.fetchedMs,
    translate: timeline.translatedMs - timeline.verifiedMs,
    publish: timeline.pushedMs - timeline.translatedMs,
    ACK: timeline.ackedMs - timeline.pushedMs,
    whole: timeline.ackedMs - pushedMs,
  };
}

/** Milliseconds since the epoch, as finely as the machine has them. */
const now = () => performance.timeOrigin + performance.now();

/** As GitHub delivers a push. */
async function deliver({ httpPort }: ServerProcess, tip: string): Promise<void> {
  const body = JSON.stringify({ ref: 'refs/heads/main', after: tip });
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
  };
  const url = `http://127.0.0.1:${httpPort}/hooks/v1/github/mesh`;
  const answer = await fetch(url, { method: 'POST', headers, body });
  if (answer.status !== 202) throw new Error(`the hook says ${answer.status}: ${await answer.text()}`);
}

/** Of the tip, when all clients have acknowledged it. */
async function acked(server: ServerProcess, tip: string): Promise<Timeline> {
  const isThere = ({ items: [{ timeline }] }: Repositories) =>
    timeline?.revision === tip && timeline.ackedMs !== null;
  const { items } = await server.ask<Repositories>('/api/v1/repositories', isThere);
  return must(items[0].timeline);
}

function wholeOf(rounds: readonly Round[], share: number): number {
  return quantile(
    rounds.map(({ whole }) => whole),
    share,
  );
}

function totals(trigger: Trigger, rounds: Played['rounds']): readonly Figure[] {
  return QUEUES.map((queue) => {
    const [p90, p99] = [wholeOf(rounds[queue], 0.9), wholeOf(rounds[queue], 0.99)];
    const every = trigger === 'poll' ? `, poll every ${POLL_MS} ms` : '';
    const note = `p90 ${p90.toFixed(0)}, p99 ${p99.toFixed(0)} of ${rounds[queue].length} pushes${every}`;
    return { what: `${trigger}, ${queue}`, value: wholeOf(rounds[queue], 0.5), unit: 'ms p50', note };
  });
}

function stageFigure(stage: (typeof STAGES)[number], { rounds, floors }: Played): Figure {
  const of = (queue: Queue) => median(rounds[queue].map((round) => round[stage]));
  const least = stage === 'publish' ? null : median(floors.map((each) => each[stage]));
  const floor = least === null ? '' : `, the floor ${least.toFixed(1)}`;
  return {
    what: `webhook: ${stage}`,
    value: of('memory'),
    unit: 'ms p50',
    note: `BullMQ ${of('BullMQ').toFixed(1)}${floor}`,
  };
}
