import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { Bulletin } from './bulletin.ts';
import type { Clock } from './clock.ts';
import { type Files, replaceFile } from './files.ts';
import { closed, is, parsed } from './shape.ts';

/** `now` is the time that all replicas have, so that `until` is one moment; where nobody has told it, that of this machine. */
export interface SharedClock extends Clock {
  /** Asks what time it is. Never rejects. */
  learn(): Promise<void>;
  /** Somebody was asked, and has not answered yet. */
  isAsking(): boolean;
}

type Options = {
  readonly bulletin: Pick<Bulletin, 'timeMs'>;
  readonly clock: Clock;
  readonly files: Files;
  /** Path of `clock.json`: how wrong the clock of this machine was, for a start without Redis. */
  readonly file: string;
  readonly log: Log;
};

/** Clocks that are a year off, each in its direction, are one clock all the same; what is farther off is no time. */
const MAX_APART_MS = 2 * 366 * 24 * 3_600_000;
/** Less is said to nobody, and not remembered. */
const SLIGHT_MS = 1_000;
/** Nobody waits longer for it before serving. */
const START_WAIT_MS = 2_000;

/** Asks Redis first. Throws as `Files.read` does. */
export async function openSharedClock(options: Options): Promise<SharedClock> {
  const made = new ToldClock(options, parseAheadMs(await options.files.read(options.file)));
  const waited = Promise.withResolvers<void>();
  const cancel = options.clock.after(START_WAIT_MS, waited.resolve);
  await Promise.race([made.learn(), waited.promise]);
  cancel();
  return made;
}

class ToldClock implements SharedClock {
  readonly #options: Options;
  /** From the steady clock to the time that was told, and never more. */
  #offsetMs: number | null = null;
  /** How far the clock of this machine is ahead of what was told last. */
  #aheadMs: number;
  #asked: Promise<void> | null = null;
  #said = '';

  constructor(options: Options, aheadMs: number) {
    this.#options = options;
    this.#aheadMs = aheadMs;
  }

  /** Untold, no later than here, and no later than it would be if the clock were as wrong as it was: too late harms less. */
  now(): number {
    const { clock } = this.#options;
    if (this.#offsetMs === null) return clock.now() - Math.max(0, this.#aheadMs);
    return Math.floor(clock.steadyMs() + this.#offsetMs);
  }

  steadyMs(): number {
    return this.#options.clock.steadyMs();
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#options.clock.after(delayMs, run);
  }

  isAsking(): boolean {
    return this.#asked !== null;
  }

  /** One question at a time, however long it takes. */
  learn(): Promise<void> {
    this.#asked ??= this.#learn().finally(() => {
      this.#asked = null;
    });
    return this.#asked;
  }

  async #learn(): Promise<void> {
    const { bulletin, clock, log } = this.#options;
    const startMs = clock.steadyMs();
    try {
      const toldMs = await bulletin.timeMs();
      const aheadMs = this.#take(toldMs, toldMs - clock.steadyMs(), toldMs - startMs);
      this.#said = '';
      await this.#remember(aheadMs);
    } catch (error) {
      if (error instanceof Failure && error.code === 'redis-unreachable') return; // It says so, and is asked when it is back.
      const said = error instanceof Failure ? `${error.message}: ${error.fix}` : String(error);
      const whose = this.#offsetMs === null ? 'the clock of this machine' : 'what Redis told before';
      if (said !== this.#said) log.warn({ error: said }, `until is judged by ${whose}`);
      this.#said = said;
    }
  }

  /**
   * It was told between question and answer: what is known stays where that may be, else the earlier bound is taken. How far
   * the clock of this machine is ahead for certain; 0: it may be right.
   */
  #take(toldMs: number, minMs: number, maxMs: number): number {
    const { clock } = this.#options;
    if (!(Math.abs(toldMs - clock.now()) <= MAX_APART_MS)) {
      const message = 'what Redis tells is no time, or more than two years from that of this machine';
      throw new Failure('redis-clock', message, 'set the clocks of both');
    }
    const known = this.#offsetMs;
    this.#offsetMs = known !== null && known >= minMs && known <= maxMs ? known : minMs;
    const ownMs = clock.now() - clock.steadyMs();
    const isNear = ownMs >= minMs - SLIGHT_MS && ownMs <= maxMs + SLIGHT_MS;
    return isNear ? 0 : Math.round(ownMs - this.#offsetMs);
  }

  async #remember(aheadMs: number): Promise<void> {
    if (Math.abs(aheadMs - this.#aheadMs) <= SLIGHT_MS) return;
    const { files, file, log } = this.#options;
    this.#aheadMs = aheadMs;
    const what = aheadMs === 0 ? 'as well as Redis' : 'otherwise than Redis, by which until is judged';
    log.warn({ aheadMs }, `the clock of this machine goes ${what}`);
    try {
      await replaceFile(files, file, formatAheadMs(aheadMs));
    } catch (error) {
      log.warn({ error: String(error) }, 'how wrong the clock of this machine is cannot be remembered');
    }
  }
}

const HEADER = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Clock' } as const;

const isAhead = closed({
  apiVersion: is(HEADER.apiVersion),
  kind: is(HEADER.kind),
  aheadMs: (value) => Number.isSafeInteger(value) && Math.abs(Number(value)) <= MAX_APART_MS,
});

function formatAheadMs(aheadMs: number): string {
  return `${JSON.stringify({ ...HEADER, aheadMs })}\n`;
}

/** What nobody can read is nothing that was remembered. */
function parseAheadMs(text: string | null): number {
  const value = text === null ? undefined : parsed(text);
  return isAhead(value) ? (value as { readonly aheadMs: number }).aheadMs : 0;
}
