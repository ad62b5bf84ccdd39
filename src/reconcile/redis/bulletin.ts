import { Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log.ts';
import type { Bulletin, BulletinListener } from '../bulletin.ts';
import type { RedisClient } from './connection.ts';
import { redisFailure } from './health.ts';

export type RedisBulletinOptions = {
  /** Shared with others; not closed here. */
  readonly client: RedisClient;
  /** For this alone, as Redis wants it. */
  readonly ear: RedisClient;
  /** Of all keys, and the channel. */
  readonly prefix: string;
  readonly log: Log;
};

/** Longer ones are dropped. What is longer than Redis' `client-output-buffer-limit pubsub` (32 MB) never comes. */
const MAX_MESSAGE = 1_024;
/** In a Cluster it is the node of the keys that all of them ask. */
const TIME = "return redis.call('time')";

/** Announcements by publish and subscribe; what has to be found later in keys of their own. */
export function createRedisBulletin({
  client,
  ear,
  prefix,
  log,
}: RedisBulletinOptions): Bulletin & { close(): void } {
  const channel = `${prefix}:announce`;
  let listener: BulletinListener | null = null;
  const arrive = async () => {
    await ear.subscribe(channel);
    listener?.connected();
  };
  const arrived = () =>
    void arrive().catch((error: unknown) => {
      log.warn({ error: String(error) }, `what other replicas announce at ${channel} cannot be heard`);
    });
  /** ioredis would keep what is asked of a Redis that is away, and all of it. */
  const there = () => {
    if (client.status === 'ready') return client;
    throw new Failure('redis-unreachable', 'there is no connection to Redis', 'wait');
  };
  ear.on('error', () => {}); // The client has the same, and says it.
  ear.on('message', (_channel: string, text: string) => {
    if (text.length <= MAX_MESSAGE) listener?.heard(text);
  });
  return {
    listen(given) {
      listener = given;
      ear.on('ready', arrived);
      if (ear.status === 'ready') arrived();
    },
    say(text) {
      if (client.status === 'ready') client.publish(channel, text).catch(() => {}); // It is said again.
    },
    async write(name, text, keepSeconds) {
      await there().set(`${prefix}:${name}`, text, 'EX', keepSeconds);
    },
    async read(name, maxBytes) {
      const text = await there().getrange(`${prefix}:${name}`, 0, maxBytes);
      return text === '' || Buffer.byteLength(text) > maxBytes ? null : text;
    },
    async timeMs() {
      const said: unknown = await client.eval(TIME, 1, `${prefix}:clock`).catch((error: unknown) => {
        throw redisFailure(error);
      });
      const [seconds, microseconds] = Array.isArray(said) ? said.map(Number) : [];
      return (seconds ?? Number.NaN) * 1_000 + (microseconds ?? 0) / 1_000;
    },
    close() {
      listener = null;
      ear.disconnect();
    },
  };
}
