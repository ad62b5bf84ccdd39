import { array, assert, constantFrom, integer, property, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Groups,
  groupLists,
  type Lists,
  placesApart,
  type Sorted,
  sortLists,
} from '../../src/mesh/joined-lists.ts';

type Item = { readonly key: string; readonly rank: number };

const item = tuple(constantFrom('a', 'b', 'c'), integer({ min: 0, max: 2 })).map(
  ([key, rank]): Item => ({ key, rank }),
);
const list = array(item, { maxLength: 3 });
/** A list is replaced, or one comes or goes, and those behind it move. */
const edit = tuple(constantFrom('replace', 'insert', 'remove'), integer({ min: 0, max: 4 }), list);

test('joining lists again after any edits gives what joining them anew gives', () => {
  const edits = array(edit, { minLength: 1, maxLength: 8 });
  const run = property(array(list, { maxLength: 4 }), edits, (first, sequence) => {
    let lists: Lists<Item> = first;
    let groups = grouped(lists, null);
    let sorted = ordered(lists, null);
    for (const [what, at, next] of sequence) {
      const before = groups;
      const inserted = what === 'remove' ? [] : [next];
      lists = lists.toSpliced(at, what === 'insert' ? 0 : 1, ...inserted);
      groups = grouped(lists, groups);
      sorted = ordered(lists, sorted);
      expect(itemsOf(groups)).toEqual(itemsOf(grouped(lists, null)));
      expect(sorted.items).toEqual(ordered(lists, null).items);
      for (const key of ['a', 'b', 'c']) {
        if (groups.changed?.has(key) === false) {
          expect(groups.byKey.get(key)?.items).toEqual(before.byKey.get(key)?.items);
        }
      }
      const apart = placesApart(groups, before);
      for (const [place, items] of lists.entries()) {
        if (apart === null || apart.has(place)) continue;
        for (const { key } of items) expect(groups.byKey.get(key)).toBe(before.byKey.get(key));
      }
    }
  });
  assert(run, { numRuns: 500 });
});

function grouped(lists: Lists<Item>, before: Groups<Item> | null): Groups<Item> {
  return groupLists(
    lists,
    ({ key }) => key,
    before,
    (left, right) => left.rank - right.rank,
  );
}

function ordered(lists: Lists<Item>, before: Sorted<Item> | null): Sorted<Item> {
  return sortLists(lists, ({ key }) => key, before);
}

function itemsOf({ byKey }: Groups<Item>): readonly (readonly [string, readonly Item[]])[] {
  return [...byKey].map(([key, { items }]) => [key, items] as const).sort();
}

test('an edit of one list touches the keys of its items only', () => {
  const [a, b, other] = [[{ key: 'a', rank: 0 }], [{ key: 'b', rank: 0 }], [{ key: 'c', rank: 0 }]];
  const before = grouped([a, b], null);
  const after = grouped([a, other], before);
  expect([...(after.changed ?? [])].sort()).toEqual(['b', 'c']);
  expect(after.byKey.get('a')).toBe(before.byKey.get('a'));
});
