import type { SnapshotResource } from '../../src/translate/index.ts';
import { Session } from '../../src/xds/session.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from './resources.ts';

const TYPES = [CLUSTER, ENDPOINT, LISTENER, ROUTE] as const;
type Request = Parameters<Session['receive']>[1] & { readonly typeUrl: string };
type Response = NonNullable<ReturnType<Session['next']>>;

/** How the simulated Envoy behaves where clients differ. */
export type Manners = {
  /** Applies the good part of a response that it refuses. */
  readonly partial: boolean;
  /** Says who is guilty, as Envoy does for clusters and listeners. */
  readonly names: boolean;
};

/**
 * A simulated Envoy on one stream, with the wire in between: messages arrive in order, and as late as the caller
 * likes. It derives its EDS and RDS subscriptions from the clusters and listeners that it has. Content whose
 * version begins with `bad` is refused.
 */
export class World {
  readonly has = new Map<string, Map<string, SnapshotResource>>(TYPES.map((typeUrl) => [typeUrl, new Map()]));
  /** Clusters that changed and have not got their endpoints since (O1). */
  readonly warming = new Set<string>();
  readonly faults: string[] = [];
  readonly #manners: Manners;
  readonly #subscribed = new Map<string, Set<string>>([
    [ENDPOINT, new Set()],
    [ROUTE, new Set()],
  ]);
  #session = new Session({ removalTimeoutMs: 30_000 });
  #up: Request[] = [];
  #down: Response[] = [];
  #heardClusters = false;
  #askedListeners = false;

  constructor(manners: Manners) {
    this.#manners = manners;
    this.#ask(CLUSTER, {});
  }

  get session(): Session {
    return this.#session;
  }

  serverHears(): boolean {
    const request = this.#up.shift();
    if (request !== undefined) this.#session.receive(request.typeUrl, request);
    return request !== undefined;
  }

  serverSpeaks(): boolean {
    const response = this.#session.next(0);
    if (response === null) return false;
    const names = [...response.resources.map(({ name }) => name), ...response.removed];
    if (new Set(names).size !== names.length) this.faults.push(`C5: ${names}`);
    this.#down.push(response);
    return true;
  }

  clientHears(): boolean {
    const response = this.#down.shift();
    if (response !== undefined) this.#take(response);
    return response !== undefined;
  }

  /** The stream breaks with everything on it; the client comes back with what it has. */
  reconnect(): void {
    this.#session = new Session({ removalTimeoutMs: 30_000 });
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
    if (index % 2 === 0) this.#ask(typeUrl, { unsubscribe: [name] });
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

  #ask(typeUrl: string, request: Partial<Request>): void {
    const nothing = { subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', error: null };
    this.#up.push({ ...nothing, ...request, typeUrl });
  }

  #take({ typeUrl, nonce, resources, removed }: Response): void {
    const bad = resources.filter(({ version }) => version.startsWith('bad'));
    const apply = bad.length === 0 || this.#manners.partial;
    if (apply)
      this.#apply(
        typeUrl,
        resources.filter((resource) => !bad.includes(resource)),
        removed,
      );
    const guilty = bad.map(({ name }) => `${name}: bad`).join('\n');
    const error = this.#manners.names && guilty !== '' ? `Error adding/updating ${guilty}` : 'bad';
    this.#ask(typeUrl, { nonce, error: bad.length > 0 ? error : null });
    if (typeUrl === CLUSTER) this.#heardClusters = true;
    if (!this.#heardClusters || this.#askedListeners) return;
    this.#askedListeners = true;
    this.#ask(LISTENER, {});
  }

  #apply(typeUrl: string, resources: readonly SnapshotResource[], removed: readonly string[]): void {
    const mine = this.has.get(typeUrl);
    for (const resource of resources) {
      if (!(this.#subscribed.get(typeUrl)?.has(resource.name) ?? true)) continue; // C8
      if (typeUrl === CLUSTER && mine?.get(resource.name)?.version !== resource.version) {
        this.warming.add(resource.name);
      }
      if (typeUrl === ENDPOINT) this.warming.delete(resource.name);
      mine?.set(resource.name, resource);
    }
    for (const name of removed) this.#remove(typeUrl, name);
    if (typeUrl === CLUSTER) this.#follow(CLUSTER, ENDPOINT);
    if (typeUrl === LISTENER) this.#follow(LISTENER, ROUTE);
    this.#checkReferences();
  }

  #remove(typeUrl: string, name: string): void {
    const had = this.has.get(typeUrl)?.delete(name) ?? false;
    if (typeUrl === CLUSTER) this.warming.delete(name);
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

  #checkReferences(): void {
    for (const typeUrl of [LISTENER, ROUTE]) {
      for (const { name, references } of this.has.get(typeUrl)?.values() ?? []) {
        for (const to of references) {
          if (to.typeUrl !== CLUSTER || this.has.get(CLUSTER)?.has(to.name)) continue;
          this.faults.push(`${name} refers to ${to.name}, which is gone`);
        }
      }
    }
  }
}
