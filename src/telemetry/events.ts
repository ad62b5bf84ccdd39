import type { EVENT_TYPES } from '../base/event-types.ts';

/** What happened, as `GET /api/v1/events` has it. Null: it is about none. */
type Event = {
  /** `<start of the process>.<number>`: of an earlier process, an id is unknown and everything is new. */
  readonly id: string;
  readonly timeMs: number;
  /** Stable: programs go by it. `message` is for people. */
  readonly type: EventType;
  readonly repository: string | null;
  /** Dotted path. */
  readonly scope: string | null;
  readonly proxy: string | null;
  /** The main-line commit. */
  readonly revision: string | null;
  /** Of the run, as in logs, status and spans. */
  readonly trace: string | null;
  readonly message: string;
};

type EventType = (typeof EVENT_TYPES)[number];

/** What an event says beside when and which it is. */
export type Fact = Pick<Event, 'type' | 'message'> & Partial<Omit<Event, 'id' | 'timeMs'>>;

export type Events = ReturnType<typeof createEvents>;

/** Of each kind of events so many are kept: thousands of proxies that come back push out no refusal. */
const KEPT = 1_000;

export function createEvents(now: () => number) {
  const process = now();
  const rings: { readonly proxies: Event[]; readonly others: Event[] } = { proxies: [], others: [] };
  const listeners = new Set<(event: Event) => void>();
  const numberOf = ({ id }: Event) => Number(id.slice(id.indexOf('.') + 1));
  let last = 0;
  let forgotten = 0;
  return {
    add(fact: Fact): Event {
      last += 1;
      const about = { repository: null, scope: null, proxy: null, revision: null, trace: null };
      const event = { id: `${process}.${last}`, timeMs: now(), ...about, ...fact };
      const ring = event.proxy === null ? rings.others : rings.proxies;
      ring.push(event);
      if (ring.length > KEPT) forgotten = Math.max(forgotten, ...ring.splice(0, 1).map(numberOf));
      for (const listener of listeners) listener(event);
      return event;
    },
    /** Those after `id`, the oldest first; `complete`: none is missing since then. */
    since(id: string): { readonly items: readonly Event[]; readonly complete: boolean } {
      const [start, count] = id.split('.');
      const after = start === `${process}` && /^\d+$/.test(count ?? '') ? Number(count) : 0;
      const all = [...rings.others, ...rings.proxies].filter((event) => numberOf(event) > after);
      const complete = id === '' ? forgotten === 0 : start === `${process}` && after >= forgotten;
      return { items: all.toSorted((a, b) => numberOf(a) - numberOf(b)), complete };
    },
    /** The result ends it. */
    subscribe(listener: (event: Event) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
