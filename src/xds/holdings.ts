import { limits } from './limits.ts';

/** A resource as its subscription needs it; `version` is a hash of the content (D8). */
export type Versioned = { readonly name: string; readonly version: string };

/** A version that the client brought from an earlier stream; its content is not known here. */
export type Brought = Versioned & { readonly brought: true };

/** One response that the client has not answered: name → what was sent, `null` for a removal. */
export type Flight<R> = {
  readonly nonce: string;
  readonly entries: Map<string, R | null>;
  /** Names unsubscribed since: the client takes them only if it has subscribed again by the time they arrive. */
  readonly unsure: Set<string>;
  /** Names that the client waits for whatever the version (C7, O1). */
  readonly awaited: Set<string>;
};

/** True if the content of what the client has is known here. */
export function isKnown<R extends Versioned>(item: R | Brought): item is R {
  return !('brought' in item);
}

/**
 * What one client has of one type: what it ACKed, and what is on its way. Sent is not the same as had: a NACK
 * takes a flight back, so only an ACK changes what counts as had.
 */
export class Holdings<R extends Versioned> {
  readonly #acked = new Map<string, R | Brought>();
  /** In NACKed responses, and perhaps kept by a client that applies the good part of one (Envoy does for CDS, LDS). */
  readonly #doubtful = new Map<string, (R | null)[]>();
  /** In the order of sending. */
  readonly #flights: Flight<R>[] = [];
  #losses = 0;

  get inFlight(): number {
    return this.#flights.length;
  }

  get size(): number {
    return this.#acked.size;
  }

  /** What the client will have once everything on its way has arrived; `null`: nothing. */
  believed(name: string): R | Brought | null {
    for (let at = this.#flights.length - 1; at >= 0; at -= 1) {
      const flight = this.#flights[at];
      const entry = flight?.unsure.has(name) ? undefined : flight?.entries.get(name);
      if (entry !== undefined) return entry;
    }
    return this.acked(name);
  }

  /** False if the client may have something else than `believed`, so that comparing is not enough. */
  certain(name: string): boolean {
    if (this.#doubtful.size === 0) return true;
    const onItsWay = this.#flights.some(({ entries, unsure }) => entries.has(name) && !unsure.has(name));
    return onItsWay || !this.#doubtful.has(name);
  }

  /** True while nothing is on its way or in doubt. */
  get certainOfAll(): boolean {
    return this.#flights.length === 0 && this.#doubtful.size === 0;
  }

  /** How many times something that was held may have ceased to be. */
  get losses(): number {
    return this.#losses;
  }

  /** True if the client may have the resource, however unlikely. */
  mayHave(name: string): boolean {
    const somewhere =
      this.#flights.some(({ entries }) => entries.get(name)) || this.#doubtful.get(name)?.some(Boolean);
    return somewhere === true || this.#acked.has(name);
  }

  acked(name: string): R | Brought | null {
    return this.#acked.get(name) ?? null;
  }

  /** True if the client has ACKed some version and nothing takes it away or may have done so. */
  holds(name: string): boolean {
    if (this.#doubtful.get(name)?.includes(null)) return false;
    return this.#acked.has(name) && this.#flights.every(({ entries }) => entries.get(name) !== null);
  }

  /** Everything the client may have at this moment, also what is only on its way or in doubt. */
  *contents(): Iterable<R | Brought> {
    yield* this.#acked.values();
    for (const entry of [...this.#doubtful.values()].flat()) if (entry !== null) yield entry;
    for (const { entries } of this.#flights) {
      for (const entry of entries.values()) if (entry !== null) yield entry;
    }
  }

  /** What the client says it brought along (D3), or the known content of the same version. */
  bring(item: R | Brought): void {
    this.#acked.set(item.name, item);
  }

  /** The client unsubscribed. */
  forget(name: string): void {
    this.#losses += 1;
    this.#acked.delete(name);
    this.#doubtful.delete(name);
    for (const { entries, unsure } of this.#flights) if (entries.has(name)) unsure.add(name);
  }

  /**
   * The client may or may not have taken this. Of a client that refuses for ever, no more is remembered than of one that
   * never answers: of what it might have, the oldest is the least likely. That it might have nothing is never forgotten.
   */
  doubt(name: string, entry: R | null): void {
    if (entry === null) this.#losses += 1;
    const others = this.#doubtsBut(name, entry);
    if (others.length >= limits.unanswered) {
      const oldest = others.findIndex((each) => each !== null);
      others.splice(oldest, 1);
    }
    this.#doubtful.set(name, [...others, entry]);
  }

  /** The client refused this and no other: it has not taken it. */
  refuse(name: string, entry: R | null): void {
    const others = this.#doubtsBut(name, entry);
    if (others.length > 0) this.#doubtful.set(name, others);
    else this.#doubtful.delete(name);
  }

  #doubtsBut(name: string, entry: R | null): (R | null)[] {
    return (this.#doubtful.get(name) ?? []).filter((each) => each?.version !== entry?.version);
  }

  /** The client waits for the name; true if something of that name is on its way. */
  await(name: string): boolean {
    const flight = this.#flights.findLast(({ entries }) => entries.has(name));
    flight?.awaited.add(name);
    return flight !== undefined;
  }

  send(nonce: string, entries: Map<string, R | null>, awaited: Set<string>): void {
    for (const entry of entries.values()) if (entry === null) this.#losses += 1;
    this.#flights.push({ nonce, entries, unsure: new Set(), awaited });
  }

  /** An ACK (`true`) or a NACK of the flight, which is over now; `null` for a stale or foreign nonce (D2). */
  land(nonce: string, accepted: boolean): Flight<R> | null {
    const index = this.#flights.findIndex((flight) => flight.nonce === nonce);
    const flight = this.#flights[index];
    if (flight === undefined) return null;
    this.#flights.splice(index, 1);
    if (accepted) this.#accept(flight, this.#flights.slice(0, index));
    return flight;
  }

  /** The client has these now; what was sent earlier under the same names no longer counts. */
  #accept(flight: Flight<R>, earlier: readonly Flight<R>[]): void {
    for (const [name, entry] of flight.entries) {
      if (flight.unsure.has(name)) continue;
      for (const { entries } of earlier) entries.delete(name);
      if (this.#doubtful.size > 0) this.#doubtful.delete(name);
      if (entry === null) this.#losses += 1;
      if (entry === null) this.#acked.delete(name);
      else this.#acked.set(name, entry);
    }
  }
}
