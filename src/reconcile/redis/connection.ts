import { readFile } from 'node:fs/promises';
import type { Cluster, Redis } from 'ioredis';
import { Failure } from '../../base/failure.ts';

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

/** What the files of a `RedisConfig` hold. */
type RedisSecrets = {
  readonly password: string | null;
  readonly sentinelPassword: string | null;
  readonly ca: string | null;
};

const RETRY_MS = { first: 100, max: 2_000 };

/**
 * Each call of what it gives is one more connection, made in the background. Throws Failure config-invalid where a file
 * cannot be read.
 */
export async function redisConnector(config: RedisConfig): Promise<() => RedisClient> {
  const [password, sentinelPassword, ca] = await Promise.all([
    textOf('redisPasswordFile', config.redisPasswordFile),
    textOf('redisSentinelPasswordFile', config.redisSentinelPasswordFile),
    textOf('redisCaFile', config.redisCaFile),
  ]);
  const secrets = { password, sentinelPassword, ca };
  const { Cluster, Redis } = await import('ioredis');
  const { redisCluster, redisSentinel } = config;
  if (redisCluster !== null) {
    const options = clusterOptions(redisCluster, config, secrets);
    return () => new Cluster(redisCluster.nodes.map(addressOf), options);
  }
  const options =
    redisSentinel === null ? serverOptions(config, secrets) : sentinelOptions(redisSentinel, config, secrets);
  return () => new Redis(options);
}

/** Without the line end that editors write. */
async function textOf(setting: string, file: string | null): Promise<string | null> {
  if (file === null) return null;
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('config-invalid', `${setting}: ${why}`, 'name a file that Fairlead may read', {
      cause,
    });
  }
}

type Asker = Pick<RedisConfig, 'redisUsername'>;

export function serverOptions(config: RedisConfig, secrets: RedisSecrets) {
  const { host = '127.0.0.1', port = 6379, db = 0, tls = false } = config.redis ?? {};
  return {
    ...LASTING,
    ...login(config.redisUsername, secrets.password),
    ...encrypted(tls, secrets),
    host,
    port,
    db,
  };
}

export function sentinelOptions(sentinel: RedisSentinel, { redisUsername }: Asker, secrets: RedisSecrets) {
  const { name, sentinels, username, db = 0, tls = false } = sentinel;
  const { sentinelPassword } = secrets;
  return {
    ...{ ...LASTING, ...login(redisUsername, secrets.password), ...encrypted(tls, secrets) },
    ...{ name, db, sentinels: sentinels.map(addressOf), sentinelRetryStrategy: retryMs },
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(sentinelPassword === null ? {} : { sentinelPassword }),
    ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: trusted(secrets) } : {}),
  };
}

export function clusterOptions(cluster: RedisCluster, { redisUsername }: Asker, secrets: RedisSecrets) {
  const { natMap, tls = false } = cluster;
  const { retryStrategy: _, ...lasting } = LASTING;
  const mapped = Object.entries(natMap ?? {}).map(([from, to]) => [from, addressOf(to)] as const);
  return {
    clusterRetryStrategy: retryMs,
    redisOptions: { ...lasting, ...login(redisUsername, secrets.password), ...encrypted(tls, secrets) },
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

function retryMs(times: number): number {
  return Math.min(RETRY_MS.first * 2 ** Math.min(times, 10), RETRY_MS.max);
}

/** A connection that comes back whatever happens, to whoever leads then. */
const LASTING = {
  maxRetriesPerRequest: null,
  connectionName: 'fairlead',
  connectTimeout: 5_000,
  keepAlive: 10_000,
  retryStrategy: retryMs,
  reconnectOnError: (error: Error): 2 | false => (error.message.startsWith('READONLY') ? 2 : false),
};

function asItIs(address: string, callback: (error: null, address: string) => void): void {
  callback(null, address);
}

/** `host:port` or `[::1]:port`, as the schema has it. */
function addressOf(text: string): { host: string; port: number } {
  const [, ipv6, host = '', port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return { host: ipv6 ?? host, port: Number(port) };
}
