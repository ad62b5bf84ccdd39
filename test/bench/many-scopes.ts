import { setTimeout as delay } from 'node:timers/promises';
import {
  besides,
  type Costs,
  onePush,
  openStage,
  pushOnce,
  type Round,
  SETTLED_MS,
  startWithLoad,
} from './costs.ts';
import { historyOf, tipsOf } from './history.ts';
import { type Load, startLoad } from './load.ts';
import { hint, unchangedRuns } from './metrics.ts';
import type { Options } from './options.ts';
import type { ServerProcess } from './process.ts';
import type { Remote } from './remote.ts';
import { cache, type Figure, publish } from './report.ts';

type ManyScopesSize = {
  readonly few: number;
  readonly many: number;
  /** All in one namespace; then as many in a namespace each. */
  readonly clients: number;
  /** Pushes before the others: V8 compiles what they need. */
  readonly warm: number;
  readonly rounds: number;
};

type Measured = Costs & {
  /** For each proxy of one namespace, and for each that has one for itself. */
  readonly proxyMb: number;
  readonly apartMb: number;
  /** By path: CPU of one answer. */
  readonly answers: Readonly<Record<string, number>>;
};

const ANSWERS = ['/metrics', '/api/v1/scopes?limit=100', '/api/v1/repositories', '/readyz'];

/** What 5,000 scopes in one repository cost, beside few. */
export async function benchManyScopes({ scopes, clients, rounds }: Options): Promise<void> {
  const size = { few: 50, many: scopes ?? 5_000, clients: clients ?? 5, warm: 10, rounds: rounds ?? 15 };
  const figures = await measureManyScopes(size, cache);
  await publish('many-scopes', { title: 'many-scopes', parameters: size, figures });
}

async function measureManyScopes(size: ManyScopesSize, histories: string): Promise<readonly Figure[]> {
  const few = await measureScopes(size.few, size, histories);
  const many = await measureScopes(size.many, size, histories);
  const beside = besides(many, few, `${size.few} scopes`);
  const perScopeKb = (1_024 * (many.heldMb - few.heldMb)) / (size.many - size.few);
  return [
    beside('cold start to first ACK', 'ms', ({ coldMs }) => coldMs),
    beside('restart to first ACK', 'ms', ({ restartMs }) => restartMs),
    beside('no-op sync', 'ms', ({ noopMs }) => noopMs),
    beside('no-op sync, CPU', 'ms', ({ noopCpuMs }) => noopCpuMs),
    beside('one-scope sync, push to last ACK', 'ms', ({ oneMs }) => oneMs),
    beside('one-scope sync, CPU', 'ms', ({ oneCpuMs }) => oneCpuMs),
    beside('held after a collection', 'MB', ({ heldMb }) => heldMb),
    beside('with the programs that it runs', 'MB', ({ totalMb }) => totalMb),
    { what: 'memory per scope', value: perScopeKb, unit: 'kB' },
    beside('memory per proxy', 'MB', ({ proxyMb }) => proxyMb),
    beside('memory per proxy in a namespace of its own', 'MB', ({ apartMb }) => apartMb),
    ...ANSWERS.map((path) => beside(`GET ${path}, CPU`, 'ms', ({ answers }) => answers[path] ?? Number.NaN)),
  ];
}

/** Of a repository with so many scopes. `histories`: where generated histories are kept. */
export async function measureScopes(
  scopes: number,
  size: Pick<ManyScopesSize, 'clients' | 'warm' | 'rounds'>,
  histories: string,
): Promise<Measured> {
  await using stack = new AsyncDisposableStack();
  const { folder, remotes } = await openStage(stack);
  const commits = 1 + 3 * (size.warm + size.rounds);
  const history = await historyOf(histories, { commits, scopes, format: 'ssh' });
  const [first = '', ...tips] = await tipsOf(history);
  const remote = await remotes.add('mesh', history, first);
  const start = () => begin(folder, remote);
  const cold = await start();
  await cold.server.close();
  const { server, ms: restartMs } = await start();
  stack.defer(() => server.close());
  const alone = await server.usage();
  const shared = await withClients(server, size.clients, 1, async (load) => {
    const { heldMb } = await server.usage();
    const pushed: Round[] = [];
    for (const tip of tips) pushed.push(await pushOnce({ server, remote, load }, tip));
    return { heldMb, ...onePush(pushed, size.warm), ...(await noop(server, size.rounds)) };
  });
  const after = await server.usage();
  const apart = await withClients(server, size.clients, size.clients, () => server.usage());
  const answers: Record<string, number> = {};
  for (const path of ANSWERS) answers[path] = await answerCpuMs(server, path, size.rounds);
  const { noopMs, noopCpuMs, oneMs, oneCpuMs } = shared;
  return {
    ...{ coldMs: cold.ms, restartMs, noopMs, noopCpuMs, oneMs, oneCpuMs, answers },
    ...{ heldMb: alone.heldMb, totalMb: alone.totalMb },
    proxyMb: (shared.heldMb - alone.heldMb) / size.clients,
    apartMb: (apart.heldMb - after.heldMb) / size.clients,
  };
}

/** Starts a server, and a client as soon as it listens; milliseconds until that has acknowledged everything. */
async function begin(folder: string, remote: Remote) {
  const follows = { repository: remote.url, pin: remote.pin };
  const { server, load, ms } = await startWithLoad(folder, follows, 1);
  await load.close();
  return { server, ms };
}

async function withClients<T>(
  server: ServerProcess,
  clients: number,
  namespaces: number,
  act: (load: Load) => Promise<T>,
): Promise<T> {
  const load = await startLoad(server.xdsPort, clients, namespaces);
  await load.take();
  try {
    return await act(load);
  } finally {
    await load.close();
  }
}

async function noop(server: ServerProcess, rounds: number) {
  const before = await unchangedRuns(server);
  const cpuMs = server.cpuMs();
  for (let round = 0; round < rounds; round += 1) {
    await hint(server);
    await delay(SETTLED_MS);
  }
  const noopCpuMs = (server.cpuMs() - cpuMs) / rounds;
  const after = await unchangedRuns(server);
  return { noopMs: (after.ms - before.ms) / Math.max(1, after.count - before.count), noopCpuMs };
}

async function answerCpuMs({ httpPort, cpuMs }: ServerProcess, path: string, times: number): Promise<number> {
  const startMs = cpuMs();
  for (let time = 0; time < times; time += 1) {
    const answer = await fetch(`http://127.0.0.1:${httpPort}${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    await answer.arrayBuffer();
  }
  return (cpuMs() - startMs) / times;
}
