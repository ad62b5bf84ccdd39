import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from './clock.ts';
import type { Files } from './files.ts';

/**
 * Who holds a lock. After a restart of the machine or a container another process may have its pid: the start time and, where
 * there is a /proc, the machine's boot and the clock ticks from there to the process' start tell them apart (proc(5)). A pid
 * says something only in its own namespace (pid_namespaces(7)): containers of one host name have one each.
 */
type Holder = {
  readonly host: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly boot: string | null;
  readonly startTicks: number | null;
  readonly pidNamespace: string | null;
};

/** What the lock has to know about this process and others. */
export interface Processes {
  readonly self: Holder;
  alive(pid: number): boolean;
  /** When it started, in clock ticks since the boot; null where nobody can tell. */
  startTicks(pid: number): number | null;
}

export const nodeProcesses: Processes = {
  self: {
    host: hostname(),
    pid: process.pid,
    startedMs: Math.round(performance.timeOrigin),
    boot: orNull(() => procText('sys/kernel/random/boot_id').trim()),
    startTicks: startTicks(process.pid),
    pidNamespace: orNull(() => readlinkSync('/proc/self/ns/pid')),
  },
  alive(pid) {
    try {
      return process.kill(pid, 0);
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  },
  startTicks,
};

/** Field 22 of its `stat`; the name in field 2 may have spaces and brackets itself. */
function startTicks(pid: number): number | null {
  const stat = orNull(() => procText(`${pid}/stat`));
  const fields = stat?.split(') ').at(-1)?.split(' ') ?? [];
  const ticks = Number(fields[22 - 3]);
  return Number.isSafeInteger(ticks) ? ticks : null;
}

function procText(path: string): string {
  return readFileSync(`/proc/${path}`, 'utf8');
}

/** Only Linux has a /proc. */
function orNull(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** How often a holder touches its lock, for those that cannot see its process. */
const TOUCH_MS = 5_000;
/** A lock that was not touched for so long is of a dead process, where nobody can see it. */
const STALE_MS = 30_000;
const LOOK_MS = 1_000;

type Options = {
  readonly files: Files;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Log;
};

/** A lock that this process holds. */
interface Lock {
  /** Removes it, where it is still this process' own. */
  release(): Promise<void>;
}

/**
 * Takes the lock, or that of a dead process; of one that nobody here can see, once it was not touched for `STALE_MS`.
 * Throws `Failure` `data-in-use | disk-full | data-unwritable`.
 */
export async function takeLock(path: string, options: Options): Promise<Lock> {
  const { files, processes } = options;
  const mine = `${JSON.stringify(processes.self)}\n`;
  if (!(await files.write(path, mine, 'exclusive'))) {
    await moveAway(path, await untilDead(path, options), options);
    if (!(await files.write(path, mine, 'exclusive'))) throw await inUse(path, options);
  }
  await yieldToMoved(path, mine, options);
  await removeDrafts(path, files);
  const untouch = keepTouched(path, mine, options);
  return {
    async release() {
      untouch();
      await removeOwn(path, mine, files);
    },
  };
}

/** Whether somebody holds the lock that says `text`. */
export async function isLocked(
  path: string,
  text: string,
  files: Files,
  processes: Processes,
): Promise<boolean> {
  const holding = holdingOf(parseHolder(text), processes);
  if (holding !== 'unseen') return holding === 'held';
  const ageMs = await files.ageMs(path);
  return ageMs !== null && ageMs < STALE_MS;
}

/** The lock as it was when its holder was found dead; null where it is gone. Throws `data-in-use` once the holder is known to live. */
async function untilDead(path: string, { files, processes, clock, log }: Options): Promise<string | null> {
  const sinceMs = clock.steadyMs();
  const found = await files.read(path);
  let lastMs: number | null = null;
  for (let text = found; text !== null; text = await files.read(path)) {
    const holding = holdingOf(parseHolder(text), processes);
    if (holding === 'free') return text;
    if (holding === 'held' || text !== found) throw await inUse(path, { files, processes });
    const ageMs = await files.ageMs(path);
    // Its time may lie ahead, where the clock was set back: then it is this watch that counts.
    if (ageMs === null || ageMs >= STALE_MS || clock.steadyMs() - sinceMs >= STALE_MS) return text;
    if (lastMs !== null && ageMs < lastMs) throw await inUse(path, { files, processes });
    if (lastMs === null)
      log.warn(
        { lock: path, holder: text.trim(), waitMs: Math.round(STALE_MS - ageMs) },
        'waiting for the data folder: a process of another container holds it, or died',
      );
    lastMs = ageMs;
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
  return null;
}

const movedPath = (path: string) => `${path}.dead`;

/** Renaming is atomic: of two processes that find the same dead lock, one moves it and the other fails to. */
async function moveAway(path: string, found: string | null, options: Options): Promise<void> {
  if (found === null) return;
  const { files } = options;
  const dead = movedPath(path);
  await files.rename(path, dead).catch(() => {});
  const moved = await files.read(dead);
  if (moved !== null && moved !== found) {
    await giveBack(path, moved, files);
    throw await inUse(path, options);
  }
  await files.remove(dead);
}

/** Where somebody took the free name meanwhile, what was moved stays there to be seen: `yieldToMoved`. */
async function giveBack(path: string, moved: string, files: Files): Promise<void> {
  if (await files.write(path, moved, 'exclusive')) await files.remove(movedPath(path));
}

/** The name may have been free only because a third process moved a live lock by mistake: that one goes first. */
async function yieldToMoved(path: string, mine: string, options: Options): Promise<void> {
  const { files, processes } = options;
  const dead = movedPath(path);
  const moved = await files.read(dead);
  if (moved === null) return;
  if (moved === mine || !(await isLocked(dead, moved, files, processes))) return files.remove(dead);
  await removeOwn(path, mine, files);
  await giveBack(path, moved, files);
  throw await inUse(path, options);
}

async function removeOwn(path: string, mine: string, files: Files): Promise<void> {
  if ((await files.read(path)) === mine) await files.remove(path);
}

/** Of processes that died between a draft and its removal. Who is about to take this lock finds its name taken. */
async function removeDrafts(path: string, files: Files): Promise<void> {
  for (const name of await files.list(dirname(path))) {
    const id = name.startsWith(`${basename(path)}.`) ? name.slice(basename(path).length + 1) : '';
    if (/^[-0-9a-f]{36}\.tmp$/.test(id)) await files.remove(join(dirname(path), name));
  }
}

/** Returns what ends it. */
function keepTouched(path: string, mine: string, { files, clock, log }: Options): () => void {
  let isEnded = false;
  let isLost = false;
  let cancel = () => {};
  const touch = async () => {
    // What is wrong with this disk is told by those that have to write to it.
    const isMine = await files.touch(path, mine).catch(() => true);
    if (isEnded) return;
    if (!isMine && !isLost)
      log.error(
        { lock: path },
        'the lock of the data folder is not ours any more: stop one of its processes',
      );
    isLost = !isMine;
    arm();
  };
  const arm = () => {
    cancel = clock.after(TOUCH_MS, () => void touch());
  };
  arm();
  return () => {
    isEnded = true;
    cancel();
  };
}

/** `unseen`: of a process in another pid namespace of this machine, whose lock is all that can be seen of it. */
type Holding = 'held' | 'free' | 'unseen';

/**
 * A lock that cannot be read was cut off while its machine died: nobody holds it. That of another host, of which nobody here
 * sees a process (another machine on a network folder, another container), is held until somebody says otherwise.
 */
function holdingOf(holder: Holder | null, { self, alive, startTicks }: Processes): Holding {
  if (holder === null) return 'free';
  if (holder.host !== self.host) return 'held';
  if (areApart(holder.boot, self.boot)) return 'free';
  if (areApart(holder.pidNamespace, self.pidNamespace)) return 'unseen';
  if (holder.pid === self.pid) return holder.startedMs === self.startedMs ? 'held' : 'free';
  const lives = alive(holder.pid) && !areApart(holder.startTicks, startTicks(holder.pid));
  return lives ? 'held' : 'free';
}

/** Older versions say none of it, and not every machine does. */
function areApart<Value>(one: Value | null, other: Value | null): boolean {
  return one !== null && other !== null && one !== other;
}

function parseHolder(text: string): Holder | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    if (!('host' in value && 'pid' in value && 'startedMs' in value)) return null;
    const { host, pid, startedMs } = value;
    const whole = typeof host === 'string' && Number.isSafeInteger(pid) && Number.isSafeInteger(startedMs);
    if (!whole || Number(pid) <= 0) return null;
    const boot = 'boot' in value && typeof value.boot === 'string' ? value.boot : null;
    const ticks = 'startTicks' in value && Number.isSafeInteger(value.startTicks) ? value.startTicks : null;
    const startTicks = ticks === null ? null : Number(ticks);
    const named = 'pidNamespace' in value && typeof value.pidNamespace === 'string';
    const pidNamespace = named ? String(value.pidNamespace) : null;
    return { host, pid: Number(pid), startedMs: Number(startedMs), boot, startTicks, pidNamespace };
  } catch {
    return null;
  }
}

async function inUse(
  path: string,
  { files, processes }: Pick<Options, 'files' | 'processes'>,
): Promise<Failure> {
  const text = ((await files.read(path)) ?? '').trim();
  const holder = parseHolder(text);
  const by = holdingOf(holder, processes) === 'unseen' ? `a process of another container, ${text}` : text;
  const message = `the data folder is in use: ${path} is held by ${by}`;
  return new Failure('data-in-use', message, fixFor(path, holder, processes));
}

function fixFor(path: string, holder: Holder | null, processes: Processes): string {
  if (holder !== null && holder.host !== processes.self.host)
    return `stop it on ${holder.host}, or use another --data-dir; if ${holder.host} is gone for good (a container that was made anew), remove ${path}`;
  if (holdingOf(holder, processes) === 'unseen')
    return `stop it, or wait ${STALE_MS / 1_000} s after it died; or use another --data-dir`;
  return 'stop that process, or use another --data-dir';
}
