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

type Repository = {
  readonly followedTip: string | null;
  readonly appliedRevision: string | null;
  readonly stages: { readonly fetchMs: number; readonly verifyMs: number; readonly translateMs: number; readonly ackMs: number | null };
};
type Proxy = {
  readonly fullyAcked: { readonly revision: string; readonly atMs: number } | null;
  readonly types: readonly { readonly state: string; readonly resources: number }[];
};

/** What a forge's webhook is: a hint to fetch, which says nothing else. */
export async function hint(server: string): Promise<void> {
  const answer = await fetch(`${server}/hooks/v1/generic/mesh`, { method: 'POST' });
  await answer.arrayBuffer();
}

/** Waits until the server follows `tip` and its one proxy has ACKed everything of it. `pushedMs` is of the wall clock. */
export async function waitForAck(server: string, tip: string, pushedMs: number): Promise<Timing> {
  for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await delay(TRY_EVERY_MS)) {
    const [repository] = (await readItems(server, 'api/v1/repositories')) as readonly Repository[];
    const [proxy] = (await readItems(server, 'api/v1/proxies')) as readonly Proxy[];
    const acked = proxy?.fullyAcked;
    if (repository?.appliedRevision !== tip || acked?.revision !== tip) continue;
    return timing(repository.stages, Math.max(0, acked.atMs - pushedMs));
  }
  throw new Failure('demo-timeout', `Envoy did not acknowledge ${tip} in ${GIVE_UP_MS / 1000} s`, 'try again with --keep');
}

/** Waits until the server has judged `tip`, whatever came of it. */
export async function waitForTip(server: string, tip: string): Promise<void> {
  for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await delay(TRY_EVERY_MS)) {
    const [repository] = (await readItems(server, 'api/v1/repositories')) as readonly Repository[];
    if (repository?.appliedRevision === tip) return;
  }
  throw new Failure('demo-timeout', `the server did not follow ${tip} in ${GIVE_UP_MS / 1000} s`, 'try again with --keep');
}

function timing({ fetchMs, verifyMs, translateMs, ackMs }: Repository['stages'], totalMs: number): Timing {
  const known = fetchMs + verifyMs + translateMs + (ackMs ?? 0);
  const stages = [
    ['notice', Math.max(0, totalMs - known)],
    ['fetch', fetchMs],
    ['verify', verifyMs],
    ['translate', translateMs],
    ['send and ACK', ackMs ?? 0],
  ] as const;
  return { totalMs, stages };
}
