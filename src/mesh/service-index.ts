import type { Defined } from './services.ts';

/** What rules may look up: services by host, and those whose host is a wildcard. */
export interface Services {
  /** In a fixed order; the same list for as long as nothing of it changes. */
  at(host: string): readonly Defined[];
  wildcards(): readonly Defined[];
}

/**
 * Services by host. Lists that hold the same as those of `before` are those of `before`, so that a lookup that was
 * remembered can be compared by identity.
 */
export function indexServices(services: readonly Defined[], before: ServiceIndex | null): ServiceIndex {
  const byHost = new Map<string, readonly Defined[]>();
  for (const defined of services) {
    const { host } = defined.service;
    const others = byHost.get(host);
    byHost.set(host, others === undefined ? [defined] : [...others, defined]);
  }
  for (const [host, list] of byHost) {
    const old = before?.byHost.get(host);
    if (old !== undefined && sameItems(old, list)) byHost.set(host, old);
  }
  const found = [...byHost].flatMap(([host, list]) => (host.startsWith('*') ? list : []));
  const wildcards = before !== null && sameItems(before.wildcards, found) ? before.wildcards : found;
  return { byHost, wildcards };
}

export type ServiceIndex = {
  readonly byHost: ReadonlyMap<string, readonly Defined[]>;
  readonly wildcards: readonly Defined[];
};

const NONE: readonly Defined[] = [];

export function servicesOf({ byHost, wildcards }: ServiceIndex): Services {
  return { at: (host) => byHost.get(host) ?? NONE, wildcards: () => wildcards };
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

  holds(services: Services): boolean {
    if (this.#wildcards !== null && this.#wildcards !== services.wildcards()) return false;
    for (const [host, found] of this.#hosts) if (services.at(host) !== found) return false;
    return true;
  }
}

export function sameItems<T>(left: readonly T[], right: readonly T[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}
