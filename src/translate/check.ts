import type { Snapshot } from './types.ts';

/**
 * Asserts what every snapshot promises to `xds`: references are closed and no two listeners share an address. Names
 * are unique by construction, except where `collect` found them given twice. A violation is a bug, not a user's mistake.
 */
export function check(snapshot: Snapshot): Snapshot {
  const addresses = new Set<string>();
  for (const [typeUrl, resources] of snapshot.resources) {
    for (const { name, references, json } of resources.values()) {
      for (const reference of references) {
        const isThere = snapshot.resources.get(reference.typeUrl)?.has(reference.name) ?? false;
        if (!isThere)
          throw new Error(`${typeUrl} ${name} names ${reference.name}, which is not in the snapshot`);
      }
      if (!('address' in json)) continue;
      const address = JSON.stringify(json.address);
      if (addresses.has(address)) throw new Error(`two listeners on ${address}`);
      addresses.add(address);
    }
  }
  return snapshot;
}
