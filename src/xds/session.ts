import type { Client } from './client.ts';
import type { SessionCondition } from './ordering.ts';
import type { Subscription } from './subscription.ts';
import {
  CLUSTER,
  ENDPOINT,
  LISTENER,
  ORDER,
  type Resources,
  ROUTE,
  rulesOf,
  USERS,
  type XdsResource,
} from './types.ts';
import type { Lane, RequestBase, Response, Variant } from './variant.ts';

/** How far one type of one stream is; nonces and the ACKed revision are empty before the first. */
export type Progress = {
  sent: string;
  sentRevision: string;
  acked: string;
  ackedRevision: string;
  /** When each response was made that is not answered yet, by nonce, the oldest first. */
  readonly unanswered: Map<string, number>;
};

type Opened<Q> = { readonly lane: Lane<Q>; readonly progress: Progress };

/**
 * One stream without its transport: which response goes next, over all of its types. Order CDS, EDS, LDS, RDS; what it
 * takes for no traffic to be lost in between is `Ordering`'s. Time is an argument, in milliseconds.
 */
export class Session<Q extends RequestBase> {
  readonly #variant: Variant<Q>;
  readonly #client: Client;
  readonly #types = new Map<string, Opened<Q>>();
  #resources: Resources | null = null;
  #revision = '';
  #push = 0;
  /** How many responses since that push. */
  #said = 0;

  constructor(variant: Variant<Q>, client: Client) {
    this.#variant = variant;
    this.#client = client;
  }

  get revision(): string {
    return this.#revision;
  }

  /** By type, in the order in which the client asked. */
  subscriptions(): readonly (readonly [typeUrl: string, subscription: Subscription<XdsResource>])[] {
    return [...this.#types].map(([typeUrl, { lane }]) => [typeUrl, lane.subscription]);
  }

  subscription(typeUrl: string): Subscription<XdsResource> | null {
    return this.#types.get(typeUrl)?.lane.subscription ?? null;
  }

  progress(typeUrl: string): Progress | null {
    return this.#types.get(typeUrl)?.progress ?? null;
  }

  conditions(): readonly SessionCondition[] {
    this.#client.ordering.prune();
    return this.#client.ordering.conditions().filter(({ typeUrl }) => this.#types.has(typeUrl));
  }

  get types(): ReadonlySet<string> {
    return new Set(this.#types.keys());
  }

  /** How many names this stream has the server remember. */
  get size(): number {
    let size = 0;
    for (const { lane } of this.#types.values()) size += lane.subscription.size;
    return size;
  }

  /** True while something may have to be sent; it may wait for something else. */
  get pending(): boolean {
    for (const { lane } of this.#types.values()) if (lane.subscription.pending) return true;
    return false;
  }

  /** When `next` is worth asking again without any event; `null`: never. */
  deadlineMs(nowMs: number): number | null {
    return this.pending ? this.#client.ordering.deadlineMs(nowMs) : null;
  }

  /** When the response that this answers was made; null: it answers none. */
  receive(request: Q): number | null {
    const { typeUrl } = request;
    const { lane, progress } = this.#types.get(typeUrl) ?? this.#open(typeUrl);
    const { references } = this.#client.ordering;
    if (this.#variant.resumes(request)) references.resume();
    const { holdings } = lane.subscription;
    const before = holdings.inFlight;
    lane.receive(request);
    references.changed();
    if (holdings.inFlight === before) return null;
    const sentMs = progress.unanswered.get(request.nonce) ?? null;
    progress.unanswered.delete(request.nonce);
    if (request.error !== null) return sentMs;
    progress.acked = request.nonce;
    if (request.nonce === progress.sent) progress.ackedRevision = progress.sentRevision;
    return sentMs;
  }

  /**
   * The client should have this from now on. Resources equal to the last ones lead to no response. Where `push` rises
   * for all streams alike, those that are to hear the same hear it in the same bytes, nonce and all, whatever each
   * was told before.
   */
  publish(resources: Resources, revision: string, push = this.#push + 1): void {
    this.#resources = resources;
    this.#revision = revision;
    if (push !== this.#push) this.#said = 0;
    this.#push = push;
    this.#client.ordering.retarget(resources);
    for (const [typeUrl, { lane }] of this.#types) lane.retarget(resources.get(typeUrl) ?? NOTHING);
  }

  /** The next response, counted as sent; `null`: nothing to send now. Nothing before the first `publish`. */
  next(nowMs: number): Response | null {
    if (this.#resources === null) return null;
    this.#client.ordering.prune();
    const others = [...this.#types.keys()].filter((typeUrl) => !ORDER.includes(typeUrl));
    for (const typeUrl of [...ORDER, ...others]) {
      const response = this.#nextOf(typeUrl, nowMs);
      if (response !== null) return response;
    }
    return null;
  }

  /** True when the client has ACKed all it should have of the published revision, and refused nothing. */
  settled(): boolean {
    const quiet = this.subscriptions().every(([, each]) => each.idle && each.rejections().length === 0);
    return quiet && this.#types.size > 0 && this.#resources !== null && this.#askedForAll(this.#resources);
  }

  /** The stream is over. */
  end(): void {
    for (const [typeUrl, { lane }] of this.#types) this.#client.leave(typeUrl, lane.subscription);
  }

  /** A client that starts asks for one type after the other; in between it has not everything yet. */
  #askedForAll(resources: Resources): boolean {
    if (this.#client.separate) return this.#warm(resources);
    const listeners = [...(resources.get(LISTENER)?.values() ?? [])];
    const clusters = this.subscription(CLUSTER);
    if (clusters?.wildcard && listeners.length > 0 && !this.#types.has(LISTENER)) return false;
    if (!this.subscription(LISTENER)?.wildcard) return true;
    const routes = listeners.some(({ references }) => references.some(({ typeUrl }) => typeUrl === ROUTE));
    return !routes || this.#types.has(ROUTE);
  }

  /** A client with a stream for everything has it all when it has what its clusters and listeners need as well. */
  #warm(resources: Resources): boolean {
    for (const typeUrl of this.#types.keys()) {
      for (const { references } of resources.get(typeUrl)?.values() ?? []) {
        if (references.some((to) => USERS[to.typeUrl]?.[0] === typeUrl && !this.#client.holds(to)))
          return false;
      }
    }
    return true;
  }

  #open(typeUrl: string): Opened<Q> {
    const lane = this.#variant.open(rulesOf(typeUrl));
    const progress = { sent: '', sentRevision: '', acked: '', ackedRevision: '', unanswered: new Map() };
    const opened = { lane, progress };
    this.#types.set(typeUrl, opened);
    this.#client.join(typeUrl, lane.subscription);
    if (this.#resources !== null) lane.retarget(this.#resources.get(typeUrl) ?? NOTHING);
    return opened;
  }

  #nextOf(typeUrl: string, nowMs: number): Response | null {
    const opened = this.#types.get(typeUrl);
    if (opened === undefined || !opened.lane.subscription.pending) return null;
    const { ordering } = this.#client;
    const nonce = `${this.#push}.${this.#said + 1}`;
    const answer = opened.lane.next(nonce, (name, want) => ordering.gate(typeUrl, name, want, nowMs));
    ordering.references.changed();
    if (answer === null) return null;
    if (answer === 'silent') {
      this.#client.wakeSoon();
      return this.next(nowMs);
    }
    this.#said += 1;
    if (typeUrl === CLUSTER) this.#resendEndpoints(answer.changed);
    opened.progress.unanswered.set(nonce, nowMs);
    Object.assign(opened.progress, { sent: nonce, sentRevision: this.#revision });
    return { typeUrl, nonce, revision: this.#revision, ...answer };
  }

  /** O1: a changed cluster warms until its endpoints come again (envoy#13009). */
  #resendEndpoints(clusters: readonly XdsResource[]): void {
    for (const { references } of clusters) {
      for (const { typeUrl, name } of references)
        if (typeUrl === ENDPOINT) this.#client.force(ENDPOINT, name);
    }
  }
}

const NOTHING: ReadonlyMap<string, XdsResource> = new Map();
