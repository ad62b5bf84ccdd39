import { indexesApart } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import { LayeredMap } from './layered-map.ts';
import type { Places } from './places.ts';

/** A list for each scope, in the order of the scopes. A list that is the same object holds the same. */
export type Lists<T> = readonly (readonly T[])[];

/** Items of all lists by key. */
export type Groups<T> = {
  readonly lists: Lists<T>;
  readonly byKey: LayeredMap<Group<T>>;
  /** Groups of more than one item. */
  readonly shared: LayeredMap<readonly T[]>;
  /** Keys whose items may be others than before; null: all of them. */
  readonly changed: ReadonlySet<string> | null;
};

type Group<T> = {
  readonly items: readonly T[];
  /** Of each item, the index of its list. */
  readonly from: readonly number[];
};

type Placed<T> = { readonly item: T; readonly from: number };
type Compare<T> = (left: T, right: T) => number;

/** Items of a key stand in the order of `compare`, and then of their lists. Only lists that changed are looked at. */
export function groupLists<T>(
  lists: Lists<T>,
  keyOf: (item: T) => string,
  before: Groups<T> | null,
  compare: Compare<T> = () => 0,
): Groups<T> {
  const isLike = before !== null && before.lists.length === lists.length;
  const old = isLike
    ? before
    : { lists: [], byKey: new LayeredMap<Group<T>>(), shared: new LayeredMap<readonly T[]>() };
  const apart = listsApart(lists, old.lists);
  if (isLike && apart.size === 0) return { ...before, changed: NONE };
  const now = new Map<string, Placed<T>[]>();
  for (const from of apart) {
    for (const item of old.lists[from] ?? []) now.set(keyOf(item), []);
  }
  for (const from of apart) {
    for (const item of lists[from] ?? []) {
      const key = keyOf(item);
      const placed = now.get(key);
      if (placed === undefined) now.set(key, [{ item, from }]);
      else placed.push({ item, from });
    }
  }
  const groups = new Map<string, Group<T> | null>();
  const shared = new Map<string, readonly T[] | null>();
  for (const [key, added] of now) {
    const all = [...kept(old.byKey.get(key), apart), ...added];
    const group = all.length === 0 ? null : groupOf(all, compare);
    groups.set(key, group);
    if (group !== null && all.length > 1) shared.set(key, group.items);
    else if (old.shared.get(key) !== undefined) shared.set(key, null);
  }
  const changed = isLike ? new Set(now.keys()) : null;
  return { lists, byKey: old.byKey.with(groups), shared: old.shared.with(shared), changed };
}

const NONE: ReadonlySet<string> = new Set();

function kept<T>(group: Group<T> | undefined, apart: ReadonlySet<number>): readonly Placed<T>[] {
  if (group === undefined) return [];
  return group.items
    .map((item, index) => ({ item, from: group.from[index] ?? 0 }))
    .filter(({ from }) => !apart.has(from));
}

function groupOf<T>(placed: Placed<T>[], compare: Compare<T>): Group<T> {
  if (placed.length > 1) placed.sort((a, b) => compare(a.item, b.item) || a.from - b.from);
  return { items: placed.map(({ item }) => item), from: placed.map(({ from }) => from) };
}

/** Whose items have a key of which some item may be another than before. */
export function placesApart<T>(groups: Groups<T>, before: Groups<T> | null): Places {
  if (groups.changed === null || before === null) return null;
  return new Set([...placesAt(before, groups.changed), ...placesAt(groups, groups.changed)]);
}

/** Whose items have one of these keys. */
export function placesAt<T>({ byKey }: Groups<T>, keys: ReadonlySet<string>): readonly number[] {
  return [...keys].flatMap((key) => byKey.get(key)?.from ?? []);
}

/** Groups of more than one item. */
export function sharedKeys<T>({ shared }: Groups<T>): readonly (readonly T[])[] {
  return Array.from(shared, ([, items]) => items);
}

/** Items of all lists in the order of their keys, and then of their lists. */
export type Sorted<T> = {
  readonly lists: Lists<T>;
  readonly items: readonly T[];
  readonly places: readonly Keyed<T>[];
};

type Keyed<T> = Placed<T> & { readonly key: string };

/** Of a few lists that changed, only the keys are made, and only the items leave their places or find one. */
export function sortLists<T>(
  lists: Lists<T>,
  keyOf: (item: T) => string,
  before: Sorted<T> | null,
): Sorted<T> {
  const isLike = before !== null && before.lists.length === lists.length;
  const apart = isLike ? indexesApart(lists, before.lists) : [];
  if (isLike && apart.length === 0) return before;
  const keyed = (from: number, list: readonly T[] = []): readonly Keyed<T>[] =>
    list.map((item) => ({ item, from, key: keyOf(item) }));
  if (!isLike || apart.length > FEW) {
    const places = lists.flatMap((list, from) => keyed(from, list)).sort(inPlace);
    return { lists, items: places.map(({ item }) => item), places };
  }
  const [items, places] = [before.items.slice(), before.places.slice()];
  const leaving = apart.flatMap((from) => keyed(from, before.lists[from]));
  for (const one of leaving) {
    const at = placeOf(places, (other) => inPlace(other, one) < 0);
    places.splice(at, 1);
    items.splice(at, 1);
  }
  for (const one of apart.flatMap((from) => keyed(from, lists[from]))) {
    const at = placeOf(places, (other) => inPlace(other, one) <= 0);
    places.splice(at, 0, one);
    items.splice(at, 0, one.item);
  }
  return { lists, items, places };
}

/** So many lists at most are taken out and put in one by one. */
const FEW = 64;

function inPlace(left: Keyed<unknown>, right: Keyed<unknown>): number {
  return byCodeUnit(left.key, right.key) || left.from - right.from;
}

/** How many of `all`, which is in order, come before a place. */
function placeOf<T>(all: readonly Keyed<T>[], isBefore: (one: Keyed<T>) => boolean): number {
  let [start, end] = [0, all.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    const one = all[middle];
    if (one !== undefined && isBefore(one)) start = middle + 1;
    else end = middle;
  }
  return start;
}

/** Indices at which the lists are not the same object, in order. */
function listsApart<T>(lists: Lists<T>, before: Lists<T>): ReadonlySet<number> {
  return new Set(indexesApart(lists, before));
}
