import { LISTENER, type Snapshot } from './types.ts';

/**
 * Asserts what every snapshot promises to `xds`: references are closed, no two listeners share an address, and no two
 * filter chains of a listener are for the same connections, which Envoy would refuse. Names
 * are unique by construction, except where `collect` found them given twice. A violation is a bug, not a user's mistake.
 */
export function check(snapshot: Snapshot): Snapshot {
  const addresses = new Set<string>();
  for (const [typeUrl, resources] of snapshot.resources) {
    for (const { name, references, json } of resources.values()) {
      for (const reference of references) {
        if (snapshot.resources.get(reference.typeUrl)?.has(reference.name) === true) continue;
        throw new Error(`${typeUrl} ${name} names ${reference.name}, which is not in the snapshot`);
      }
      if (typeUrl !== LISTENER) continue;
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
