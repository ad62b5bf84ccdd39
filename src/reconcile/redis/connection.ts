import { readFile } from 'node:fs/promises';
import type { Cluster, Redis } from 'ioredis';
import { Failure } from '../../base/failure.ts';
import { readSecretFile } from '../../base/secret-file.ts';
import { type RedisSecrets, type RotatingSecrets, renewing, retryMs, rotatingSecrets } from './secrets.ts';

/** ioredis, whatever it is connected to. */
export type RedisClient = Redis | Cluster;

/** One server: what `redis://` and `rediss://` say. */
export type RedisServer = {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly tls: boolean;
};

/** Who leads is asked of Sentinels. Addresses are `host:port`. */
type RedisSentinel = {
  readonly name: string;
  readonly sentinels: readonly string[];
  readonly username?: string;
  readonly db?: number;
  readonly tls?: boolean;
};

/** Keys are spread over several servers. Addresses are `host:port`. */
type RedisCluster = {
  readonly nodes: readonly string[];
  /** Where an address that the cluster announces is reached from here. */
  readonly natMap?: Readonly<Record<string, string>>;
  readonly tls?: boolean;
};

/** How Redis is reached: one of the first three. Paths are absolute. */
export type RedisConfig = {
  readonly redis: RedisServer | null;
  readonly redisSentinel: RedisSentinel | null;
  readonly redisCluster: RedisCluster | null;
  readonly redisUsername: string | null;
  readonly redisPasswordFile: string | null;
  readonly redisSentinelPasswordFile: string | null;
  /** Of whom a server's certificate has to be; null: of whom Node trusts. */
  readonly redisCaFile: string | null;
  readonly redisPrefix: string;
};

/** Of one node: then another is asked where its keys are. */
const NODE_RETRIES = 2;

/**
 * Each call of what it gives is one more connection, made in the background. A connection that is lost comes back with
 * what the files say then. Throws Failure config-invalid where a file cannot be read at first.
 */
export async function redisConnector(config: RedisConfig): Promise<() => RedisClient> {
  const secrets = await rotatingSecrets(() => readSecrets(config));
  const { Cluster, Redis } = await import('ioredis');
  const { redisCluster, redisSentinel } = config;
  if (redisCluster !== null) {
    const nodes = redisCluster.nodes.map(addressOf);
    return () => new Cluster(nodes, clusterOptions(redisCluster, config, secrets));
  }
  if (redisSentinel !== null)
    return () => ofNoOtherDatabase(new Redis(sentinelOptions(redisSentinel, config, secrets)));
  return () => ofNoOtherDatabase(new Redis(serverOptions(config, secrets)));
}

/** What Redis says where it has not the database that is named. */
export const NO_DATABASE = /^ERR (DB index|invalid DB index|SELECT)/;

/** Where Redis has not the database that is named, ioredis would go on with database 0, which is somebody else's. */
function ofNoOtherDatabase(client: Redis): Redis {
  return client.on('error', ({ message }: Error) => {
    if (NO_DATABASE.test(message)) client.disconnect(true);
  });
}

async function readSecrets(config: RedisConfig): Promise<RedisSecrets> {
  const [password, sentinelPassword, ca] = await Promise.all([
    readBy(readSecretFile, 'redisPasswordFile', config.redisPasswordFile),
    readBy(readSecretFile, 'redisSentinelPasswordFile', config.redisSentinelPasswordFile),
    readBy(readText, 'redisCaFile', config.redisCaFile),
  ]);
  return { password, sentinelPassword, ca };
}

const readText = (path: string) => readFile(path, 'utf8');

async function readBy(
  read: (path: string) => Promise<string>,
  setting: string,
  file: string | null,
): Promise<string | null> {
  if (file === null) return null;
  try {
    return await read(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const fix = cause instanceof Failure ? cause.fix : 'name a file that Fairlead may read';
    throw new Failure('config-invalid', `${setting}: ${why}`, fix, { cause });
  }
}

type Asker = Pick<RedisConfig, 'redisUsername'>;

export function serverOptions(config: RedisConfig, secrets: RotatingSecrets) {
  const { host = '127.0.0.1', port = 6379, db = 0, tls = false } = config.redis ?? {};
  const own = (now: RedisSecrets) => ({
    ...login(config.redisUsername, now.password),
    ...encrypted(tls, now),
  });
  return { ...LASTING, ...own(secrets.now()), host, port, db, retryStrategy: renewing(secrets, own) };
}

export function sentinelOptions(sentinel: RedisSentinel, { redisUsername }: Asker, secrets: RotatingSecrets) {
  const { name, sentinels, username, db = 0, tls = false } = sentinel;
  const own = (now: RedisSecrets) => ({
    ...{ ...login(redisUsername, now.password), ...encrypted(tls, now) },
    ...(now.sentinelPassword === null ? {} : { sentinelPassword: now.sentinelPassword }),
    ...(tls ? { sentinelTLS: trusted(now) } : {}),
  });
  return {
    ...{ ...LASTING, ...own(secrets.now()), name, db, sentinels: sentinels.map(addressOf) },
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(tls ? { enableTLSForSentinelMode: true } : {}),
    retryStrategy: renewing(secrets, own),
    sentinelRetryStrategy: renewing(secrets, own),
  };
}

export function clusterOptions(cluster: RedisCluster, { redisUsername }: Asker, secrets: RotatingSecrets) {
  const { natMap, tls = false } = cluster;
  const mapped = Object.entries(natMap ?? {}).map(([from, to]) => [from, addressOf(to)] as const);
  const own = (now: RedisSecrets) => ({ ...login(redisUsername, now.password), ...encrypted(tls, now) });
  const renew = renewing(secrets, own);
  return {
    clusterRetryStrategy: retryMs,
    redisOptions: { ...LASTING, ...own(secrets.now()) },
    // ioredis makes every connection to a node of what was said at first.
    clusterNodeRetryStrategy(this: unknown, times: number) {
      const ms = renew.call(this, times);
      return times > NODE_RETRIES ? null : ms;
    },
    ...(natMap === undefined ? {} : { natMap: Object.fromEntries(mapped) }),
    // Names are left to TLS, which checks them.
    ...(tls ? { dnsLookup: asItIs } : {}),
  };
}

/** In a cluster all keys of a queue have to lie together: what stands in braces says where. */
export function prefixOf({ redisCluster, redisPrefix }: RedisConfig): string {
  return redisCluster === null || /\{.+\}/.test(redisPrefix) ? redisPrefix : `{${redisPrefix}}`;
}

function login(username: string | null, password: string | null) {
  return { ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) };
}

function encrypted(tls: boolean, secrets: RedisSecrets) {
  return tls ? { tls: trusted(secrets) } : {};
}

function trusted({ ca }: RedisSecrets) {
  return ca === null ? {} : { ca };
}

/** What is said of each connection, and after it was lost, of whoever leads then. */
const LASTING = {
  maxRetriesPerRequest: null,
  connectionName: 'fairlead',
  connectTimeout: 5_000,
  keepAlive: 10_000,
  // Who asked hears it: asked again and again, one that stays a replica would look slow.
  reconnectOnError: (error: Error): 1 | false => (error.message.startsWith('READONLY') ? 1 : false),
};

function asItIs(address: string, callback: (error: null, address: string) => void): void {
  callback(null, address);
}

/** `host:port` or `[::1]:port`, as the schema has it. */
function addressOf(text: string): { host: string; port: number } {
  const [, ipv6, host = '', port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return { host: ipv6 ?? host, port: Number(port) };
}
