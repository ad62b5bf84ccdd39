import { mayMeet, type Selecting } from './workloads.ts';

/** Those that may select a workload that `one` of them selects, itself among them. */
export type Neighbours<T> = (one: T) => Generator<T>;

/** Each is compared with few that it does not meet: those of a namespace are told apart by one label. */
export function createNeighbours<T extends Selecting>(all: readonly T[]): Neighbours<T> {
  const byNamespace = Map.groupBy(all, ({ namespace }) => namespace);
  const found = new Map(Array.from(byNamespace, ([namespace, same]) => [namespace, candidatesAmong(same)]));
  return function* neighbours(one) {
    for (const list of found.get(one.namespace)?.(one) ?? []) {
      for (const other of list) if (mayMeet(one, other)) yield other;
    }
  };
}

function candidatesAmong<T extends Selecting>(all: readonly T[]): (one: T) => readonly (readonly T[])[] {
  const name = bestLabel(all);
  if (name === null) return () => [all];
  const byValue = Map.groupBy(all, (one) => valueOf(one, name));
  const others = byValue.get(null) ?? [];
  return (one) => {
    const value = valueOf(one, name);
    return value === null ? [all] : [byValue.get(value) ?? [], others];
  };
}

function valueOf({ selector }: Selecting, name: string): string | null {
  return selector !== null && Object.hasOwn(selector, name) ? (selector[name] ?? null) : null;
}

/** The name of the label by which the fewest are left to be compared; null: none has a label. */
function bestLabel(all: readonly Selecting[]): string | null {
  const labels = all.flatMap(({ selector }) => Object.entries(selector ?? {}));
  const costs = Array.from(
    Map.groupBy(labels, ([name]) => name),
    ([name, ofName]) => {
      const others = all.length - ofName.length;
      const values = [...Map.groupBy(ofName, ([, value]) => value).values()];
      const cost = values.reduce((sum, { length }) => sum + length * (length + others), others * all.length);
      return { name, cost };
    },
  );
  const [best = null] = costs.sort((left, right) => left.cost - right.cost);
  return best?.name ?? null;
}
