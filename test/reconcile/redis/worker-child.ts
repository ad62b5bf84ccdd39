/** A worker of its own process that never ends what it takes: `node worker-child.ts <port> <prefix> <lockMs>`. */
import { Redis } from 'ioredis';
import { systemClock } from '../../../src/reconcile/clock.ts';
import { openBullmqQueue } from '../../../src/reconcile/redis/bullmq-queue.ts';

const [port, prefix = '', lockMs] = process.argv.slice(2);
await openBullmqQueue({
  client: new Redis({ host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null }),
  prefix,
  clock: systemClock,
  random: Math.random,
  concurrency: 1,
  lockMs: Number(lockMs),
  handler(key) {
    process.stdout.write(`${key}\n`);
    return new Promise(() => {});
  },
  onError() {},
});
