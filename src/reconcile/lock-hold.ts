import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from './clock.ts';
import type { Files } from './files.ts';

/** How often a holder touches its lock, for those that cannot see its process. */
const TOUCH_MS = 2_000;
/** What was found out so long ago is found out again before anything is written: sooner nobody can have taken the lock. */
const CONFIRMED_MS = 5_000;
/** So long at least a lock is watched before it is taken. A live holder touches it meanwhile; one of an older version, too. */
export const WATCH_MS = 7_000;
/** A lock that was not touched for so long is of a dead process, where nobody can see it. */
export const STALE_MS = 30_000;
const LOOK_MS = 100;

export type HoldOptions = {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** The lock is another's, and this process has to end. Once. */
  readonly lost: (why: Failure) => void;
};

/** What a process does about the lock that it has taken, for as long as it holds it. */
export interface Hold {
  /** Resolves where this process may write to what is locked. Throws `Failure` `data-taken`, or why nobody can tell. */
  confirm(): Promise<void>;
  end(): void;
}

/** Where a lock lies between being found dead and being gone. */
export const movedPath = (path: string) => `${path}.dead`;

/**
 * Touches the lock, and notices when it is another's. Who was paused for so long that others took it for dead (a container, a
 * virtual machine) finds out before it writes anything: by the steady clock nobody has looked for too long.
 */
export function keepHold(path: string, mine: string, { files, clock, log, lost }: HoldOptions): Hold {
  let confirmedMs = clock.steadyMs();
  let failure: Failure | null = null;
  let looking: Promise<void> | null = null;
  let isEnded = false;
  let cancel = () => {};

  /** On a full disk of some file systems nothing can be touched. What else is wrong is told by those that have to write. */
  const touch = () => files.touch(path, mine).catch(async () => (await files.read(path)) === mine);
  const isMine = async () => {
    // It was moved by mistake, and is given back: then it is there first, and not among the moved ones after that.
    while (!(await touch())) {
      const isMoved = (await files.read(movedPath(path))) === mine;
      if (!isMoved) return touch();
      if (clock.steadyMs() - confirmedMs >= STALE_MS) return false;
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    }
    return true;
  };
  const look = async () => {
    const atMs = clock.steadyMs();
    if (await isMine()) confirmedMs = atMs;
    else if (failure === null && !isEnded) {
      failure = taken(path, (await files.read(path))?.trim() ?? 'nobody', atMs - confirmedMs);
      const { code, message, fix } = failure;
      log.error({ code, lock: path, fix }, message);
      lost(failure);
    }
  };
  const lookOnce = () => {
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
  };
  const arm = () => {
    cancel = clock.after(TOUCH_MS, () => void keep());
  };
  const keep = async () => {
    await lookOnce().catch(() => {});
    if (!isEnded && failure === null) arm();
  };
  arm();
  return {
    async confirm() {
      if (failure === null && clock.steadyMs() - confirmedMs >= CONFIRMED_MS) await lookOnce();
      if (failure !== null) throw failure;
    },
    end() {
      isEnded = true;
      cancel();
    },
  };
}

function taken(path: string, holder: string, unseenMs: number): Failure {
  const seconds = Math.round(unseenMs / 1_000);
  const message = `the lock of the data folder is not ours any more: ${path} is held by ${holder}, and was ours ${seconds} s ago`;
  const fix = 'nothing is lost: this process ends and writes nothing more; see that only one uses the folder';
  return new Failure('data-taken', message, fix);
}
