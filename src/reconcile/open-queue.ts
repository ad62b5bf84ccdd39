import { measuredQueue } from './measured-queue.ts';
import { createMemoryQueue } from './memory-queue.ts';
import { openReplicaQueue, type ReplicaOptions, type ReplicaQueue } from './redis/replica-queue.ts';

/** Redis where a way to it is configured, else this process by itself. Throws as `openReplicaQueue` does. */
export async function openQueue(options: ReplicaOptions): Promise<ReplicaQueue> {
  const { redis, redisSentinel, redisCluster } = options.redis;
  if (redis !== null || redisSentinel !== null || redisCluster !== null) return openReplicaQueue(options);
  const { clock, handler } = options;
  const queue = measuredQueue(clock, handler, (measured) =>
    createMemoryQueue({ ...options, handler: measured }),
  );
  return {
    ...queue,
    here: (key, delayMs) => queue.add(key, delayMs),
    depth: async () => queue.depth(),
    bulletin: null,
    async start() {
      for (const key of options.keys) await queue.add(key);
    },
    redisFailure: () => null,
  };
}
