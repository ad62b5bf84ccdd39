import { createHash } from 'node:crypto';
import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import { byCodeUnit } from '../base/order.ts';
import type { Bulletin } from './bulletin.ts';
import type { Clock } from './clock.ts';
import { createPace } from './pace.ts';
import {
  formatSuspensions,
  isForgotten,
  isLater,
  keyOf,
  MAX_SUSPENSIONS,
  parseSuspensions,
  type Suspension,
} from './suspension.ts';
import type { Suspensions } from './suspensions.ts';

/** What replicas were told to stop of one repository, and to go on with: each takes over what it does not know. */
export interface SharedSuspensions {
  /** Equal where two replicas know the same. */
  digest(): string;
  /** Somebody knows something else: it is read soon, however often this is called. */
  ask(): void;
  /** Reads what others were told, and writes what they do not know; then others hear that there is news. Never rejects. */
  sync(): Promise<void>;
  close(): void;
}

type Options = {
  readonly bulletin: Bulletin;
  readonly suspensions: Suspensions;
  readonly repository: string;
  /** Where they lie. */
  readonly place: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What is known here has changed. */
  readonly onNews: () => void;
};

const MAX_BYTES = 4 * 1024 * 1024;
const KEEP_SECONDS = 365 * 24 * 3_600;
const SYNCS = { firstMs: 500, maxMs: 5_000 };

export function createSharedSuspensions(options: Options): SharedSuspensions {
  const { bulletin, suspensions, repository, place, clock, log, onNews } = options;
  const pace = createPace(SYNCS);
  const own = () => suspensions.all().filter((each) => each.repository === repository);
  let digest = digestOf(own());
  let turn: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  let cancel = () => {};
  let isClosed = false;
  const news = () => {
    const now = digestOf(own());
    if (now === digest) return;
    digest = now;
    onNews();
  };
  const exchange = async () => {
    const text = await bulletin.read(place, MAX_BYTES);
    const all = (text === null ? null : parseSuspensions(text)) ?? [];
    const told = all.filter((each) => each.repository === repository);
    await suspensions.hear(told);
    const heard = told.filter((each) => !isForgotten(each, clock.now()));
    const missing = later(own(), heard);
    if (missing.length > 0) await bulletin.write(place, textOf(heard, missing, own()), KEEP_SECONDS);
    else if (later(heard, own()).length === 0) pace.reached();
  };
  const once = async () => {
    try {
      await exchange();
    } catch (error) {
      if (error instanceof Failure && error.code === 'redis-unreachable') return; // It says so, and is read when it is back.
      const facts = { repository, error: String(error) };
      log.warn(facts, 'replicas cannot tell each other now what is suspended');
    } finally {
      news();
    }
  };
  /** One after the other; whoever asks while one runs waits for one that begins afterwards. */
  const sync = (): Promise<void> => {
    if (isClosed) return Promise.resolve();
    next ??= turn.then(() => {
      next = null;
      turn = once();
      return turn;
    });
    return next;
  };
  return {
    digest: () => digest,
    sync,
    ask() {
      const delayMs = pace.next(clock.steadyMs());
      if (delayMs !== null) cancel = clock.after(delayMs, () => void sync());
    },
    close() {
      isClosed = true;
      cancel();
    },
  };
}

/** Those of `these` that are not among the others, or later than there. */
function later(these: readonly Suspension[], others: readonly Suspension[]): readonly Suspension[] {
  const known = new Map(others.map((each) => [keyOf(each), each]));
  return these.filter((each) => {
    const other = known.get(keyOf(each));
    return other === undefined || isLater(each, other);
  });
}

/** What others wrote stays, where there is room: it may be that it is not taken over here alone. */
function textOf(
  heard: readonly Suspension[],
  missing: readonly Suspension[],
  own: readonly Suspension[],
): string {
  const all = new Map([...heard, ...missing].map((each) => [keyOf(each), each]));
  const text = formatSuspensions([...all.values()]);
  if (all.size <= MAX_SUSPENSIONS && Buffer.byteLength(text) <= MAX_BYTES) return text;
  const mine = formatSuspensions(own);
  if (Buffer.byteLength(mine) <= MAX_BYTES) return mine;
  throw new Failure(
    'suspend-full',
    'there are too many to be told to others',
    'suspend the repository instead',
  );
}

function digestOf(suspensions: readonly Suspension[]): string {
  const lines = suspensions.map((each) => `${keyOf(each)} ${each.state} ${each.atMs} ${each.id}\n`);
  return createHash('sha256').update(lines.sort(byCodeUnit).join('')).digest('hex');
}
