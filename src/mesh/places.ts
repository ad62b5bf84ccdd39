/** Where, in the order of the scopes, something may be other than before. Null: everywhere. */
export type Places = ReadonlySet<number> | null;

export function eitherOf(one: Places, other: Places): Places {
  if (one === null || other === null) return null;
  return other.size === 0 ? one : new Set([...one, ...other]);
}

/** The list of before, with what `make` gives for those places: one of each of `all`. Itself where nothing is another. */
export function patched<Item, Made>(
  before: readonly Made[] | undefined,
  { all, places }: { readonly all: readonly Item[]; readonly places: Places },
  make: (item: Item, place: number) => Made,
): readonly Made[] {
  if (places === null || before === undefined) return all.map(make);
  let made: Made[] | null = null;
  for (const place of places) {
    const item = all[place];
    if (item === undefined) continue;
    const one = make(item, place);
    if (one === before[place]) continue;
    made ??= before.slice();
    made[place] = one;
  }
  return made ?? before;
}
