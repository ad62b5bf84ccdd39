import { apartFrom } from '../base/lists.ts';
import { LISTENER, ROUTES, type Snapshot, type SnapshotResource } from './types.ts';

/**
 * Asserts what every snapshot promises to `xds`: references are closed, no two listeners share an address, and no two
 * filter chains of a listener are for the same connections, which Envoy would refuse. Names
 * are unique by construction, except where `collect` found them given twice. A violation is a bug, not a user's mistake.
 */
export function check(snapshot: Snapshot): Snapshot {
  const addresses = new Set<string>();
  for (const [typeUrl, resources] of snapshot.resources) {
    for (const resource of resources.values()) {
      checkReferences(snapshot, resource);
      if (typeUrl !== LISTENER) continue;
      const { name, json } = resource;
      for (const address of addressesOf(json)) {
        if (addresses.has(address)) throw new Error(`two listeners on ${address}`);
        addresses.add(address);
      }
      const matches = matchesOf(json);
      if (new Set(matches).size < matches.length) throw new Error(`two chains of ${name} for one connection`);
    }
  }
  return snapshot;
}

/** `check` of a snapshot that differs from the checked `before` in the contents of route tables alone. */
export function checkAgain(snapshot: Snapshot, before: Snapshot): Snapshot {
  for (const [name, table] of snapshot.resources.get(ROUTES) ?? []) {
    const checked = before.resources.get(ROUTES)?.get(name)?.references ?? [];
    checkReferences(snapshot, { typeUrl: ROUTES, name, references: apartFrom(table.references, checked) });
  }
  return snapshot;
}

type About = Pick<SnapshotResource, 'typeUrl' | 'name' | 'references'>;

function checkReferences({ resources }: Snapshot, { typeUrl, name, references }: About): void {
  for (const reference of references) {
    if (resources.get(reference.typeUrl)?.has(reference.name) === true) continue;
    throw new Error(`${typeUrl} ${name} names ${reference.name}, which is not in the snapshot`);
  }
}

type ListenerFields = {
  readonly address?: object;
  readonly additional_addresses?: readonly { readonly address: object }[];
  readonly filter_chains?: readonly { readonly filter_chain_match?: object }[];
};

function addressesOf({ address, additional_addresses = [] }: ListenerFields): readonly string[] {
  if (address === undefined) return [];
  return [address, ...additional_addresses.map((additional) => additional.address)].map((each) =>
    JSON.stringify(each),
  );
}

function matchesOf({ filter_chains = [] }: ListenerFields): readonly string[] {
  return filter_chains.map(({ filter_chain_match = {} }) => JSON.stringify(filter_chain_match));
}
