import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Failure } from '../base/failure.ts';
import { OPERATOR_TOKEN } from '../base/operator-token.ts';
import { type Files, nodeFiles, replaceFile } from './files.ts';

/** The data folder of `formats.md`, held by this process until `close`. */
export interface DataFolder {
  readonly path: string;
  readonly files: Files;
  /** Path of `suspend.json`. */
  readonly suspensions: string;
  /** Path of the secret that only who can read this folder has. */
  readonly operatorToken: string;
  /** `repositories/<name>`, created on first use; with the object store (`git`), `witness.json` and `proofs` in it. */
  repository(name: string): Promise<RepositoryFolder>;
  close(): Promise<void>;
}

type RepositoryFolder = { readonly gitdir: string; readonly witness: string; readonly proofs: string };

/**
 * Who holds a lock. After a restart of the machine or a container another process may have its pid: the start time and, where
 * there is a /proc, the machine's boot and the clock ticks from there to the process' start tell them apart (proc(5)).
 */
type Holder = {
  readonly host: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly boot: string | null;
  readonly startTicks: number | null;
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
    boot: procText('sys/kernel/random/boot_id')?.trim() ?? null,
    startTicks: startTicks(process.pid),
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
  const fields = procText(`${pid}/stat`)?.split(') ').at(-1)?.split(' ') ?? [];
  const ticks = Number(fields[22 - 3]);
  return Number.isSafeInteger(ticks) ? ticks : null;
}

function procText(path: string): string | null {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return null; // Only Linux has it.
  }
}

/** What this version reads and writes. A folder of another one is never changed: decision 0051. */
const FORMAT = 1;
const formatText = (number: number) => `fairlead-data ${number}\n`;

/**
 * Opens or creates the folder and takes its lock; a lock whose process is dead is taken over.
 * Throws `Failure` `data-in-use | data-format | disk-full | data-unwritable`.
 */
export async function openDataFolder(
  path: string,
  files: Files = nodeFiles,
  processes: Processes = nodeProcesses,
): Promise<DataFolder> {
  await files.makeDirectory(path);
  const lock = join(path, 'lock');
  await takeLock(lock, files, processes);
  try {
    await checkFormat(path, files);
  } catch (error) {
    await files.remove(lock);
    throw error;
  }
  return {
    path,
    files,
    suspensions: join(path, 'suspend.json'),
    operatorToken: join(path, OPERATOR_TOKEN),
    async repository(name) {
      const directory = join(path, 'repositories', name);
      await files.makeDirectory(join(directory, 'git'));
      const at = (file: string) => join(directory, file);
      return { gitdir: at('git'), witness: at('witness.json'), proofs: at('proofs') };
    },
    close: () => files.remove(lock),
  };
}

/** Who holds the folder, as its lock says it; null where nobody does. Throws `Failure` `data-format`. Changes nothing. */
export async function inspectDataFolder(
  path: string,
  files: Files = nodeFiles,
  processes: Processes = nodeProcesses,
): Promise<string | null> {
  await formatIn(path, files);
  const lock = await files.read(join(path, 'lock'));
  return lock !== null && isHeld(parseHolder(lock), processes) ? lock.trim() : null;
}

async function checkFormat(path: string, files: Files): Promise<void> {
  if ((await formatIn(path, files)) === 'none')
    await replaceFile(files, join(path, 'format'), formatText(FORMAT));
}

/** Throws `Failure` `data-format` where the folder is of another version, or nobody knows of which. */
async function formatIn(path: string, files: Files): Promise<'ours' | 'none'> {
  const file = join(path, 'format');
  const found = await files.read(file);
  if (found === formatText(FORMAT)) return 'ours';
  if (found === null) return refuseUnnamed(path, files);
  const number = Number(/^fairlead-data (\d{1,9})\n$/.exec(found)?.[1] ?? Number.NaN);
  if (number > FORMAT) {
    const message = `${path} has format ${number}, of a newer version; this one knows ${FORMAT}`;
    throw new Failure('data-format', message, `start that version again, or ${ASIDE}`);
  }
  if (number < FORMAT) {
    const message = `${path} has format ${number}, of an older version; this one knows ${FORMAT}`;
    throw new Failure(
      'data-format',
      message,
      `to upgrade, ${ASIDE}; it stays as it is for the older version`,
    );
  }
  const message = `${file} says ${JSON.stringify(found.slice(0, 40))}, which no version wrote`;
  throw new Failure('data-format', message, `restore it, or ${ASIDE}`);
}

const ASIDE = 'move the folder aside and begin with an empty one, as docs/upgrade.md says';

/** Written first of all: where something else is there already, somebody has taken it away. */
async function refuseUnnamed(path: string, files: Files): Promise<'none'> {
  const names = await files.list(path).catch((): readonly string[] => []); // It may not be there yet.
  for (const name of ['repositories', 'suspend.json']) {
    if (!names.includes(name)) continue;
    const message = `${path} has ${name}, but no file that says its format`;
    throw new Failure('data-format', message, `restore the file ${join(path, 'format')}, or ${ASIDE}`);
  }
  return 'none';
}

async function takeLock(lock: string, files: Files, processes: Processes): Promise<void> {
  const mine = `${JSON.stringify(processes.self)}\n`;
  if (await files.write(lock, mine, 'exclusive')) return;
  const found = await files.read(lock);
  if (found !== null && isHeld(parseHolder(found), processes)) throw inUse(lock, found);
  // Renaming is atomic: of two processes that find the same dead lock, one moves it and the other fails below.
  const dead = `${lock}.dead`;
  await files.rename(lock, dead).catch(() => {});
  const moved = await files.read(dead);
  if (moved !== null && moved !== found) {
    await files.rename(dead, lock);
    throw inUse(lock, moved);
  }
  await files.remove(dead);
  if (!(await files.write(lock, mine, 'exclusive'))) throw inUse(lock, (await files.read(lock)) ?? '');
}

/**
 * A lock that cannot be read was cut off while its machine died: nobody holds it. That of another host, of which nobody here
 * sees a process (another machine on a network folder, another container), is held until somebody says otherwise.
 */
function isHeld(holder: Holder | null, { self, alive, startTicks }: Processes): boolean {
  if (holder === null) return false;
  if (holder.host !== self.host) return true;
  if (areApart(holder.boot, self.boot)) return false;
  if (holder.pid === self.pid) return holder.startedMs === self.startedMs;
  return alive(holder.pid) && !areApart(holder.startTicks, startTicks(holder.pid));
}

/** Older versions say neither, and not every machine does. */
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
    return { host, pid: Number(pid), startedMs: Number(startedMs), boot, startTicks };
  } catch {
    return null;
  }
}

function inUse(lock: string, holder: string): Failure {
  const message = `the data folder is in use: ${lock} is held by ${holder.trim()}`;
  const host = parseHolder(holder)?.host ?? nodeProcesses.self.host;
  const fix =
    host === nodeProcesses.self.host
      ? 'stop that process, or use another --data-dir'
      : `stop it on ${host}, or use another --data-dir; if ${host} is gone for good (a container that was made anew), remove ${lock}`;
  return new Failure('data-in-use', message, fix);
}
