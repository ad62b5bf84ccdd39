import { sameItems } from '../base/lists.ts';
import type { Problem } from '../base/problem.ts';
import type { Resource, VirtualServiceResource } from '../manifests/index.ts';
import { type Delegates, delegatesAmong, idle } from './delegates.ts';
import { ownerOfNamespace } from './ownership.ts';
import type { Part } from './part.ts';
import type { Owner } from './types.ts';

/** Delegates of all scopes; the same map for as long as they are the same resources under the same owners. */
export type AllDelegates = {
  readonly owners: readonly Owner[];
  readonly lists: readonly (readonly VirtualServiceResource[])[];
  readonly all: Delegates;
};

/** A scope that is the same object says the same. */
const found = new WeakMap<readonly Resource[], readonly VirtualServiceResource[]>();

function delegatesIn(resources: readonly Resource[]): readonly VirtualServiceResource[] {
  const known = found.get(resources) ?? [...delegatesAmong(resources).values()];
  found.set(resources, known);
  return known.length === 0 ? NONE : known;
}

const NONE: readonly VirtualServiceResource[] = [];

/** Of namespaces that their scopes own. */
export function joinDelegates(
  scopes: readonly (readonly Resource[])[],
  owners: readonly Owner[],
  before: AllDelegates | null,
): AllDelegates {
  const lists = scopes.map(delegatesIn).filter(({ length }) => length > 0);
  const isLike = before !== null && before.owners === owners && before.lists.length === lists.length;
  if (isLike && lists.every((list, index) => sameItems(list, before.lists[index] ?? NONE))) return before;
  const own = lists.flat().filter(({ namespace, source }) => {
    return ownerOfNamespace(owners, namespace)?.uid === source.uid;
  });
  const all = new Map(own.map((delegate) => [`${delegate.namespace}/${delegate.name}`, delegate]));
  return { owners, lists, all };
}

/** Whether what a part has looked up of other scopes is still what is there. */
export function isUpToDate({ asked }: Part, { all }: AllDelegates): boolean {
  for (const [key, delegate] of asked) if ((all.get(key) ?? null) !== delegate) return false;
  return true;
}

/** Delegates to which neither their own scope nor another one hands anything on. */
export function idleDelegates(parts: readonly Part[]): readonly Problem[] {
  const unused = parts.flatMap((part) => part.unusedDelegates);
  if (unused.length === 0) return [];
  const used = new Set(parts.flatMap((part) => part.foreignDelegates));
  return unused.filter((delegate) => !used.has(delegate)).map(idle);
}
