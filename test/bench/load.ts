import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { clientCore, pinned } from './push.ts';

/** Many thin clients in a process of their own, on a core of their own; they ACK at once. */
export interface Load {
  /** Until the last of them had everything. */
  readonly syncMs: number;
  /** Hears from now on; `heard` resolves when all have got the next routes. Milliseconds since the epoch. */
  next(): Promise<{ readonly heard: Promise<{ readonly firstMs: number; readonly lastMs: number }> }>;
  /** What they were sent since they were asked last, when nothing comes any more. */
  take(): Promise<{ readonly messages: number; readonly bytes: number }>;
  close(): Promise<void>;
}

/** All in one namespace, by its name, or spread over so many. */
export async function startLoad(
  xdsPort: number,
  clients: number,
  namespaces: number | string = 1,
): Promise<Load> {
  const spread = typeof namespaces === 'string' ? ['1', namespaces] : [String(namespaces)];
  const program = join(import.meta.dirname, 'load-child.ts');
  const args = [program, String(xdsPort), String(clients), ...spread];
  const child = pinned(clientCore(), process.execPath, args);
  child.stderr?.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
  const said = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the clients ended: a stream broke off');
    return JSON.parse(value) as T;
  };
  const tell = (word: string) => child.stdin?.write(`${word}\n`);
  const { syncMs } = await said<{ syncMs: number }>();
  return {
    syncMs,
    async next() {
      tell('next');
      await said();
      return { heard: said() };
    },
    async take() {
      tell('take');
      return said();
    },
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
