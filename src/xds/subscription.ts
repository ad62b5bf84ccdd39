import { type Brought, type Flight, Holdings, isKnown, type Versioned } from './holdings.ts';
import { isolate } from './isolation.ts';

/** What differs between the types of resources. */
export type SubscriptionRules = {
  /** W5: no name at all means `*`; LDS and CDS only. */
  readonly legacyWildcard: boolean;
  /** D4: `initial_resource_versions` are believed; LDS and CDS only, the others are always sent again. */
  readonly trustsInitialVersions: boolean;
  /** Envoy's NACK names the guilty resources of this type. */
  readonly culpritsNamed: boolean;
  /** S3: in state of the world a response holds everything, and what is absent is deleted; LDS and CDS only. */
  readonly fullState: boolean;
};

/** One request of one type, as far as its subscription is concerned. */
export type SubscriptionRequest = {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
  /** Empty when the request answers nothing (D1). */
  readonly nonce: string;
  /** The message of `error_detail`; `null`: an ACK (C3). */
  readonly error: string | null;
};

/** May this go out now? `wait`: soon; `blocked`: not before something changes. `want` is null for a removal. */
export type Gate<R> = (name: string, want: R | null) => 'send' | 'wait' | 'blocked';

export type Delta<R> = { readonly resources: readonly R[]; readonly removed: readonly string[] };

/** Content that the client refused (`resource` null: a removal), with the client's words. */
export type Rejection<R> = { readonly name: string; readonly resource: R | null; readonly message: string };

type Step<R> = R | 'remove' | 'nothing' | 'wait' | 'blocked';

/**
 * The delta subscription of one client to one type, without a transport and without a clock: `receive` takes what
 * the client says, `retarget` what it should have, `next` answers with what to send. Where a rule of the protocol
 * (xds_protocol.rst; numbered W, D, C, O as the tests in `test/xds` are named) is followed, its number stands.
 */
export class Subscription<R extends Versioned> {
  readonly holdings = new Holdings<R>();
  readonly #rules: SubscriptionRules;
  readonly #named = new Set<string>();
  readonly #todo = new Set<string>();
  /** Owed whatever the versions say: C7, D5, W4, O1. */
  readonly #forced = new Set<string>();
  /** Those that the client waits for, not on their way yet. */
  readonly #awaited = new Set<string>();
  /** Those of `#todo` whose gate said so last. */
  readonly #blocked = new Set<string>();
  readonly #rejections = new Map<string, Rejection<R>>();
  #groups: (readonly string[])[] = [];
  #target: ReadonlyMap<string, R> | null = null;
  #started = false;
  #wildcard = false;
  #owesAnswer = false;

  constructor(rules: SubscriptionRules) {
    this.#rules = rules;
  }

  /** True when nothing is left to send and everything sent has been answered. */
  get idle(): boolean {
    return this.resting && this.#todo.size === 0;
  }

  /** True when nothing is on its way and nothing will be by itself; what is blocked may be left over. */
  get resting(): boolean {
    const owing = this.#groups.length > 0 || this.#owesAnswer || this.holdings.inFlight > 0;
    return !owing && [...this.#todo].every((name) => this.#blocked.has(name));
  }

  /** True while something is to be sent, perhaps not yet. */
  get pending(): boolean {
    return this.#todo.size > 0 || this.#groups.length > 0 || this.#owesAnswer;
  }

  /** Names asked for and names had, or owed though neither. */
  get size(): number {
    return Math.max(this.#named.size + this.holdings.size, this.#forced.size);
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  selects(name: string): boolean {
    return this.#wildcard || this.#named.has(name);
  }

  /** Every name that the client asked for, has, or refused. */
  known(): ReadonlySet<string> {
    const had = [...this.holdings.contents()].map(({ name }) => name);
    const given = this.#wildcard ? (this.#target?.keys() ?? []) : [];
    return new Set([...this.#named, ...given, ...had, ...this.#rejections.keys()]);
  }

  /** What the client should have of this name. */
  wanted(name: string): R | null {
    return this.#target?.get(name) ?? null;
  }

  rejections(): readonly Rejection<R>[] {
    return [...this.#rejections.values()];
  }

  /** True if the client has refused exactly what it should have now (or its removal). */
  rejects(name: string): boolean {
    if (this.#rejections.size === 0) return false;
    const rejection = this.#rejections.get(name);
    return rejection !== undefined && rejection.resource?.version === this.#target?.get(name)?.version;
  }

  /** True while this name waits to be sent or removed. */
  awaits(name: string): boolean {
    return this.#todo.has(name);
  }

  /** One request. Its nonce may be stale: what it says about the subscription counts nevertheless (D2). */
  receive(request: SubscriptionRequest): void {
    const first = !this.#started;
    this.#started = true;
    if (request.nonce !== '') this.#answered(request.nonce, request.error);
    if (first && this.#rules.legacyWildcard && request.subscribe.length === 0) this.#subscribe('*'); // W1
    for (const name of request.subscribe) this.#subscribe(name); // W6: before unsubscribing
    for (const name of request.unsubscribe) this.#unsubscribe(name);
    if (first) this.#bring(request.initialVersions);
  }

  /** What the client should have from now on, all of it. Nothing is ever sent before the first call. */
  retarget(target: ReadonlyMap<string, R>): void {
    const before = this.#target;
    this.#target = target;
    if (before !== null && this.#isCalm()) this.#follow(before, target);
    else this.#compareAll(target);
  }

  #compareAll(target: ReadonlyMap<string, R>): void {
    for (const name of this.#rejections.keys()) if (!this.rejects(name)) this.#rejections.delete(name);
    this.#todo.clear();
    this.#blocked.clear();
    for (const name of this.#awaited) if (!this.rejects(name)) this.#forced.add(name);
    for (const name of this.#forced) this.#todo.add(name);
    for (const item of [...this.holdings.contents()]) {
      this.#recognise(item);
      if (!target.has(item.name)) this.#todo.add(item.name);
    }
    for (const name of this.#wildcard ? target.keys() : this.#named) this.#compare(name);
  }

  /** True when the client is known to have all that it asked for, as it should be, and nothing else is to be said. */
  #isCalm(): boolean {
    const said = [this.#todo, this.#forced, this.#awaited, this.#blocked, this.#rejections];
    return this.holdings.certainOfAll && this.#groups.length === 0 && said.every(({ size }) => size === 0);
  }

  /** `retarget` of who has all that it should have had: only what is another resource, or is gone, has to be looked at. */
  #follow(before: ReadonlyMap<string, R>, target: ReadonlyMap<string, R>): void {
    if (target === before) return;
    for (const name of before.keys()) {
      if (target.has(name)) continue;
      if (this.holdings.mayHave(name)) this.#todo.add(name);
      if (this.#named.has(name)) this.#compare(name);
    }
    for (const [name, want] of target) {
      if (want === before.get(name)) continue;
      const item = this.holdings.acked(name);
      if (item !== null) this.#recognise(item);
      if (this.selects(name)) this.#compare(name);
    }
  }

  /** The next response comes even if nothing changed. */
  oweAnswer(): void {
    this.#owesAnswer = true;
  }

  /** Sends the name again even if nothing changed (O1), if the client wants it at all. */
  force(name: string): void {
    if (this.selects(name)) this.#owe(name);
  }

  /** The next response, noted as sent under `nonce`; `null`: nothing to say now. */
  next(nonce: string, gate: Gate<R>): Delta<R> | null {
    if (this.#target === null) return null;
    for (let group = this.#groups.shift(); group !== undefined; group = this.#groups.shift()) {
      const names = group.filter((name) => this.selects(name));
      for (const name of names) this.#resend(name);
      const delta = this.#collect(nonce, names, gate, false);
      if (delta !== null) return delta;
    }
    return this.#collect(nonce, [...this.#todo], gate, this.#owesAnswer);
  }

  #collect(nonce: string, names: readonly string[], gate: Gate<R>, evenEmpty: boolean): Delta<R> | null {
    const entries = new Map<string, R | null>();
    let incomplete = false;
    for (const name of names) {
      const step = this.#step(name, gate);
      if (step === 'blocked') this.#blocked.add(name);
      else this.#blocked.delete(name);
      if (step === 'nothing') this.#done(name);
      else if (step === 'remove') entries.set(name, null);
      else if (typeof step !== 'string') entries.set(name, step);
      else if (step === 'wait' && this.#target?.has(name)) incomplete = true;
    }
    // D6: the first answer to `*` comes even if empty, but never in part when the rest is about to follow.
    if (evenEmpty ? incomplete : entries.size === 0) return null;
    return this.#sent(nonce, entries);
  }

  #sent(nonce: string, entries: Map<string, R | null>): Delta<R> {
    const awaited = new Set<string>();
    const resources: R[] = [];
    const removed: string[] = [];
    for (const [name, entry] of entries) {
      this.#forced.delete(name);
      const want = this.#target?.get(name) ?? null;
      const last = entry === want || entry?.version === want?.version;
      if (last) this.#todo.delete(name); // otherwise the last good went out, and the change still waits
      if (this.#awaited.delete(name)) awaited.add(name);
      if (entry === null) removed.push(name);
      else resources.push(entry);
    }
    this.#owesAnswer = false;
    this.holdings.send(nonce, entries, awaited);
    return { resources, removed };
  }

  #step(name: string, gate: Gate<R>): Step<R> {
    const want = this.#target?.get(name);
    const forced = this.#forced.has(name);
    if (!this.selects(name) && !(forced && want === undefined)) return 'nothing'; // C8
    const refused = this.rejects(name);
    if (!forced && (refused || !this.#differs(name))) return 'nothing'; // C3, C4
    const verdict = refused ? 'blocked' : gate(name, want ?? null);
    if (verdict === 'send') return want ?? 'remove';
    if (!forced) return verdict;
    return this.#lastGood(name) ?? (refused ? (want ?? 'remove') : verdict);
  }

  /** The content that the client had last, if it is known here. */
  #lastGood(name: string): R | null {
    const item = this.holdings.acked(name);
    return item !== null && isKnown(item) ? item : null;
  }

  #answered(nonce: string, error: string | null): void {
    const flight = this.holdings.land(nonce, error === null);
    if (flight === null) return;
    for (const name of flight.unsure) {
      if (this.selects(name)) this.holdings.doubt(name, flight.entries.get(name) ?? null);
    }
    if (error !== null) this.#refused(flight, error);
    else for (const [name, entry] of flight.entries) if (!flight.unsure.has(name)) this.#absolve(name, entry);
  }

  #refused(flight: Flight<R>, message: string): void {
    const { convicted, retry } = isolate(flight, message, this.#rules.culpritsNamed);
    for (const name of convicted.filter((each) => !flight.unsure.has(each))) {
      const resource = flight.entries.get(name) ?? null;
      this.holdings.refuse(name, resource);
      this.#rejections.set(name, { name, resource, message });
      if (!this.rejects(name)) this.#rejections.delete(name); // no longer wanted anyway
      this.#compare(name);
      if (flight.awaited.has(name)) this.#fallBack(name, resource);
    }
    for (const group of retry) {
      const names = group.filter((name) => !flight.unsure.has(name));
      for (const name of names) if (flight.awaited.has(name)) this.#awaited.add(name);
      for (const name of names) this.holdings.doubt(name, flight.entries.get(name) ?? null);
      if (names.length > 0) this.#groups.push(names);
    }
  }

  /** The client still waits: for a changed cluster, nothing but endpoints that it takes will do (O1). */
  #fallBack(name: string, refused: R | null): void {
    if (this.holdings.await(name)) return;
    const lastGood = this.#lastGood(name);
    if (lastGood === null) this.#awaited.add(name);
    else if (lastGood.version !== refused?.version) this.#owe(name);
  }

  #absolve(name: string, entry: R | null): void {
    if (this.#rejections.size === 0) return;
    const accused = this.#rejections.get(name);
    if (accused?.resource?.version === entry?.version || !this.rejects(name)) this.#rejections.delete(name);
  }

  #subscribe(name: string): void {
    if (name !== '*') {
      // The text that all clients share, where there is one: each says thousands of names.
      const own = this.#target?.get(name)?.name ?? name;
      this.#named.add(own);
      this.#owe(own); // C7: the client may have forgotten it
      return;
    }
    if (this.#wildcard) return;
    this.#wildcard = true;
    this.#owesAnswer = true;
    for (const each of this.#target?.keys() ?? []) this.#compare(each);
  }

  #unsubscribe(name: string): void {
    if (name === '*') {
      this.#wildcard = false;
      this.#owesAnswer = false;
      for (const { name: held } of [...this.holdings.contents()]) if (!this.selects(held)) this.#forget(held);
      for (const waiting of this.#todo) if (!this.selects(waiting)) this.#forget(waiting);
      return;
    }
    if (!this.#named.delete(name)) return; // D7: never subscribed
    if (this.#wildcard)
      this.#owe(name); // W4
    else this.#forget(name);
  }

  #bring(versions: ReadonlyMap<string, string>): void {
    for (const [name, version] of versions) {
      const item: Brought = { name, version, brought: true };
      const selected = this.selects(name);
      if (selected) this.holdings.bring(item);
      if (selected) this.#recognise(item);
      if (!selected || !this.#rules.trustsInitialVersions) this.#owe(name);
      if (this.#target === null) continue;
      if (this.#target.has(name)) this.#compare(name);
      else this.#todo.add(name); // D3
    }
  }

  /** A version that was brought along and is the wanted one has known content. */
  #recognise(item: R | Brought): void {
    if (isKnown(item)) return;
    const want = this.#target?.get(item.name);
    if (want?.version === item.version) this.holdings.bring(want);
  }

  #compare(name: string): void {
    if (this.#forced.has(name) || (this.#differs(name) && !this.rejects(name))) this.#todo.add(name);
    else this.#todo.delete(name);
  }

  /** True unless the client is known to have, or to be about to have, what it should have. */
  #differs(name: string): boolean {
    const same = this.holdings.believed(name)?.version === this.#target?.get(name)?.version;
    return !same || !this.holdings.certain(name);
  }

  #owe(name: string): void {
    this.#awaited.add(name);
    this.#resend(name);
  }

  #resend(name: string): void {
    this.#forced.add(name);
    this.#todo.add(name);
  }

  #done(name: string): void {
    this.#awaited.delete(name);
    this.#forced.delete(name);
    this.#blocked.delete(name);
    this.#todo.delete(name);
  }

  #forget(name: string): void {
    this.holdings.forget(name);
    this.#rejections.delete(name);
    this.#done(name);
  }
}
