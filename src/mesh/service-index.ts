import { sameItems } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import { type Groups, groupLists, type Lists, placesAt } from './joined-lists.ts';
import type { Places } from './places.ts';
import type { Defined } from './services.ts';

/** What rules may look up: services by host, and those whose host is a wildcard. */
export interface Services {
  /** In a fixed order. */
  at(host: string): readonly Defined[];
  wildcards(): readonly Defined[];
}

/** Services by host, and what of it may differ from the index before. */
export type ServiceIndex = {
  readonly groups: Groups<Defined>;
  /** By host; the same list for as long as no host of it changes. */
  readonly wildcards: readonly Defined[];
};

/** Services of all scopes; those of one host by id. */
export function indexServices(lists: Lists<Defined>, before: ServiceIndex | null): ServiceIndex {
  const groups = groupLists(
    lists,
    ({ service }) => service.host,
    before?.groups ?? null,
    (left, right) => byCodeUnit(left.service.id, right.service.id),
  );
  const { changed } = groups;
  const isSame = before !== null && changed !== null && ![...changed].some(isWildcard);
  return { groups, wildcards: isSame ? before.wildcards : wildcardsOf(groups) };
}

function wildcardsOf({ byKey }: Groups<Defined>): readonly Defined[] {
  const found = [...byKey].filter(([host]) => isWildcard(host));
  found.sort(([left], [right]) => byCodeUnit(left, right));
  return found.flatMap(([, { items }]) => items);
}

function isWildcard(host: string): boolean {
  return host.startsWith('*');
}

const NONE: readonly Defined[] = [];

export function servicesOf({ groups, wildcards }: ServiceIndex): Services {
  return { at: (host) => groups.byKey.get(host)?.items ?? NONE, wildcards: () => wildcards };
}

/** Who may have looked up what is not the same any more. `asks`: hosts that were looked up. */
export function placesAsking(
  index: ServiceIndex,
  before: ServiceIndex | null,
  asks: Groups<string> | null,
): Places {
  const { changed } = index.groups;
  if (changed === null || asks === null || index.wildcards !== before?.wildcards) return null;
  return new Set(placesAt(asks, changed));
}

/**
 * Remembers the result of `work` together with everything that it looked up: as long as each lookup gives the same list,
 * the result is the same.
 */
export class Remembered<T> {
  readonly value: T;
  readonly #hosts = new Map<string, readonly Defined[]>();
  #wildcards: readonly Defined[] | null = null;

  constructor(services: Services, work: (services: Services) => T) {
    this.value = work({
      at: (host) => {
        const found = services.at(host);
        this.#hosts.set(host, found);
        return found;
      },
      wildcards: () => {
        this.#wildcards = services.wildcards();
        return this.#wildcards;
      },
    });
  }

  hosts(): Iterable<string> {
    return this.#hosts.keys();
  }

  /** Whether the result is that of `index` as well. It has to have held for the index before. */
  holds(index: ServiceIndex): boolean {
    const { changed } = index.groups;
    if (this.#wildcards !== null && !sameItems(this.#wildcards, index.wildcards)) return false;
    if (changed !== null && !this.#isAmong(changed)) return true;
    const { at } = servicesOf(index);
    for (const [host, found] of this.#hosts) if (!sameItems(at(host), found)) return false;
    return true;
  }

  /** Asks as few times as it can. */
  #isAmong(changed: ReadonlySet<string>): boolean {
    if (changed.size === 0) return false;
    if (changed.size > this.#hosts.size) return true;
    for (const host of changed) if (this.#hosts.has(host)) return true;
    return false;
  }
}
