import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';

/**
 * Who holds a lock. After a restart of the machine or a container another process may have its pid: the start time and, where
 * there is a /proc, the machine's boot and the clock ticks from there to the process' start tell them apart (proc(5)). A pid
 * says something only in its own namespace (pid_namespaces(7)): containers of one host name have one each.
 */
export type Holder = {
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
      return process.kill(pid, 0) && !isUnburied(pid);
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  },
  startTicks,
};

/** A zombie: it is dead, all of its threads are, and only its parent has not asked for its exit code yet. */
function isUnburied(pid: number): boolean {
  const [state = '', threads] = [statField(pid, 3), statField(pid, 20)];
  return state === 'Z' && Number(threads) <= 1;
}

function startTicks(pid: number): number | null {
  const ticks = Number(statField(pid, 22) ?? Number.NaN);
  return Number.isSafeInteger(ticks) ? ticks : null;
}

/** A field of its `stat` after the second, counted from 1; the name in field 2 may have spaces and brackets itself. */
function statField(pid: number, field: number): string | undefined {
  const stat = orNull(() => procText(`${pid}/stat`));
  return stat?.split(') ').at(-1)?.split(' ')[field - 3];
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

/**
 * `unseen`: of a process in another pid namespace, or of another boot: before this machine's last one, or of a machine of the same
 * name, where a Pod runs on that was replaced here. Its lock is all that can be seen of it.
 */
type Holding = 'held' | 'free' | 'unseen';

/**
 * A lock that cannot be read was cut off while its machine died: nobody holds it. That of another host, of which nobody here
 * sees a process (another machine on a network folder, another container), is held until somebody says otherwise.
 */
export function holdingOf(holder: Holder | null, { self, alive, startTicks }: Processes): Holding {
  if (holder === null) return 'free';
  if (holder.host !== self.host) return 'held';
  if (areApart(holder.boot, self.boot) || areApart(holder.pidNamespace, self.pidNamespace)) return 'unseen';
  if (holder.pid === self.pid) return holder.startedMs === self.startedMs ? 'held' : 'free';
  const lives = alive(holder.pid) && !areApart(holder.startTicks, startTicks(holder.pid));
  return lives ? 'held' : 'free';
}

/** Older versions say none of it, and not every machine does. */
function areApart<Value>(one: Value | null, other: Value | null): boolean {
  return one !== null && other !== null && one !== other;
}

export function parseHolder(text: string): Holder | null {
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
