import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Load, startLoad } from './load.ts';
import { hint } from './metrics.ts';
import { type ServerProcess, startServer } from './process.ts';
import { openRemotes, type Remote } from './remote.ts';
import { type Figure, median } from './report.ts';

/** What a server of some size costs. Milliseconds of wall time or CPU, and MB. */
export type Costs = {
  readonly coldMs: number;
  readonly restartMs: number;
  readonly noopMs: number;
  readonly noopCpuMs: number;
  readonly oneMs: number;
  readonly oneCpuMs: number;
  readonly heldMb: number;
  readonly totalMb: number;
};

/** A look at the status comes 250 ms after a run: it is part of what a run costs. */
export const SETTLED_MS = 600;

/** One figure of a large server, with that of a small one, which is called `name`, as its note. */
export function besides<C extends Costs>(large: C, small: C, name: string) {
  return (what: string, unit: string, of: (costs: C) => number): Figure => {
    const note = `${name}: ${of(small).toFixed(1)}; ratio ${(of(large) / of(small)).toFixed(1)}`;
    return { what, value: of(large), unit, note };
  };
}

/** A folder and remotes, for as long as `stack` lives. */
export async function openStage(stack: AsyncDisposableStack) {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const remotes = await openRemotes(folder);
  stack.defer(() => remotes.close());
  return { folder, remotes };
}

/**
 * Starts a server that is told when to look, and clients as soon as it listens; milliseconds until these have
 * acknowledged everything. `follows`: what it is configured with; the rest as of `startLoad`.
 */
export async function startWithLoad(
  folder: string,
  follows: Readonly<Record<string, unknown>>,
  clients: number,
  namespaces: number | string = 1,
) {
  const startMs = performance.now();
  const about = { dataDir: join(folder, 'state'), ...follows, poll: '1h' };
  const server = await startServer(join(folder, 'config.json'), about);
  const load = await startLoad(server.xdsPort, clients, namespaces);
  return { server, load, ms: performance.now() - startMs };
}

export type Round = { readonly ms: number; readonly cpuMs: number };
type Site = { readonly server: ServerProcess; readonly load: Load; readonly remote: Remote };

/** From a push to the last ACK. `repository`: its name, for the hint. */
export async function pushOnce(
  { server, load, remote }: Site,
  tip: string,
  repository?: string,
): Promise<Round> {
  const { heard } = await load.next();
  await remote.push(tip);
  const [pushedMs, cpuMs] = [performance.timeOrigin + performance.now(), server.cpuMs()];
  await hint(server, repository);
  const { lastMs } = await heard;
  await delay(SETTLED_MS);
  return { ms: lastMs - pushedMs, cpuMs: server.cpuMs() - cpuMs };
}

/** Of the rounds after the first `warm`: the median of their wall time, and the mean of their CPU, which comes in steps. */
export function onePush(rounds: readonly Round[], warm: number): Pick<Costs, 'oneMs' | 'oneCpuMs'> {
  const measured = rounds.slice(warm);
  const oneCpuMs = measured.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / measured.length;
  return { oneMs: median(measured.map(({ ms }) => ms)), oneCpuMs };
}
