/**
 * Loaded before a server (`node --import`): ends it with SIGKILL exactly at one step, by standing between it and Node.
 * The server itself knows nothing of it. `DIE_AT`: the step to die at from the start on; another one comes as a message.
 */
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { Duplex, Readable } from 'node:stream';
import type { Step } from './steps.ts';

/** A step as it is sent: with the source of its pattern, and how many of its kind go by before. */
export type Death = Omit<Step, 'what'> & { readonly what: string; readonly skip: number };

let death: Death | null = null;
let skipped = 0;

function arm(next: Death): void {
  death = next;
  skipped = 0;
}

function at(side: Step['side'], operation: Step['operation'], what: string): void {
  if (death?.side !== side || death.operation !== operation || !new RegExp(death.what).test(what)) return;
  if (skipped === death.skip) process.kill(process.pid, 'SIGKILL');
  skipped += 1;
}

/** What `work` gives, with a step on either side. */
async function between<T>(operation: Step['operation'], what: unknown, work: () => Promise<T>): Promise<T> {
  at('before', operation, String(what));
  const value = await work();
  at('after', operation, String(what));
  return value;
}

const real = { ...fs.promises };
Object.assign(fs.promises, {
  rename: (from: string, to: string) => between('rename', to, () => real.rename(from, to)),
  link: (from: string, to: string) => between('link', to, () => real.link(from, to)),
  unlink: (path: string) => between('unlink', path, () => real.unlink(path)),
  readFile: (...args: Parameters<typeof real.readFile>) =>
    between('read', args[0], () => real.readFile(...args)),
  async open(path: string, flags: string, mode?: number): Promise<FileHandle> {
    if (flags === 'r') return watched(path, await real.open(path, flags, mode));
    return watched(path, await between('create', path, () => real.open(path, flags, mode)));
  },
});

function watched(path: string, file: FileHandle): FileHandle {
  const [write, sync] = [file.writeFile.bind(file), file.sync.bind(file)];
  return Object.assign(file, {
    writeFile: (...args: Parameters<typeof write>) => between('write', path, () => write(...args)),
    sync: () => between('sync', path, () => sync()),
  });
}

const { writeSync } = fs;
fs.writeSync = ((...args: Parameters<typeof writeSync>) => {
  at('before', 'log', String(args[1]));
  const written = writeSync(...args);
  at('after', 'log', String(args[1]));
  return written;
}) as typeof writeSync;
syncBuiltinESMExports();

const isOfProxy = (stream: object) => stream.constructor.name === 'ServerHttp2Stream';
const { write } = Duplex.prototype;
Duplex.prototype.write = function (this: Duplex, ...args: unknown[]) {
  if (!isOfProxy(this)) return Reflect.apply(write, this, args);
  at('before', 'send', '');
  const more = Reflect.apply(write, this, args);
  at('after', 'send', '');
  return more;
} as typeof write;
const { push } = Readable.prototype;
Readable.prototype.push = function (this: Readable, ...args: Parameters<typeof push>) {
  if (!isOfProxy(this)) return Reflect.apply(push, this, args);
  at('before', 'hear', '');
  const more = Reflect.apply(push, this, args);
  at('after', 'hear', '');
  return more;
};

if (process.env.DIE_AT !== undefined) arm(JSON.parse(process.env.DIE_AT));
process.on('message', (next: Death) => {
  arm(next);
  process.send?.('armed');
});
process.channel?.unref();
