import { byCodeUnit } from '../base/order.ts';
import { clusterNames, clustersOfService } from './clusters.ts';
import { type Draft, encodeAgain } from './encode.ts';
import { hostOf, type Replaced } from './replaced.ts';
import { CLUSTER, ENDPOINTS, type Snapshot, type SnapshotResource, type TypeUrl } from './types.ts';
import type { View } from './view.ts';

type ByName = ReadonlyMap<string, SnapshotResource>;

/** The clusters and endpoints of `before` with those of the replaced services; `lost`: something is not there any more. */
export function clustersAgain(
  before: Snapshot,
  last: View,
  view: View,
  { services, endpoints }: Replaced,
): { readonly resources: ReadonlyMap<TypeUrl, ByName>; readonly lost: boolean } {
  const hosts = new Set([...services.values()].map(({ host }) => host));
  for (const id of endpoints.keys()) hosts.add(hostOf(id));
  const drafts: Draft[] = [];
  const names: string[] = [];
  for (const host of hosts) {
    const [old, now] = [last.targets.get(host), view.targets.get(host)];
    if (old === undefined || now === undefined) continue;
    names.push(...clusterNames(old));
    drafts.push(...clustersOfService(view, now));
  }
  const again = ([CLUSTER, ENDPOINTS] as const).map((typeUrl) => {
    const old = before.resources.get(typeUrl) ?? new Map<string, SnapshotResource>();
    const own = drafts.filter((draft) => draft.typeUrl === typeUrl);
    return { typeUrl, old, now: patched(old, names, own) };
  });
  const resources = new Map(again.map(({ typeUrl, now }) => [typeUrl, now]));
  return {
    resources,
    lost: again.some(({ old, now }) => names.some((name) => old.has(name) && !now.has(name))),
  };
}

/** `before` itself where nothing is another; else in the order of the names. */
function patched(before: ByName, names: readonly string[], drafts: readonly Draft[]): ByName {
  const now = new Map(drafts.map((draft) => [draft.name, encodeAgain(draft, before.get(draft.name))]));
  const gone = names.filter((name) => before.has(name) && !now.has(name));
  const apart = [...now].filter(([name, resource]) => before.get(name) !== resource);
  if (gone.length + apart.length === 0) return before;
  const own = new Set(names);
  const others = [...before].filter(([name]) => !own.has(name));
  return merged(
    others,
    [...now].sort(([left], [right]) => byCodeUnit(left, right)),
  );
}

type Named = readonly [name: string, resource: SnapshotResource];

/** Of two lists in order: a few among very many. */
function merged(many: readonly Named[], few: readonly Named[]): ByName {
  const all = new Map<string, SnapshotResource>();
  let at = 0;
  for (const [name, resource] of few) {
    for (let next = many[at]; next !== undefined && next[0] < name; next = many[at]) {
      all.set(...next);
      at += 1;
    }
    all.set(name, resource);
  }
  for (const one of many.slice(at)) all.set(...one);
  return all;
}
