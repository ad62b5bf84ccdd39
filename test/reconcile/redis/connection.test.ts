import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  clusterOptions,
  prefixOf,
  type RedisClient,
  type RedisConfig,
  redisConnector,
  sentinelOptions,
  serverOptions,
} from '../../../src/reconcile/redis/connection.ts';
import { checkServer, redisFailure } from '../../../src/reconcile/redis/health.ts';
import type { RedisSecrets } from '../../../src/reconcile/redis/secrets.ts';
import { freePort, startRedis, startServer, type TestRedis } from '../../redis.ts';
import { noRedis } from '../../server.ts';

const unchanging = (held: RedisSecrets) => ({ now: () => held, reread: async () => held });
const secrets = unchanging({ password: 'p', sentinelPassword: 's', ca: 'CA' });
const nothing = unchanging({ password: null, sentinelPassword: null, ca: null });
const given = { ...noRedis, redisUsername: 'u' };

describe('what ioredis is given', () => {
  it('of one server', () => {
    const redis = { host: 'r', port: 1, db: 2, tls: true };
    expect(serverOptions({ ...given, redis }, secrets)).toMatchObject({
      ...{ host: 'r', port: 1, db: 2, username: 'u', password: 'p', tls: { ca: 'CA' } },
      maxRetriesPerRequest: null,
    });
    const plain = serverOptions({ ...noRedis, redis: { ...redis, tls: false } }, nothing);
    for (const name of ['username', 'password', 'tls']) expect(plain).not.toHaveProperty(name);
    expect(serverOptions({ ...noRedis, redis }, nothing).tls).toEqual({});
  });

  it('of Sentinels', () => {
    const sentinel = { name: 'm', sentinels: ['a:1', '[::1]:2'], username: 'su', db: 3, tls: true };
    expect(sentinelOptions(sentinel, given, secrets)).toMatchObject({
      ...{ name: 'm', db: 3, username: 'u', password: 'p', tls: { ca: 'CA' } },
      sentinels: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
      ],
      ...{
        sentinelUsername: 'su',
        sentinelPassword: 's',
        enableTLSForSentinelMode: true,
        sentinelTLS: { ca: 'CA' },
      },
    });
    const plain = sentinelOptions({ name: 'm', sentinels: ['a:1'] }, noRedis, nothing);
    for (const name of [
      'tls',
      'sentinelTLS',
      'sentinelUsername',
      'sentinelPassword',
      'enableTLSForSentinelMode',
    ])
      expect(plain).not.toHaveProperty(name);
  });

  it('of a Cluster, whose keys of one queue lie together', () => {
    const redisCluster = { nodes: ['a:1'], natMap: { '10.0.0.1:6379': 'outside:1' }, tls: true };
    expect(clusterOptions(redisCluster, given, secrets)).toMatchObject({
      natMap: { '10.0.0.1:6379': { host: 'outside', port: 1 } },
      redisOptions: { username: 'u', password: 'p', tls: { ca: 'CA' }, maxRetriesPerRequest: null },
      dnsLookup: expect.any(Function),
    });
    const plain = clusterOptions({ nodes: ['a:1'] }, noRedis, nothing);
    for (const name of ['natMap', 'dnsLookup']) expect(plain).not.toHaveProperty(name);
    expect(plain.redisOptions).not.toHaveProperty('tls');
    expect(prefixOf({ ...noRedis, redisCluster })).toBe('{fairlead}');
    expect(prefixOf({ ...noRedis, redisCluster, redisPrefix: 'a{b}' })).toBe('a{b}');
    expect(prefixOf(noRedis)).toBe('fairlead');
  });

  it('comes back ever less often, at last every two seconds, and leaves who leads no more', () => {
    const { retryStrategy, reconnectOnError } = serverOptions(noRedis, nothing);
    expect([1, 2, 3, 50].map((times) => retryStrategy(times))).toEqual([200, 400, 800, 2_000]);
    expect(reconnectOnError(new Error('READONLY You cannot write against a read only replica.'))).toBe(1);
    expect(reconnectOnError(new Error('ERR'))).toBe(false);
  });
});

it.each([
  ['redis_version:6.0.16\r\nmaxmemory_policy:noeviction\r\n', 'redis-too-old', /6\.0\.16/],
  ['redis_version:7.0.15\r\nmaxmemory_policy:volatile-ttl\r\n', 'redis-eviction', /volatile-ttl/],
  ['nothing of it', 'redis-too-old', /0\.0/],
])('refuses a Redis that says %j', (info, code, message) => {
  expect(() => checkServer(info)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});

it.each([
  'redis_version:6.2.0\r\nmaxmemory_policy:noeviction\r\n',
  'redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nmaxmemory_policy:noeviction\r\n',
])('takes a Redis that says %j', (info) => {
  expect(() => checkServer(info)).not.toThrow();
});

it.each([
  ["OOM command not allowed when used memory > 'maxmemory'.", 'redis-full'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'redis-refused'],
  ['NOPERM No permissions to access a key', 'redis-refused'],
  ["READONLY You can't write against a read only replica.", 'redis-unwritable'],
  ['connect ECONNREFUSED 127.0.0.1:6379', 'redis-unreachable'],
])('%s is %s', (message, code) => {
  expect(redisFailure(new Error(message))).toMatchObject({ code, message: `Redis: ${message}` });
});

describe('a connection', () => {
  it('over TLS, to whom the given authority vouches for and nobody else', async () => {
    const certificates = await startRedis();
    onTestFinished(() => certificates.close());
    const folder = certificates.folder;
    makeCertificates(folder);
    const file = (name: string) => join(folder, name);
    const tlsPort = await freePort();
    const files = ['--tls-cert-file', file('server.pem'), '--tls-key-file', file('server.key')];
    const authority = ['--tls-ca-cert-file', file('ca.pem'), '--tls-auth-clients', 'no'];
    const redis = await startRedis(['--port', '0', '--tls-port', String(tlsPort), ...files, ...authority]);
    onTestFinished(() => redis.close());
    const config = { ...noRedis, redis: { host: '127.0.0.1', port: tlsPort, db: 0, tls: true } };
    expect(await connected({ ...config, redisCaFile: file('ca.pem') }).then((one) => one.ping())).toBe(
      'PONG',
    );
    const client = (await redisConnector(config))();
    onTestFinished(() => client.disconnect());
    const error = await new Promise<Error>((resolve) => client.once('error', resolve));
    expect(redisFailure(error)).toMatchObject({ code: 'redis-unreachable', message: /certificate/ });
    // Another authority and another certificate under the same names: it counts without a new start.
    const lasting = await connected({ ...config, redisCaFile: file('ca.pem') });
    const copied = (lasting as Redis).duplicate();
    onTestFinished(() => copied.disconnect());
    copied.on('error', () => {});
    await redis.kill();
    makeCertificates(folder);
    await redis.start();
    await waitFor(async () => expect([lasting.status, copied.status]).toEqual(['ready', 'ready']));
    expect(await Promise.all([lasting.ping(), copied.ping()])).toEqual(['PONG', 'PONG']);
  });

  it('as a user whose password rotates: a connection that is lost comes back with the new one, and so do its copies', async () => {
    const redis = await startRedis(['--user', 'fairlead', 'on', '>old', '~*', '&*', '+@all']);
    onTestFinished(() => redis.close());
    const redisPasswordFile = join(redis.folder, 'password');
    await writeFile(redisPasswordFile, 'old\n', { mode: 0o600 });
    const one = await connected({ ...at(redis.port), redisUsername: 'fairlead', redisPasswordFile });
    // BullMQ makes a copy for what waits.
    const copy = (one as Redis).duplicate();
    onTestFinished(() => copy.disconnect());
    copy.on('error', () => {});
    const waits = copy.blpop('list', 0);
    const admin = redis.client();
    await waitFor(async () => expect(await admin.info('clients')).toContain('blocked_clients:1'));
    await admin.call('ACL', 'SETUSER', 'fairlead', 'resetpass', '>new');
    expect(await one.ping()).toBe('PONG');
    // That the connection is lost may be said before it.
    const refused = new Promise<void>((resolve) => {
      one.on('error', ({ message }) => message.includes('WRONGPASS') && resolve());
    });
    await admin.call('CLIENT', 'KILL', 'USER', 'fairlead');
    await refused;
    await writeFile(redisPasswordFile, 'new\n', { mode: 0o600 });
    await waitFor(async () => expect(one.status).toBe('ready'));
    expect(await one.ping()).toBe('PONG');
    await waitFor(async () => expect(await admin.info('clients')).toContain('blocked_clients:1'));
    await admin.rpush('list', 'a');
    expect(await waits).toEqual(['list', 'a']);
  });

  it('where the password of Sentinels rotates', async () => {
    const leader = await startRedis();
    onTestFinished(() => leader.close());
    const port = await startSentinel(leader, ['requirepass old']);
    const redisSentinelPasswordFile = join(leader.folder, 'password');
    await writeFile(redisSentinelPasswordFile, 'old', { mode: 0o600 });
    const redisSentinel = { name: 'mesh', sentinels: [`127.0.0.1:${port}`] };
    const client = await connected({ ...noRedis, redisSentinel, redisSentinelPasswordFile });
    expect(await client.set('a', '1')).toBe('OK');
    const asking = { ...at(port), redisPasswordFile: redisSentinelPasswordFile };
    await (await connected(asking)).call('ACL', 'SETUSER', 'default', 'resetpass', '>new');
    await writeFile(redisSentinelPasswordFile, 'new', { mode: 0o600 });
    const lost = new Promise<void>((resolve) => void client.once('close', resolve));
    await leader.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await lost;
    await waitFor(async () => expect(client.status).toBe('ready'));
    expect(await client.get('a')).toBe('1');
  });

  it('to whom real Sentinels say leads, and to the next when it is gone', async () => {
    const leader = await startRedis();
    onTestFinished(() => leader.close());
    const follower = await startRedis(['--replicaof', `127.0.0.1 ${leader.port}`]);
    onTestFinished(() => follower.close());
    const port = await startSentinel(leader);
    const redisSentinel = { name: 'mesh', sentinels: [`127.0.0.1:${port}`] };
    const client = await connected({ ...noRedis, redisSentinel });
    const listens = async () => /tcp_port:(\d+)/.exec(await client.info('server'))?.[1];
    expect(await listens()).toBe(String(leader.port));
    await waitFor(async () => expect(await follower.client().info()).toContain('master_link_status:up'));
    await waitFor(async () => expect(await leader.client().info()).toContain('connected_slaves:1'));
    const asked = await connected(at(port));
    await waitFor(async () => {
      const said = await asked.call('SENTINEL', 'REPLICAS', 'mesh');
      expect(JSON.stringify(said)).toContain(`"${follower.port}"`);
    });
    await leader.kill();
    await waitFor(async () => expect(await listens()).toBe(String(follower.port)));
    await waitFor(async () => expect(await client.set('a', '1')).toBe('OK'));
  });
});

const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 50 });

const at = (port: number): RedisConfig => ({
  ...noRedis,
  redis: { host: '127.0.0.1', port, db: 0, tls: false },
});

async function connected(config: RedisConfig): Promise<RedisClient> {
  const client = (await redisConnector(config))();
  onTestFinished(() => client.disconnect());
  client.on('error', () => {}); // Some tests let the server go.
  if (client.status !== 'ready') await new Promise<void>((resolve) => void client.once('ready', resolve));
  return client;
}

/** Its port. It takes who does not answer for gone after 300 ms, and asks nobody else. */
async function startSentinel(leader: TestRedis, more: readonly string[] = []): Promise<number> {
  const port = await freePort();
  const file = join(leader.folder, 'sentinel.conf');
  const watched = ['down-after-milliseconds mesh 300', 'failover-timeout mesh 3000'];
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    ...more,
    `sentinel monitor mesh 127.0.0.1 ${leader.port} 1`,
  ];
  await writeFile(file, [...lines, ...watched.map((line) => `sentinel ${line}`), ''].join('\n'));
  const child = await startServer([file, '--sentinel'], /Sentinel ID/);
  onTestFinished(() => void child.kill('SIGKILL'));
  return port;
}

/** `ca.pem`, and of it `server.pem` for 127.0.0.1. */
function makeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  openssl(
    'req',
    '-x509',
    ...key,
    ...signed,
    ...leaf,
    '-keyout',
    'server.key',
    '-out',
    'server.pem',
    '-subj',
    '/CN=redis',
  );
}
