import type { Routing } from './types.ts';

/** Where what two routings say may be asked of one and the same: an entrance of each, and its port; null: any. */
export type Encounter = { readonly left: string; readonly right: string; readonly port: number | null };

export type Encounters = {
  readonly isEmpty: boolean;
  /** Whether there is one at some of these entrances (none: any) and at this port (null: any). */
  include(left: readonly string[], right: readonly string[], port: number | null): boolean;
};

const any = '';
const anyOnly = [any];

/** Asked for each pair of matches, so that it does not take longer where there are many. */
export function createEncounters(all: readonly Encounter[]): Encounters {
  if (all.length === 0) return NO_ENCOUNTERS;
  const portsAt = new Map<string, Set<number | null>>();
  for (const { left, right, port } of all) {
    for (const key of [`${left} ${right}`, `${left} ${any}`, `${any} ${right}`, `${any} ${any}`]) {
      const ports = portsAt.get(key) ?? new Set();
      portsAt.set(key, ports.add(port));
    }
  }
  const isAt = (key: string, port: number | null) => {
    const ports = portsAt.get(key);
    return ports !== undefined && (port === null || ports.has(port) || ports.has(null));
  };
  return {
    isEmpty: false,
    include: (left, right, port) => {
      const others = right.length === 0 ? anyOnly : right;
      return (left.length === 0 ? anyOnly : left).some((one) =>
        others.some((other) => isAt(`${one} ${other}`, port)),
      );
    },
  };
}

/** One object: most routings never meet. */
export const NO_ENCOUNTERS: Encounters = { isEmpty: true, include: () => false };

export type EncountersOf = (left: Routing, right: Routing) => Encounters;

/** So many are kept, some 100 MB at most. */
const mostKept = 100_000;

/** What a routing is bound to, and from where. */
export function bindingOf({ namespace, entrances }: Routing): string {
  return [namespace, ...entrances].join(' ');
}

/** Found once for all that have the same bindings. */
export function foundOnce(find: (left: Routing, right: Routing) => readonly Encounter[]): EncountersOf {
  const numbers = new Map<string, number>();
  const bindings = new Map<Routing, number>();
  const numberOf = (routing: Routing) => {
    const known = bindings.get(routing);
    if (known !== undefined) return known;
    const binding = bindingOf(routing);
    const number = numbers.get(binding) ?? numbers.size;
    numbers.set(binding, number);
    bindings.set(routing, number);
    return number;
  };
  const found = new Map<string, Encounters>();
  return (left, right) => {
    const key = `${numberOf(left)} ${numberOf(right)}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    if (found.size >= mostKept) found.clear();
    const made = createEncounters(find(left, right));
    found.set(key, made);
    return made;
  };
}
