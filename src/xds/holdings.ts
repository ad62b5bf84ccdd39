/** A resource as its subscription needs it; `version` is a hash of the content (D8). */
export type Versioned = { readonly name: string; readonly version: string };

/** A version that the client brought from an earlier stream; its content is not known here. */
export type Brought = Versioned & { readonly brought: true };

/** One response that the client has not answered: name → what was sent, `null` for a removal. */
export type Flight<R> = { readonly nonce: string; readonly entries: Map<string, R | null> };

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
  /** In the order of sending. */
  readonly #flights: Flight<R>[] = [];

  get inFlight(): number {
    return this.#flights.length;
  }

  get size(): number {
    return this.#acked.size;
  }

  /** What the client will have once everything on its way has arrived; `null`: nothing. */
  believed(name: string): R | Brought | null {
    for (const { entries } of this.#flights.toReversed()) {
      const entry = entries.get(name);
      if (entry !== undefined) return entry;
    }
    return this.acked(name);
  }

  acked(name: string): R | Brought | null {
    return this.#acked.get(name) ?? null;
  }

  /** True if the client has ACKed some version and nothing on its way takes it away. */
  holds(name: string): boolean {
    return this.#acked.has(name) && this.#flights.every(({ entries }) => entries.get(name) !== null);
  }

  /** Everything the client may have at this moment, also what is only on its way. */
  *contents(): Iterable<R | Brought> {
    yield* this.#acked.values();
    for (const { entries } of this.#flights) {
      for (const entry of entries.values()) if (entry !== null) yield entry;
    }
  }

  /** What the client says it brought along (D3), or the known content of the same version. */
  bring(item: R | Brought): void {
    this.#acked.set(item.name, item);
  }

  forget(name: string): void {
    this.#acked.delete(name);
    for (const { entries } of this.#flights) entries.delete(name);
  }

  send(flight: Flight<R>): void {
    this.#flights.push(flight);
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
      for (const { entries } of earlier) entries.delete(name);
      if (entry === null) this.#acked.delete(name);
      else this.#acked.set(name, entry);
    }
  }
}
