import type { Brought } from './holdings.ts';
import { Ordering } from './ordering.ts';
import type { XdsService } from './services.ts';
import type { Subscription } from './subscription.ts';
import type { Holder, Holders, Resources, XdsResource } from './types.ts';

type Streamed = Subscription<XdsResource>;

type ClientOptions = {
  readonly removalTimeoutMs: number;
  readonly separate?: boolean;
  /** Its last stream is over. */
  readonly onEmpty?: () => void;
};

/**
 * One proxy on one connection, as far as order goes: its ADS stream, or all of its per-type streams. What a stream of
 * the latter may send can depend on what the client acknowledged on another. Which streams belong together says the
 * connection they share, so two proxies with one node id are never mixed up.
 */
export class Client {
  readonly ordering: Ordering;
  /** The client asks for every type on streams of its own. */
  readonly separate: boolean;
  readonly #types = new Map<string, Together>();
  readonly #wakes = new Set<() => void>();
  readonly #onEmpty: () => void;
  #latest: { readonly publication: number; readonly resources: Resources } | null = null;

  constructor({ removalTimeoutMs: timeoutMs, separate = false, onEmpty = () => {} }: ClientOptions) {
    this.separate = separate;
    this.#onEmpty = onEmpty;
    const holders: Holders = { get: (typeUrl) => this.#types.get(typeUrl), entries: () => this.#types };
    this.ordering = new Ordering(holders, { timeoutMs, separate });
  }

  /** No stream of it is open. */
  get isEmpty(): boolean {
    return this.#wakes.size === 0;
  }

  join(typeUrl: string, subscription: Streamed): void {
    const together = this.#types.get(typeUrl) ?? new Together();
    this.#types.set(typeUrl, together);
    together.subscriptions.add(subscription);
    this.ordering.references.changed();
  }

  leave(typeUrl: string, subscription: Streamed): void {
    const together = this.#types.get(typeUrl);
    together?.leave(subscription);
    if (together?.subscriptions.size === 0) {
      this.#types.delete(typeUrl);
      this.ordering.references.leave(typeUrl);
    }
    this.ordering.references.changed();
  }

  holds({ typeUrl, name }: XdsResource['references'][number]): boolean {
    return this.#types.get(typeUrl)?.holds(name) ?? false;
  }

  /** What the client should have since the n-th publication; made once for all of its streams. */
  resources(publication: number, make: () => Resources): Resources {
    if (this.#latest?.publication !== publication) this.#latest = { publication, resources: make() };
    return this.#latest.resources;
  }

  /** `wake` is called whenever another stream of the client learned something. The result ends it. */
  attach(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => {
      this.#wakes.delete(wake);
      if (this.#wakes.size === 0) this.#onEmpty();
    };
  }

  /** To be called when a stream has learned something; all but `own` hear of it. */
  wakeOthers(own: () => void): void {
    for (const wake of this.#wakes) if (wake !== own) wake();
  }

  /** To be called when the server did something that no answer will follow. */
  wakeSoon(): void {
    if (this.#wakes.size < 2) return;
    queueMicrotask(() => {
      for (const wake of this.#wakes) wake();
    });
  }

  /** Sends the name again wherever it is asked for (O1). */
  force(typeUrl: string, name: string): void {
    for (const subscription of this.#types.get(typeUrl)?.subscriptions ?? []) subscription.force(name);
  }
}

/** The streams of one type: an Envoy without ADS opens one for every cluster's endpoints and every route. */
class Together implements Holder {
  readonly subscriptions = new Set<Streamed>();
  #left = 0;

  get losses(): number {
    let losses = this.#left;
    for (const { holdings } of this.subscriptions) losses += holdings.losses;
    return losses;
  }

  leave(subscription: Streamed): void {
    if (this.subscriptions.delete(subscription)) this.#left += 1 + subscription.holdings.losses;
  }

  selects(name: string): boolean {
    return this.#some((each) => each.selects(name));
  }

  awaits(name: string): boolean {
    return this.#some((each) => each.awaits(name));
  }

  rejects(name: string): boolean {
    return this.#some((each) => each.rejects(name));
  }

  holds(name: string): boolean {
    return this.#some(({ holdings }) => holdings.holds(name));
  }

  mayHave(name: string): boolean {
    return this.#some(({ holdings }) => holdings.mayHave(name));
  }

  *contents(): Iterable<XdsResource | Brought> {
    for (const { holdings } of this.subscriptions) yield* holdings.contents();
  }

  #some(test: (subscription: Streamed) => boolean): boolean {
    for (const each of this.subscriptions) if (test(each)) return true;
    return false;
  }
}

/** Finds the client that a stream belongs to. An ADS stream is a client by itself, however many a node has. */
export function createClients(
  removalTimeoutMs: number,
): (service: XdsService, peer: string, id: string) => Client {
  const clients = new Map<string, Client>();
  return ({ typeUrl }, peer, id) => {
    if (typeUrl === null) return new Client({ removalTimeoutMs });
    const key = `${peer}\n${id}`;
    const onEmpty = () => clients.delete(key);
    const client = clients.get(key) ?? new Client({ removalTimeoutMs, separate: true, onEmpty });
    clients.set(key, client);
    return client;
  };
}
