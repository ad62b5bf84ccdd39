import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../base/failure.ts';
import { openStream, readDocument } from '../server-client.ts';

/** What commands read of an event; the rest is printed as it came. */
export type ServedEvent = {
  readonly id: string;
  readonly timeMs: number;
  readonly type: string;
  readonly repository: string | null;
  readonly scope: string | null;
  readonly proxy: string | null;
  readonly message: string;
};

type EventList = { readonly items: readonly ServedEvent[]; readonly complete: boolean };

/** What is kept of what came after an id, the oldest first. Throws as `readItems` does, and what the server says. */
export async function readEvents(server: string, after = ''): Promise<EventList> {
  const query = after === '' ? '' : `?after=${encodeURIComponent(after)}`;
  const body = await readDocument(server, `api/v1/events${query}`);
  const { items, complete, code = 'server-refused', message = 'the answer is no list', fix = 'look' } = body;
  if (Array.isArray(items)) return { items: items as readonly ServedEvent[], complete: complete === true };
  throw new Failure(String(code), String(message), String(fix));
}

const AGAIN_AFTER_MS = 1_000;

type Listener = {
  readonly signal: AbortSignal;
  readonly event: (event: ServedEvent) => void;
  /** Some that happened are kept no more. */
  readonly missed: () => void;
  /** The server does not answer, and is asked again; once, until it does. */
  readonly away: (failure: Failure) => void;
};

/**
 * What is kept, and then what happens, until the signal: a stream that ends is opened again after the last event that came.
 * Throws where the server did not answer even once.
 */
export async function followEvents(server: string, { signal, event, missed, away }: Listener): Promise<void> {
  let last = '';
  let state: 'new' | 'there' | 'away' = 'new';
  const take = (one: ServedEvent) => {
    last = one.id;
    event(one);
  };
  while (!signal.aborted) {
    try {
      const { items, complete } = await readEvents(server, last);
      if (!complete) missed();
      items.forEach(take);
      state = 'there';
      for await (const one of streamed(server, last, signal)) take(one);
    } catch (error) {
      if (signal.aborted) return;
      if (state === 'new' || !(error instanceof Failure)) throw error;
      if (state === 'there') away(error);
      state = 'away';
    }
    await delay(AGAIN_AFTER_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Ends where the stream does, however that comes. */
async function* streamed(server: string, last: string, signal: AbortSignal): AsyncGenerator<ServedEvent> {
  let text = '';
  for await (const piece of await openStream(server, 'api/v1/events', { 'last-event-id': last }, signal)) {
    text += piece;
    const whole = text.split('\n\n');
    text = whole.pop() ?? '';
    for (const block of whole) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as ServedEvent;
    }
  }
}
