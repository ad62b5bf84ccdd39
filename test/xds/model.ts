import { Client } from '../../src/xds/client.ts';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import { Session } from '../../src/xds/session.ts';
import type { SotwRequest } from '../../src/xds/sotw.ts';
import { sotw } from '../../src/xds/sotw-wire.ts';
import type { Resources, XdsResource } from '../../src/xds/types.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from './resources.ts';

const TYPES = [CLUSTER, ENDPOINT, LISTENER, ROUTE] as const;
type Request = DeltaRequest & SotwRequest;
type Speaker = Pick<Session<Request>, 'receive' | 'next' | 'publish' | 'settled' | 'conditions' | 'types'>;
type Response = NonNullable<ReturnType<Speaker['next']>>;

/** How the simulated Envoy behaves where clients differ. */
export type Manners = {
  /** Applies the good part of a response that it refuses. */
  readonly partial: boolean;
  /** Says who is guilty, as Envoy does for clusters and listeners. */
  readonly names: boolean;
};

/** How it asks: in which variant, on one stream for all types or on one for each. */
export type Shape = { readonly protocol: 'delta' | 'sotw'; readonly separate: boolean };

/**
 * A simulated Envoy, with the wire in between: the messages of a stream arrive in order, and as late as the caller
 * likes. It derives its EDS and RDS subscriptions from the clusters and listeners that it has. Content whose
 * version begins with `bad` is refused.
 */
export class World {
  readonly has = new Map<string, Map<string, XdsResource>>(TYPES.map((typeUrl) => [typeUrl, new Map()]));
  /** Clusters that changed and have not got their endpoints since (O1). */
  readonly warming = new Set<string>();
  /** Those that never were warm: nothing can be sent there. */
  readonly #cold = new Set<string>();
  readonly faults: string[] = [];
  readonly #shape: Shape;
  readonly #manners: Manners;
  readonly #subscribed = new Map<string, Set<string>>([
    [ENDPOINT, new Set()],
    [ROUTE, new Set()],
  ]);
  /** By type; all the same on an aggregated stream. */
  #sessions: ReadonlyMap<string, Speaker> = new Map();
  readonly #nonces = new Map<string, string>();
  readonly #versions = new Map<string, string>();
  #up: Partial<Request>[] = [];
  #down: Response[] = [];
  #heardClusters = false;
  #askedListeners = false;

  constructor(shape: Shape, manners: Manners) {
    this.#shape = shape;
    this.#manners = manners;
    this.#connect();
    this.#ask(CLUSTER, {});
  }

  get sessions(): readonly Speaker[] {
    return [...new Set(this.#sessions.values())];
  }

  publish(resources: Resources, revision: string): void {
    for (const session of this.sessions) session.publish(resources, revision);
  }

  #connect(): void {
    const { separate, protocol } = this.#shape;
    const client = new Client({ removalTimeoutMs: 30_000, separate });
    const open = (): Speaker =>
      protocol === 'delta' ? new Session(delta, client) : new Session(sotw, client);
    const aggregated = open();
    this.#sessions = new Map(TYPES.map((typeUrl) => [typeUrl, separate ? open() : aggregated]));
    this.#nonces.clear();
  }

  serverHears(): boolean {
    const request = this.#up.shift();
    if (request === undefined) return false;
    const session = this.#sessions.get(request.typeUrl ?? '');
    session?.receive({ ...NOTHING, ...request });
    return true;
  }

  serverSpeaks(): boolean {
    for (const session of this.sessions) {
      const response = session.next(0);
      if (response === null) continue;
      const names = [...response.resources.map(({ name }) => name), ...response.removed];
      if (new Set(names).size !== names.length) this.faults.push(`C5: ${names}`);
      this.#down.push(response);
      return true;
    }
    return false;
  }

  clientHears(): boolean {
    const response = this.#down.shift();
    if (response !== undefined) this.#take(response);
    return response !== undefined;
  }

  /** The stream breaks with everything on it; the client comes back with what it has. */
  reconnect(): void {
    this.#connect();
    this.#up = [];
    this.#down = [];
    for (const typeUrl of TYPES) {
      if (typeUrl === LISTENER && !this.#askedListeners) continue;
      const names = this.#subscribed.get(typeUrl);
      if (names?.size === 0) continue;
      const versions = [...(this.has.get(typeUrl) ?? [])].map(
        ([name, { version }]) => [name, version] as const,
      );
      this.#ask(typeUrl, { subscribe: [...(names ?? [])], initialVersions: new Map(versions) });
    }
  }

  /** C7: the client forgets one resource and asks for it again. */
  forget(typeUrl: typeof ENDPOINT | typeof ROUTE, index: number): void {
    const names = [...(this.#subscribed.get(typeUrl) ?? [])];
    const name = names[index % Math.max(names.length, 1)];
    if (name === undefined) return;
    this.has.get(typeUrl)?.delete(name);
    if (index % 2 === 0 || this.#shape.protocol === 'sotw') {
      this.#ask(typeUrl, { unsubscribe: [name], names: names.filter((each) => each !== name) });
    }
    this.#ask(typeUrl, { subscribe: [name] });
  }

  /** Lets everything on the wire arrive; how many responses it took. */
  drain(): number {
    let responses = 0;
    for (let turns = 0; turns < 10_000; turns += 1) {
      const spoke = this.serverSpeaks();
      if (spoke) responses += 1;
      if (![spoke, this.clientHears(), this.serverHears()].includes(true)) return responses;
    }
    throw new Error('client and server never come to rest');
  }

  /** In state of the world every request says everything: the names, the last good version, the last nonce. */
  #ask(typeUrl: string, request: Partial<Request>): void {
    const names = [...(this.#subscribed.get(typeUrl) ?? [])];
    const last = { version: this.#versions.get(typeUrl) ?? '', nonce: this.#nonces.get(typeUrl) ?? '' };
    const all = this.#shape.protocol === 'sotw' ? { names, ...last } : {};
    this.#up.push({ ...all, ...request, typeUrl });
  }

  #take({ typeUrl, nonce, version, resources, removed }: Response): void {
    this.#nonces.set(typeUrl, nonce);
    const bad = resources.filter((resource) => resource.version.startsWith('bad'));
    const good = resources.filter((resource) => !bad.includes(resource));
    const apply = bad.length === 0 || this.#manners.partial;
    if (apply) this.#apply(typeUrl, good, this.#gone(typeUrl, resources, removed));
    if (bad.length === 0) this.#versions.set(typeUrl, version);
    const guilty = bad.map(({ name }) => `${name}: bad`).join('\n');
    const error = this.#manners.names && guilty !== '' ? `Error adding/updating ${guilty}` : 'bad';
    this.#ask(typeUrl, { nonce, error: bad.length > 0 ? error : null });
    if (typeUrl === CLUSTER) this.#heardClusters = true;
    if (!this.#heardClusters || this.#askedListeners) return;
    this.#askedListeners = true;
    this.#ask(LISTENER, {});
  }

  /** S3: in state of the world what is absent is deleted, of clusters and listeners only. */
  #gone(typeUrl: string, resources: readonly XdsResource[], removed: readonly string[]): readonly string[] {
    if (this.#shape.protocol === 'delta' || this.#subscribed.has(typeUrl)) return removed;
    const named = new Set(resources.map(({ name }) => name));
    return [...(this.has.get(typeUrl)?.keys() ?? [])].filter((name) => !named.has(name));
  }

  #apply(typeUrl: string, resources: readonly XdsResource[], removed: readonly string[]): void {
    const mine = this.has.get(typeUrl);
    for (const resource of resources) {
      const { name } = resource;
      if (!(this.#subscribed.get(typeUrl)?.has(name) ?? true)) continue; // C8
      if (typeUrl === CLUSTER && mine?.get(name)?.version !== resource.version) {
        if (!mine?.has(name)) this.#cold.add(name);
        this.warming.add(name);
      }
      if (typeUrl === ENDPOINT) this.warming.delete(name);
      if (typeUrl === ENDPOINT) this.#cold.delete(name);
      mine?.set(name, resource);
    }
    for (const name of removed) this.#remove(typeUrl, name);
    if (typeUrl === CLUSTER) this.#follow(CLUSTER, ENDPOINT);
    if (typeUrl === LISTENER) this.#follow(LISTENER, ROUTE);
    this.#checkReferences(typeUrl);
  }

  #remove(typeUrl: string, name: string): void {
    const had = this.has.get(typeUrl)?.delete(name) ?? false;
    if (typeUrl === CLUSTER) this.warming.delete(name);
    if (typeUrl === CLUSTER) this.#cold.delete(name);
    if (had && this.#subscribed.get(typeUrl)?.has(name)) this.faults.push(`removed while in use: ${name}`);
  }

  /** Subscribes to what the resources of one type name, and forgets the rest. */
  #follow(from: string, to: string): void {
    const references = [...(this.has.get(from)?.values() ?? [])].flatMap((resource) => resource.references);
    const wanted = new Set(references.filter(({ typeUrl }) => typeUrl === to).map(({ name }) => name));
    const subscribed = this.#subscribed.get(to) ?? new Set();
    const subscribe = [...wanted].filter((name) => !subscribed.has(name));
    const unsubscribe = [...subscribed].filter((name) => !wanted.has(name));
    this.#subscribed.set(to, wanted);
    for (const name of unsubscribe) this.has.get(to)?.delete(name);
    if (subscribe.length + unsubscribe.length > 0) this.#ask(to, { subscribe, unsubscribe });
  }

  /** Without ADS nothing but the order of sending keeps a route from a cluster that is not warm. */
  #checkReferences(applied: string): void {
    for (const typeUrl of [LISTENER, ROUTE]) {
      for (const { name, references } of this.has.get(typeUrl)?.values() ?? []) {
        for (const to of references) {
          if (to.typeUrl !== CLUSTER) continue;
          if (!this.has.get(CLUSTER)?.has(to.name)) this.faults.push(`${name}: ${to.name} is gone`);
          const cold = this.#shape.separate && applied === typeUrl && this.#cold.has(to.name);
          if (cold) this.faults.push(`${name}: ${to.name} is cold`);
        }
      }
    }
  }
}

const NOTHING: Request = {
  ...{ typeUrl: '', node: null, nonce: '', error: null, names: [], version: '' },
  ...{ subscribe: [], unsubscribe: [], initialVersions: new Map() },
};
