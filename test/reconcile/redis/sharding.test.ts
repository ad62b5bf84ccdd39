import { expect, it, onTestFinished, vi } from 'vitest';
import { openReplicaQueue, type ReplicaQueue } from '../../../src/reconcile/redis/replica-queue.ts';
import { patientClock, startRedis } from '../../redis.ts';
import { noRedis, quiet } from '../../server.ts';

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 10 });

const KEYS = Array.from({ length: 100 }, (_, index) => `repository-${index}`);
const POLL_MS = 500;

type Replica = { readonly queue: ReplicaQueue; readonly polled: string[]; readonly log: string[] };

async function replica(port: number): Promise<Replica> {
  const polled: string[] = [];
  const log: string[] = [];
  const queue = await openReplicaQueue({
    redis: { ...noRedis, redis: { host: '127.0.0.1', port, db: 0, tls: false } },
    ...{ keys: KEYS, clock: patientClock, random: Math.random },
    log: { ...quiet, info: (_, text) => void log.push(text) },
    // So that nothing that a replica leaves behind comes back by an expired lock.
    lockMs: 3_600_000,
    async handler(key) {
      polled.push(key);
      return { outcome: 'wait', forMs: POLL_MS };
    },
  });
  onTestFinished(() => queue.close());
  await queue.start();
  return { queue, polled, log };
}

it('spreads the polls of a hundred repositories over three replicas, and over two when one leaves', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  const replicas = [await replica(redis.port), await replica(redis.port), await replica(redis.port)];
  for (const { log } of replicas) await waitFor(() => expect(log.join()).toContain('Redis is used'));
  // Each has looked for itself by then, and once more for those that came after it.
  const polls = () => replicas.map(({ polled }) => polled.length);
  const total = () => polls().reduce((sum, each) => sum + each, 0);
  await waitFor(() => expect(total()).toBeGreaterThan(8 * KEYS.length));
  for (const { polled } of replicas) polled.length = 0;
  const beganMs = performance.now();
  await waitFor(() => expect(total()).toBeGreaterThan(18 * KEYS.length));
  // Each for itself would come to three in an interval, and a fifth of each besides the one to 1.6. What is due as this begins
  // and as it ends is in it.
  const intervals = (performance.now() - beganMs) / POLL_MS;
  expect(total() / KEYS.length).toBeLessThan(1.1 * intervals + 1);
  for (const each of polls()) expect(each / total()).toBeGreaterThan(0.15);
  const [leaving, ...staying] = replicas;
  await leaving?.queue.close();
  const left = leaving?.polled.length;
  for (const { polled } of staying) polled.length = 0;
  await waitFor(() => {
    const times = Map.groupBy(
      staying.flatMap(({ polled }) => polled),
      (key) => key,
    );
    expect([...times.values()].filter((each) => each.length > 1)).toHaveLength(KEYS.length);
  });
  for (const { polled } of staying) expect(polled.length).toBeGreaterThan(KEYS.length / 5);
  expect(leaving?.polled.length).toBe(left);
});
