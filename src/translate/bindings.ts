import { byCodeUnit } from '../base/order.ts';
import type { Origin } from '../mesh/index.ts';
import type { Draft } from './encode.ts';
import { listenerName } from './names.ts';
import type { Skipped } from './types.ts';

/** A listener that wants an address, with the clusters that come with it. */
export type Binding = {
  readonly address: string;
  readonly port: number;
  readonly listener: Draft;
  readonly clusters: readonly Draft[];
};

export type Bound = { readonly drafts: readonly Draft[]; readonly skipped: readonly Skipped[] };

/**
 * Gives every address to at most one listener. Of several that want one, none gets it: the first would be the first
 * by accident, and an unrelated service could take another's port.
 */
export function bind(bindings: readonly Binding[], reserved: ReadonlyMap<string, string>): Bound {
  const wanted = Map.groupBy(bindings, ({ address, port }) => listenerName(address, port));
  const drafts: Draft[] = [];
  const skipped: Skipped[] = [];
  for (const [name, rivals] of [...wanted].sort(([left], [right]) => byCodeUnit(left, right))) {
    const [first] = rivals;
    const reason = reserved.get(name) ?? (rivals.length > 1 ? `${rivals.length} services want it` : null);
    const origins = rivals.flatMap(({ listener }) => listener.origins);
    if (reason !== null) skipped.push({ address: name, reason, sources: origins.map(place) });
    else if (first !== undefined) drafts.push(first.listener, ...first.clusters);
  }
  return { drafts, skipped };
}

function place({ scope, uid, file, line, column }: Origin): Skipped['sources'][number] {
  return { scope, uid, file, line, column };
}
