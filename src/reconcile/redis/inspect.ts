import { once } from 'node:events';
import { Failure } from '../../base/failure.ts';
import { systemClock, withTimeout } from '../clock.ts';
import { prefixOf, type RedisClient, type RedisConfig, redisConnector } from './connection.ts';
import { checkEviction, checkVersion, fieldOf, redisFailure, versionOf } from './health.ts';
import { denied } from './rights.ts';

/** What was found at one question, and what to do; null where all is well. */
export type RedisFinding = {
  readonly check: 'redis' | 'redis-version' | 'redis-memory' | 'redis-rights';
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly fix: string | null;
};

const TIMEOUT_MS = 5_000;
/** Of what Redis may use. */
const NEARLY_FULL = 0.9;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|\[::1\]|localhost)$/;

/**
 * Asks a Redis whether replicas can share their work by it. Keys below its prefix are written, and removed. Empty where
 * none is configured. Throws Failure config-invalid where a file cannot be read.
 */
export async function inspectRedis(config: RedisConfig): Promise<readonly RedisFinding[]> {
  const place = placeOf(config);
  if (place === null) return [];
  const client = (await redisConnector(config))();
  client.on('error', () => {}); // Whoever asks hears of it.
  try {
    return await withTimeout(
      systemClock,
      TIMEOUT_MS,
      () => inspect(client, config, place),
      () => late(place),
    );
  } catch (error) {
    return [failed('redis', place.text, redisFailure(error))];
  } finally {
    client.disconnect();
  }
}

function late({ tls }: Place): Failure {
  // Who is spoken to in TLS and does not know it says nothing.
  const fix = `check the address, its load, the network${tls ? ', and that it speaks TLS there' : ''}`;
  return new Failure('redis-slow', `no answer in ${TIMEOUT_MS} ms`, fix);
}

async function inspect(client: RedisClient, config: RedisConfig, place: Place) {
  if (client.status !== 'ready') await once(client, 'ready');
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  const infos = await Promise.all(nodes.map((node) => node.info())).catch(redisFailure);
  if (infos instanceof Failure) return [way(config, place), failed('redis-rights', 'INFO', infos)];
  return [
    way(config, place),
    version(infos),
    memory(infos),
    rights(await denied(client, prefixOf(config)), prefixOf(config)),
  ];
}

type Place = { readonly text: string; readonly hosts: readonly string[]; readonly tls: boolean };

/** Null where none is configured. */
function placeOf({ redis, redisSentinel, redisCluster }: RedisConfig): Place | null {
  if (redisCluster !== null) return place('the Cluster at', redisCluster.nodes, redisCluster.tls);
  if (redisSentinel !== null)
    return place(`${redisSentinel.name} of the Sentinels at`, redisSentinel.sentinels, redisSentinel.tls);
  return redis === null ? null : place('', [`${redis.host}:${redis.port}`], redis.tls);
}

function place(what: string, addresses: readonly string[], tls = false): Place {
  const hosts = addresses.map((address) => address.replace(/:\d+$/, ''));
  return { text: `${what} ${addresses.join(', ')}`.trim(), hosts, tls };
}

/** A password that everybody on the way can read works, but not for long. */
function way({ redisUsername, redisPasswordFile }: RedisConfig, { text, hosts, tls }: Place): RedisFinding {
  const who = redisUsername === null ? '' : ` to ${redisUsername}`;
  const message = `${text} answers${who} ${tls ? 'over TLS' : 'in plain text'}`;
  const isNear = hosts.every((host) => LOOPBACK.test(host));
  if (tls || isNear || redisPasswordFile === null) return ok('redis', message);
  const fix = 'use TLS (rediss://, or tls of redisSentinel and redisCluster), and say redisCaFile';
  return { check: 'redis', state: 'warn', message: `${message}, with a password`, fix };
}

function version(infos: readonly string[]): RedisFinding {
  const versions = [...new Set(infos.map(versionOf))].join(', ');
  return firstFailure('redis-version', infos, checkVersion) ?? ok('redis-version', versions);
}

function memory(infos: readonly string[]): RedisFinding {
  const failure = firstFailure('redis-memory', infos, checkEviction);
  if (failure !== null) return failure;
  const shares = infos.map((info) => {
    const [used, most] = ['used_memory', 'maxmemory'].map((name) => Number(fieldOf(info, name) ?? 0));
    return most ? (used ?? 0) / most : 0;
  });
  const share = Math.max(0, ...shares);
  const message = `maxmemory-policy is noeviction${share > 0 ? `, ${Math.round(share * 100)} % in use` : ''}`;
  if (share < NEARLY_FULL) return ok('redis-memory', message);
  const fix = 'raise its maxmemory, or remove what others keep there';
  return { check: 'redis-memory', state: 'warn', message, fix };
}

function firstFailure(check: RedisFinding['check'], infos: readonly string[], test: (info: string) => void) {
  try {
    for (const info of infos) test(info);
    return null;
  } catch (error) {
    return failed(check, '', redisFailure(error));
  }
}

function rights(errors: readonly string[], prefix: string): RedisFinding {
  const [first] = errors;
  if (first === undefined) return ok('redis-rights', `all that is needed, of ${prefix}:*`);
  const more = errors.length > 1 ? ` and ${errors.length - 1} more` : '';
  const fix = `give its user ~${prefix}:* &${prefix}:* +@all -@dangerous +info +client`;
  return { check: 'redis-rights', state: 'fail', message: `${first}${more}`, fix };
}

function ok(check: RedisFinding['check'], message: string): RedisFinding {
  return { check, state: 'ok', message, fix: null };
}

function failed(check: RedisFinding['check'], where: string, { code, message, fix }: Failure): RedisFinding {
  const before = where === '' ? '' : `${where}: `;
  return { check, state: 'fail', message: `${before}${message} [${code}]`, fix };
}
