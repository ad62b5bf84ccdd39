/** A worker of its own process that never ends what it takes: `node worker-child.ts <port> <prefix> <lockMs> [<key to add>]`. */
import { Redis } from 'ioredis';
import { systemClock } from '../../../src/reconcile/clock.ts';
import { openBullmqQueue } from '../../../src/reconcile/redis/bullmq-queue.ts';

const [port, prefix = '', lockMs, added] = process.argv.slice(2);
const queue = await openBullmqQueue({
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
if (added !== undefined) await queue.add(added);
