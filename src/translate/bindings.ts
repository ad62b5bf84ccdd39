import { byCodeUnit } from '../base/order.ts';
import type { Service } from '../mesh/index.ts';
import type { Draft } from './encode.ts';
import { listenerName } from './names.ts';
import type { Skipped } from './types.ts';
import { nearest, type View } from './view.ts';

/** A listener that wants an address, with what comes with it. */
export type Binding = {
  readonly address: string;
  readonly port: number;
  readonly service: Service;
  readonly listener: Draft;
  readonly others: readonly Draft[];
};

export type Bound = { readonly drafts: readonly Draft[]; readonly skipped: readonly Skipped[] };

/** Gives every address to at most one listener: the nearest service's, and none that is reserved, with the reason. */
export function bind(view: View, bindings: readonly Binding[], reserved: ReadonlyMap<string, string>): Bound {
  const wanted = Map.groupBy(bindings, ({ address, port }) => listenerName(address, port));
  const drafts: Draft[] = [];
  const skipped: Skipped[] = [];
  for (const [name, rivals] of [...wanted].sort(([left], [right]) => byCodeUnit(left, right))) {
    const winner = nearest(
      view,
      rivals.map(({ service }) => service),
    );
    for (const { service, listener, others } of rivals) {
      const reason = reserved.get(name) ?? (service === winner ? null : 'another service wants it too');
      if (reason === null) drafts.push(listener, ...others);
      else skipped.push({ address: name, reason, sources: listener.origins.map(place) });
    }
  }
  return { drafts, skipped };
}

/** A service whose listener, or part of one, has no address of its own. */
export function skip(address: string, reason: string, { origin }: Service): Skipped {
  return { address, reason, sources: [place(origin)] };
}

function place({ scope, uid, file, line, column }: Draft['origins'][number]): Skipped['sources'][number] {
  return { scope, uid, file, line, column };
}
