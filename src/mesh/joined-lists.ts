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

/** Only keys of lists that changed are made, and only their items find a new place. */
export function sortLists<T>(
  lists: Lists<T>,
  keyOf: (item: T) => string,
  before: Sorted<T> | null,
): Sorted<T> {
  const isLike = before !== null && before.lists.length === lists.length;
  const old = isLike ? before : { lists: [], places: [] };
  const apart = listsApart(lists, old.lists);
  if (isLike && apart.size === 0) return before;
  const added: Keyed<T>[] = [];
  for (const from of apart) {
    for (const item of lists[from] ?? []) added.push({ item, from, key: keyOf(item) });
  }
  const places = merged(
    old.places.filter(({ from }) => !apart.has(from)),
    added.sort(inPlace),
  );
  return { lists, items: places.map(({ item }) => item), places };
}

function inPlace(left: Keyed<unknown>, right: Keyed<unknown>): number {
  return byCodeUnit(left.key, right.key) || left.from - right.from;
}

/** Both are in order. Of a few that come to many, each looks for its place alone. */
function merged<T>(many: readonly Keyed<T>[], few: readonly Keyed<T>[]): readonly Keyed<T>[] {
  const all: Keyed<T>[] = [];
  let from = 0;
  for (const one of few) {
    const at = placeOf(many, one, from);
    for (let index = from; index < at; index += 1) take(all, many[index]);
    all.push(one);
    from = at;
  }
  for (let index = from; index < many.length; index += 1) take(all, many[index]);
  return all;
}

function take<T>(all: T[], one: T | undefined): void {
  if (one !== undefined) all.push(one);
}

/** Index of the first of `many`, from `low` on, that comes after `one`. */
function placeOf<T>(many: readonly Keyed<T>[], one: Keyed<T>, low: number): number {
  let [start, end] = [low, many.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    const other = many[middle];
    if (other !== undefined && inPlace(other, one) <= 0) start = middle + 1;
    else end = middle;
  }
  return start;
}

/** Indices at which the lists are not the same object, in order. */
function listsApart<T>(lists: Lists<T>, before: Lists<T>): ReadonlySet<number> {
  const apart = new Set<number>();
  if (lists === before) return apart;
  for (let index = 0; index < lists.length; index += 1) if (lists[index] !== before[index]) apart.add(index);
  return apart;
}
