import { scopeName } from './history.ts';
import type { Said, Shop } from './shop.ts';

/** An edit of a mesh, and what of it a proxy has to hear: not less, and not more. */
export type Scenario = {
  readonly name: string;
  /** Another place in each round, so that none undoes what the one before did. */
  readonly edit: (shop: Shop, round: number) => void;
  /** `cluster outbound|80||app…`, one for each resource that a client is sent. */
  readonly sends: (shop: Shop, round: number) => readonly string[];
};

const tables = ['routes http_proxy'];

export const scenarios: readonly Scenario[] = [
  { name: 'weight edit', ...one(0, ({ weight }) => ({ weight: (weight % 90) + 1 })), sends: () => tables },
  {
    name: 'subset added',
    ...one(1, ({ subsets }) => ({ subsets: [...subsets, 'v3'] })),
    sends: (shop, round) => heard(placeOf(shop, 1, round), ['v3'], ['cluster', 'endpoints']),
  },
  {
    name: 'endpoint added',
    ...one(2, ({ workloads }) => ({ workloads: [...workloads, 4] })),
    sends: (shop, round) => heard(placeOf(shop, 2, round), ['', 'v1'], ['endpoints']),
  },
  {
    name: 'endpoint removed',
    ...one(5, ({ workloads }) => ({ workloads: workloads.slice(0, -1) })),
    sends: (shop, round) => heard(placeOf(shop, 5, round), ['', 'v2'], ['endpoints']),
  },
  {
    name: 'policy changed',
    ...one(3, ({ maxConnections }) => ({ maxConnections: maxConnections + 1 })),
    // A changed cluster warms until its endpoints come again (envoy#13009).
    sends: (shop, round) => heard(placeOf(shop, 3, round), ['', 'v1', 'v2'], ['cluster', 'endpoints']),
  },
  { name: 'no-op label change', ...one(4, ({ label }) => ({ label: `${label}a` })), sends: () => [] },
  {
    name: '100-file commit',
    edit: (shop) => {
      for (const index of files(shop)) shop.edit(index, index % 2 === 0 ? reweighted : moved);
    },
    sends: (shop) => {
      const odd = files(shop).filter((index) => index % 2 === 1);
      return [...odd.flatMap((index) => heard(index, ['', 'v1'], ['endpoints'])), ...tables];
    },
  },
];

const reweighted = ({ weight }: Said) => ({ weight: (weight % 90) + 1 });
/** The first of its workloads has another address. */
const moved = ({ workloads: [first = 2, ...others] }: Said) => ({ workloads: [first + 10, ...others] });

/** Fifty scopes get other weights, fifty another endpoint. */
function files({ scopes }: Shop): readonly number[] {
  return [...scopes.keys()].slice(0, 100);
}

function one(offset: number, change: (said: Said) => Partial<Said>): Pick<Scenario, 'edit'> {
  return { edit: (shop, round) => shop.edit(placeOf(shop, offset, round), change) };
}

/** The scopes of one scenario are apart from those of the others. */
function placeOf({ scopes }: Shop, offset: number, round: number): number {
  return (offset + 6 * round) % scopes.length;
}

function heard(index: number, subsets: readonly string[], kinds: readonly string[]): readonly string[] {
  const host = `app.${scopeName(index)}.svc.cluster.local`;
  return kinds.flatMap((kind) => subsets.map((subset) => `${kind} outbound|80|${subset}|${host}`));
}
