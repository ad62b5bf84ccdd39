import type { Change } from '../mesh/index.ts';
import { type Fields, mergeChange } from './merge-message.ts';

/** Of which things some are changed. */
export type Selection = {
  /** Their message. */
  readonly message: string;
  /** Whether a change says which of them it is for; else it is for all. */
  readonly isNamed: boolean;
  isSelected(item: Fields): boolean;
  /** Index at which one more is added. */
  end(list: readonly Fields[]): number;
};

/** A list as a change leaves it (Istio, "EnvoyFilter.Patch.Operation"): itself where nothing of it is meant. */
export function amendList(
  list: readonly Fields[],
  { says }: Change,
  { message, isNamed, isSelected, end }: Selection,
): readonly Fields[] {
  const { operation, value = {} } = says.patch;
  const at = isNamed ? list.findIndex(isSelected) : null;
  switch (operation) {
    case 'ADD':
      return list.toSpliced(end(list), 0, value);
    case 'INSERT_FIRST':
      return at === -1 ? list : [value, ...list];
    case 'INSERT_BEFORE':
      return at === -1 ? list : list.toSpliced(at ?? 0, 0, value);
    case 'INSERT_AFTER':
      return at === -1 ? list : list.toSpliced(at === null ? end(list) : at + 1, 0, value);
    case 'REPLACE':
      return changed(list, (item) => (isSelected(item) ? value : item));
    case 'REMOVE':
      return list.some(isSelected) ? list.filter((item) => !isSelected(item)) : list;
    case 'MERGE':
    case 'MERGE_AND_REPLACE_LIST':
      return changed(list, (item) => {
        return isSelected(item) && (isNamed || isAlike(item, value))
          ? mergeChange(message, item, says)
          : item;
      });
  }
}

/** The list itself where each item stays the same object. */
export function changed<T>(list: readonly T[], change: (item: T) => T): readonly T[] {
  const all = list.map(change);
  return all.every((item, index) => item === list[index]) ? list : all;
}

/** What is merged into all of a list is meant for those of its own type. */
function isAlike(item: Fields, value: Fields): boolean {
  const [left, right] = [item.typed_config, value.typed_config] as readonly (Fields | undefined)[];
  return left === undefined || right === undefined || left['@type'] === right['@type'];
}
