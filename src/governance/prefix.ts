import type { LineageEntry, LineState } from './types.ts';

/** What one scope would lose: the entries of its lineage from the first that the other line does not have. */
type Lost = {
  readonly uid: string;
  readonly path: string;
  /** Mutations, withdrawals, holds and lifts, oldest first. */
  readonly entries: readonly LineageEntry[];
};

/**
 * Whether `fairlead trust --tip` is safe (Following): for every scope the lineage at the followed state is a prefix of
 * that at the offered one. Empty: nothing would be lost; else who would lose what. Entries carry main-line commits, and
 * withdrawals are entries: a rewrite that keeps every mutation still shows here.
 */
export function lostBy(followed: LineState, offered: LineState): readonly Lost[] {
  return [...followed.scopes.values()].flatMap(({ uid, path, lineage }) => {
    const others = offered.scopes.get(uid)?.lineage ?? [];
    const first = lineage.findIndex((entry, at) => !isSame(entry, others[at]));
    return first < 0 ? [] : [{ uid, path, entries: lineage.slice(first) }];
  });
}

function isSame(left: LineageEntry, right: LineageEntry | undefined): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}
