import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SERVED_WITH, serverCore } from './push.ts';

/** What a server has used: CPU of it and of what it started, and the memory of all of them. */
type Usage = { readonly cpuMs: number; readonly heldMb: number; readonly totalMb: number };

/** `fairlead serve` as a process of its own, on its own cores. */
export interface ServerProcess {
  readonly xdsPort: number;
  readonly httpPort: number;
  /** From its start until both ports answer. */
  readonly listeningMs: number;
  /** Asks the API until `accept` takes the answer. */
  ask<T>(path: string, accept?: (body: T) => boolean): Promise<T>;
  /** CPU in steps of 10 ms, as the kernel counts it. */
  cpuMs(): number;
  usage(): Promise<Usage>;
  close(): Promise<void>;
}

const PRELOAD = join(import.meta.dirname, 'measured.ts');
const BIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'bin.mjs');
const TICK_MS = 10;
const DEADLINE_MS = 300_000;

/** Writes the configuration to `file`, and starts a server with it. */
export async function startServer(
  file: string,
  config: Readonly<Record<string, unknown>>,
): Promise<ServerProcess> {
  const head = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'ServerConfig' };
  await writeFile(file, JSON.stringify({ ...head, xds: '127.0.0.1:0', http: '127.0.0.1:0', ...config }));
  const node = [process.execPath, ...SERVED_WITH, '--expose-gc', '--import', PRELOAD];
  const startMs = performance.now();
  const args = ['-c', serverCore(), ...node, BIN, 'serve', '--config', file];
  const child = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const { xdsPort, httpPort } = await listening(child);
  const pid = String(child.pid);
  return {
    ...{ xdsPort, httpPort, close: () => end(child) },
    listeningMs: performance.now() - startMs,
    ask: (path, accept = () => true) => ask(httpPort, path, accept),
    cpuMs: () => ticks(pid) * TICK_MS,
    async usage() {
      child.send('held');
      const [held] = (await once(child, 'message')) as [number];
      const all = [pid, ...childrenOf(pid)];
      const totalMb = all.reduce((sum, each) => sum + proportionalMb(each), 0);
      return { cpuMs: ticks(pid) * TICK_MS, heldMb: held / 1024 ** 2, totalMb };
    },
  };
}

type Ports = { readonly xdsPort: number; readonly httpPort: number };

/** What its log says of its ports. The rest of the log is read and forgotten: a full pipe would hold it up. */
async function listening(child: ChildProcess): Promise<Ports> {
  const lines: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Ports>();
  createInterface({ input: child.stderr ?? process.stdin }).on('line', (line) => {
    if (lines.length < 20) lines.push(line);
    if (line.includes('"msg":"listening"')) resolve(JSON.parse(line) as Ports);
  });
  child.once('exit', () => reject(new Error(`the server ended: ${lines.join('\n')}`)));
  return promise;
}

const ASK_EVERY_MS = 20;

async function ask<T>(port: number, path: string, accept: (body: T) => boolean): Promise<T> {
  const startMs = performance.now();
  for (;;) {
    const body = (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as T;
    if (accept(body)) return body;
    if (performance.now() - startMs > DEADLINE_MS)
      throw new Error(`${path} is still ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.removeAllListeners('exit');
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** utime, stime, and those of children that have ended (proc(5)). */
function ticks(pid: string): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

function childrenOf(pid: string): readonly string[] {
  if (!existsSync(`/proc/${pid}/task`)) return [];
  const own = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter((text) => text !== ''),
  );
  return own.flatMap((child) => [child, ...childrenOf(child)]);
}

/** Pages that several share count in part for each; a git that has ended meanwhile has none. */
function proportionalMb(pid: string): number {
  try {
    const [, kb = '0'] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
    return Number(kb) / 1024;
  } catch {
    return 0;
  }
}
