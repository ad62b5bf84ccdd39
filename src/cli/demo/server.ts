import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../base/failure.ts';
import { readItems } from '../server-client.ts';

const TRY_EVERY_MS = 10;
const GIVE_UP_MS = 20_000;

/** Milliseconds from a push to Envoy's ACK, by stage. */
export type Timing = {
  readonly totalMs: number;
  readonly stages: readonly (readonly [string, number])[];
};

type Stages = {
  readonly fetchMs: number;
  readonly verifyMs: number;
  readonly translateMs: number;
  readonly ackMs: number | null;
};
type Repository = {
  readonly followedTip: string | null;
  readonly appliedRevision: string | null;
  readonly stages: Stages;
};
type Proxy = {
  readonly fullyAcked: { readonly revision: string; readonly atMs: number } | null;
  readonly types: readonly { readonly state: string; readonly resources: number }[];
};

/** Waits until the server follows `tip` and its one proxy has ACKed everything of it. `pushedMs` is of the wall clock. */
export async function waitForAck(server: string, tip: string, pushedMs: number): Promise<Timing> {
  for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await delay(TRY_EVERY_MS)) {
    const [repository] = (await readItems(server, 'api/v1/repositories')) as readonly Repository[];
    const [proxy] = (await readItems(server, 'api/v1/proxies')) as readonly Proxy[];
    const acked = proxy?.fullyAcked;
    if (repository?.appliedRevision !== tip || repository.stages.ackMs === null || acked?.revision !== tip)
      continue;
    return timing(repository.stages, Math.max(0, acked.atMs - pushedMs));
  }
  throw new Failure(
    'demo-timeout',
    `Envoy did not acknowledge ${tip} in ${GIVE_UP_MS / 1000} s`,
    'try again while the machine has less to do',
  );
}

/** Waits until the server has judged `tip`, whatever came of it. */
export async function waitForTip(server: string, tip: string): Promise<void> {
  for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await delay(TRY_EVERY_MS)) {
    const [repository] = (await readItems(server, 'api/v1/repositories')) as readonly Repository[];
    if (repository?.appliedRevision === tip) return;
  }
  throw new Failure(
    'demo-timeout',
    `the server did not follow ${tip} in ${GIVE_UP_MS / 1000} s`,
    'try again while the machine has less to do',
  );
}

/** The rest of the time is that until the server began: git's push, the hint, the queue. */
function timing({ fetchMs, verifyMs, translateMs, ackMs }: Stages, totalMs: number): Timing {
  const before = fetchMs + verifyMs + translateMs;
  // Snapshots are made while the ACK is waited for, and counted in both.
  const sendMs = Math.min(ackMs ?? 0, Math.max(0, totalMs - before));
  const stages = [
    ['notice', Math.max(0, totalMs - before - sendMs)],
    ['fetch', fetchMs],
    ['verify', verifyMs],
    ['translate', translateMs],
    ['send and ACK', sendMs],
  ] as const;
  return { totalMs, stages };
}
