import { basename, dirname, join } from 'node:path';
import { Failure } from '../base/failure.ts';
import type { Files, Touched } from './files.ts';
import { type HoldOptions, keepHold, movedPath, STALE_MS, WATCH_MS } from './lock-hold.ts';
import { type Holder, holdingOf, type Processes, parseHolder } from './lock-holder.ts';

const LOOK_MS = 1_000;

type Options = HoldOptions & { readonly processes: Processes };

/** A lock that this process holds. */
interface Lock {
  /** Resolves where it is this process' own still. Throws `Failure` `data-taken`. */
  confirm(): Promise<void>;
  /** Removes it, where it is still this process' own. */
  release(): Promise<void>;
}

/**
 * Takes the lock, or that of a dead process; of one that nobody here can see, once it was not touched for `STALE_MS`, and was
 * seen not to be touched.
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
  const { confirm, end } = keepHold(path, mine, options);
  return {
    confirm,
    async release() {
      end();
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
  const touched = await files.touched(path);
  return touched !== null && touched.ageMs < STALE_MS;
}

/** What was found; `atMs`: when it was touched last, where its being dead follows from that. */
type Found = { readonly text: string; readonly atMs: number | null };

/** The lock as it was when its holder was found dead; null where it is gone. Throws `data-in-use` once the holder is known to live. */
async function untilDead(path: string, options: Options): Promise<Found | null> {
  const { files, processes, clock } = options;
  const sinceMs = clock.steadyMs();
  const found = await files.read(path);
  let first: Touched | null = null;
  for (let text = found; text !== null; text = await files.read(path)) {
    const holding = holdingOf(parseHolder(text), processes);
    if (holding === 'free') return { text, atMs: null };
    if (holding === 'held' || text !== found) throw await inUse(path, options);
    const touched = await files.touched(path);
    if (touched === null) continue; // Its holder lets go of it.
    if (first === null) sayWaiting(path, text, touched, options);
    first ??= touched;
    if (touched.atMs !== first.atMs) throw await inUse(path, options);
    if (isDead(touched, clock.steadyMs() - sinceMs)) return { text, atMs: first.atMs };
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
  return null;
}

/**
 * Of a lock that was not touched for as long as it was watched, by a steady clock. The file system's clock may have been set
 * meanwhile: what that says shortens the watch, and is never enough.
 */
function isDead({ ageMs }: Touched, watchedMs: number): boolean {
  return watchedMs >= STALE_MS || (watchedMs >= WATCH_MS && ageMs >= STALE_MS);
}

function sayWaiting(path: string, text: string, { ageMs }: Touched, { log }: Options): void {
  const waitMs = Math.min(STALE_MS, Math.max(WATCH_MS, STALE_MS - Math.round(ageMs)));
  log.warn(
    { lock: path, holder: text.trim(), waitMs },
    'waiting for the data folder: a process of another container, machine or boot holds it, or died',
  );
}

/** Renaming is atomic: of two processes that find the same dead lock, one moves it and the other fails to. */
async function moveAway(path: string, found: Found | null, options: Options): Promise<void> {
  if (found === null) return;
  const { files } = options;
  const dead = movedPath(path);
  await files.rename(path, dead).catch(() => {});
  const moved = await files.read(dead);
  if (moved !== null && (moved !== found.text || (await wasTouched(dead, found, files)))) {
    await giveBack(path, moved, files);
    throw await inUse(path, options);
  }
  await files.remove(dead);
}

/** Who was paused, and woke up at the last moment, writes already. */
async function wasTouched(path: string, { atMs }: Found, files: Files): Promise<boolean> {
  return atMs !== null && (await files.touched(path))?.atMs !== atMs;
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

async function inUse(
  path: string,
  { files, processes }: Pick<Options, 'files' | 'processes'>,
): Promise<Failure> {
  const text = ((await files.read(path)) ?? '').trim();
  const holder = parseHolder(text);
  const by =
    holdingOf(holder, processes) === 'unseen' ? `a process of another container or machine, ${text}` : text;
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
