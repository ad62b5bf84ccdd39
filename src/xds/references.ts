import { apartFrom } from '../base/lists.ts';
import { isKnown } from './holdings.ts';
import {
  CLUSTER,
  ENDPOINT,
  type Holder,
  type Holders,
  LISTENER,
  type Resources,
  ROUTE,
  USERS,
  type XdsResource,
} from './types.ts';

/** What stands in the way of a change. `stuck`: the client refused something; waiting alone will not help. */
export type Obstacle = { readonly typeUrl: string; readonly name: string; readonly stuck: boolean };

type Held = Pick<XdsResource, 'references'> & { readonly holder: Holder; readonly losses: number };

/** Who refers to whom at one client, as far as it is known here. */
export class References {
  readonly #holders: Holders;
  readonly #separate: boolean;
  #target: Resources = new Map();
  /** The client came back with content that an earlier stream gave it. */
  #resumed = false;
  /** Types whose last stream ended while others went on: the client keeps what it gave, and comes back. */
  readonly #left = new Set<string>();
  /** Of route tables: to what they referred when the client held all of that, and how much it had lost then. */
  readonly #held = new Map<string, Held>();
  #usersByName: Map<string, Obstacle[]> | null = null;
  readonly #unknownByType = new Map<string, readonly Obstacle[]>();

  /** `separate`: the client has a stream for each type, and ACKs clusters before they are warm. */
  constructor(holders: Holders, { separate }: { readonly separate: boolean }) {
    this.#holders = holders;
    this.#separate = separate;
  }

  retarget(target: Resources): void {
    this.#target = target;
    for (const name of this.#held.keys()) if (this.wanted(ROUTE, name) === null) this.#held.delete(name);
    this.changed();
  }

  resume(): void {
    this.#resumed = true;
  }

  /** No stream of the type is left. */
  leave(typeUrl: string): void {
    this.#left.add(typeUrl);
  }

  /** To be called whenever what a client has, or has on its way, changes. */
  changed(): void {
    this.#usersByName = null;
    this.#unknownByType.clear();
  }

  wanted(typeUrl: string, name: string): XdsResource | null {
    return this.#target.get(typeUrl)?.get(name) ?? null;
  }

  /**
   * The clusters that `want` needs and that the client has not ACKed. A listener needs those of its routes too,
   * unless the client has these routes in an earlier version. Only what this stream subscribes to can be missing
   * (O4; a gRPC client asks for clusters after it has the routes that name them).
   */
  missing(want: XdsResource): readonly Obstacle[] {
    if (want.references.length <= 1 && isNothing(want.references[0])) return NONE;
    if (this.#holdsAll(want)) return NONE;
    return want.references.flatMap(({ typeUrl, name }): readonly Obstacle[] => {
      const holder = this.#holders.get(typeUrl);
      const resource = this.wanted(typeUrl, name);
      if (resource === null) return [];
      if (holder?.holds(name)) return typeUrl === CLUSTER ? this.#cold(resource) : [];
      const stuck = holder?.rejects(name) ?? false;
      const comes = holder?.selects(name) ?? this.#streamsCome(typeUrl);
      if (typeUrl === CLUSTER) return comes ? [{ typeUrl, name, stuck }] : [];
      if (typeUrl !== ROUTE) return [];
      return stuck ? [{ typeUrl, name, stuck }] : this.missing(resource);
    });
  }

  /**
   * Whether all that `want` refers to is clusters that the client holds, where that is enough. A table of all hosts names
   * very many: what it named before is looked for again only when something was lost.
   */
  #holdsAll({ typeUrl: type, name: named, references }: XdsResource): boolean {
    const holder = this.#holders.get(CLUSTER);
    if (this.#separate || holder === undefined) return false;
    const { losses } = holder;
    const last = type === ROUTE ? this.#held.get(named) : undefined;
    const known = last?.holder === holder && last.losses === losses ? last.references : [];
    const fresh = apartFrom(references, known);
    const isHeld = fresh.every(({ typeUrl, name }) => typeUrl === CLUSTER && holder.holds(name));
    if (isHeld && type === ROUTE) this.#held.set(named, { references, holder, losses });
    return isHeld;
  }

  /** The endpoints without which the cluster cannot be warm, where its ACK does not say so. */
  #cold({ references }: XdsResource): readonly Obstacle[] {
    const holder = this.#holders.get(ENDPOINT);
    if (!this.#separate || (holder === undefined && !this.#streamsCome(ENDPOINT))) return [];
    return references
      .filter(({ typeUrl, name }) => typeUrl === ENDPOINT && this.wanted(typeUrl, name))
      .filter(({ name }) => !holder?.holds(name))
      .map(({ typeUrl, name }) => ({ typeUrl, name, stuck: holder?.rejects(name) ?? false }));
  }

  /** A client that comes back opens its streams one after the other, in any order. */
  #streamsCome(typeUrl: string): boolean {
    return this.#separate && this.#mayCome(typeUrl);
  }

  #mayCome(typeUrl: string): boolean {
    return this.#resumed || this.#left.has(typeUrl);
  }

  /** Whatever may still use the resource at the client; unknown content may use everything. */
  users(typeUrl: string, name: string): readonly Obstacle[] {
    const known = this.#index().get(key(typeUrl, name)) ?? [];
    return [...known, ...(USERS[typeUrl] ?? []).flatMap((above) => this.#unknown(above))];
  }

  #unknown(typeUrl: string): readonly Obstacle[] {
    const unknown = this.#unknownByType.get(typeUrl) ?? this.#findUnknown(typeUrl);
    this.#unknownByType.set(typeUrl, unknown);
    return unknown;
  }

  #findUnknown(typeUrl: string): readonly Obstacle[] {
    const holder = this.#holders.get(typeUrl);
    if (holder === undefined) {
      const expected = this.#mayCome(typeUrl) && (typeUrl !== ROUTE || this.#routesExpected());
      return expected ? [{ typeUrl, name: '*', stuck: false }] : [];
    }
    const unknown = [...holder.contents()].filter((item) => !isKnown(item)).map(({ name }) => name);
    const unasked = typeUrl === ROUTE && this.#separate ? this.#unaskedRoutes(holder) : [];
    return [...unknown, ...unasked].map((name) => ({ typeUrl, name, stuck: holder.rejects(name) }));
  }

  /**
   * Routes that listeners of the client name and no stream of it asks for: each has a stream of its own, which may be
   * closed for a moment, and the client goes on with what it gave.
   */
  #unaskedRoutes(routes: Holder): readonly string[] {
    const listeners = [...(this.#holders.get(LISTENER)?.contents() ?? [])].filter(isKnown);
    const named = listeners
      .flatMap(({ references }) => references)
      .filter(({ typeUrl }) => typeUrl === ROUTE);
    return named.map(({ name }) => name).filter((name) => !routes.selects(name));
  }

  /** By the listeners that it should have, or by those that it still has. */
  #routesExpected(): boolean {
    const has = [...(this.#holders.get(LISTENER)?.contents() ?? [])].filter(isKnown);
    const listeners = [...(this.#target.get(LISTENER)?.values() ?? []), ...has];
    return listeners.some(({ references }) => references.some(({ typeUrl }) => typeUrl === ROUTE));
  }

  #index(): Map<string, Obstacle[]> {
    if (this.#usersByName !== null) return this.#usersByName;
    const index = new Map<string, Obstacle[]>();
    this.#usersByName = index;
    for (const [typeUrl, holder] of this.#holders.entries()) {
      for (const item of holder.contents()) {
        if (isKnown(item)) this.#enter(index, typeUrl, item);
      }
    }
    return index;
  }

  #enter(index: Map<string, Obstacle[]>, typeUrl: string, user: XdsResource): void {
    for (const reference of user.references) {
      if (!USERS[reference.typeUrl]?.includes(typeUrl)) continue;
      const at = key(reference.typeUrl, reference.name);
      const users = index.get(at) ?? [];
      index.set(at, users);
      users.push({ typeUrl, name: user.name, stuck: false });
    }
  }

  /** True if this user keeps its old content until something changes: it, or what it needs, was refused. */
  stuck(user: Obstacle): boolean {
    if (user.stuck || this.#holders.get(user.typeUrl)?.rejects(user.name)) return true;
    const want = this.wanted(user.typeUrl, user.name);
    if (want !== null) return this.missing(want).some(({ stuck }) => stuck);
    return this.users(user.typeUrl, user.name).some((above) => this.stuck(above));
  }
}

const NONE: readonly Obstacle[] = [];

/** Nobody waits for endpoints by themselves: of a cluster, they come after it. */
function isNothing(reference: XdsResource['references'][number] | undefined): boolean {
  return reference === undefined || reference.typeUrl === ENDPOINT;
}

function key(typeUrl: string, name: string): string {
  return `${typeUrl}\n${name}`;
}
