import { setTimeout as delay } from 'node:timers/promises';
import { must } from '../../src/base/must.ts';
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
import { historiesOf, tipsOf } from './history.ts';
import { hint, unchangedRuns } from './metrics.ts';
import type { Options } from './options.ts';
import type { ServerProcess } from './process.ts';
import type { Remote } from './remote.ts';
import { cache, type Figure, publish } from './report.ts';

type ManyRepositoriesSize = {
  readonly repositories: number;
  /** In each. */
  readonly scopes: number;
  readonly clients: number;
  /** Pushes before the others: V8 compiles what they need. */
  readonly warm: number;
  readonly rounds: number;
};

/** What 100 repositories in one server cost, beside one. */
export async function benchManyRepositories({ repositories, clients, rounds }: Options): Promise<void> {
  const of = { repositories: repositories ?? 100, scopes: 5 };
  const size = { ...of, clients: clients ?? 100, warm: 5, rounds: rounds ?? 20 };
  const figures = await measureManyRepositories(size, cache);
  await publish('many-repositories', { title: 'many-repositories', parameters: size, figures });
}

async function measureManyRepositories(
  size: ManyRepositoriesSize,
  histories: string,
): Promise<readonly Figure[]> {
  const one = await measureRepositories(1, size, histories);
  const many = await measureRepositories(size.repositories, size, histories);
  const beside = besides(many, one, 'one');
  const each = (what: string, unit: string, of: (costs: Costs) => number): Figure => {
    return { what, value: (of(many) - of(one)) / (size.repositories - 1), unit };
  };
  return [
    beside('cold start to first ACK', 'ms', ({ coldMs }) => coldMs),
    beside('restart to first ACK', 'ms', ({ restartMs }) => restartMs),
    beside('no-op round of all, until the last has ended', 'ms', ({ noopMs }) => noopMs),
    beside('no-op round of all, CPU', 'ms', ({ noopCpuMs }) => noopCpuMs),
    each('no-op round, CPU per repository', 'ms', ({ noopCpuMs }) => noopCpuMs),
    beside('one push, to last ACK', 'ms', ({ oneMs }) => oneMs),
    beside('one push, CPU', 'ms', ({ oneCpuMs }) => oneCpuMs),
    beside('held after a collection', 'MB', ({ heldMb }) => heldMb),
    beside('with the programs that it runs', 'MB', ({ totalMb }) => totalMb),
    each('held per repository', 'MB', ({ heldMb }) => heldMb),
    each('with its programs, per repository', 'MB', ({ totalMb }) => totalMb),
  ];
}

type Repositories = { readonly items: readonly { readonly runs: { readonly finished: number } }[] };
type Followed = { readonly name: string; readonly remote: Remote; readonly tips: readonly string[] };

/** Of a server of so many repositories. `cached`: where generated histories are kept. */
export async function measureRepositories(
  repositories: number,
  size: Omit<ManyRepositoriesSize, 'repositories'>,
  cached: string,
): Promise<Costs> {
  const commits = 1 + 3 * (size.warm + size.rounds);
  const options = Array.from({ length: repositories }, (_, index) => {
    return { commits, scopes: size.scopes, format: 'ssh', root: `mesh-${index}` } as const;
  });
  const histories = await historiesOf(cached, options);
  await using stack = new AsyncDisposableStack();
  const { folder, remotes } = await openStage(stack);
  const all: Followed[] = [];
  for (const [index, history] of histories.entries()) {
    const name = `mesh-${index}`;
    const [first = '', ...tips] = await tipsOf(history);
    all.push({ name, remote: await remotes.add(name, history, first), tips });
  }
  const follows = {
    repositories: all.map(({ name, remote: { url, pin } }) => ({ name, repository: url, pin })),
  };
  const start = () => startWithLoad(folder, follows, size.clients, 'mesh-0-0');
  const cold = await start();
  await cold.load.close();
  await cold.server.close();
  const { server, load, ms: restartMs } = await start();
  stack.defer(() => server.close());
  stack.defer(() => load.close());
  await load.take();
  await server.ask<Repositories>('/api/v1/repositories', ({ items }) =>
    items.every(({ runs }) => runs.finished > 0),
  );
  const { heldMb, totalMb } = await server.usage();
  const pushed: Round[] = [];
  for (let round = 0; round < size.warm + size.rounds; round += 1) {
    const { name, remote, tips } = must(all[round % all.length]);
    pushed.push(await pushOnce({ server, load, remote }, must(tips[Math.floor(round / all.length)]), name));
  }
  const noop = await noopRounds(server, all, Math.min(size.rounds, 5));
  return { ...{ coldMs: cold.ms, restartMs, heldMb, totalMb }, ...noop, ...onePush(pushed, size.warm) };
}

/** Every repository is hinted at, at once. */
async function noopRounds(server: ServerProcess, all: readonly Followed[], rounds: number) {
  let [wholeMs, cpuMs] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const { count } = await unchangedRuns(server);
    const [startMs, beforeMs] = [performance.now(), server.cpuMs()];
    await Promise.all(all.map(({ name }) => hint(server, name)));
    while ((await unchangedRuns(server)).count < count + all.length) await delay(20);
    wholeMs += performance.now() - startMs;
    await delay(SETTLED_MS);
    cpuMs += server.cpuMs() - beforeMs;
  }
  return { noopMs: wholeMs / rounds, noopCpuMs: cpuMs / rounds };
}
