import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Failure } from '../../base/failure.ts';

const KILL_AFTER_MS = 5_000;

/** A long-running child. Its words go into a file; the first line that fits `ready` can be waited for. */
export type Child = {
  readonly ready: Promise<string>;
  /** Ends it; resolves when all that it said is in the file. */
  close(): Promise<void>;
};

export type Start = {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where its standard error is kept, and its standard output, such as access logs. */
  readonly log: string;
  readonly ready: RegExp;
};

/** Starts a child that writes its log to standard error. Throws, through `ready`, Failure demo-child. */
export function startChild({ program, args, cwd, environment, log, ready }: Start): Child {
  const child = spawn(program, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  // Not its exit: what it said last, and what its own children say, may come after that.
  const closed = once(child, 'close').catch(() => []);
  const file = createWriteStream(log);
  const lines = createInterface({ input: child.stderr });
  createInterface({ input: child.stdout }).on('line', (line) => file.write(`${line}\n`));
  let last = '';
  const found = new Promise<string>((resolve, reject) => {
    const fail = (reason: string) =>
      reject(
        new Failure('demo-child', `${program}: ${reason}`, 'try again: ports and folders are new each time'),
      );
    lines.on('line', (line) => {
      last = line;
      file.write(`${line}\n`);
      if (ready.test(line)) resolve(line);
    });
    child.on('error', ({ message }) => fail(message));
    child.on('exit', (code, signal) => fail(`it ended with ${signal ?? code}: ${last}`));
  });
  // Whoever does not wait for `ready` is told by what depends on the child.
  found.catch(() => undefined);
  return {
    ready: found,
    async close() {
      await end(child, closed);
      await new Promise((resolve) => file.end(resolve));
    },
  };
}

/** Asks a child to end, and ends it when it does not; then nobody listens to whom it has left behind. */
async function end(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    for (const stream of [child.stdout, child.stderr]) stream?.destroy();
  }, KILL_AFTER_MS);
  await closed;
  clearTimeout(timer);
}
