import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { must } from '../src/base/must.ts';
import { freePorts } from '../src/cli/demo/services.ts';
import { type Clock, systemClock } from '../src/reconcile/clock.ts';
import { createFolder } from './repository.ts';

/** A real redis-server on a loopback port of its own, in a folder that goes with it; nothing is kept on the disk. */
export type TestRedis = {
  readonly port: number;
  readonly folder: string;
  /** For what a test asks and does by itself; ends with the server. */
  client(): Redis;
  kill(): Promise<void>;
  /** On the same port, with nothing in it. */
  start(): Promise<void>;
  close(): Promise<void>;
};

export async function startRedis(args: readonly string[] = []): Promise<TestRedis> {
  const folder = await createFolder();
  const port = await freePort();
  const clients: Redis[] = [];
  const common = ['--bind', '127.0.0.1', '--dir', folder.dir, '--save', '', '--appendonly', 'no'];
  const usual = args.includes('--port') ? common : ['--port', String(port), ...common];
  let running = await startServer([...usual, ...args]);
  const kill = async () => {
    if (running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  };
  return {
    port,
    folder: folder.dir,
    client() {
      const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
      client.on('error', () => {}); // The server dies in some tests.
      clients.push(client);
      return client;
    },
    kill,
    async start() {
      running = await startServer([...usual, ...args]);
    },
    async close() {
      for (const client of clients) client.disconnect();
      await kill();
      await folder.close();
    },
  };
}

/** Resolves when it says that it accepts connections. */
export async function startServer(
  args: readonly string[],
  says = /Ready to accept connections/,
): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (says.test(said)) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
  });
  return child;
}

/** However long this machine holds Redis up, or this process: after a second it is not taken for slow. */
export const patientClock: Clock = {
  ...systemClock,
  after: (ms, run) => systemClock.after(ms === 1_000 ? 60_000 : ms, run),
};

/** One that stays free while nobody listens there: the system gives it to nobody who asks for any. */
export async function freePort(): Promise<number> {
  return must((await freePorts(1))[0]);
}
