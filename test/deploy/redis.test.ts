import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHome, type Home } from '../cli/fairlead.ts';
import { freePort, startServer } from '../redis.ts';
import { deploy } from './files.ts';

/** A Redis with the configuration and the users of deploy/redis, which is killed and started again. */
let home: Home;
let running: Awaited<ReturnType<typeof startServer>>;
let port: number;
const clients: Redis[] = [];
beforeEach(async () => {
  home = await createHome();
  await home.need('.', process.execPath, join(deploy, 'redis/secrets.mjs'), 'secrets');
  await mkdir(join(home.dir, 'data'));
  port = await freePort();
  await start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await kill();
  await home.close();
});

async function start(): Promise<void> {
  const here = ['--port', String(port), '--bind', '127.0.0.1', '--dir', join(home.dir, 'data')];
  const users = ['--aclfile', join(home.dir, 'secrets/users.acl')];
  running = await startServer([join(deploy, 'redis/redis.conf'), ...here, ...users]);
}

async function kill(): Promise<void> {
  running.kill('SIGKILL');
  await once(running, 'exit');
}

function connect(about: { readonly username?: string; readonly password?: string }): Redis {
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => null, ...about });
  client.on('error', () => {}); // It is killed, or says no.
  clients.push(client);
  return client;
}

function fairlead(): Redis {
  const password = readFileSync(join(home.dir, 'secrets/redis-password'), 'utf8').trim();
  return connect({ username: 'fairlead', password });
}

test('a restart finds the queue again, with what was written as one transaction', async () => {
  await fairlead().multi().set('fairlead:a', '1').set('fairlead:b', '2').exec();
  await kill();
  await start();
  expect(await fairlead().mget('fairlead:a', 'fairlead:b')).toEqual(['1', '2']);
});

test('nobody else is let in, whatever the default user could do', async () => {
  await expect(connect({}).get('fairlead:a')).rejects.toThrow('NOAUTH');
  const guessing = connect({ username: 'default', password: 'guessed' });
  await expect(guessing.get('fairlead:a')).rejects.toThrow(/NOAUTH|WRONGPASS/);
  await expect(fairlead().get('other:a')).rejects.toThrow('NOPERM');
});
