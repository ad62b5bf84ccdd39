export function sameItems<T>(left: readonly T[], right: readonly T[]): boolean {
  return left === right || (left.length === right.length && apartFrom(left, right).length === 0);
}

/** What stands in `list` between the items that it begins and ends with as `before` does: all that may not be in `before`. */
export function apartFrom<T>(list: readonly T[], before: readonly T[]): readonly T[] {
  const shorter = Math.min(list.length, before.length);
  let start = 0;
  while (start < shorter && list[start] === before[start]) start += 1;
  let end = 0;
  while (end < shorter - start && list[list.length - 1 - end] === before[before.length - 1 - end]) end += 1;
  return list.slice(start, list.length - end);
}

/** Indexes at which two lists do not have the same object; those beyond `before` too. Called with lists of all scopes. */
export function indexesApart(list: readonly unknown[], before: readonly unknown[]): readonly number[] {
  const apart: number[] = [];
  if (list === before) return apart;
  for (let index = 0; index < list.length; index += 1) if (list[index] !== before[index]) apart.push(index);
  return apart;
}

/** Does something with all of a list, with so many items at once; the first failure ends it. */
export async function inBatches<T>(
  list: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < list.length; at += atOnce) await Promise.all(list.slice(at, at + atOnce).map(act));
}
