import type { Snapshot, SnapshotResource } from '../translate/index.ts';
import { Ordering, type SessionCondition } from './ordering.ts';
import { Subscription, type SubscriptionRequest } from './subscription.ts';
import { CLUSTER, ENDPOINT, LISTENER, ORDER, ROUTE, rulesOf } from './types.ts';

/** One response to be written, in the terms of the stream. `revision` is for the reader of a trace only (D8). */
export type Response = {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly revision: string;
  readonly resources: readonly SnapshotResource[];
  readonly removed: readonly string[];
};

/** How far one type of one stream is; nonces and the ACKed revision are empty before the first. */
export type Progress = { sent: string; sentRevision: string; acked: string; ackedRevision: string };

/**
 * One ADS stream without its transport: which response goes next, over all types. Order CDS, EDS, LDS, RDS; what it
 * takes for no traffic to be lost in between is `Ordering`'s. Time is an argument, in milliseconds.
 */
export class Session {
  readonly #subscriptions = new Map<string, Subscription<SnapshotResource>>();
  readonly #progress = new Map<string, Progress>();
  readonly #ordering: Ordering;
  #snapshot: Snapshot | null = null;
  #revision = '';
  #nonce = 0;

  constructor(options: { readonly removalTimeoutMs: number }) {
    this.#ordering = new Ordering(this.#subscriptions, options.removalTimeoutMs);
  }

  get revision(): string {
    return this.#revision;
  }

  get subscriptions(): ReadonlyMap<string, Subscription<SnapshotResource>> {
    return this.#subscriptions;
  }

  progress(typeUrl: string): Progress | null {
    return this.#progress.get(typeUrl) ?? null;
  }

  conditions(): readonly SessionCondition[] {
    this.#ordering.prune();
    return this.#ordering.conditions();
  }

  /** When `next` is worth asking again without any event; `null`: never. */
  deadlineMs(nowMs: number): number | null {
    return this.#ordering.deadlineMs(nowMs);
  }

  receive(typeUrl: string, request: SubscriptionRequest): void {
    const subscription = this.#subscriptions.get(typeUrl) ?? this.#open(typeUrl);
    if (request.initialVersions.size > 0) this.#ordering.references.resume();
    subscription.receive(request);
    this.#ordering.references.changed();
    const progress = this.#progress.get(typeUrl);
    if (request.nonce === '' || request.error !== null || progress === undefined) return;
    progress.acked = request.nonce;
    if (request.nonce === progress.sent) progress.ackedRevision = progress.sentRevision;
  }

  /** The client should have this from now on. A snapshot equal to the last one leads to no response. */
  publish(snapshot: Snapshot, revision: string): void {
    this.#snapshot = snapshot;
    this.#revision = revision;
    this.#ordering.retarget(snapshot.resources);
    for (const [typeUrl, subscription] of this.#subscriptions) this.#retarget(typeUrl, subscription);
  }

  /** The next response, counted as sent; `null`: nothing to send now. Nothing before the first `publish`. */
  next(nowMs: number): Response | null {
    if (this.#snapshot === null) return null;
    this.#ordering.prune();
    const others = [...this.#subscriptions.keys()].filter((typeUrl) => !ORDER.includes(typeUrl));
    for (const typeUrl of [...ORDER, ...others]) {
      const response = this.#nextOf(typeUrl, nowMs);
      if (response !== null) return response;
    }
    return null;
  }

  /** True when the client has ACKed all it should have of the published revision, and refused nothing. */
  settled(): boolean {
    const open = [...this.#subscriptions.values()];
    const quiet = open.every((subscription) => subscription.idle && subscription.rejections().length === 0);
    return quiet && open.length > 0 && this.#snapshot !== null && this.#askedForAll(this.#snapshot);
  }

  /** A client that starts asks for one type after the other; in between it has not everything yet. */
  #askedForAll({ resources }: Snapshot): boolean {
    const listeners = [...(resources.get(LISTENER)?.values() ?? [])];
    const clusters = this.#subscriptions.get(CLUSTER);
    if (clusters?.wildcard && listeners.length > 0 && !this.#subscriptions.has(LISTENER)) return false;
    if (!this.#subscriptions.get(LISTENER)?.wildcard) return true;
    const routes = listeners.some(({ references }) => references.some(({ typeUrl }) => typeUrl === ROUTE));
    return !routes || this.#subscriptions.has(ROUTE);
  }

  #open(typeUrl: string): Subscription<SnapshotResource> {
    const subscription = new Subscription<SnapshotResource>(rulesOf(typeUrl));
    this.#subscriptions.set(typeUrl, subscription);
    this.#progress.set(typeUrl, { sent: '', sentRevision: '', acked: '', ackedRevision: '' });
    if (this.#snapshot !== null) this.#retarget(typeUrl, subscription);
    return subscription;
  }

  #retarget(typeUrl: string, subscription: Subscription<SnapshotResource>): void {
    const resources: ReadonlyMap<string, ReadonlyMap<string, SnapshotResource>> = this.#snapshot?.resources ??
    new Map();
    subscription.retarget(resources.get(typeUrl) ?? new Map());
  }

  #nextOf(typeUrl: string, nowMs: number): Response | null {
    const nonce = `${this.#nonce + 1}`;
    const delta = this.#subscriptions
      .get(typeUrl)
      ?.next(nonce, (name, want) => this.#ordering.gate(typeUrl, name, want, nowMs));
    if (delta === null || delta === undefined) return null;
    this.#nonce += 1;
    this.#ordering.references.changed();
    if (typeUrl === CLUSTER) this.#resendEndpoints(delta.resources);
    const progress = this.#progress.get(typeUrl);
    if (progress !== undefined) Object.assign(progress, { sent: nonce, sentRevision: this.#revision });
    return { typeUrl, nonce, revision: this.#revision, ...delta };
  }

  /** O1: a changed cluster warms until its endpoints come again (envoy#13009). */
  #resendEndpoints(clusters: readonly SnapshotResource[]): void {
    const endpoints = this.#subscriptions.get(ENDPOINT);
    for (const { references } of clusters) {
      for (const { typeUrl, name } of references) if (typeUrl === ENDPOINT) endpoints?.force(name);
    }
  }
}
