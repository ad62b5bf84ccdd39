import type { Log } from '../base/log.ts';
import { type Client, createClients } from './client.ts';
import type { ClientState } from './csds.ts';
import { silentObserver, type XdsObserver } from './observer.ts';
import { type Acked, type ProxyStatus, proxyStatus } from './proxies.ts';
import type { SessionStatus } from './status.ts';
import {
  type Ack,
  GrpcStream,
  type Identified,
  type Published,
  type Speech,
  type XdsCall,
  type XdsStream,
} from './stream.ts';
import type { Node, RequestBase } from './variant.ts';

/** How long one turn of the event loop may compute snapshots before streams get to speak. */
const SLICE_MS = 10;

export type StreamsOptions = {
  /** Who a node is, and what it should have now. A text: why it is refused. */
  readonly identify: (node: Node) => Identified | string;
  readonly log: Log;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Milliseconds since some moment, whatever `now` is set to. */
  readonly steadyMs?: () => number;
  readonly removalTimeoutMs: number;
  readonly observer?: XdsObserver;
};

/** All streams of a server, and the revision that they are to get. */
export class Streams {
  readonly #open = new Set<XdsStream>();
  readonly #stale = new Set<XdsStream>();
  /** Who had not acknowledged a push when all were looked at last, less those that were seen since to have done so. */
  readonly #waiting = new Set<XdsStream>();
  readonly #listeners = new Set<(ack: Ack) => void>();
  readonly #environment;
  #published: Published | null = null;
  #connected = 0;
  #scheduled: NodeJS.Immediate | null = null;
  #draining = false;

  constructor(options: StreamsOptions) {
    const { identify, log, now, removalTimeoutMs, observer = silentObserver } = options;
    const { steadyMs = () => performance.now() } = options;
    this.#environment = {
      ...{ identify, log, now, steadyMs, observer, clientOf: createClients(removalTimeoutMs) },
      published: () => this.#published,
      acked: (ack: Ack) => {
        for (const listener of this.#listeners) listener(ack);
      },
      closed: (stream: XdsStream) => {
        this.#open.delete(stream);
        this.#stale.delete(stream);
        this.#waiting.delete(stream);
      },
    };
  }

  add<Q extends RequestBase>(call: XdsCall, speech: Speech<Q>): void {
    this.#connected += 1;
    const stream = new GrpcStream(`${this.#connected}`, call, speech, this.#environment);
    this.#open.add(stream);
    if (this.#draining) stream.drain();
  }

  publish(revision: string): number {
    const push = (this.#published?.push ?? 0) + 1;
    this.#published = { revision, push };
    for (const stream of this.#open) this.#stale.add(stream);
    this.#schedule();
    return push;
  }

  sessions(): readonly SessionStatus[] {
    return [...this.#open].flatMap((stream) => stream.status() ?? []);
  }

  proxies(): readonly ProxyStatus[] {
    const byClient = new Map<Client, [Acked, ...Acked[]]>();
    for (const stream of this.#open) {
      const status = stream.status();
      if (stream.client === null || status === null) continue;
      const known = byClient.get(stream.client);
      const acked = { status, ackedSteadyMs: stream.arrivedSteadyMs };
      if (known === undefined) byClient.set(stream.client, [acked]);
      else known.push(acked);
    }
    return [...byClient.values()].map((streams) => proxyStatus(streams));
  }

  /** Asked at every ACK: no status is made for it, and while anybody waits, nobody is looked at again who does not. */
  ackedSteadyMs(push: number): number | null {
    for (const stream of this.#waiting) {
      if (awaits(stream, push)) return null;
      this.#waiting.delete(stream);
    }
    let lastMs: number | null = null;
    for (const stream of this.#open) {
      if (awaits(stream, push)) this.#waiting.add(stream);
      else if (stream.client !== null)
        lastMs = Math.max(lastMs ?? stream.arrivedSteadyMs, stream.arrivedSteadyMs);
    }
    return this.#waiting.size > 0 ? null : lastMs;
  }

  states(): readonly ClientState[] {
    return [...this.#open].flatMap((stream) => stream.state() ?? []);
  }

  onAck(listener: (ack: Ack) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends all streams, and every one that still comes. */
  drain(): void {
    this.#draining = true;
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#stale.clear();
    for (const stream of this.#open) stream.drain();
  }

  #schedule(): void {
    if (this.#stale.size > 0) this.#scheduled ??= setImmediate(() => this.#refreshSome());
  }

  #refreshSome(): void {
    this.#scheduled = null;
    const startMs = performance.now();
    for (const stream of this.#stale) {
      if (performance.now() - startMs > SLICE_MS) break;
      this.#stale.delete(stream);
      stream.refresh();
    }
    this.#schedule();
  }
}

/** Of who has not said yet who it is, nothing is awaited. */
function awaits({ client, fullyAcked }: XdsStream, push: number): boolean {
  return client !== null && (fullyAcked === null || fullyAcked.push < push);
}
