import { setTimeout as delay } from 'node:timers/promises';
import { readEvents } from './events.ts';

type Times = {
  /** How often the events are asked for, which costs next to nothing. */
  readonly everyMs: number;
  /** A look is due after this, whatever happened: not all that changes is an event. */
  readonly atLeastMs: number;
};

type Until = { readonly untilMs?: number; readonly signal?: AbortSignal };

/**
 * Waits until a look at a server is worth what it costs, the first time not at all: until something has happened, or a look
 * is due. All scopes of a large mesh are many pages, and mostly nothing is new. A server that keeps no events is looked at every time.
 */
export function createLooks(server: string, { everyMs, atLeastMs }: Times): (until: Until) => Promise<void> {
  let last: string | null = null;
  let lookedMs = performance.now();
  const isNew = async () => {
    const news = await readEvents(server, last ?? '').catch(() => null);
    const before = last;
    last = news?.items.at(-1)?.id ?? last ?? '';
    return before === null || news === null || news.items.length > 0 || !news.complete;
  };
  return async ({ untilMs = Number.POSITIVE_INFINITY, signal }) => {
    const isOver = () => performance.now() >= untilMs || signal?.aborted === true;
    do {
      const pauseMs = last === null ? 0 : Math.max(1, Math.min(everyMs, untilMs - performance.now()));
      await delay(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    } while (!(await isNew()) && performance.now() - lookedMs < atLeastMs && !isOver());
    lookedMs = performance.now();
  };
}
