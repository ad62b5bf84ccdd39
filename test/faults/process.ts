import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../src/base/must.ts';
import type { Death } from './dying.ts';
import type { Measured } from './measuring.ts';
import type { Step } from './steps.ts';

/** `fairlead serve` as a process of its own. */
export type ServerProcess = {
  /** Dies at this step from now on. */
  dieAt(step: Step, skip: number): Promise<void>;
  /** What it holds; of one that was started as `measuring`. */
  measure(): Promise<Measured>;
  /** Resolves when it has ended: by the signal, or with the code. */
  readonly ended: Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** To all of it, as a container is paused and goes on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** What it has logged. */
  log(): Promise<string>;
};

type Start = {
  readonly flags: readonly string[];
  readonly log: string;
  readonly dieAt?: readonly [step: Step, skip: number];
  /** What it is loaded with, in order to be killed at a step or to be measured. */
  readonly as?: 'dying' | 'measuring';
  /** What runs it, in front of Node, such as `faketime`. */
  readonly wrapper?: readonly string[];
  /** Default: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

const bin = join(import.meta.dirname, '../../src/cli/bin.mjs');

export function startServer(start: Start): ServerProcess {
  const { flags, log, dieAt, as = 'dying', wrapper = [], environment } = start;
  const output = openSync(log, 'a');
  const preload = join(import.meta.dirname, `${as}.ts`);
  const all = [...wrapper, process.execPath, '--import', preload, bin, 'serve', ...flags];
  const [program = '', ...args] = all;
  const env = { ...(environment ?? process.env), ...(dieAt && { DIE_AT: JSON.stringify(death(...dieAt)) }) };
  // A group of its own, since `faketime` forks what it runs.
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', output, output, 'ipc'] });
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code));
  return {
    ended,
    async dieAt(step, skip) {
      child.send(death(step, skip));
      await Promise.race([once(child, 'message'), ended]);
    },
    async measure() {
      child.send('measure');
      const [measured] = (await Promise.race([once(child, 'message'), ended])) as [Measured];
      if (typeof measured !== 'object') throw new Error('it has ended');
      return measured;
    },
    kill: (signal) => end(child, ended, signal),
    signal: (signal) => void process.kill(-must(child.pid), signal),
    log: () => readFile(log, 'utf8'),
  };
}

function death({ operation, what, side }: Step, skip: number): Death {
  return { operation, side, what: what.source, skip };
}

async function end(child: ChildProcess, ended: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  const { pid, exitCode, signalCode } = child;
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, signal);
  await ended;
}
