/** A worker of its own process that says what it takes, and ends it, to look again in an hour, when it is told something: `node worker-child.ts <port> <prefix> <lockMs> [<key to add>]`. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { systemClock } from '../../../src/reconcile/clock.ts';
import { openBullmqQueue } from '../../../src/reconcile/redis/bullmq-queue.ts';

const [port, prefix = '', lockMs, added] = process.argv.slice(2);
const told = once(process.stdin, 'data').then(() => ({ outcome: 'wait', forMs: 3_600_000 }) as const);
const queue = await openBullmqQueue({
  client: new Redis({ host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null }),
  prefix,
  clock: systemClock,
  random: Math.random,
  concurrency: 1,
  lockMs: Number(lockMs),
  handler(key) {
    process.stdout.write(`${key}\n`);
    return told;
  },
  onError: (error) => void process.stdout.write(`${error.message}\n`),
});
if (added !== undefined) await queue.add(added);
